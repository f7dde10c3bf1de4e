# frozen_string_literal: true

module Shop
  # Finished pieces of HTML, the least recently used ones dropped: a cache as it should be.
  class PageCache
    def initialize(limit)
      @limit = limit
      @pages = {}
      @lock = Mutex.new
    end

    def fetch(key)
      found = @lock.synchronize { (page = @pages.delete(key)) && @pages[key] = page }
      return found if found

      page = yield
      @lock.synchronize do
        @pages[key] = page
        @pages.shift if @pages.size > @limit
      end
      page
    end

    def size = @pages.size
  end
end
