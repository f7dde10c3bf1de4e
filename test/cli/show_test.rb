# frozen_string_literal: true

require_relative "helper"

class ShowTest < Minitest::Test
  include CliTest

  def test_an_object_with_its_neighbours
    app = json("show", ours, facts[:app])
    assert_equal ["Shop::Store", "T_OBJECT", facts[:app]], app.values_at("class", "type", "id")
    assert_equal our_objects.find { |object| object["id"] == facts[:app] }, app["object"]
    references = app["references"].to_h { |edge| [edge["name"], edge["id"]] }
    assert_equal facts[:orders], references["ivs.@orders"]
    assert_equal facts[:store_class], references["class"]
    assert_equal "Shop::Store", app["references"].find { |edge| edge["name"] == "class" }["label"]
    assert_includes app["referrers"], { "name" => "global_variables.$app", "weak" => false, "root" => true }
    assert_equal({ "root" => true }, app["dominator"])
  end

  def test_the_dominator
    assert_equal facts[:orders], json("show", ours, facts[:order])["dominator"]["id"]
    refute_equal facts[:orders], json("show", ours, facts[:shared])["dominator"]["id"] # $pair holds it, too
  end

  def test_decimal_and_hexadecimal_ids
    assert_equal json("show", ours, facts[:app]), json("show", ours, hex(facts[:app]))
    assert_equal json("show", ours, facts[:app]), json("show", ours, hex(facts[:app]).upcase.sub("X", "x"))
  end

  # The definition of a retained size, tried: what is reached with the object, less what is reached without it.
  def test_retained_sizes_are_what_would_go
    sum = ->(objects) { objects.sum { |object| object["memsize"] || 0 } }
    all = sum[reached]
    %i[app orders order shared].each do |name|
      shown = json("show", object_space, facts[name])
      assert_equal all - sum[reached(hex(facts[name]))], shown["retained"], name
    end
  end

  def test_limit
    shown = json("show", ours, facts[:orders], "--limit", 7)
    assert_equal 7, shown["references"].size
    assert_operator shown["reference_count"], :>=, ORDERS
    assert_equal shown["reference_count"], json("show", ours, facts[:orders], "--limit", 0)["references"].size
  end

  def test_words
    out = text("show", ours, facts[:app])
    assert_match(/\AShop::Store #{facts[:app]} #{hex(facts[:app])}$/, out)
    assert_match(/^  dominator +\(root\) itself/, out)
    assert_match(/^ +@orders +#{facts[:orders]}$/, out)
    assert_match(/^  ivs\.@orders +Array +#{facts[:orders]} #{hex(facts[:orders])} +[\d.]+ k?B +[\d.]+ k?B$/, out)
    assert_match(/^  global_variables\.\$app +\(root\)/, out)
    assert_next("path", out)
  end

  def test_object_space_and_standard_input
    out = text("show", object_space, facts[:order])
    assert_match(/^Shop::Order /, out)
    assert_match(/^ +address +"#{hex(facts[:order])}"$/, out)
    shown = json("show", "-", facts[:order], stdin: File.binread(ours))
    assert_equal facts[:order], shown["id"]
    refute shown.key?("object")
  end

  def test_compressed
    packed = File.join(FOLDER, "packed.gz")
    assert system("gzip", "-c", ours, out: packed)
    assert_equal json("show", ours, facts[:order]).merge("file" => packed), json("show", packed, facts[:order])
  end

  def test_no_such_object
    { "1" => /no object with the id 1/, "0x10" => /no object/, "Order" => /not an id/, "0" => /no object/,
      "99999999999999999999999" => /not an id/, "0x" => /not an id/ }.each do |id, sentence|
      _, err, status = run_tool("show", ours, id)
      assert_equal 2, status
      assert_match(sentence, err)
    end
  end
end
