# frozen_string_literal: true

# The graph builder against independent readings of the same files: test/oracle/dump_reader.rb for our dumps, the json
# library for ObjectSpace's. The graph is printed by test/graph/print_graph.c, built by `make`; PRINT_GRAPH names another.
require "minitest/autorun"
require "heap_dump"
require "json"
require "objspace"
require "open3"
require "tmpdir"
require_relative "../oracle/dump_reader"

class BuilderTest < Minitest::Test
  PRINT = ENV.fetch("PRINT_GRAPH") { File.expand_path("../../build/test/graph/print_graph", __dir__) }
  BAD_DUMP = 2
  IO_FAILED = 3

  Order = Struct.new(:customer, :items)

  # Something of each kind of edge: ivars, hash keys of all sorts, weak ones, singletons, long arrays.
  class Holder
    def initialize
      @weak = ObjectSpace::WeakMap.new
      @target = "a target of the weak map that is long enough"
      @weak[@target] = Object.new
      @hash = { :sym => "short", "text" => [1, "two"], 17 => "seventeen", 1.5 => "float", nil => [], [1] => "array",
                ":colon" => "tricky", "$dollar" => [], "12" => "digits", "x" * 60 => "long", "\\" => "backslash",
                "new\nline" => "control" }
      @many = Array.new(70_000, "an element that is too long to be inlined")
      @orders = Array.new(10) { |i| Order.new("customer #{i}", [i.to_s]) }
      @proc = proc { @many }
      @klass = Class.new
      @single = Object.new.tap { |o| def o.hello = 1 }
    end
  end

  def self.dumps
    @dumps ||= begin
      folder = Dir.mktmpdir("heap_dump-graph")
      Minitest.after_run { FileUtils.rm_rf(folder) }
      $holder = Holder.new
      ours = File.join(folder, "ours.json")
      theirs = File.join(folder, "theirs.json")
      HeapDump.dump(ours)
      File.open(theirs, "w") { |file| ObjectSpace.dump_all(output: file) }
      [folder, ours, theirs]
    end
  end

  def setup = (@folder, @ours, @theirs = self.class.dumps)

  Graph = Struct.new(:head, :nodes, :edges, :error)

  def graph(path, *options, stdin: nil)
    text, status = Open3.capture2(PRINT, *options, path, stdin_data: stdin || "", binmode: true)
    lines = text.force_encoding(Encoding::UTF_8).lines(chomp: true)
    refute status.signaled?, "ended by signal #{status.termsig}"
    return Graph.new(nil, [], [], lines.last) unless status.success?

    head = lines.shift.scan(/(\w+)=(\d+)/).to_h { |name, value| [name.to_sym, value.to_i] }
    nodes, edges = lines.partition { |line| line.start_with?("node\t") }
    Graph.new(head, nodes.to_h { |line| f = line.split("\t", -1); [f[1].to_i, f] },
              edges.map { |line| f = line.split("\t", 5); [f[1].to_i, f[4].to_s, f[2].to_i, f[3] == "1"] }, nil)
  end

  def file(name, content)
    File.join(@folder, name).tap { |path| File.binwrite(path, content) }
  end

  # --- our dumps --------------------------------------------------------------------------------------------

  def hash_name(item, field, key)
    return "val{key}" if field == "key"

    text = case key
           when DumpReader::Sym then ":#{key.name}"
           when DumpReader::Ref then key.text
           end
    raw = text.is_a?(String) && (!key.is_a?(DumpReader::Ref) || !text.match?(/\A[:\\\#\$\-0-9]/)) ? text : ""
    raw.empty? || raw.bytesize > 40 ? "val{}" : "val.#{raw}"
  end

  def edge_name(item, field, key)
    return hash_name(item, field, key) if item.bt == "T_HASH" && %w[val key].include?(field)
    return (item.id == "_ROOTS_" ? field : "#{field}[]") if key.is_a?(Integer)
    return "#{field}.#{key}" if key && (DumpReader::MAPS + DumpReader::NAMED).include?(field.split(".").last)

    field
  end

  def expected_edges(reader)
    ([reader.roots].each + reader.each).flat_map do |item|
      source = item.id == "_ROOTS_" ? 0 : item.id
      item.refs.map { |field, key, id| [source, edge_name(item, field, key).tr("\0-\x1f", "?"), id] }
    end
  end

  def test_every_edge_of_a_dump
    reader = DumpReader.new(@ours)
    expected = expected_edges(reader)
    found = graph(@ours)
    assert_operator expected.size, :>, 30_000
    assert_empty (expected - found.edges.map { |edge| edge.first(3) }).first(5)
    assert_equal expected.sort, found.edges.map { |edge| edge.first(3) }.sort
    assert_equal reader.tail["references"], found.head[:edges]
    assert_equal reader.tail["objects"] + 1, found.head[:nodes]
    assert_equal [0, 0, 0, 0, 1], found.head.values_at(:dangling, :bad, :truncated, :redacted, :head)
  end

  def test_every_object_of_a_dump
    found = graph(@ours)
    count = 0
    DumpReader.new(@ours).each do |item|
      count += 1
      node = found.nodes.fetch(item.id)
      assert_equal [item["size"], item["frozen"] == true], [node[3].to_i, node[4].to_i.odd?], item.id
      label = item["type_name"] || (item["name"] if %w[T_CLASS T_MODULE].include?(item.bt))
      assert_equal label, node[7] if label
      File.open(@ours, "rb") { |f| f.seek(node[5].to_i); assert_equal ",{\"id\":#{item.id},", f.read(8 + item.id.to_s.size) } if (count % 500).zero?
    end
    assert_equal count + 1, found.nodes.size
  end

  def address_of(object) = ObjectSpace.dump(object)[/0x\h+/].hex

  def test_class_names_and_weak_edges
    found = graph(@ours)
    name = ->(object) { found.nodes.fetch(address_of(object))[6] }
    assert_equal "BuilderTest::Holder", name[$holder]
    assert_equal "#<Class:BuilderTest::Holder>", name[Holder]
    assert_equal "#<Class:#<Object>>", name[$holder.instance_variable_get(:@single)]
    map = address_of($holder.instance_variable_get(:@weak))
    edges = found.edges.select { |edge| edge[0] == map }
    assert_equal [false], edges.select { |edge| edge[1] == "class" }.map(&:last)
    assert edges.reject { |edge| edge[1] == "class" }.all?(&:last)
    assert found.edges.select { |edge| edge[1].end_with?("_weak") }.then { |all| all.any? && all.all?(&:last) }
  end

  def test_compressed_and_piped_dumps_are_the_same
    plain = graph(@ours)
    text = File.binread(@ours)
    assert_equal plain, graph("-", stdin: text)
    system("gzip", "-1k", @ours, exception: true)
    assert_equal plain, graph("#{@ours}.gz")
  ensure
    FileUtils.rm_f("#{@ours}.gz")
  end

  def test_a_truncated_dump_is_read_as_far_as_it_goes
    text = File.binread(@ours)
    [text.size / 3, text.size * 2 / 3, text.size - 4, text.size - 40, text.rindex(",{\"id\":\"_END_")].each do |size|
      found = graph(file("cut.json", text[0, size]), "-q")
      assert_equal 1, found.head&.fetch(:truncated), [size, found.error].inspect
      ids = text[0, size].scan(/^,{"id":(\d+),.*$/).size
      assert_includes [ids + 1, ids], found.head[:nodes], size
    end
    cut = `gzip -1c #{@ours}`.b
    found = graph(file("cut.json.gz", cut[0, cut.size / 2]), "-q")
    assert_equal 1, found.head[:truncated]
  end

  def test_damage
    text = File.binread(@ours)
    { "empty.json" => "", "binary.json" => Random.new(1).bytes(100_000), "text.json" => "hello\n", "newlines.json" => "\n\n\n",
      "array.json" => "[1,2]\n" }.each do |name, content|
      assert_match(/\Aerror #{BAD_DUMP}: .*#{name}/, graph(file(name, content)).error, name)
    end
    assert_match(/\Aerror #{IO_FAILED}: cannot open/, graph(File.join(@folder, "none")).error)
    broken = text.dup
    at = text.index(/\n,{"id":\d+,[^\n]*\n,{"id":\d+,/, text.size / 2) + 1 # what follows does not continue it
    broken[at + 3] = "#"
    assert_match(/\Aerror #{BAD_DUMP}: .*byte #{at} /, graph(file("broken.json", broken)).error)
    twice = text.dup
    line = twice[at..twice.index("\n", at)]
    assert_match(/comes twice/, graph(file("twice.json", twice.insert(at, line))).error)
    assert_match(/longer than/, graph(file("long.json", text[0, at] + ",{\"id\":8,\"x\":\"" + "y" * (9 << 20) + "\"}\n")).error)
  end

  # --- ObjectSpace's ----------------------------------------------------------------------------------------

  def test_an_objspace_dump
    lines = File.foreach(@theirs).map { |line| JSON.parse(line) }
    objects = lines.select { |line| line["address"] }.to_h { |line| [line["address"].hex, line] }
    expected = lines.flat_map do |line|
      source = line["address"].to_s.hex
      name = line["root"] || "ref"
      refs = (line["references"] || []).map { |to| [source, name, to.hex] }
      line["class"] ? [[source, "class", line["class"].hex]] + refs : refs
    end
    known, dangling = expected.partition { |_, _, to| objects.key?(to) }
    found = graph(@theirs)
    assert_equal known.sort, found.edges.map { |from, name, to,| [from, name == "super" ? "ref" : name, to] }.sort
    assert_equal [objects.size + 1, dangling.size, 0, 0, 1], found.head.values_at(:nodes, :dangling, :bad, :truncated, :unnamed)
    objects.each do |address, line|
      assert_equal line["memsize"].to_i, found.nodes.fetch(address)[3].to_i
      label = line["struct"] || line["imemo_type"] || (line["name"] unless line["type"] == "ICLASS")
      assert_equal label, found.nodes[address][7] if label
    end
    assert_equal "BuilderTest::Holder", found.nodes.fetch(address_of($holder))[6]
    assert_equal "#<Class:BuilderTest::Holder>", found.nodes.fetch(address_of(Holder))[6]
  end

  def test_objspace_lines_of_other_rubies
    found = graph(file("old.json", <<~DUMP.b))
      {"type":"ROOT", "root":"vm", "references":["0x007f0000001000", "0x7f0000001028"]}
      {"type":"SHAPE", "id":1, "parent_id":0}
      {"address":"0x007f0000001000", "type":"STRING", "class":"0x007f0000001050", "value":"bell\x07 \xff \\" quote\\\\", "memsize":40}
      {"address":"0x7f0000001028", "type":"DATA", "class":"0x7f0000001050", "struct":"a "quoted" name", "references":["0x7f0000001000"], "memsize":7}
      {"address":"0x7f0000001050", "type":"CLASS", "name":"Foo", "references":["0x7f0000001000", "0x7f0000009999"], "memsize":500, "flags":{"old":true}}
      {"address":"0x7f0000001078", "type":"NONE"}
      {"address":"0x7f00000010a0", "type":"ARRAY", "references":["0x7f0000001000", "0x7f00000
      nonsense
      {"address":"0x7f0000001000", "type":"STRING", "memsize":1}
    DUMP
    assert_nil found.error
    assert_equal [5, 1, 4, 0], found.head.values_at(:nodes, :dangling, :bad, :truncated)
    assert_equal 40, found.nodes.fetch(0x7f0000001000)[3].to_i
    assert_equal "Foo", found.nodes.fetch(0x7f0000001000)[6]
    assert_equal 6, found.edges.size
    cut = File.binread(@theirs)[0...-20]
    assert_equal 1, graph(file("cut-theirs.json", cut), "-q").head[:truncated]
    assert_equal 0, graph(file("one.json", cut.lines[5]), "-q").head[:truncated]
  end
end
