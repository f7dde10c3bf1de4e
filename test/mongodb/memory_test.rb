# frozen_string_literal: true

# A heap of more than 100,000 objects, hostile keys and values among them, in a server that takes all that MongoDB takes:
# mongoimport's and heap_dump's documents are compared with the dump's lines one by one, the queries of docs/mongodb.md with
# what the lines say.

require_relative "helper"

class MongoMemoryTest < Minitest::Test
  include MongoTest
  i_suck_and_my_tests_are_order_dependent!

  def setup
    reason = MongoTest.missing("java")
    skip reason if reason
  end

  def server = MongoTest.memory_server
  def dump = MongoTest.big
  def heap = server.client("shop")[:heap]
  def objects = (@@objects ||= MongoTest.lines(dump).select { |line| line["bt"] })

  def test_1_mongoimport_takes_the_lines_as_they_are
    skip MongoTest.missing("mongoimport") if MongoTest.missing("mongoimport")
    said, status = run_pipeline(dump, server.port)
    assert status.success?, said
    count = MongoTest.lines(dump).count
    assert_includes said, "#{count} document(s) imported successfully. 0 document(s) failed to import."
    seen = assert_documents(dump, server.client("database_name")[:collection_name]) do |line|
      { "_id" => line["id"] }.merge(line.reject { |key, _| key == "id" })
    end
    assert_operator seen, :>, 100_000
  ensure
    server.client("database_name").database.drop
  end

  def test_2_export_makes_documents_of_all_lines
    out, err = export(dump, "#{server.uri}/shop/heap", "--name", "web1")
    assert_empty err
    count = MongoTest.lines(dump).count
    assert_match(/\A#{count.to_s.gsub(/(\d)(?=(\d{3})+$)/, '\1,')} documents of the dump "web1" are in shop\.heap\n\nnext: /, out)
    assert_operator objects.size, :>, 100_000
    assert_equal count, assert_exported(dump, heap, "web1")
    parts = heap.find("_id.dump" => "web1", "continues" => { "$exists" => true }).projection("continues" => 1).to_a
    assert_operator parts.size, :>=, 45, "the Array of three million goes on in many documents"
    assert_equal %w[_id_ bt_1__id.dump_1 class_1__id.dump_1 id_1__id.dump_1 references_1__id.dump_1 type_name_1__id.dump_1],
                 heap.indexes.map { |index| index["name"] }.sort
  end

  def test_3_once_more_there_is_nothing_to_do
    out, = export(dump, "#{server.uri}/shop/heap", "--name", "web1")
    assert_includes out, 'the dump "web1" was in shop.heap already, whole: nothing to do'
    out, = export(dump, "#{server.uri}/shop/heap", "--name", "web1", "--json")
    assert_equal [0, false, []], JSON.parse(out).values_at("inserted", "truncated", "warnings")
  end

  # [class id, objects, bytes] by class, biggest first.
  def classes = objects.select { |o| o["class"] }.group_by { |o| o["class"] }.map { |id, of| [id, of.size, of.sum { |o| o["size"] }] }

  def test_4_top_classes
    names = objects.to_h { |o| [o["id"], o["name"]] }
    got = heap.aggregate(query("The classes with the most objects")).map { |row| row.values_at("class", "objects", "bytes") }
    want = classes.sort_by { |_, _, bytes| -bytes }.first(20)
    assert_equal want.map(&:last), got.map(&:last)
    assert_equal want.map { |id, count, bytes| [names[id], count, bytes] }.sort_by(&:to_s), got.sort_by(&:to_s)
    assert_includes got.map(&:first), "Shop::Order"
  end

  def test_4_types
    got = heap.aggregate(query("Objects without a class")).to_h { |row| [row["_id"].values_at("bt", "type"), row.values_at("objects", "bytes")] }
    want = objects.group_by { |o| o.values_at("bt", "type_name") }.transform_values { |of| [of.size, of.sum { |o| o["size"] }] }
    assert_equal want, got
    out, err, = run_tool("sql", dump, "SELECT type, kind, count(*), sum(size) FROM objects GROUP BY type, kind", "--json", "--no-index")
    skip err if err.include?("without SQLite")
    assert_equal got, JSON.parse(out)["rows"].to_h { |type, kind, count, bytes| [[type, kind], [count, bytes]] }
  end

  def test_4_biggest
    got = heap.aggregate(query("The biggest objects")).map { |row| row.values_at("size", "bt") }
    assert_equal objects.map { |o| o.values_at("size", "bt") }.max_by(10, &:first).map(&:first), got.map(&:first)
    assert_equal "T_ARRAY", got.first.last
  end

  def test_4_duplicates
    got = heap.aggregate(query("Strings that are there several times")).map { |row| row.values_at("bytes", "count") }
    strings = objects.select { |o| o["bt"] == "T_STRING" && o["val"] && !o["truncated"] }.group_by { |o| o["val"] }
    want = strings.values.select { |of| of.size > 1 }.map { |of| [of.sum { |o| o["size"] }, of.size] }.max_by(20, &:first)
    assert_equal want.map(&:first), got.map(&:first)
    twice = query("Strings that are there several times").reject { |stage| stage["$limit"] || stage["$sort"] }
    assert_equal strings.count { |_, of| of.size > 1 }, heap.aggregate(twice).count
  end

  def test_4_who_refers
    order = objects.find { |o| o["ivs"] && o["ivs"]["@number"] == 12_345 }
    got = heap.aggregate(query("What refers to an object", "web1" => "web1", 70365602702620 => order["id"])).map { |row| row["_id"]["id"] }
    heap_range = heap_of(dump)
    want = MongoTest.lines(dump).reject { |l| %w[_DUMP_ _END_].include?(l["id"]) }.select { |l| MongoTest.references(l, heap_range).include?(order["id"]) }
    assert_equal want.map { |line| line["id"] }, got
    assert_equal "T_ARRAY", want.first["bt"]
  end

  # mongo-java-server knows $graphLookup, but not its restrictSearchWithMatch; the collection has one dump here.
  def test_4_path_to_the_roots
    order = objects.find { |o| o["ivs"] && o["ivs"]["@number"] == 23_456 }
    text = order["ivs"]["@text"]
    pipeline = query("A path from the roots", 70365602702620 => text)
    refused = assert_raises(Mongo::Error::OperationFailure) { heap.aggregate(pipeline).to_a }
    assert_includes refused.message, "unknown argument to $graphLookup: restrictSearchWithMatch"
    pipeline[1]["$graphLookup"].delete("restrictSearchWithMatch")
    path = heap.aggregate(pipeline).first["path"]
    assert_equal ["_ROOTS_", nil, order["id"]], path.each_with_index.map { |step, i| i == 1 ? nil : step["id"] }
    assert_equal %w[T_ARRAY T_OBJECT], path.drop(1).map { |step| step["bt"] }
    array = objects.find { |o| o["id"] == path[1]["id"] }
    assert_includes array["val"], order["id"]
  end

  def test_5_many_dumps_and_what_grew
    MongoTest.ruby("class Leak; end\nHeapDump.dump('before.json'); $leaks = Array.new(1234) { Leak.new }; HeapDump.dump('after.json')")
    files = %w[before after].map { |name| File.join(FOLDER, "#{name}.json") }
    files.each { |file| export(file, "#{server.uri}/shop/grown") }
    grown = server.client("shop")[:grown]
    files.each { |file| assert_exported(file, grown, File.basename(file, ".json")) }
    pipeline = JSON.parse(JSON.generate(query("What grew from one dump")).gsub('"from":"heap"', '"from":"grown"'))
    got = grown.aggregate(pipeline).to_h { |row| [row["_id"], row.values_at("objects", "bytes")] }
    sums = files.map do |file|
      lines = MongoTest.lines(file).select { |line| line["bt"] }
      names = lines.to_h { |line| [line["id"], line["name"]] }
      lines.select { |line| line["class"] }.group_by { |line| names[line["class"]] }.transform_values { |of| [of.size, of.sum { |o| o["size"] }] }
    end
    want = sums[1].to_h { |name, (count, bytes)| [name, [count - sums[0].fetch(name, [0, 0])[0], bytes - sums[0].fetch(name, [0, 0])[1]]] }
    assert_equal want.select { |_, (count, _)| count.positive? }, got
    assert_equal [1234, 1234 * 40], got["Leak"]
    fleet = grown.aggregate(query("How many objects and bytes each dump")).to_h { |row| [row["_id"], row["objects"]] }
    assert_equal files.to_h { |f| [File.basename(f, ".json"), MongoTest.lines(f).count { |l| l["bt"] }] }, fleet
    assert_empty grown.aggregate(query("Which dumps are not whole")).to_a
  end

  def test_6_a_name_belongs_to_one_dump
    first, second = MongoTest.small("first"), MongoTest.small("second")
    to = "#{server.uri}/shop/names"
    export(first, to, "--name", "web1")
    _, err, status = run_tool("export", second, "--to", to, "--name", "web1")
    assert_equal 2, status.exitstatus
    assert_match(/shop\.names has another dump called web1, of process \d+ at 2.*: give this one a name of its own with --name/, err)
    names = server.client("shop")[:names]
    assert_exported(first, names, "web1")
    export(second, to, "--name", "web1", "--drop")
    assert_exported(second, names, "web1")
    assert_equal MongoTest.lines(second).count, names.find.count
  end

  def test_6_standard_input_and_compressed_files
    small = MongoTest.small
    to = "#{server.uri}/shop/pipes"
    out, err, status = run_tool("export", "-", "--to", to, stdin_data: File.read(small))
    assert status.success?, err
    head = MongoTest.lines(small).first
    name = "#{head["time"]}-#{head["pid"]}"
    assert_includes out, %(documents of the dump "#{name}" are in shop.pipes)
    pipes = server.client("shop")[:pipes]
    assert_exported(small, pipes, name)
    { "zst" => "zstd -q -f", "gz" => "gzip -k -f" }.each do |ending, command|
      assert system("#{command} #{small}")
      export("#{small}.#{ending}", to, "--drop")
      assert_exported(small, pipes, "small")
    end
  end
end
