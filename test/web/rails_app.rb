# frozen_string_literal: true

# Three dumps of one Rails application that serves requests in between and leaks, for the tests of the page:
# `ruby rails_app.rb FOLDER` writes rails-1.json, rails-2.json, rails-3.json, and ObjectSpace's objectspace.json. Each order subscribes a block that nobody
# removes and that holds the controller (AuditTrail); a cache has no bound (PriceCache).
require "rails"
require "action_controller/railtie"
require "action_view/railtie"
require "active_model/railtie"
require "active_support/all"
require "active_record"
require "heap_dump"

class PageTest < Rails::Application
  config.eager_load = true
  config.logger = Logger.new(File::NULL)
  config.secret_key_base = "0" * 64
  config.hosts.clear
end

class AuditTrail
  @subscribers = []
  class << self
    attr_reader :subscribers
    def subscribe(&block) = @subscribers << block
  end
end

class PriceCache
  STORE = {}
  def self.fetch(key) = STORE[key] ||= { "price of #{key}" => "<b>#{key}</b> & more " * 4 }
end

class OrdersController < ActionController::Base
  def create
    receipt = "Receipt of order #{params[:id]}: " + "a line of it, long enough to take memory. " * 20
    price = PriceCache.fetch(params[:id])
    AuditTrail.subscribe { |event| [event, receipt, price] }
    render plain: receipt
  end
end

PageTest.initialize!
PageTest.routes.draw { get "/orders/:id", to: "orders#create" }

folder = ARGV.fetch(0)
client = Rack::MockRequest.new(PageTest)
orders = 0
serve = lambda do |number|
  number.times do
    answer = client.get("/orders/#{orders += 1}")
    raise "#{answer.status}: #{answer.body}" unless answer.status == 200
  end
end
worker = Thread.new do
  Thread.current.name = "worker 1"
  Thread.current[:recent] = Array.new(200) { |i| "recent query #{i}" * 3 }
  Thread.stop
end
Thread.pass until worker.stop?

serve.call(150)
HeapDump.dump("#{folder}/rails-1.json")
serve.call(300)
HeapDump.dump("#{folder}/rails-2.json")
serve.call(300)
HeapDump.dump("#{folder}/rails-3.json")
require "objspace"
File.open("#{folder}/objectspace.json", "w") { |file| ObjectSpace.dump_all(output: file) }
