# frozen_string_literal: true

# Exports in ObjectSpace's format beside what ObjectSpace.dump_all itself wrote of the same process, object by object.
require_relative "helper"

class ObjspaceTest < Minitest::Test
  include ExportTest

  SCRIPT = <<~RUBY
    require "heap_dump"
    require "objspace"
    class Point; def initialize(x) = (@x = x; @tags = [x, "three", {name: "a text that is too long to be embedded"}]); end
    $kept = [Point.new(1), Struct.new(:a).new("b"), "bin\\xff".b, "\\u00fcn\\u00ef", 1.5e300, 2**80, /re/, "dyn\#{rand}".to_sym, 3r,
             Hash.new { |hash, key| key }, Object.new.freeze, "q\\"\\\\\\n\\u0000" * 9, (1..50).map(&:to_s), Class.new.new.singleton_class]
    $file = File.open(__FILE__)
    ObjectSpace.trace_object_allocations_start
    $traced = Array.new(50) { |i| Point.new("traced \#{i}") }
    ObjectSpace.trace_object_allocations_stop
    GC.start
    GC.disable
    dump = ->(path) { File.open(path, "w") { |file| ObjectSpace.dump_all(output: file) } }
    dump["warm.json"] # what it makes itself is made now
    HeapDump.dump("ours.json", gc: false, all: true)
    dump["theirs.json"]
  RUBY

  def read(path) = File.readlines(path, encoding: "UTF-8").map { |line| JSON.parse(line.scrub) }

  # [our export's lines, ObjectSpace's lines]
  def both
    @both ||= begin
      script = File.join(folder, "scene.rb")
      File.write(script, SCRIPT)
      out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, script, chdir: folder)
      assert status.success?, out
      @dump = File.join(folder, "ours.json")
      [read(export("objspace", @dump, "export.json")), read(File.join(folder, "theirs.json"))]
    end
  end

  def objects(lines) = lines.reject { |line| line["type"] == "ROOT" }.to_h { |line| [line["address"], line] }

  # Objects that are in both files and were not changed by the dumping in between.
  def pairs
    ours, theirs = both.map { |lines| objects(lines) }
    ours.filter_map { |address, line| [line, theirs[address]] if theirs[address] && theirs[address]["type"] == line["type"] }
  end

  def check_field(field, types, ours_may_have_more: false)
    compared = 0
    pairs.each do |ours, theirs|
      next unless types.include?(ours["type"])
      next if ours_may_have_more && !theirs.key?(field)

      compared += 1 if theirs.key?(field)
      assert_equal theirs[field].inspect, ours[field].inspect, "#{field} of #{theirs}"
    end
    assert_operator compared, :>, 0, field
  end

  def test_the_same_objects
    ours, theirs = both.map { |lines| objects(lines) }
    made_since = theirs.keys - ours.keys
    assert_operator made_since.size, :<, 60
    assert_operator pairs.size, :>, 10_000
    assert_operator (ours.keys - theirs.keys).size, :<, 60
  end

  ALL = %w[OBJECT CLASS MODULE ICLASS FLOAT STRING REGEXP ARRAY HASH STRUCT BIGNUM FILE DATA SYMBOL RATIONAL COMPLEX].freeze

  def test_fields_are_the_same
    check_field("class", ALL)
    check_field("frozen", ALL)
    %w[file line method generation].each { |field| check_field(field, ALL, ours_may_have_more: true) }
    check_field("length", %w[ARRAY])
    check_field("embedded", %w[ARRAY])
    check_field("size", %w[HASH])
    check_field("default", %w[HASH])
    check_field("name", %w[CLASS MODULE])
    check_field("superclass", %w[CLASS])
    check_field("struct", %w[DATA])
    check_field("imemo_type", %w[IMEMO])
    check_field("fd", %w[FILE])
    check_field("fstring", %w[STRING])
    check_field("encoding", %w[STRING])
    check_field("real_class_name", %w[CLASS], ours_may_have_more: true)
    check_field("singleton", %w[CLASS], ours_may_have_more: true)
    check_field("bytesize", %w[STRING SYMBOL], ours_may_have_more: true)
    check_field("capacity", %w[STRING], ours_may_have_more: true)
    check_field("shared", %w[STRING ARRAY])
  end

  def test_values_are_the_same
    compared = 0
    pairs.each do |ours, theirs|
      next unless theirs.key?("value") && (theirs["type"] != "FLOAT" || ours["value"])

      compared += 1
      assert_equal theirs["value"], ours["value"], theirs["address"]
    end
    assert_operator compared, :>, 1000
    assert_includes pairs.map { |ours,| ours["value"] }, "q\"\\\n\0" * 9
  end

  def test_sizes_are_the_same
    other = pairs.reject { |ours, theirs| ours["memsize"] == theirs["memsize"] }
    # tables of methods and of traced allocations grow with what runs in between
    assert_empty(other.reject { |ours,| %w[CLASS MODULE].include?(ours["type"]) || ours["struct"]&.include?("Tracing") })
    assert_operator other.size, :<, 30
  end

  # Every reference of theirs is in ours; what runs in between fills caches.
  def test_references_are_the_same_or_more
    known = objects(both[0])
    missing = pairs.reject { |ours, theirs| ((theirs["references"] || []) - (ours["references"] || [])).none? { |to| known[to] } }
    kinds = missing.map { |ours,| ours["imemo_type"] || ours["struct"] || ours["type"] }.uniq
    assert_empty kinds - %w[iseq CLASS VM/thread fiber callcache constcache]
    assert_operator missing.size, :<, 60
    assert_equal pairs.sum { |_, theirs| (theirs["references"] || []).uniq.size },
                 pairs.sum { |ours, theirs| ((theirs["references"] || []) & (ours["references"] || [])).size } + lost
  end

  def lost = pairs.sum { |ours, theirs| ((theirs["references"] || []).uniq - (ours["references"] || [])).size }.tap { |all| assert_operator all, :<, 200 }

  def test_roots
    ours, theirs = both.map { |lines| lines.select { |line| line["type"] == "ROOT" }.to_h { |line| [line["root"], line["references"] || []] } }
    known = objects(both[0])
    theirs.each do |root, references|
      next if root == "machine_context" # the stack of another moment

      assert_empty references.select { |to| known[to] } - ours.values.flatten, root
    end
    %w[vm global_tbl].each { |root| assert_includes ours.keys, root if theirs[root] }
  end

  # Readers that are stricter than Ruby's parser refuse them.
  def test_no_key_is_there_twice
    both
    keys = File.readlines(File.join(folder, "export.json"), encoding: "UTF-8")
               .map { |line| line.scan(/"((?:[^"\\]|\\.)*)"(:)?/).select(&:last).map(&:first) }
    assert_empty(keys.reject { |all| all.uniq.size == all.size })
    assert_operator keys.sum(&:size), :>, 50_000
  end

  # Read back by ourselves.
  def test_totals_survive
    both
    back = File.join(folder, "export.json")
    was, is = [@dump, back].map { |path| json("summary", path) }
    assert_equal was.values_at("objects", "bytes", "reachable", "reachable_bytes"), is.values_at("objects", "bytes", "reachable", "reachable_bytes")
    was, is = [ours, export("objspace", ours, "y.json")].map { |path| json("top", "--limit", "0", path)["rows"] }
    assert_equal was.sort_by { |row| row["class"] }, is.sort_by { |row| row["class"] }
    again = export("objspace", export("objspace", ours, "z.json"), "zz.json")
    assert_equal File.readlines(File.join(folder, "z.json")).map { |line| JSON.parse(line).except("flags") },
                 File.readlines(again).map { |line| JSON.parse(line).except("flags") }
  end

  def test_redacted_dumps_stay_redacted
    script = 'require "heap_dump"; $secret = ["a secret that is long enough", :"secret_sym#{rand}", {"secret_key" => 1}]; HeapDump.dump("r.json", redact: true)'
    out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", script, chdir: folder)
    assert status.success?, out
    json("export", "--list")["targets"].select { |target| target["built_in"] && target["target"].include?("FILE|-") }.each do |target|
      exported, _, status = run_tool("export", "--to", "#{target["name"]}:-", File.join(folder, "r.json"))
      assert_equal 0, status
      refute_match(/a secret|secret_sym|secret_key|val_hash/, exported.b)
    end
  end

  def test_big_arrays_and_truncated_strings
    path = File.join(folder, "big.json")
    File.open(path, "w") do |file|
      file.puts %([{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,81920]})
      file.puts %(,{"id":"_ROOTS_","vm":[4096]})
      file.puts %(,{"id":4096,"bt":"T_ARRAY","size":800000,"slot_size":40,"capacity":70000,"val":[#{([1] * 65_536).join(",")}]})
      file.puts %(,{"id":"4096+1","continues":4096,"offset":65536,"val":[2,8192,8192]})
      file.puts %(,{"id":8192,"bt":"T_STRING","size":9000,"slot_size":40,"encoding":"UTF-8","bytesize":8000,"val":"abc","truncated":true})
      file.puts %(,{"id":"_END_","objects":2,"references":3,"unreadable":0}), "]"
    end
    lines = read(export("objspace", path, "big.export.json"))
    assert_equal 65_539, lines[1]["length"]
    assert_equal ["0x2000", "0x2000"], lines[1]["references"]
    assert_equal ["abc", true, 8000], lines[2].values_at("value", "truncated", "bytesize")
  end
end
