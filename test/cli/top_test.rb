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
