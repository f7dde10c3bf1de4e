# frozen_string_literal: true

require_relative "helper"

class PathTest < Minitest::Test
  include CliTest

  def test_the_shortest_named_path
    path = json("path", ours, facts[:order])["paths"].fetch(0)
    assert_equal ["global_variables.$app", "ivs.@orders", "val[]"], path.map { |step| step["name"] }
    assert_equal ["Shop::Store", "Array", "Shop::Order"], path.map { |step| step["class"] }
    assert_equal facts.values_at(:app, :orders, :order), path.map { |step| step["id"] }
  end

  # A class is nearer by its objects, and data by a guess; neither is why it is there.
  def test_what_people_wrote_comes_first
    file = File.join(FOLDER, "dull.json")
    File.write(file, <<~JSON)
      [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.2","heap":[1000,2000]}
      ,{"id":"_ROOTS_","vm":[1000,1040],"static_data":[1240]}
      ,{"id":1000,"bt":"T_CLASS","size":40,"name":"Object","consts":{"Shop":1080}}
      ,{"id":1040,"bt":"T_DATA","class":1120,"size":40,"type_name":"VM","inferred":[1200]}
      ,{"id":1080,"bt":"T_MODULE","size":40,"name":"Shop","consts":{"Order":1120}}
      ,{"id":1120,"bt":"T_CLASS","size":40,"name":"Shop::Order","super":1160,"ivs":{"@all":1200}}
      ,{"id":1160,"bt":"T_CLASS","size":40,"name":"Shop::Base"}
      ,{"id":1200,"bt":"T_ARRAY","size":40,"val":[1240]}
      ,{"id":1240,"bt":"T_ARRAY","size":40,"val":[]}
      ,{"id":"_END_","objects":7,"references":9,"unreadable":0}
      ]
    JSON
    names = ->(id, *words) { json("path", "--no-index", file, id, *words)["paths"].map { |path| path.map { |step| step["name"] } } }
    assert_equal [["vm", "consts.Shop", "consts.Order"]], names.(1120)
    assert_equal [["vm", "consts.Shop", "consts.Order", "super"]], names.(1160)
    assert_equal ["vm", "consts.Shop", "consts.Order", "ivs.@all"], names.(1200)[0]
    assert_equal ["vm", "consts.Shop", "consts.Order", "ivs.@all", "val[]"], names.(1240)[0]
    assert_equal [names.(1120)[0], %w[vm class]], names.(1120, "--all", 5)
    assert_equal [names.(1240)[0], ["static_data"]], names.(1240, "--all", 5)
  end

  def test_words
    out = text("path", ours, facts[:order])
    assert_includes out, "global_variables.$app → Shop::Store → ivs.@orders → Array → val[] → Shop::Order " \
                         "#{hex(facts[:order])}\n"
    assert_match(/^  val\[\] +Shop::Order +#{facts[:order]} #{hex(facts[:order])} /, out)
    assert_next("show", out)
  end

  # Every step of every path is a reference of the dump.
  def test_more_paths_step_by_step
    paths = json("path", object_space, facts[:shared], "--all", 10)["paths"]
    assert_operator paths.size, :>=, 2
    assert_equal paths.size, paths.map { |path| path[-2]["id"] }.uniq.size
    assert_equal paths.map(&:size).sort, paths.map(&:size)
    by_address = their_objects.to_h { |line| [line["address"], line] }
    roots = their_objects.select { |line| line["type"] == "ROOT" }.flat_map { |line| line["references"] || [] }
    paths.each do |path|
      assert_includes roots, path.first["hex"]
      path.each_cons(2) do |from, to|
        object = by_address.fetch(from["hex"])
        assert_includes [object["class"], *object["references"]], to["hex"]
      end
      assert_equal facts[:shared], path.last["id"]
    end
  end

  def test_a_class_as_one_tree
    result = json("path", ours, "Shop::Order")
    assert_equal ["Shop::Order", ORDERS, ORDERS], result.values_at("class", "objects", "reached")
    steps = result["steps"]
    assert_equal ORDERS, steps.sum { |step| step["ends"] }
    assert_equal ORDERS, steps.select { |step| step["parent"].zero? }.sum { |step| step["members"] }
    store = steps.find { |step| step["name"] == "global_variables.$app" }
    assert_equal "Shop::Store", store["sample"]["class"]
    assert_operator store["members"], :>=, ORDERS - 1
  end

  def test_a_class_in_words
    out = text("path", ours, "Shop::Order")
    assert_match(/\A300 objects of class Shop::Order, 300 of them reached from a root$/, out)
    assert_includes out, "global_variables.$app → Shop::Store → ivs.@orders → Array → val[] → Shop::Order\n"
    assert_next("path", out)
    # big trees are cut, and it is said
    out = text("path", ours, "String", "--limit", 5)
    assert_equal 5, out.lines.count { |line| line.include?(" → ") }
    assert_match(/--limit 0/, out)
    assert_operator text("path", ours, "String", "--limit", 0).lines.size, :>, 20
  end

  # A weak reference is a path only where nothing else leads there, and never with --exclude-weak.
  def test_weak_references
    path = File.join(FOLDER, "weak.json")
    File.write(path, <<~DUMP)
      [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,8192]}
      ,{"id":"_ROOTS_","vm":[4096]}
      ,{"id":4096,"bt":"T_ARRAY","size":40,"refs_weak":[4136],"val":[]}
      ,{"id":4136,"bt":"T_OBJECT","size":40,"ivs":{}}
      ,{"id":"_END_","objects":2,"references":2,"unreadable":0}
      ]
    DUMP
    steps = json("path", path, 4136)["paths"].fetch(0)
    assert_equal [false, true], steps.map { |step| step["weak"] }
    assert_match(/\(weak\)/, text("path", path, 4136))
    assert_empty json("path", path, 4136, "--exclude-weak")["paths"]
    assert_match(/nothing keeps it alive/, text("path", path, 4136, "--exclude-weak"))
  end

  def test_no_such_thing
    [["Shop::Ghost", /no objects of a class Shop::Ghost/], ["0x10", /no object with the id/]].each do |what, sentence|
      out, err, status = run_tool("path", ours, what)
      assert_equal [2, ""], [status, out]
      assert_match(sentence, err)
    end
    assert_equal 2, run_tool("path", ours)[2]
    assert_equal 2, run_tool("path", ours, "String", "--all", "0")[2]
  end
end
