# frozen_string_literal: true

module Shop
  Address = Struct.new(:street, :zip, :city, :country)

  class Customer
    attr_reader :id, :name, :email, :address, :orders

    def initialize(id:, name:, email:, address:)
      @id = id
      @name = name
      @email = email
      @address = address
      @orders = []
    end
  end
end
