# frozen_string_literal: true

module Shop
  # The text of a receipt, terms and conditions included (which is why it is long).
  class Receipt
    TERMS = ("The goods stay ours until they are paid. " * 150).freeze

    attr_reader :order, :text

    def initialize(order)
      @order = order
      @text = +"Order #{order.id}, #{order.placed_at}\n#{order.customer.name}\n\n"
      order.items.each { |item| @text << format("%3d x %-40s %12s\n", item.quantity, item.product.name, item.price) }
      @text << "Total #{order.total}\n\n" << TERMS
    end

    def digest = Digest::SHA256.hexdigest(@text)
  end
end
