# frozen_string_literal: true

module Shop
  class CartController < Controller
    def show
      @title = "Your cart"
      @cart = session.cart
      page :cart
    end

    def add
      product = store.product(params["product"].to_i) or return not_found
      session.cart.add(product, params.fetch("quantity", "1").to_i.clamp(1, 99))
      redirect "/cart"
    end
  end
end
