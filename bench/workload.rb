# frozen_string_literal: true

# A heap of about N live objects in the mixture long-running applications have: records with several kinds of
# fields, texts short and long, nested hashes and arrays, structs, sets, closures that captured something,
# caches, a deep chain, parked threads with locals. The same N gives the same heap.
#
#   ruby bench/workload.rb 100000      builds it and says how large it became
require "set"

module Workload
  Position = Struct.new(:latitude, :longitude)
  Window = Struct.new(:opens, :closes, keyword_init: true)

  class Depot
    attr_reader :parcels

    def initialize(number)
      @number = number
      @name = "Depot #{number}"
      @position = Position.new(number * 0.37, -number * 1.1e-3)
      @windows = { monday: Window.new(opens: 8, closes: 18), "sunday" => nil, closed: [number % 7, (number + 3) % 7] }
      @parcels = []
    end
  end

  class Parcel
    attr_accessor :stops, :next_in_line

    def initialize(number, depot)
      @number = number
      @depot = depot
      @barcode = "P#{number.to_s.rjust(12, "0")}"
      @recipient = { name: "Recipient #{number}", "street" => "#{number % 300} Harbour Road", zip: (number % 90_000) + 10_000 }
      @weight = number * 0.013
      @state = %i[announced received moving delivered][number % 4]
      @stops = []
      @signature = nil
    end
  end

  class Stop
    def initialize(parcel, place, at)
      @parcel = parcel
      @place = place
      @at = at
      @note = "arrived at #{place} at #{at}"
    end
  end

  # One field more than fits into the slot, and one that only some have.
  class Manifest
    def initialize(number)
      @number = number
      @title = "Manifest #{number}"
      @text = "Handle with care, keep dry, this side up. " * (5 + number % 20)
      @lines = ["a#{number}", "b#{number}", [number, :total]]
      @checksum = (2**70) + number
      @ratio = number * 1.0e300
      @carrier = "carrier #{number % 40}"
      instance_variable_set(:@customs, ["CN23", number]) if number % 9 == 0
    end
  end

  class Tracker
    HISTORY = {}
    @watchers = []
    @@barcodes = Set.new

    class << self
      attr_reader :watchers

      def watch(&block) = @watchers << block
      def barcodes = @@barcodes
    end
  end

  KEPT = { depots: [], parcels: [], manifests: [], first: nil }
  PARKED = []

  module_function

  def live
    counts = ObjectSpace.count_objects
    counts[:TOTAL] - counts[:FREE]
  end

  def build(objects)
    park(4)
    chain(objects / 1_000)
    GC.start
    before = live
    round = 0
    200.times { grow(round += 1) }
    GC.start
    each = (live - before) / 200.0
    ((objects - live) / each).to_i.clamp(0, nil).times { grow(round += 1) }
    GC.start
    live
  end

  def grow(round)
    KEPT[:depots] << Depot.new(round) if round % 50 == 1
    depot = KEPT[:depots].last
    parcel = Parcel.new(round, depot)
    KEPT[:parcels] << parcel
    depot.parcels << parcel
    (1 + round % 4).times { |index| parcel.stops << Stop.new(parcel, "place #{round % 700 + index}", [round, index]) }
    KEPT[:manifests] << Manifest.new(round) if round % 3 == 0
    Tracker::HISTORY["parcel/#{round}"] = { seen: round, by: "scanner #{round % 60}", path: [:dock, "b", 1] } if round.even?
    Tracker.barcodes << "seen-#{round}" if round % 4 == 1
    watch(parcel, round) if round % 5 == 0
  end

  def watch(parcel, round)
    label = "watcher of #{round}"
    places = [round, label]
    Tracker.watch { |event| [event, label, places, parcel] }
  end

  def chain(length)
    parcel = nil
    length.times do |index|
      following = parcel
      parcel = Parcel.new(-index, nil)
      parcel.next_in_line = following
    end
    KEPT[:first] = parcel
  end

  def park(count)
    ready = Queue.new
    count.times do |index|
      PARKED << Thread.new do
        mine = Array.new(40) { |number| "local #{number} of thread #{index}" }
        Thread.current[:request] = { id: "request #{index}", tags: [index, nil, true] }
        ready << mine.size
        sleep
        mine
      end
    end
    count.times { ready.pop }
  end
end

puts "#{Workload.build(Integer(ARGV.fetch(0)))} live objects" if $PROGRAM_NAME == __FILE__
