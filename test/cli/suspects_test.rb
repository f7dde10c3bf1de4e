# frozen_string_literal: true

# `heap_dump suspects`: programs that leak in one way each, as people's programs do. The leak must be the first suspect, by
# name, with its kind, and every step of the path must be a reference of the dump.
require_relative "helper"
require_relative "../rubies"

class SuspectsTest < Minitest::Test
  include CliTest

  TEXT = '"order #{number}: " + "some text that a customer has written, long enough " * 6'

  # name => [program, anchor, kind, what the place is called]
  LEAKS = {
    constant_map: ["module Shop; CACHE = {}; end; 6000.times { |number| Shop::CACHE[\"page/\#{number}\"] = #{TEXT} }",
                   "constant", "map", /\AShop::CACHE\z/],
    top_level: ["SESSIONS = {}; 6000.times { |number| SESSIONS[\"session/\#{number}\"] = #{TEXT} }", "constant", "map", /\ASESSIONS\z/],
    class_list: ["class Audit; @events = []; class << self; attr_reader :events; end; end; 6000.times { |number| Audit.events << #{TEXT} }",
                 "class_instance_variable", "collection", /\A@events of Audit\z/],
    class_variable: ["class Registry; @@all = []; def self.add(item) = @@all << item; end; 6000.times { |number| Registry.add(#{TEXT}) }",
                     "class_variable", "collection", /\A@@all of Registry\z/],
    global: ["$history = []; 6000.times { |number| $history << #{TEXT} }", "global_variable", "collection", /\A\$history\z/],
    callbacks: ["class Events; @handlers = []; def self.on(&block) = @handlers << block; end\n" \
                "class Controller; def initialize(number) = (@body = #{TEXT}; Events.on { |event| [event, @body] }); end\n" \
                "4000.times { |number| Controller.new(number) }",
                "class_instance_variable", "callbacks", /\A@handlers of Events\z/],
    thread_local: ["Thread.new { log = Thread.current[:query_log] = []; 6000.times { |number| log << #{TEXT} }; $filled = true; sleep }\n" \
                   "sleep 0.01 until $filled",
                   "thread_local", "collection", /\Athread-local :query_log\z/],
    frame: ["def work(done) = (rows = []; 6000.times { |number| rows << #{TEXT} }; done << 1; sleep)\n" \
            "queue = Queue.new; Thread.new { work(queue) }; queue.pop",
            "local_variable", "collection", /\Alocal variable rows of a running method\z/],
    memo: ["class Pricing; def initialize = @memo = {}; def price(number) = @memo[number] ||= #{TEXT}; end\n" \
           "class App; PRICING = Pricing.new; end; 6000.times { |number| App::PRICING.price(number.to_s) }",
           nil, "map", /@memo of a Pricing|App::PRICING/],
    list: ["class Link; attr_accessor :following; def initialize(number, following) = (@text = #{TEXT}; @following = following); end\n" \
           "class Chain; class << self; attr_accessor :head; end; end; 6000.times { |number| Chain.head = Link.new(number, Chain.head) }",
           "class_instance_variable", "list", /\A(@following of a Link below )?@head of Chain\z/], # a stack may still have its second link,
    one_string: ["module Journal; TEXT = +''; end; 60000.times { |number| Journal::TEXT << \"line \#{number} of the journal\\n\" }",
                 "constant", "object", /\AJournal::TEXT\z/],
    closure: ["def counter = (seen = []; ->(item) { seen << item }); module Hooks; SEEN = counter; end\n" \
              "6000.times { |number| Hooks::SEEN.call(#{TEXT}) }",
              nil, "collection", /seen|Hooks::SEEN/],
    symbols: ["class Hook; end; 20000.times { |number| name = \"hook_\#{number}_of_a_name_that_somebody_has_made_up_somewhere\"; " \
              "Hook.define_method(name) {}; Hook.send(:remove_method, name) }",
              nil, "symbols", /\ARuby's table of symbols\z/]
  }.freeze

  RUBIES = { "native" => [RbConfig.ruby, EXTENSION],
             **TestRubies::ALL.slice("3.3", *TestRubies::NAMED.map(&:name)).transform_values(&:to_a) }.freeze

  def dump(ruby, name, program, options = "")
    path, extension = RUBIES.fetch(ruby)
    skip "Ruby #{ruby} is not there: script/rubies gets it" unless File.exist?(path) && File.exist?(extension)
    file = File.join(FOLDER, "#{name}-#{ruby}.json")
    return file if File.exist?(file)

    script = %(require "heap_dump"\n#{program}\nHeapDump.dump(#{file.inspect}#{options})\n)
    out, status = Open3.capture2e(path, "-I", File.join(ROOT, "lib"), "-I", extension, "-e", script)
    assert status.success?, out
    file
  end

  # Does the object's line, or one that continues it, refer to that id?
  def refers?(lines, from, to)
    texts = from ? lines[from] : lines["_ROOTS_"]
    texts.any? { |text| text.match?(/(?<!\d)#{to}(?!\d)/) }
  end

  def lines_by_id(file)
    File.foreach(file).with_object(Hash.new { |hash, key| hash[key] = [] }) do |line, by_id|
      object = line[/"continues":"?(\w+)"?/, 1] || line[/"id":"?(\w+)"?/, 1]
      by_id[object =~ /\A\d/ ? object.to_i : object] << line if object
    end
  end

  def assert_path(file, suspect)
    lines = lines_by_id(file)
    from = nil
    refute_empty suspect["path"]
    suspect["path"].each do |step|
      assert refers?(lines, from, step["id"]), "#{from.inspect} does not refer to #{step}"
      from = step["id"]
    end
  end

  RUBIES.each_key do |ruby|
    LEAKS.each do |name, (program, anchor, kind, place)|
      define_method("test_#{name}_#{ruby}") do
        file = dump(ruby, name, program)
        first = json("suspects", file)["suspects"].first
        assert first, "no suspect"
        assert_match place, first["place"]
        assert_equal kind, first["kind"], first["guess"]
        assert_equal anchor, first["anchor"] if anchor
        assert_operator first["retained"], :>, 1_500_000
        assert_path(file, first)
        assert_operator first["contents"] || first["holders"], :>=, 3_000 unless %i[one_string list].include?(name)
      end
    end
  end

  def test_report
    out = text("suspects", dump("native", :callbacks, LEAKS[:callbacks][0]))
    assert_match(/\A[\d.]+ MB are reachable, [\d.]+ MB of them data; the rest is code and stacks\.$/, out)
    assert_match(/^1\. @handlers of Events retains [\d.]+ MB in [\d,]+ objects, [\d.]+ % of the data$/, out)
    assert_match(/Probably subscribers or callbacks that are added and never removed: @handlers of Events, an Array,/, out.gsub(/\s+/, " "))
    assert_match(/Each keeps its self, a Controller/, out.gsub(/\s+/, " "))
    assert_match(/ivs\.@handlers +Array +\d+ 0x\h+ +[\d.]+ MB/, out)
    assert_next("show", out)
  end

  # Entries have a name each where keys are strings or symbols, and the keys alone have one for all: what is held are the values.
  def test_what_a_hash_holds_are_its_values
    program = "Visitor = Struct.new(:text); SESSIONS = {}; %d.times { |number| SESSIONS[\"s\#{number}\"] = Visitor.new(#{TEXT}) }"
    RUBIES.each_key do |ruby|
      out = text("suspects", dump(ruby, :entries, format(program, 6000))).gsub(/\s+/, " ")
      assert_match(/SESSIONS, a Hash, holds (6,000|5,99\d) Visitor objects\./, out)
      assert_match(/ (6,000|5,99\d) val\{\} → Visitor .* (6,000|5,99\d) members\.text → String /, out)
      assert_match(/as Visitor 0x/, out)
    end
  end

  def test_duplicates_inside
    program = "module Shop; CACHE = {}; end; 6000.times { |number| Shop::CACHE[number] = 'the same text again and again ' * 9 }"
    first = json("suspects", dump("native", :same, program))["suspects"].first
    assert_in_delta 5_999, first["duplicate_strings"], 2 # one may be on the stack, too
    assert_operator first["duplicate_bytes"], :>, 1_500_000
    assert_match(/5,99\d of its strings repeat others in it: 1\.\d MB/, text("suspects", dump("native", :same, program)))
  end

  def test_what_weak_references_hold_is_no_leak
    program = "require 'objspace'; $map = ObjectSpace::WeakMap.new; $keys = Array.new(6000) { |number| #{TEXT} }\n" \
              "$keys.each { |key| $map[key] = key }"
    found = json("suspects", dump("native", :weak, program))["suspects"]
    assert_equal "$keys", found.first["place"]
    map = found.find { |suspect| suspect["place"] == "$map" }
    assert_equal 1, map["objects"], "its own table, no key of it" if map
  end

  def test_a_program_that_does_not_leak
    out = text("suspects", dump("native", :quiet, "require 'json'; require 'net/http'; require 'optparse'"))
    refute_match(/unbounded|never removed|thread-local/, out)
    only_code = text("suspects", "--share", 60, dump("native", :quiet, ""))
    assert_match(/^Nothing stands out\.$/, only_code)
    assert_next("top", only_code)
  end

  SHARES = [0.1, 0.15, 0.2, 0.3, 0.4, 0.7, 1, 1.5, 2, 3, 4.5, 5, 7, 12, 20, 35, 60, 100].freeze

  # With an index the suspects of all shares are found together, one within another, and kept: those of one share are the same as alone.
  def assert_same_for_any_share(file, shares = SHARES)
    shares.product([[], ["--json"], ["--limit", "3"]]).each do |share, more|
      words = ["suspects", "--share", share.to_s, "--limit", "0", *more]
      assert_equal run_tool(*words, "--no-index", file), run_tool(*words, file), words.inspect
    end
  ensure
    FileUtils.rm_f("#{file}.idx")
  end

  NESTED = <<~RUBY
    text = ->(number) { "order \#{number}: " + "some text that a customer has written " * 3 }
    class Tree; def initialize(depth, text) = (@kids = depth > 0 ? Array.new(5) { Tree.new(depth - 1, text) } : text[depth]); end
    class Store; def initialize(number, text) = (@maps = Array.new(3) { |k| (0..60 * number).to_h { |i| ["\#{k}-\#{i}", text[i]] } }); end
    class Events; @handlers = []; def self.on(&block) = @handlers << block; end
    500.times { |number| Events.on { [number, text] } }
    ROOT_TREE = Tree.new(4, text)
    STORES = Array.new(6) { |number| Store.new(number, text) }
    $history = Array.new(400) { |number| [text[number % 40]] * 2 }
  RUBY

  def test_any_share_of_nested_suspects
    file = dump("native", :nested, NESTED)
    assert_equal 0, run_tool("index", file).last
    size = File.size("#{file}.idx")
    assert_operator json("suspects", "--share", "0.5", "--limit", 0, file)["suspects"].size, :>, 6
    assert_equal size, File.size("#{file}.idx"), "found anew"
    assert_same_for_any_share(file)
  end

  # Objects that hold others at random, some much bigger than most; ObjectSpace's form.
  def random_heap(seed, spread)
    random = Random.new(seed)
    below = Array.new(4000) { [] }
    (1...below.size).each { |i| below[random.rand < 0.9 ? (i * random.rand**spread).to_i : [i - 1 - random.rand(5), 0].max] << i }
    File.join(FOLDER, "random-#{seed}.json").tap do |path|
      File.open(path, "w") do |file|
        file << %({"type":"ROOT","root":"vm","references":["0x1000","0x100000"]}\n{"address":"0x1000","type":"CLASS","name":"Thing","memsize":600}\n)
        below.each_with_index do |list, i|
          kind = [%("OBJECT","class":"0x1000"), %("ARRAY","length":1), %("HASH","size":1), %("STRING","value":"text #{i % 60}","bytesize":7)][random.rand(4)]
          size = random.rand < 0.4 ? (40 / (1.001 - random.rand)).to_i : 40
          file << format(%({"address":"0x%x","type":%s,"references":[%s],"memsize":%d}\n), 0x100000 + i * 40, kind,
                         list.map { |to| format('"0x%x"', 0x100000 + to * 40) }.join(","), size)
        end
      end
    end
  end

  def test_any_share_of_random_heaps
    [1, 2, 3, 6].each_with_index do |spread, seed|
      file = random_heap(seed, spread)
      assert_equal 0, run_tool("index", file).last
      assert_same_for_any_share(file, SHARES.each_slice(2).map(&:first))
    end
  end

  def test_redacted
    file = dump("native", :redacted, LEAKS[:constant_map][0], ", redact: true")
    out = text("suspects", file)
    assert_match(/^1\. Shop::CACHE retains/, out)
    refute_match(/customer has written/, out)
    refute_match(/customer has written/, run_tool("suspects", "--json", file)[0])
  end

  def test_object_space
    file = File.join(FOLDER, "suspects_theirs.json")
    program = "require 'objspace'\n#{LEAKS[:constant_map][0]}\nGC.start\nFile.open(#{file.inspect}, 'w') { |out| ObjectSpace.dump_all(output: out) }"
    out, status = Open3.capture2e(RbConfig.ruby, "-e", program)
    assert status.success?, out
    result = json("suspects", file)
    first = result["suspects"].first
    assert_equal "Hash", first["holder"]["class"]
    assert_operator first["contents"], :>=, 6_000
    assert(result["warnings"].any? { |warning| warning.include?("references have no names") })
  end

  def test_truncated_and_broken_dumps
    whole = File.binread(dump("native", :constant_map, LEAKS[:constant_map][0]))
    cut = File.join(FOLDER, "cut.json")
    File.binwrite(cut, whole[0, whole.size * 9 / 10])
    out, err, status = run_tool("suspects", cut)
    assert_equal 0, status
    assert_match(/truncated/, err)
    refute_empty out
    assert_equal 3, run_tool("suspects", "-", stdin: "PNG\x89")[2]
    assert_equal 2, run_tool("suspects", "--share", "0", cut)[2]
  end

  # Nothing says what keeps what alive: no report would be a lie.
  def test_dumps_without_roots
    lines = File.readlines(dump("native", :constant_map, LEAKS[:constant_map][0]))
    rootless = File.join(FOLDER, "rootless.json")
    File.write(rootless, lines.reject { |line| line.start_with?(%(,{"id":"_ROOTS_")) }.join)
    out, err, status = run_tool("suspects", rootless)
    assert_equal [3, "", 1], [status, out, err.lines.size]
    assert_match(/no object is reached from a root.*take a new one/, err)
    out, = run_tool("suspects", "--json", rootless)
    assert_equal 3, JSON.parse(out)["status"]
  end

  def test_piped_dumps_are_reported_without_contents
    file = dump("native", :constant_map, LEAKS[:constant_map][0])
    assert_match(/^1\. Shop::CACHE retains/, text("suspects", "-", stdin: File.binread(file)))
  end
end
