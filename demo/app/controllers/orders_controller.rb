# frozen_string_literal: true

module Shop
  class OrdersController < Controller
    def create
      return redirect("/cart") if session.cart.empty?

      session.customer ||= store.customer(params["customer"].to_i) or return not_found
      order = store.place_order(session.customer, session.cart)
      session.cart.clear
      receipt = Receipt.new(order)
      digest = receipt.digest
      # Looks harmless; see Events for what it holds on to.
      Events.on(:shipped) { |id| request.logger&.info("order #{id} shipped, receipt #{digest}") if id == order.id }
      redirect "/orders/#{order.id}"
    end

    def show
      @order = store.order(params["id"].to_i) or return not_found
      @title = "Order #{@order.id}"
      page :order
    end
  end
end
