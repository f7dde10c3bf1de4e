# frozen_string_literal: true

# Visitors of the shop: a few clients, each with one connection kept open, playing one visitor after the other.
# Knows the shop only by its addresses. Raises if an answer is not what a visitor would want to see.
require "net/http"

class Traffic
  WORDS = %w[lamp chair blue kettle wooden tent bag travel office green].freeze

  def initialize(port, clients: 3, visitors: 120, seed: 7)
    @port = port
    @clients = clients
    @visitors = visitors
    @seed = seed
  end

  # Number of requests answered.
  def run
    Array.new(@clients) { |index| Thread.new { client(Random.new(@seed + index)) } }.sum(&:value)
  end

  private

  def client(random)
    requests = 0
    Net::HTTP.start("127.0.0.1", @port, nil, open_timeout: 5, read_timeout: 10) do |http|
      @visitors.times { requests += visit(http, random) }
    end
    requests
  end

  def visit(http, random)
    cookie = nil
    steps(random).each do |verb, path, form|
      request = verb == :post ? Net::HTTP::Post.new(path) : Net::HTTP::Get.new(path)
      request.set_form_data(form) if form
      request["Cookie"] = cookie if cookie
      answer = http.request(request)
      raise "#{verb} #{path}: #{answer.code} #{answer.body}" unless %w[200 303].include?(answer.code)

      cookie ||= answer["Set-Cookie"]&.[](/\A[^;]+/)
    end.size
  end

  def steps(random)
    products = Array.new(7) { random.rand(1..2_000) }
    looking = products.map { |id| [:get, "/products/#{id}"] }
    buying = products.first(2).map { |id| [:post, "/cart", { "product" => id.to_s, "quantity" => random.rand(1..3).to_s }] }
    [[:get, "/"], [:get, "/search?q=#{WORDS.sample(random: random)}"], *looking, *buying, [:get, "/cart"],
     [:post, "/orders", { "customer" => random.rand(1..800).to_s }]]
  end
end
