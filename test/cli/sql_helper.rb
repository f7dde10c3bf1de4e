# frozen_string_literal: true

# What the tests of `heap_dump sql` share: rows as Ruby values, and the references of a dump's lines, read here without the
# library (docs/format.md).
require_relative "helper"

module SqlTest
  include CliTest

  # A process with closures, stacks, traced allocations, big and empty collections, duplicates, hostile names.
  PROGRAM = <<~'RUBY'
    require "heap_dump"
    require "objspace"
    ObjectSpace.trace_object_allocations_start
    module Shop
      CACHE = { "first" => "value of the first", 2 => [1, 2, 3], nil => :symbol, list: Array.new(3000) { |n| "cached value #{n}" } }
      class Order
        @@count = 0
        attr_accessor :number
        def initialize(number) = (@number = number; @mail = "customer#{number % 7}@example.com and longer"; @tags = [])
        def self.build(*rest) = new(*rest)
        define_method(:"odd name; DROP TABLE objects--") { 1 }
      end
      class Draft < Order; end
    end
    Evil = Class.new
    Object.const_set(:Evil2, Class.new { def self.name = "x" })
    $orders = Array.new(500) { |number| (number % 5 == 0 ? Shop::Draft : Shop::Order).new(number) }
    $big_hash = Array.new(70_000) { |number| ["key #{number} is too long to be written in place", number] }.to_h
    $big_array = Array.new(140_000, $orders.first)
    $evil = ["\e[31mred\e[0m\u202e", "a|b`<i>&", "quote \" and, comma", "two\nlines\r\n", "nul\0in it", [0, 255, 254].pack("C*") * 20, "' OR 1=1 --", "\xff broken".dup.force_encoding("UTF-8")]
    $same = Array.new(40) { "the same text again and again, forty times" }
    $procs = Array.new(30) { |number| kept = "captured by proc #{number}"; proc { kept } }
    Thread.current[:request_log] = Array.new(20) { |number| "request #{number} in the log of the thread" }
    waiting = Queue.new
    worker = Thread.new { Thread.current.name = "worker \"one\""; rows = Array.new(200) { |n| "row #{n} that a frame holds on to" }; waiting << rows.size; sleep }
    waiting.pop
    def deeper(depth, local) = depth.zero? ? HeapDump.dump("sql.json") : deeper(depth - 1, local)
    deeper(3, "a local variable of every frame" * 20)
    HeapDump.dump("sql_redacted.json", redact: true)
    HeapDump.dump("sql_packed.json.zst")
    HeapDump.dump("sql_packed.json.gz")
    File.open("sql_theirs.json", "w") { |file| ObjectSpace.dump_all(output: file) }
  RUBY

  def self.folder
    @folder ||= begin
      out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", PROGRAM, chdir: FOLDER)
      raise out unless status.success?

      FOLDER
    end
  end

  def dump(name = "sql.json") = File.join(SqlTest.folder, name)

  # The rows of a query as arrays.
  def rows(query, file = dump, *words)
    result = json("sql", *words, file, query)
    refute result["error"], query
    refute result["more"]
    result["rows"]
  end

  def value(query, file = dump)
    all = rows(query, file)
    assert_equal [1, 1], [all.size, all.first.size], query
    all.first.first
  end

  # Objects by id, each with the lines that continue it: `val` joined.
  def lines(name = "sql.json") = SqlTest.kept[name] ||= read_lines(name)

  # Of all tests: reading takes longer than the rest.
  def self.kept = @kept ||= {}

  def read_lines(name)
    File.foreach(dump(name), chomp: true).with_object({}) do |line, all|
      next if line.size < 3

      object = JSON.parse(line[1..], max_nesting: 300)
      if object["continues"]
        object["val"].is_a?(Hash) ? all[object["continues"]]["val"].merge!(object["val"]) : all[object["continues"]]["val"].concat(object["val"])
        (all[object["continues"]]["inlined"] ||= []).concat(object["inlined"] || [])
      else
        all[object["id"]] = object
      end
    end
  end

  def objects(name = "sql.json") = lines(name).select { |id, _| id.is_a?(Integer) }

  # How often a line refers to each object: every integer of the heap's range but its own id, and `inlined` has those of texts.
  def references_of(object, range, found = Hash.new(0))
    case object
    when Integer then found[object] += 1 if range.cover?(object)
    when Array then object.each { |item| references_of(item, range, found) }
    when Hash
      object.each do |key, item|
        found[$1.to_i] += 1 if key =~ /\A#<(\d+)>\z/ && range.cover?($1.to_i)
        references_of(item, range, found) unless key == "fix"
      end
    end
    found
  end
end
