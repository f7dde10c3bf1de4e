# frozen_string_literal: true

module Shop
  class Category
    attr_reader :name, :products

    def initialize(name)
      @name = name
      @products = []
    end
  end
end
