# frozen_string_literal: true

# Values at the edge: huge, deep, broken, half-made. Each dump must be valid by the independent checker (the command
# line tool) and hold everything that went in.

require_relative "helper"

class ValuesTest < Minitest::Test
  include GemTest

  TOOL = ENV.fetch("HEAP_DUMP_TOOL", File.join(ROOT, "build", "heap_dump"))

  def test_three_million_elements
    run_ruby(<<~RUBY)
      $array = Array.new(3_000_000) { |i| i.even? ? i : "e\#{i}" }
      $hash = {}
      3_000_000.times { |i| $hash[i % 3 == 0 ? i : "key \#{i}"] = i }
      say(result: outcome { HeapDump.dump("big.json") })
    RUBY
    assert_valid "big.json"
    array, hash, longest = [], {}, 0
    parts = []
    File.foreach(file("big.json")) do |line|
      longest = [longest, line.bytesize].max
      next unless line.include?('"continues":') || line.include?('"capacity":3000000') || line.include?('"capacity":4194304')

      parts << JSON.parse(line[1..])
    end
    parts.chunk_while { |_, part| part["continues"] }.each do |first, *more|
      whole = [first, *more]
      offsets = whole.drop(1).map { |part| part["offset"] }
      sizes = whole.map { |part| part["val"].size }
      assert_equal sizes.size.pred.times.map { |i| sizes[0..i].sum }, offsets
      assert_equal (1..more.size).map { |i| "#{first["id"]}+#{i}" }, more.map { |part| part["id"] }
      first["bt"] == "T_ARRAY" ? array = whole.flat_map { |part| part["val"] } : whole.each { |part| hash.merge!(part["val"]) }
    end
    assert_operator longest, :<=, 8 << 20
    assert array == Array.new(3_000_000) { |i| i.even? ? i : "e#{i}" }, "the array's elements differ"
    assert_equal 3_000_000, hash.size
    assert((0...3_000_000).all? { |i| hash[i % 3 == 0 ? i.to_s : "key #{i}"] == i })
  end

  # Whatever recurses in the size of the heap dies here.
  def test_a_million_deep
    run_ruby(<<~RUBY)
      Link = Struct.new(:next)
      $array = $hash = $link = nil
      1_000_000.times { $array = [$array]; $link = Link.new($link) }
      1_000_000.times { $hash = { below: $hash } }
      HeapDump.dump("deep.json")
      say(result: outcome { HeapDump.dump("deep2.json", gc: false) })
    RUBY
    assert_valid "deep.json"
    assert_valid "deep2.json"
  end

  # No key of a document has a NUL in it, and none is lost or there twice for that.
  def test_names_with_nul_and_broken_bytes
    run_ruby(<<~RUBY)
      class Odd; end
      Odd.define_method("\\0m") {}
      Odd.define_method("\\xff".b) {}
      $struct = Struct.new(:"a\\0b").new(1)
      $string_key = { "a\\0b" => 1 }
      $symbol_keys = { "x\\0y": 1, "x\\\\x00y": 2, z: :"\\0v" }
      say(result: outcome { HeapDump.dump("nul.json") })
    RUBY
    assert_valid "nul.json"
    refute_match(/"[^"]*\\u0000[^"]*":/, File.read(file("nul.json")))
    by_id = {}
    File.foreach(file("nul.json")) { |line| line.size > 2 && JSON.parse(line[1..]).then { |object| (by_id[object["continues"] || object["id"]] ||= []) << object } }
    assert_equal ["\\\\x00m", "\\\\xff"], by_id.values.flatten.find { |object| object["name"] == "Odd" }["methods"].keys.sort
    globals = by_id["_ROOTS_"].first["global_variables"]
    assert_equal({ "a\\x00b" => 1 }, by_id[globals["\\$struct"]].first["members"])
    string = by_id[globals["\\$string_key"]].first["val"].keys.first
    assert_equal "a\0b", by_id[string[/\d+/].to_i].first["val"]
    pairs = by_id[globals["\\$symbol_keys"]].flat_map { |part| part["val"].to_a }
    assert_equal [[":x\\x00y", 1], [":x\\x00y", 2], [":z", ":\\x00v"]], pairs
  end

  def test_broken_strings
    strings = { "\xff\xfe".b => "binary", "caf\xc3" => "cut UTF-8", "\xed\xa0\x80" => "surrogate", "\xf4\x90\x80\x80" => "beyond Unicode",
                "\x00\x01\x1f\x7f" => "control", "\u2028\u{1f600}" => "valid" }
    source = strings.keys.map { |string| "#{string.b.inspect}.dup.force_encoding(#{string.encoding.to_s.inspect})" }
    run_ruby(<<~RUBY)
      $strings = [#{source.join(", ")}, "ab".encode("UTF-16LE"), "\\x80".dup.force_encoding("US-ASCII"),
                  "x".encode("UTF-32BE"), "\\xa4".dup.force_encoding("Shift_JIS"), "long \\xff" * 1000]
      $keys = $strings.to_h { |s| [s, s] }
      say(result: outcome { HeapDump.dump("x.json") }, ids: $strings.map { |s| s.b.unpack1("H*") })
    RUBY
    assert_valid "x.json"
    objects = assert_whole("x.json")
    contents = objects.filter_map do |object|
      next unless object["bt"] == "T_STRING"

      object["val"] ? object["val"].b : object["val_base64"].unpack1("m")
    end
    [*strings.keys, "ab".encode("UTF-16LE"), ("long \xff" * 1000).b[0, 4096]].each do |string|
      assert contents.include?(string.b), "#{string.b[0, 40].inspect} is not in the dump"
    end
  end

  # Whatever would make a key appear twice in a map, or a line grow without bound.
  def test_odd_names
    facts = run_ruby(<<~RUBY)
      eval "def many(_, \#{(0..99).map { |i| "a\#{i}" }.join(", ")}, _) = HeapDump.dump('names.json')"
      $symbols = { "\u00e9".to_sym => 1, "\u00e9".dup.force_encoding("ISO-8859-1").to_sym => 2 }
      changed = [1]
      $changed = { changed => 1 }
      changed << 2
      $changed[changed] = 2
      200_000.times { |i| Thread.current["local \#{i}"] = i }
      class Worker < Thread; end
      worker = Worker.new { sleep }
      many(*0..101)
      say(alive: worker.alive?, locals: Thread.current.keys.size)
    RUBY
    assert_valid "names.json"
    objects = assert_whole("names.json")
    assert_operator File.foreach(file("names.json")).map(&:bytesize).max, :<=, 8 << 20
    main = objects.find { |object| object["type_name"] == "VM/thread" && object["locals"] }
    parts = objects.select { |object| object["continues"] == main["id"] && object["locals"] }
    assert_operator [main, *parts].sum { |part| part["locals"].size }, :>=, facts[:locals]
    worker = objects.find { |object| object["name"] == "Worker" && object["bt"] == "T_CLASS" }["id"]
    threads = objects.find { |object| object["id"] == "_ROOTS_" }["threads"]
    assert_equal 1, objects.count { |object| object["class"] == worker && threads.include?(object["id"]) }
  end

  # Other Ractors hold the lock of the virtual machine now and then; a clone made at such a moment must not wait for it.
  def test_busy_ractors
    facts = run_ruby(<<~RUBY)
      $VERBOSE = nil
      3.times { Ractor.new { loop { Array.new(100) { |i| "r\#{i}".to_sym.to_s } } } }
      sleep 0.1
      said = Array.new(3) { |i| outcome { HeapDump.dump("r\#{i}.json") } }
      say(said: said)
      $stdout.flush
      exit!(0)
    RUBY
    assert_equal %w[dumped] * 3, facts[:said]
    3.times { |i| assert_valid "r#{i}.json" }
  end

  # What allocate leaves: objects whose insides do not exist yet.
  def test_objects_under_construction
    facts = run_ruby(<<~RUBY)
      require "set"
      require "bigdecimal" rescue nil
      classes = ObjectSpace.each_object(Class).reject(&:singleton_class?)
      $made = classes.filter_map { |c| c.allocate rescue nil }
      enumerating = [1, 2, 3].each
      enumerating.next
      say(made: $made.size, result: outcome { HeapDump.dump("x.json", gc: false, all: true) },
          again: outcome { HeapDump.dump("y.json") })
    RUBY
    assert_equal %w[dumped dumped], facts.values_at(:result, :again)
    assert_operator facts[:made], :>, 100
    assert_valid "x.json"
    assert_valid "y.json"
  end

  def test_what_is_unreachable
    facts = run_ruby(<<~RUBY)
      GC.start
      GC.disable
      Gone = Class.new
      def make(n) = n.times { Gone.new } && nil
      make(10_000)
      $kept = Array.new(10) { Gone.new }
      HeapDump.dump("live.json", gc: false)
      HeapDump.dump("all.json", gc: false, all: true)
      HeapDump.dump("collected.json")
      say(done: true)
    RUBY
    assert facts[:done]
    counts = %w[live all collected].to_h do |name|
      assert_valid "#{name}.json"
      objects = assert_whole("#{name}.json")
      gone = objects.find { |object| object["name"] == "Gone" }["id"]
      [name, objects.select { |object| object["bt"] == "T_OBJECT" && object["class"] == gone }]
    end
    # a machine stack may still hold a few of the dropped ones
    assert_includes 10..20, counts["live"].size
    assert_includes 10..20, counts["collected"].size
    assert_operator counts["all"].size, :>=, 10_010
    assert_empty counts["live"].select { |object| object["garbage"] }
    assert_includes 9_990..10_000, counts["all"].count { |object| object["garbage"] }
  end

  # In every place where a program can put a text, one that stands nowhere in its code; and names that do, which must stay.
  SECRETS = <<~'RUBY'
    require "json"
    require "ostruct"
    secret = "sek" + "ret"
    made = ->(place) { "#{secret}#{place}" }
    class Keep
      attr_accessor :by_accessor
      def initialize = @written_here = 1
      def self.put(thread) = thread[:written_local] = 1
    end
    keep = Keep.new
    keep.by_accessor = 1
    keep.instance_variable_set("@#{made["string_ivar"]}", 1)
    keep.instance_variable_set(:"@#{made["symbol_ivar"]}", 1)
    Keep.instance_variable_set("@#{made["class_ivar"]}", 1)
    Keep.class_variable_set("@@#{made["cvar"]}", 1)
    generic = "text".tap { |text| text.instance_variable_set("@#{made["generic"]}", made["generic_value"]) }
    thread = Thread.new do
      Keep.put(Thread.current)
      Thread.current[made["local"]] = made["local_value"]
      Thread.current[made["symbol_local"].to_sym] = 1
      Thread.current.thread_variable_set(made["thread_variable"], 1)
      Thread.current.name = made["thread"]
      sleep
    end
    Thread.pass until thread.stop?
    Thread.current[made["main"]] = 1
    error = begin; raise made["error"]; rescue => raised; raised; end
    ENV["TEXT"] = made["env"]
    frozen = made["frozen"].freeze
    $all = [made["string"], made["long"] * 20, { made["key"] => 1, made["symbol_key"].to_sym => 1, [made["deep"]] => 1 }, made["symbol"].to_sym,
            Regexp.new(made["regexp"]), secret.unpack1("H*").to_i(16) * 10**40, File.open(made["file"], "w"), "\xff#{made["binary"]}".b,
            made["wide"].encode("UTF-16LE"), Struct.new(made["member"].to_sym, :kept_member).new(made["struct"]), thread, keep, generic, error, frozen,
            -made["interned"], ENV.to_h, ARGV, JSON.parse(%({"#{made["json"]}": "#{made["json_value"]}"}), symbolize_names: true), keep.instance_variables,
            Class.new(StandardError).new(made["message"]), OpenStruct.new(made["open_struct"].to_sym => 1), "a,#{made["cut"]}".split(",")]
    frame = made["frame"]
    closure = proc { frame }
  RUBY

  def test_nothing_leaks_when_redacted
    run_ruby(SECRETS + <<~'RUBY')
      HeapDump.dump("open.json", string_limit: 100_000)
      HeapDump.dump("x.json", redact: true)
      ENV["HEAP_DUMP_UNNAMED"] = "1"
      $VERBOSE = nil
      HeapDump.dump("unnamed.json", redact: true)
      say(frame: frame.size, closure: closure.call.size)
    RUBY
    plain = "sek" + "ret"
    traces = [plain, [plain].pack("m0")[0, 6], plain.encode("UTF-16LE").b, (plain.unpack1("H*").to_i(16) * 10**40).to_s]
    open = File.binread(file("open.json"))
    %w[string_ivar symbol_ivar class_ivar cvar generic local symbol_local main member json open_struct thread file].each do |place|
      assert open.include?(plain + place), "the test would not find #{place}"
    end
    assert open.include?(traces.last), "the big integer is not there at all"
    %w[x.json unnamed.json].each do |name|
      assert_valid name
      bytes = File.binread(file(name))
      traces.each { |trace| refute bytes.include?(trace), "#{name} holds …#{bytes[/.{80}#{Regexp.escape(trace)}.{20}/mn]}" }
      assert bytes.include?('"val_hash"'), "#{name} has no hashes"
    end
    bytes = File.binread(file("x.json"))
    %w[@written_here @by_accessor written_local kept_member by_accessor=].each { |name| assert bytes.include?(%("#{name}":)), "#{name} is hidden" }
  end

  private

  # By the independent checker. The other Ruby's tests run where the tool's libraries are not: there JSON parses, ids
  # are unique and _END_ counts; the oracle tests run the checker over that Ruby's dumps, too.
  def assert_valid(name)
    out, status = Open3.capture2e(TOOL, "check", file(name))
    return assert(status.success?, out) unless status.exitstatus == 127

    ids = Hash.new(0)
    ending = nil
    File.foreach(file(name)) do |line|
      next if line == "]\n"

      id = (ending = JSON.parse(line[1..]))["id"]
      ids[id] += 1
    end
    assert_equal "_END_", ending["id"]
    assert(ids.values.all?(1), "an id stands on two lines")
    assert_equal ending["objects"], ids.keys.grep(Integer).size
  end
end
