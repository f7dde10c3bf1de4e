# frozen_string_literal: true

module Shop
  class CatalogController < Controller
    PIECES = PageCache.new(300)

    def home
      @title = "Welcome"
      @categories = store.categories
      page :home
    end

    def show
      @product = store.product(params["id"].to_i) or return not_found
      @title = @product.name
      session.seen << @product.id
      session.seen.shift if session.seen.size > 20
      @recommendations = Recommendations.for(@product, session)
      @details = PIECES.fetch(@product.id) { render_details }
      page :product
    end

    def search
      @query = params["q"].to_s
      @title = "Search"
      @products = store.search(@query)
      page :search
    end
  end
end
