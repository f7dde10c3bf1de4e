# frozen_string_literal: true

module Shop
  # Who wants to know what: code registers a block, `publish` calls the blocks of a topic.
  #
  # LEAK, the second: there is no way to unregister, and the orders controller registers a block for each order.
  # The block needs two small things but keeps all its surroundings alive: the controller, hence the request, and
  # a local variable with the whole receipt.
  module Events
    @callbacks = Hash.new { |topics, topic| topics[topic] = [] }

    class << self
      attr_reader :callbacks

      def on(topic, &block) = callbacks[topic] << block
      def publish(topic, *payload) = callbacks[topic].each { |block| block.call(*payload) }
    end
  end
end
