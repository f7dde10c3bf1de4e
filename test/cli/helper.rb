# frozen_string_literal: true

# What the tests of the commands share: two dumps of one small process, ours and ObjectSpace's, and what that process
# said about itself while they were taken. Everything else the tests expect they count in the dumps themselves, line by
# line and without the library.

require "minitest/autorun"
require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"

module CliTest
  ROOT = File.expand_path("../..", __dir__)
  TOOL = ENV.fetch("HEAP_DUMP_TOOL", File.join(ROOT, "build/heap_dump"))
  EXTENSION = ENV.fetch("HEAP_DUMP_EXT", File.join(ROOT, "build/ext"))
  FOLDER = Dir.mktmpdir("heap_dump-cli")
  Minitest.after_run { FileUtils.rm_rf(FOLDER) }

  ORDERS = 300
  SCRIPT = <<~RUBY
    require "heap_dump"
    require "json"
    require "objspace"
    module Shop
      class Order
        def initialize(number) = (@number = number; @lines = ["a line of order \#{number}, too long to be embedded"])
      end
      class Store
        attr_reader :orders
        def initialize = (@orders = [])
      end
      class Ghost; end
    end
    $app = Shop::Store.new
    #{ORDERS}.times { |i| $app.orders << Shop::Order.new(i) }
    $pair = [$app.orders.first]
    address = ->(object) { Integer(JSON.parse(ObjectSpace.dump(object))["address"], 16) }
    HeapDump.dump("ours.json")
    File.open("object_space.json", "w") { |file| ObjectSpace.dump_all(output: file) }
    puts JSON.generate(pid: Process.pid, ruby: RUBY_VERSION, app: address[$app], orders: address[$app.orders],
                       order: address[$app.orders.last], shared: address[$app.orders.first],
                       store_class: address[Shop::Store])
  RUBY

  def self.facts
    @facts ||= begin
      out, err, status = Open3.capture3(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", SCRIPT,
                                        chdir: FOLDER)
      raise "no dumps: #{err}" unless status.success?

      JSON.parse(out, symbolize_names: true)
    end
  end

  def facts = CliTest.facts

  def ours
    facts
    File.join(FOLDER, "ours.json")
  end

  def object_space
    facts
    File.join(FOLDER, "object_space.json")
  end

  # [stdout, stderr, exit status]
  def run_tool(*words, stdin: nil, env: {})
    out, err, status = Open3.capture3(env, TOOL, *words.map(&:to_s), stdin_data: stdin || "", binmode: true)
    refute status.signaled?, "heap_dump #{words.join(" ")} ended by signal #{status.termsig}"
    [out.force_encoding("UTF-8"), err.force_encoding("UTF-8"), status.exitstatus]
  end

  def text(*words, **options)
    out, err, status = run_tool(*words, **options)
    assert_equal 0, status, err
    assert out.valid_encoding?
    out.each_line { |line| assert_operator line.chomp.size, :<=, 100, line }
    out
  end

  def json(*words, **options)
    out, err, status = run_tool(*words, "--json", **options)
    assert_equal 0, status, err + out
    assert_equal 1, out.lines.size
    JSON.parse(out)
  end

  # The objects of our dump, as the dump has them; continuation lines left out.
  def our_objects
    @our_objects ||= File.readlines(ours, chomp: true)[2..-3].map { |line| JSON.parse(line[1..], max_nesting: 200) }
                         .select { |object| object["id"].is_a?(Integer) }
  end

  # Lines of ObjectSpace's dump: objects by address, and the roots' references.
  def their_objects
    @their_objects ||= File.readlines(object_space, chomp: true, encoding: "UTF-8")
                           .map { |line| JSON.parse(line.scrub) }
  end

  # Addresses reached from the roots of ObjectSpace's dump on ways that do not touch those of `without`.
  def reached(*without)
    roots, objects = their_objects.partition { |line| line["type"] == "ROOT" }
    by_address = objects.to_h { |line| [line["address"], line] }
    todo = roots.flat_map { |root| root["references"] || [] }
    seen = without.to_h { |address| [address, true] }
    found = []
    while (address = todo.pop)
      next if seen[address]

      seen[address] = true
      next unless (object = by_address[address])

      found << object
      todo.concat(object["references"] || [])
      todo << object["class"] if object["class"]
    end
    found
  end

  def hex(id) = "0x#{id.to_s(16)}"

  def assert_next(command, out)
    assert_match(/\Anext: heap_dump #{command}\b/, out.lines.last)
  end
end
