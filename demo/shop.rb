# frozen_string_literal: true

# A small shop: a catalogue, sessions with carts, orders, e-mail-like receipts. It behaves well but for three
# leaks known from production, each in a file of its own in app/services: a class-level cache without bound
# (recommendations.rb), closures kept in a list of callbacks (events.rb), a thread-local that only grows
# (query_log.rb). It knows nothing of how its heap is examined but for one admin route.
require "cgi"
require "digest/sha2" # all of it now: the threads that need it first would load it at the same time
require "erb"
require "json"
require "rack"
require "securerandom"
require "set"

module Shop
  ROOT = __dir__
end

%w[
  models/money models/category models/product models/customer models/cart models/order
  services/query_log services/store services/page_cache services/session_store services/recommendations
  services/events services/receipt
  view controllers/controller controllers/catalog_controller controllers/cart_controller
  controllers/orders_controller controllers/admin_controller application
].each { |name| require_relative "app/#{name}" }
