# frozen_string_literal: true

module Shop
  LineItem = Struct.new(:product, :quantity, :price)

  class Order
    attr_reader :id, :customer, :items, :placed_at
    attr_accessor :state

    def initialize(id:, customer:, cart:)
      @id = id
      @customer = customer
      @items = cart.quantities.map { |product, quantity| LineItem.new(product, quantity, product.price * quantity) }
      @placed_at = Time.now
      @state = :placed
    end

    def total = @items.map(&:price).reduce(:+)
  end
end
