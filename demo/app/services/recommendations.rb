# frozen_string_literal: true

module Shop
  # "Others also bought": a few products that go with one, for one visitor.
  #
  # LEAK, the first: the cache lives as long as the class and has no bound, and its key contains the visitor,
  # so nearly every page adds an entry that is never used again.
  class Recommendations
    CACHE = {} # rubocop:disable Style/MutableConstant

    Entry = Struct.new(:product, :score, :reason)

    attr_reader :entries, :computed_at

    def self.for(product, session)
      CACHE["#{session.id}/#{product.id}"] ||= new(product, session)
    end

    def initialize(product, session)
      @computed_at = Time.now
      @seen = session.seen.last(5)
      @entries = product.category.products.sample(4).map do |other|
        Entry.new(other, (other.rating + product.rating) / 2, "bought together with #{product.name}")
      end
    end
  end
end
