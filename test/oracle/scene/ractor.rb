# frozen_string_literal: true

# A process with ractors: waiting, blocked in the middle of a method, ended. Reflection then shows shareable objects
# only; dump_all still shows all.

Warning[:experimental] = false

class Shared
  attr_reader :value
  def initialize(value)
    @value = value
  end
end

SHAREABLE = Ractor.make_shareable(Shared.new(["in a shared object", { key: "value" }]))
Witness.keep(Ractor.new { Ractor.receive })
Witness.keep(Ractor.new(SHAREABLE) { |shared| own = [shared, "local of a ractor"]; Ractor.receive; own })
Witness.keep(Ractor.new { :done }.tap(&:take))
Witness.keep(Ractor.new { Ractor.yield("yielded") })
sleep 0.1
