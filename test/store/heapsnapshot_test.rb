# frozen_string_literal: true

# Heap snapshots, opened by DevTools' own parser and by memlab: the whole heap must be what we say it is.
require_relative "helper"
require_relative "readers"

class HeapsnapshotTest < Minitest::Test
  include ExportTest

  PRINT_GRAPH = File.join(ROOT, "build/test/graph/print_graph")
  Node = Struct.new(:type, :class, :name, :size, :retained, :distance, :detached)

  def setup
    skip Readers.missing if Readers.missing
  end

  # What a reader prints, by kind.
  def opened(reader, path)
    Readers.read(reader, path).lines.map { |line| JSON.parse(line) }.group_by(&:shift).tap do |found|
      found["nodes"] = found["node"].to_h { |id, *rest| [id, Node.new(*rest)] }
    end
  end

  # The graph as the library has it: addresses in the order of the nodes, and edges [from, name, to, weak].
  def graph(dump)
    lines = IO.popen([PRINT_GRAPH, "-d", dump], external_encoding: "UTF-8", &:readlines).map { |line| line.chomp.split("\t", -1) }
    addresses = lines.select { |line| line[0] == "node" }.map { |line| line[1].to_i }
    edges = lines.select { |line| line[0] == "edge" }.map { |_, from, to, weak, name| [from.to_i, name, to.to_i, weak == "1"] }
    [addresses, edges]
  end

  def id_of(addresses) = addresses.each_with_index.to_h { |address, i| [address, (2 * i) + 1] }

  # Steps from the nearest root, over references that keep alive.
  def distances(edges)
    from = edges.reject { |edge| edge[3] }.group_by(&:first)
    found, row, step = { 0 => 0 }, [0], 0
    until row.empty?
      step += 1
      row = row.flat_map { |address| from.fetch(address, []).map { |edge| edge[2] } }.uniq.reject { |to| found.key?(to) }
      row.each { |to| found[to] = step }
    end
    found
  end

  def check_objects(dump, seen, ids)
    json("find", "--class", "*", "--limit", "0", dump)["objects"].each do |object|
      node = seen.fetch(ids.fetch(object["id"]))
      assert_equal object["class"], node.class if node.class
      assert_equal object.values_at("class", "size", "retained"), [node.name, node.size, node.retained]
      assert_includes %w[object native], node.type
    end
  end

  # All of them, whatever the reader shows; the texts' are checked elsewhere.
  def check_edges(edges, found, ids)
    expected = edges.reject { |from,| from.zero? }.map { |from, name, to, weak| [ids[from], weak ? "weak" : "property", name, ids[to]] }
    limit = 2 * ids.size
    inside = found["edge"].select { |from, _, _, to| from > 1 && from < limit && to < limit }
    assert_equal expected.sort, inside.map(&:dup).sort
    roots = edges.select { |from,| from.zero? }
    shown = found["edge"].select { |from, _, _, to| from > limit && to < limit }.map { |_, type, name, to| [type, name, to] }
    assert_equal roots.map { |_, name, to, weak| [weak ? "weak" : "property", name, ids[to]] }.sort, shown.sort
  end

  def test_devtools
    [ours, object_space].each do |dump|
      found = opened("devtools.mjs", export("heapsnapshot", dump, "x.heapsnapshot"))
      addresses, edges = graph(dump)
      ids = id_of(addresses)
      top = json("top", "--limit", "0", dump)["rows"]
      lost = top.select { |row| row["unreachable"].positive? }.map { |row| row["class"] }
      shown = found["class"].to_h { |name, *numbers| [name, numbers] }
      top.each do |row|
        next if row["size"].zero?

        assert_equal row.values_at("count", "size"), shown.fetch(row["class"]).first(2), row["class"]
        # DevTools puts what nothing keeps alive below the root, where it retains
        assert_equal row["retained"], shown[row["class"]][2], row["class"] unless lost.include?(row["class"])
      end
      assert_empty shown.keys - top.map { |row| row["class"] }
      check_objects(dump, found["nodes"], ids) if lost.empty?
      check_edges(edges, found, ids)
      steps = distances(edges)
      addresses.drop(1).each do |address|
        node = found["nodes"][ids[address]]
        assert_equal steps[address], node.distance if steps[address]
        assert_equal !steps[address], node.detached == 2 unless node.type == "native"
      end
      check_retainers(found, ids, edges)
    end
  end

  # What the panel lists as retainers is what refers to the object, and what a root holds says by what.
  def check_retainers(found, ids, edges)
    known = edges.map { |from, name, to,| [ids[to], ids[from], name] }.to_h { |edge| [edge, true] }
    kinds = found["nodes"].select { |_, node| node.type == "synthetic" }.transform_values(&:name)
    roots = edges.select { |from,| from.zero? }.map { |_, name, to,| [ids[to], name] }.to_h { |edge| [edge, true] }
    listed = found["retainer"].select { |id,| id < 2 * ids.size }
    assert_operator listed.size, :>, 1000
    listed.each do |id, from, name,|
      next assert(known[[id, from, name]], [id, from, name].inspect) if from < 2 * ids.size

      assert roots[[id, name]], [id, name].inspect
      assert_equal name[/\A[^.\[]*/], kinds[from]
    end
  end

  def test_memlab
    found = opened("memlab.js", export("heapsnapshot", ours, "x.heapsnapshot"))
    addresses, edges = graph(ours)
    ids = id_of(addresses)
    check_objects(ours, found["nodes"], ids)
    check_edges(edges, found, ids)
    reached = distances(edges)
    paths = found["path"].to_h { |path| [path.first, path] }
    next_to = found["edge"].to_h { |from, _, _, to| [[from, to], true] }
    addresses.drop(1).each do |address|
      path = paths[ids[address]]
      assert_equal !reached[address], found["nodes"][ids[address]].detached
      next unless reached[address]

      assert_equal 1, path.last, "#{address} has no path to a root"
      path.each_cons(2) { |to, from| assert next_to[[from, to]] }
    end
  end

  def texts(found, id)
    found["edge"].select { |from, _, name, to| from == id && %w[val name].include?(name) && found["nodes"][to].type == "string" }
                 .map { |edge| found["nodes"][edge[3]].name }
  end

  def test_contents_are_shown
    found = opened("devtools.mjs", export("heapsnapshot", ours, "x.heapsnapshot"))
    ids = id_of(graph(ours).first)
    strings = our_objects.select { |object| object["bt"] == "T_STRING" && object["val"] }
    by_id = found["edge"].select { |_, _, name,| name == "val" }.to_h { |from, _, _, to| [from, to] }
    strings.each do |object|
      shown = found["nodes"][by_id.fetch(ids[object["id"]])].name
      assert_equal object["val"], shown if object["val"].bytesize <= 200
      assert_equal object["val"].byteslice(0, 190).scrub(""), shown.byteslice(0, 190).scrub("") if object["val"].bytesize > 200
    end
    assert_includes texts(found, ids[facts[:store_class]]), "Shop::Store"
    without = opened("devtools.mjs", export("heapsnapshot", ours, "y.heapsnapshot", "--contents", "0"))
    refute(without["nodes"].any? { |_, node| node.name.include?("too long to be embedded") })
    assert_equal found["class"], without["class"]
  end

  HOSTILE = ["\"],\"nodes\":[", "\u0000\e[2J\u2028\u{1f600}", "<a b", "Detached <x y", "x" * 3_000_000, "Object", "]}"].freeze

  # One class of each name, with an instance, whose variable is called so as well.
  def hostile
    path = File.join(folder, "hostile.json")
    texts = HOSTILE.map { |name| JSON.generate(name)[1..-2] }
    File.open(path, "w") do |file|
      file.puts %([{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,81920]})
      file.puts %(,{"id":"_ROOTS_","global_variables":{"\\\\$all":#{8192}},"#{texts[0]}":[4096]})
      texts.each_with_index do |name, i|
        file.puts %(,{"id":#{4096 + (40 * i)},"bt":"T_CLASS","size":40,"name":"#{name}"})
        file.puts %(,{"id":#{8192 + (40 * i)},"bt":"T_OBJECT","class":#{4096 + (40 * i)},"size":#{5_000_000_000 * i + 40},"ivs":{"@#{name}":#{8192 + (40 * (i + 1))}}})
      end
      file.puts %(,{"id":#{8192 + (40 * HOSTILE.size)},"bt":"T_STRING","size":40,"val":"#{texts[1]}"})
      file.puts %(,{"id":"_END_","objects":#{(2 * HOSTILE.size) + 1},"references":9,"unreadable":0}), "]"
    end
    path
  end

  def test_hostile_names
    dump = hostile
    path = File.join(folder, "x.heapsnapshot")
    out, err, status = run_tool("export", "--to", "heapsnapshot:#{path}", dump)
    assert_equal [0, ""], [status, err]
    assert_match(/15 objects, .* 6 bigger than 4 GiB, shown as 4 GiB/, out)
    assert File.read(path, encoding: "BINARY").ascii_only?
    names = HOSTILE
    %w[devtools.mjs memlab.js].each do |reader|
      found = opened(reader, path)
      assert_equal 15, found["nodes"].count { |id, _| id > 1 && id < 32 }
      objects = names.each_index.map { |i| found["nodes"][(2 * (HOSTILE.size + i + 1)) + 1] }
      names.each_with_index do |name, i|
        assert_equal name[0, 10_000], objects[i].name[0, 10_000]
        assert_equal [40, 4_294_967_295].fetch([i, 1].min), objects[i].size
      end
      assert_includes found["nodes"].values.map(&:name), HOSTILE[1]
    end
  end

  def test_ids_lead_back
    out, = run_tool("show", ours, "@#{id_of(graph(ours).first)[facts[:app]]}")
    assert_match(/#{facts[:app]}/, out)
    [["@0", /is not an id/], ["@2", /is not an id/], ["@1", /no object/], ["@99999999999", /no object/], ["@", /is not an id/]].each do |id, sentence|
      _, err, status = run_tool("show", ours, id)
      assert_equal 2, status
      assert_match sentence, err
    end
  end
end
