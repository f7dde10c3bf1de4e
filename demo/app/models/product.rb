# frozen_string_literal: true

module Shop
  Review = Struct.new(:author, :stars, :text)

  class Product
    attr_reader :id, :name, :category, :price, :description, :attributes, :reviews

    def initialize(id:, name:, category:, price:, description:, attributes:)
      @id = id
      @name = name
      @category = category
      @price = price
      @description = description
      @attributes = attributes
      @reviews = []
      category.products << self
    end

    def rating
      return 0.0 if reviews.empty?

      reviews.sum(&:stars) / reviews.size.to_f
    end

    def matches?(words)
      words.all? { |word| name.downcase.include?(word) || category.name.downcase.include?(word) }
    end
  end
end
