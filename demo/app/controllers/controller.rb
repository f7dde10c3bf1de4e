# frozen_string_literal: true

module Shop
  # What the controllers share: one instance answers one request.
  class Controller
    include View

    def initialize(application, request, route_params)
      @application = application
      @request = request
      @params = request.params.merge(route_params)
      @headers = { "Content-Type" => "text/html; charset=utf-8" }
    end

    def dispatch(action)
      public_send(action)
    end

    private

    attr_reader :request, :params

    def store = @application.store

    def session
      @session ||= @application.sessions.find_or_create(request.cookies["session"]).tap do |session|
        @headers["Set-Cookie"] = "session=#{session.id}; HttpOnly; SameSite=Lax"
      end
    end

    def page(template, status: 200)
      @content = send("render_#{template}")
      [status, @headers, [render_layout]]
    end

    def redirect(path) = [303, @headers.merge("Location" => path), []]
    def not_found = [404, @headers, ["No such thing.\n"]]
    def json(value, status: 200) = [status, { "Content-Type" => "application/json" }, [JSON.generate(value), "\n"]]
  end
end
