# frozen_string_literal: true

# A process with all of Rails loaded: about 100,000 objects, nearly none of them made for this test.

require "rails/all"
require "action_controller"
require "action_view"
require "active_support/all"

class Oracle < Rails::Application
  config.eager_load = true
  config.logger = Logger.new(File::NULL)
  config.secret_key_base = "0" * 64
  config.active_support.test_order = :random
end

class OraclesController < ActionController::Base
  def show
    render(plain: "hello")
  end
end

Oracle.routes.draw { get "/", to: "oracles#show" }
