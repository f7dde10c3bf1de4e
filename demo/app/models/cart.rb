# frozen_string_literal: true

module Shop
  class Cart
    attr_reader :quantities

    def initialize
      @quantities = Hash.new(0)
    end

    def add(product, quantity = 1)
      @quantities[product] += quantity
    end

    def empty? = @quantities.empty?
    def clear = @quantities.clear
    def total = @quantities.sum(Money.new(0, "EUR")) { |product, quantity| product.price * quantity }
  end
end
