# frozen_string_literal: true

# `heap_dump collections`: every number against the dump's own lines, and capacities against what the program knows.
require_relative "helper"

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
                       slot: JSON.parse(ObjectSpace.dump($slack))["slot_size"] || 40, small: address[$small], shared: address[$shared])
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
    assert_operator wide["places"], :>=, 5_000
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

  def test_piped
    assert_equal json("collections", dump).except("file"), json("collections", "-", stdin: File.binread(dump)).except("file")
  end
end
