# frozen_string_literal: true

# The shop as Puma (or any Rack server) loads it. `demo/run` starts it; by hand, from the top folder after `make`:
#   RUBYLIB=lib:build/ext SHOP_ADMIN_TOKEN=secret puma -C demo/puma.rb demo/config.ru
require_relative "shop"

use Rack::ContentLength
run Shop::Application.new
