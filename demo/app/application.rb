# frozen_string_literal: true

module Shop
  # The Rack application: finds the route, makes a controller for the request and lets it answer.
  class Application
    Route = Struct.new(:verb, :pattern, :controller, :action)

    ROUTES = [
      Route.new("GET", %r{\A/\z}, CatalogController, :home),
      Route.new("GET", %r{\A/products/(?<id>\d+)\z}, CatalogController, :show),
      Route.new("GET", %r{\A/search\z}, CatalogController, :search),
      Route.new("GET", %r{\A/cart\z}, CartController, :show),
      Route.new("POST", %r{\A/cart\z}, CartController, :add),
      Route.new("POST", %r{\A/orders\z}, OrdersController, :create),
      Route.new("GET", %r{\A/orders/(?<id>\d+)\z}, OrdersController, :show),
      Route.new("GET", %r{\A/health\z}, AdminController, :health),
      Route.new("GET", %r{\A/admin/stats\z}, AdminController, :stats),
      Route.new("POST", %r{\A/admin/heap_dump\z}, AdminController, :heap_dump)
    ].freeze

    def initialize(store: Store.seeded, sessions: SessionStore.new(limit: 200))
      @store = store
      @sessions = sessions
      @requests = 0
    end

    attr_reader :store, :sessions

    def call(env)
      @requests += 1
      request = Rack::Request.new(env)
      ROUTES.each do |route|
        next unless route.verb == request.request_method
        next unless (match = route.pattern.match(request.path_info))

        return route.controller.new(self, request, match.named_captures).dispatch(route.action)
      end
      [404, { "Content-Type" => "text/plain" }, ["No such page.\n"]]
    end
  end
end
