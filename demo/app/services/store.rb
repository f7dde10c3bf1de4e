# frozen_string_literal: true

module Shop
  # What a database would be: products, customers and orders in memory, with the look-ups the pages need.
  class Store
    ADJECTIVES = %w[Light Heavy Blue Red Green Small Large Foldable Wooden Cotton Steel Glass Quiet Bright].freeze
    NOUNS = %w[Lamp Chair Table Kettle Bag Shelf Mug Clock Tent Scarf Radio Drill Bicycle Notebook].freeze
    CATEGORIES = %w[Kitchen Garden Office Travel Sport Living Workshop].freeze
    NAMES = %w[Ada Bela Chloe Dana Emil Fatima Goran Hanna Ivan Jana Kofi Lena Mirko Nadia Otto Pia].freeze
    ORDERS_KEPT = 500

    attr_reader :products, :categories, :customers

    def self.seeded(products: 2_000, customers: 800, seed: 42)
      new.tap { |store| store.seed(products, customers, Random.new(seed)) }
    end

    def initialize
      @products = {}
      @customers = {}
      @orders = {}
      @categories = CATEGORIES.map { |name| Category.new(name) }
      @last_order = 0
      @lock = Mutex.new
    end

    def seed(products, customers, random)
      customers.times { |index| seed_customer(index + 1, random) }
      products.times { |index| seed_product(index + 1, random) }
    end

    def product(id) = QueryLog.measure("products by id", [id]) { @products[id] }
    def customer(id) = QueryLog.measure("customers by id", [id]) { @customers[id] }
    def order(id) = QueryLog.measure("orders by id", [id]) { @orders[id] }

    def search(text, limit: 20)
      words = text.downcase.split
      QueryLog.measure("products by words", words) { @products.each_value.lazy.select { _1.matches?(words) }.first(limit) }
    end

    def place_order(customer, cart)
      @lock.synchronize do
        order = Order.new(id: @last_order += 1, customer: customer, cart: cart)
        @orders[order.id] = order
        @orders.shift if @orders.size > ORDERS_KEPT # older ones live in the archive, which this shop lacks
        customer.orders << order.id
        order
      end
    end

    private

    def seed_customer(id, random)
      name = "#{NAMES.sample(random: random)} #{NAMES.sample(random: random)}son"
      address = Address.new("#{random.rand(1..200)} Long Lane", random.rand(10_000..99_999).to_s, "Springfield", "NL")
      @customers[id] = Customer.new(id: id, name: name, email: "customer#{id}@example.org", address: address)
    end

    def seed_product(id, random)
      adjective = ADJECTIVES.sample(random: random)
      noun = NOUNS.sample(random: random)
      product = Product.new(
        id: id, name: "#{adjective} #{noun} no. #{id}", category: @categories.sample(random: random),
        price: Money.new(random.rand(199..49_999), "EUR"),
        description: "A #{adjective.downcase} #{noun.downcase} for every day. " * random.rand(3..9),
        attributes: { weight: random.rand(0.1..20.0).round(2), "colour" => ADJECTIVES[2..4].sample(random: random),
                      sizes: [id % 7, id % 11], origin: nil, available: true }
      )
      random.rand(0..4).times do
        product.reviews << Review.new(NAMES.sample(random: random), random.rand(1..5), "Bought it twice, #{id} times happy.")
      end
      @products[id] = product
    end
  end
end
