# frozen_string_literal: true

module Shop
  # The visitors' sessions; the oldest go when there are too many.
  class SessionStore
    Session = Struct.new(:id, :customer, :cart, :seen)

    def initialize(limit:)
      @limit = limit
      @sessions = {}
      @lock = Mutex.new
    end

    def find_or_create(id)
      @lock.synchronize do
        session = (id && @sessions.delete(id)) || Session.new(SecureRandom.hex(16), nil, Cart.new, [])
        @sessions[session.id] = session
        @sessions.shift if @sessions.size > @limit
        session
      end
    end

    def size = @sessions.size
  end
end
