# frozen_string_literal: true

require_relative "helper"

class TopTest < Minitest::Test
  include CliTest

  def row(result, name) = result["rows"].find { |row| row["class"] == name }

  def test_counts_and_sizes_of_classes
    result = json("top", ours, "--limit", 0)
    id = our_objects.find { |object| object["bt"] == "T_CLASS" && object["name"] == "Shop::Order" }["id"]
    orders = our_objects.select { |object| object["class"] == id && object["bt"] == "T_OBJECT" }
    assert_equal ORDERS, orders.size
    order = row(result, "Shop::Order")
    assert_equal [ORDERS, orders.sum { |object| object["size"] }], order.values_at("count", "size")
    assert_operator order["retained"], :>, order["size"]
    assert_equal our_objects.size, result["rows"].sum { |row| row["count"] }
    assert_equal our_objects.sum { |object| object["size"] }, result["rows"].sum { |row| row["size"] }
    assert_nil row(result, "Shop::Ghost")
  end

  def test_sorting_and_limit
    { "retained" => "retained", "size" => "size", "count" => "count" }.each do |sort, field|
      values = json("top", ours, "--sort", sort, "--limit", 0)["rows"].map { |row| row[field] }
      assert_equal values.sort.reverse, values
      assert_equal values.first(3), json("top", ours, "--sort", sort, "--limit", 3)["rows"].map { |row| row[field] }
    end
  end

  # What goes when all of them go, found by going everywhere without them.
  def test_exact_retained_size_of_a_class
    id = their_objects.find { |line| line["type"] == "CLASS" && line["name"] == "Shop::Order" }["address"]
    orders = their_objects.select { |line| line["class"] == id && line["type"] == "OBJECT" }
    assert_equal ORDERS, orders.size
    sum = ->(objects) { objects.sum { |line| line["memsize"] || 0 } }
    expected = sum[reached] - sum[reached(*orders.map { |line| line["address"] })]
    exact = row(json("top", object_space, "--limit", 0, "--exact"), "Shop::Order")
    assert_equal [ORDERS, expected], exact.values_at("count", "retained")
    plain = row(json("top", object_space, "--limit", 0), "Shop::Order")
    assert_includes plain["size"]..expected, plain["retained"]
  end

  # A list each link of which has a class of its own: all that are above it retain it, which are too many to
  # be worked out together.
  def test_exact_of_a_tangled_heap
    count = 4000
    path = File.join(CliTest::FOLDER, "tangled.json")
    size = ->(i) { 40 + i % 7 * 8 }
    File.open(path, "w") do |file|
      file << %({"type":"ROOT","root":"vm","references":["0x100000"#{count.times.map { |i| format(',"0x%x"', 0x800000 + i * 40) }.join}]}\n)
      count.times do |i|
        file << format(%({"address":"0x%x","type":"OBJECT","class":"0x%x","references":[%s],"memsize":%d}\n), 0x100000 + i * 40, 0x800000 + i * 40,
                       i + 1 < count ? format('"0x%x"', 0x100000 + (i + 1) * 40) : "", size[i])
        file << format(%({"address":"0x%x","type":"CLASS","name":"Link%d","memsize":64}\n), 0x800000 + i * 40, i)
      end
    end
    rest = (0...count).map(&size).reverse.inject([0]) { |sums, bytes| sums << sums.last + bytes }.reverse
    [[], ["--no-index"], []].each do |words|
      rows = json("top", path, "--exact", "--limit", 40, *words)["rows"]
      assert_equal (0...39).map { |i| ["Link#{i}", rest[i]] }, rows.reject { |row| row["class"] == "Class" }.map { |row| row.values_at("class", "retained") }
      assert_equal [["T_CLASS", count * 64], ["T_OBJECT", rest[0]]], json("top", path, "--by", "type", "--exact", *words)["rows"].map { |row| row.values_at("type", "retained") }
    end
  end

  def test_by_type
    result = json("top", object_space, "--by", "type", "--sort", "count", "--limit", 0)
    expected = their_objects.select { |line| line["address"] && line["type"] != "SHAPE" }
                            .group_by { |line| "T_#{line["type"]}" }.transform_values(&:size)
    assert_equal expected, result["rows"].to_h { |row| [row["type"], row["count"]] }
  end

  def test_words
    out = text("top", ours)
    assert_match(/\A *retained +share +size +count +class$/, out)
    assert_match(/^… [\d,]+ more rows/, out)
    assert_next("(path|summary)", out)
    assert_equal 22, text("top", ours, "--limit", 19).lines.size - 1
  end

  def test_wrong_values
    [%w[--by colour], %w[--sort name], %w[--limit many], %w[--limit -1]].each do |words|
      out, err, status = run_tool("top", ours, *words)
      assert_equal [2, ""], [status, out]
      assert_match(/--help/, err)
    end
  end
end
