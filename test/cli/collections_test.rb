# frozen_string_literal: true

# `heap_dump collections`: every number against the dump's own lines, and capacities against what the program knows.
require_relative "helper"
require_relative "../rubies"

class CollectionsTest < Minitest::Test
  include CliTest

  PROGRAM = <<~RUBY
    require "heap_dump"
    require "objspace"
    class Article; def initialize = (@tags = []; @votes = {}; @words = %w[a b c d e f g]); end
    $articles = 120.times.map { Article.new }
    $big = Array.new(70_000) { |number| number }
    $slack = []
    1_000.times { |number| $slack << number }
    $wide = 5_000.times.to_h { |number| [number, nil] }
    4_900.times { |number| $wide.delete(number) }
    $small = {a: 1, b: 2}
    $shared = $big[3, 60_000]
    HeapDump.dump("c.json")
    File.open("theirs.json", "w") { |file| ObjectSpace.dump_all(output: file) }
    address = ->(object) { Integer(JSON.parse(ObjectSpace.dump(object))["address"], 16) }
    require "json"
    puts JSON.generate(big: address[$big], slack: address[$slack], wide: address[$wide], slack_size: ObjectSpace.memsize_of($slack),
                       slot: JSON.parse(ObjectSpace.dump($slack))["slot_size"] || 40,
                       wide_size: ObjectSpace.memsize_of($wide) - (JSON.parse(ObjectSpace.dump($wide))["slot_size"] || 40), small: address[$small], shared: address[$shared])
  RUBY

  def self.known
    @known ||= begin
      out, err, status = Open3.capture3(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-rjson", "-e", PROGRAM, chdir: FOLDER)
      raise err unless status.success?

      JSON.parse(out)
    end
  end

  def known = CollectionsTest.known
  def dump(name = "c.json") = known && File.join(FOLDER, name)

  # [[elements, line]] of arrays or hashes, continuations counted.
  def counted(type)
    @lines ||= File.readlines(dump, chomp: true).map { |line| line.sub(/\A[\[,]/, "") }.reject { |line| line == "]" }
                   .map { |line| JSON.parse(line, max_nesting: 300) }
    more = @lines.select { |line| line["continues"].is_a?(Integer) }.group_by { |line| line["continues"] }
    @lines.select { |line| line["bt"] == type && line["id"].is_a?(Integer) }
          .map { |line| [line["val"].size + (more[line["id"]] || []).sum { |part| (part["val"] || []).size }, line] }
  end

  def test_totals
    result = json("collections", dump)
    { "arrays" => "T_ARRAY", "hashes" => "T_HASH" }.each do |name, type|
      expected = counted(type)
      sum = result[name]
      assert_equal expected.size, sum["count"], name
      assert_equal expected.sum { |_, line| line["size"] }, sum["bytes"], name
      assert_equal expected.sum(&:first), sum["elements"], name
      assert_equal expected.count { |elements,| elements.zero? }, sum["empty"], name
      assert_equal sum["count"], sum["fill"].sum { |fill| fill["count"] }, name
      assert_equal sum["unused"], sum["fill"].sum { |fill| fill["unused"] }, name
    end
  end

  def test_biggest_and_unused
    result = json("collections", "--limit", 0, dump)
    sizes = (counted("T_ARRAY") + counted("T_HASH")).map(&:first).sort.reverse
    assert_equal sizes, result["biggest"].map { |row| row["elements"] }
    assert_includes result["biggest"].first(2).map { |row| row["id"] }, known["big"] # the other one is the buffer it shares
    slack = result["most_unused"].find { |row| row["id"] == known["slack"] }
    assert_equal 1_000, slack["elements"]
    assert_equal (known["slack_size"] - known["slot"]) / 8, slack["places"], "places are what the memory has room for"
    assert_equal 8 * (slack["places"] - 1_000), slack["unused"]
    wide = result["most_unused"].find { |row| row["id"] == known["wide"] }
    assert_equal 100, wide["elements"]
    # 3.2 and later make its table smaller: 2^n places of 24 bytes, bins, which are less than another 2^n, and a head
    assert_equal known["wide_size"] / 24 >= 8192 ? 8192 : 256, wide["places"]
    assert_includes 24 * wide["places"]..48 * wide["places"], known["wide_size"]
    shared = result["biggest"].find { |row| row["id"] == known["shared"] }
    assert_equal [60_000, 60_000, 0], shared.values_at("elements", "places", "unused"), "a shared buffer is its owner's"
  end

  def test_holders_of_empty_ones
    result = json("collections", dump)
    assert_equal [120, "Article ivs.@tags"], result["arrays"]["empty_held_by"].find { |way| way["way"].include?("@tags") }.values_at("references", "way")
    assert_equal [120, "Article ivs.@votes"], result["hashes"]["empty_held_by"].find { |way| way["way"].include?("@votes") }.values_at("references", "way")
    out = text("collections", dump)
    assert_match(/120  Article ivs\.@tags/, out)
    assert_next("show", out)
  end

  def test_object_space
    result = json("collections", "--limit", 0, dump("theirs.json"))
    big = result["biggest"].find { |row| row["id"] == known["big"] }
    assert_equal 70_000, big["elements"]
    slack = result["most_unused"].find { |row| row["id"] == known["slack"] }
    assert_equal (known["slack_size"] - known["slot"]) / 8, slack["places"]
    assert_equal 100, result["biggest"].find { |row| row["id"] == known["wide"] }["elements"]
    assert_next("show", text("collections", dump("theirs.json")))
  end

  # As Ruby 4.0 has them: 3 of 4 places, 20 of 64 in two lines, none of 4, and what another library calls a set.
  SETS = <<~'LINES'
    [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"4.0.5","platform":"x86_64-linux","pid":1,"source":"self","heap":[100000,200000]}
    ,{"id":"_ROOTS_","global_variables":{"\\$app":100000}}
    ,{"id":100000,"bt":"T_OBJECT","class":100008,"size":40,"ivs":{"@a":100016,"@b":100024,"@c":100032,"@d":100040,"@e":100048}}
    ,{"id":100008,"bt":"T_CLASS","name":"Thing","size":520}
    ,{"id":100016,"bt":"T_DATA","size":144,"slot_size":80,"type_name":"set","capacity":4,"elements":[1,2,":three"]}
    ,{"id":100024,"bt":"T_DATA","size":1232,"slot_size":80,"type_name":"set","capacity":64,"elements":[1,2,3,4,5,6,7,8,9,10,11,12]}
    ,{"id":"100024+1","continues":100024,"offset":12,"elements":[13,14,15,16,17,18,19,100000]}
    ,{"id":100032,"bt":"T_DATA","size":144,"slot_size":80,"type_name":"set","capacity":4,"elements":[]}
    ,{"id":100040,"bt":"T_DATA","size":144,"slot_size":80,"type_name":"set","refs":[100000]}
    ,{"id":100048,"bt":"T_DATA","size":144,"slot_size":80,"type_name":"proc"}
    ,{"id":"_END_","objects":7,"references":9,"unreadable":0}
    ]
  LINES

  def test_sets
    file = File.join(FOLDER, "sets.json")
    File.write(file, SETS)
    assert_equal 0, run_tool("check", file).last
    result = json("collections", "--limit", 0, file)
    sum = result["sets"]
    assert_equal [3, 144 + 1232 + 144, 23, 1, 144, 72], sum.values_at("count", "bytes", "elements", "empty", "empty_bytes", "places")
    assert_equal 16 * (1 + 44) + 64, sum["unused"], "no more than there is outside of the slot"
    assert_equal [20, 3, 0], result["biggest"].map { |row| row["elements"] }
    assert_equal [100_024, 100_032, 100_016], result["most_unused"].map { |row| row["id"] }
    assert_equal "Thing ivs.@c", sum["empty_held_by"].first["way"]
    out = text("collections", file)
    assert_match(/^sets +3 +1\.5 kB +23 +1 +31\.9 % +784 B$/, out)
    assert_match(/ 0x186b8  Set /, out)
    refute_match(/^sets/, text("collections", dump), "none, not even a row")
  end

  # What Ruby itself says of them: a table of 2^n entries of 16 bytes, and bins above 16.
  def test_sets_of_a_ruby_that_has_them
    rubies = TestRubies::NAMED.select { |ruby| ruby.there? && ruby.extension? && `#{ruby.command} -e 'print RUBY_VERSION'` >= "4" }
    skip "no Ruby 4.0 is named in HEAP_DUMP_RUBIES" if rubies.empty?
    program = <<~RUBY
      %w[heap_dump objspace json].each { |name| require name }
      $sets = [Set.new, Set[1, "two", :three], Set.new(1..20), Set.new(1..1000), Class.new(Set).new([1]), Set[:a].compare_by_identity]
      $sets[3].delete_if { |n| n > 200 }
      HeapDump.dump(ARGV[0])
      puts JSON.generate($sets.map { |set| j = JSON.parse(ObjectSpace.dump(set)); [Integer(j["address"], 16), set.size, ObjectSpace.memsize_of(set) - j["slot_size"]] })
    RUBY
    rubies.each do |ruby|
      file = File.join(FOLDER, "sets-#{ruby.name}.json")
      out, err, status = Open3.capture3(ruby.command, "-I", File.join(ROOT, "lib"), "-I", ruby.extension, "-e", program, file)
      assert status.success?, err
      rows = json("collections", "--limit", 0, file)["biggest"].to_h { |row| [row["id"], row] }
      JSON.parse(out).each do |id, size, outside|
        assert_equal size, rows.fetch(id)["elements"]
        places = rows[id]["places"]
        assert_equal outside, 16 * places + (places > 16 ? (places > 128 ? 4 : 2) * places : 0), rows[id].inspect
        assert_equal 16 * (places - size), rows[id]["unused"]
      end
    end
  end

  def test_piped
    assert_equal json("collections", dump).except("file"), json("collections", "-", stdin: File.binread(dump)).except("file")
  end
end
