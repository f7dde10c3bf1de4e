# frozen_string_literal: true

module Shop
  # Remembers which queries a request made, for the timing header of the answer.
  #
  # LEAK, the third: the list is kept per thread and meant to be cleared after each request, but the server
  # uses its threads again and nobody clears it.
  module QueryLog
    Query = Struct.new(:text, :parameters, :milliseconds, :caller)

    def self.measure(text, parameters)
      started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      yield
    ensure
      took = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) * 1000
      list << Query.new(text, parameters, took, caller_locations(2, 1)&.first&.to_s)
    end

    def self.list = Thread.current[:query_log] ||= []
  end
end
