# frozen_string_literal: true

require_relative "helper"
require_relative "tree_helper"

class TreeTest < Minitest::Test
  include CliTest
  include TreeDumps

  ALL = ["--depth", 0, "--min", 0, "--limit", 0].freeze

  def without_classes(result) = result["rows"].reject { |row| row["sample"]["class"] == "Class" }
  def children(result) = result["rows"].group_by { |row| row["parent"] }

  # Of every row: what it retains is its own, what is too deep or folded, and its children's.
  def assert_adds_up(result)
    children = children(result)
    result["rows"].each do |row|
      below = (children[row["row"]] || []).sum { |child| child["retained"] }
      assert_equal row["retained"], row["self"] + row["deeper"]["bytes"] + row["folded"]["bytes"] + below, row
    end
  end

  def test_sums_add_up_at_every_cut
    [ALL, [], ["--depth", 1], ["--depth", 3, "--min", "0.1%"], ["--limit", 7], ["--min", "100kB", "--depth", 0]].each do |words|
      [ours, object_space].each do |file|
        result = json("tree", file, *words)
        assert_adds_up(result)
        assert_equal result["reachable_bytes"], result["rows"][0]["retained"]
      end
    end
  end

  def test_everything_is_in_it_once
    objects, bytes = reached_in(ours)
    result = json("tree", ours, *ALL)
    assert_equal bytes, result["rows"][0]["retained"]
    assert_equal bytes, result["rows"].sum { |row| row["self"] }
    assert_equal objects, result["rows"].sum { |row| row["count"] }
    assert_equal result["total"], result["rows"].size
    assert_equal [0], result["rows"].map { |row| row["folded"]["groups"] + row["deeper"]["objects"] }.uniq
    # and in ObjectSpace's dump
    result = json("tree", object_space, *ALL)
    assert_equal reached.sum { |line| line["memsize"] || 0 }, result["rows"].sum { |row| row["self"] }
    assert_equal reached.size, result["rows"].sum { |row| row["count"] }
  end

  # What would go without an object, found by going everywhere without it.
  def test_from_an_object
    sum = ->(objects) { objects.sum { |line| line["memsize"] || 0 } }
    retained = sum[reached] - sum[reached(hex(facts[:app]))]
    result = json("tree", object_space, facts[:app], *ALL)
    assert_equal retained, result["rows"][0]["retained"]
    assert_equal retained, result["rows"].sum { |row| row["self"] }
    assert_adds_up(result)
  end

  def test_groups_have_names
    rows = json("tree", ours, facts[:app], *ALL)["rows"]
    assert_equal [[nil, "Shop::Store", 1], ["ivs.@orders", "Array", 1], ["val[]", "Shop::Order", ORDERS - 1],
                  ["ivs.@lines", "Array", ORDERS - 1], ["val[]", "String", ORDERS - 1]],
                 rows.first(5).map { |row| [row["name"], row["sample"]["class"], row["count"]] }
    assert_equal (0..4).to_a, rows.first(5).map { |row| row["depth"] }
    # siblings by size
    children(json("tree", ours, *ALL)).each_value do |siblings|
      sizes = siblings.map { |row| row["retained"] }
      assert_equal sizes.sort.reverse, sizes
    end
  end

  # The first order is in $pair, too: neither array alone keeps it alive.
  def test_what_several_ways_lead_to
    rows = json("tree", ours, *ALL)["rows"]
    shared = rows.find { |row| row["several_ways"] && row["sample"]["id"] == facts[:shared] }
    assert_equal [0, "Array"], [shared["parent"], shared.dig("via", "class")]
    assert_match(/… Array → val\[\] → Shop::Order$/, text("tree", ours, "--depth", 1, "--min", 0, "--limit", 0))
  end

  def test_words
    out = text("tree", ours, facts[:app])
    assert_match(/\A *retained +share +self +count +by what retains it$/, out)
    assert_match(/^ *\d+\.\d kB +100\.0 % +\d+ B +1  Shop::Store$/, out)
    assert_match(/ 299      val\[\] → Shop::Order$/, out)
    assert_next("(path|tree)", out)
    # folded rows: objects and bytes of what is not listed
    result = json("tree", ours, "--limit", 5)
    out = text("tree", ours, "--limit", 5)
    assert_equal 6, result["rows"].size
    objects, groups = result["rows"][0]["folded"].values_at("objects", "groups").map { |n| n.to_s.gsub(/(?<=\d)(?=(\d{3})+$)/, ",") }
    assert_match(/ #{objects}  +… #{groups} more$/, out)
    assert_match(/The 5 biggest groups are listed/, out)
  end

  def test_the_next_command_goes_deeper
    out = text("tree", ours, facts[:app], "--depth", 1)
    assert_match(/\Anext: heap_dump tree \S+ #{hex(facts[:orders])}\n\z/, out.lines.last)
  end

  def test_lists_are_one_row
    rows = without_classes(json("tree", list(50_000), *ALL))
    # the first link is referred to by another name than the others
    assert_equal [[nil, 0], ["global_variables.$list", 1], ["ivs.@next", 49_999]], rows.map { |row| row.values_at("name", "count") }
    assert_equal 40 * 50_001, rows[0]["retained"]
  end

  def test_levels_that_repeat_are_one_row_each
    result = json("tree", levels(50_000), *ALL)
    assert_equal [[nil, 0], ["global_variables.$list", 1], ["ivs.@children", 25_000], ["val[]", 24_999]],
                 without_classes(result).map { |row| row.values_at("name", "count") }
    assert_equal (25_000 * 40) + (25_000 * 48) + 40, result["rows"][0]["retained"]
    assert_adds_up(result)
  end

  # Keys of a small hash are names; of a big one they only tell which entry it is.
  def test_entries_of_big_hashes_are_one_row
    { 3 => ["val.:k0", "val.:k1", "val.:k2"], 100 => ["val{}"] }.each do |count, names|
      path = File.join(FOLDER, "hash-#{count}.json")
      entries = Array.new(count) { |i| %(":k#{i}":#{8192 + (i * 40)}) }
      lines = [%([{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,65536]}),
               %(,{"id":"_ROOTS_","vm":[4096]}), %(,{"id":4096,"bt":"T_HASH","size":40,"val":{#{entries.join(",")}}}),
               *Array.new(count) { |i| %(,{"id":#{8192 + (i * 40)},"bt":"T_ARRAY","size":40,"val":[]}) },
               %(,{"id":"_END_","objects":#{count + 1},"references":#{count + 1},"unreadable":0}), "]"]
      File.write(path, lines.join("\n") << "\n")
      rows = json("tree", path, *ALL)["rows"].select { |row| row["depth"] == 2 }
      assert_equal [names, count], [rows.map { |row| row["name"] }.sort, rows.sum { |row| row["count"] }]
    end
  end

  # From the first row on, by what is above: depth, names and objects.
  def by_way(result)
    ways = []
    result["rows"].to_h do |row|
      ways << [*(ways[row["parent"]] if row["parent"]), row.values_at("name", "via").push(row["sample"]["id"])]
      [ways.last, row]
    end
  end

  # Fewer levels are a part of all: each group says the same, and what is too deep is what was below.
  def test_a_group_is_the_same_at_every_depth
    [ours, object_space, levels(1000), winding(200)].each do |file|
      all = by_way(json("tree", file, *ALL))
      [1, 2, 3, 5].each do |depth|
        part = by_way(json("tree", file, *ALL, "--depth", depth))
        assert_equal all.keys.select { |way| way.size <= depth + 1 }, part.keys
        deeper = all.select { |way, _| way.size > depth + 1 }.group_by { |way, _| way.first(depth + 1) }
        part.each do |way, row|
          below = (deeper[way] || []).map(&:last)
          assert_equal [below.sum { |one| one["count"] }, below.sum { |one| one["self"] }], row["deeper"].values_at("objects", "bytes")
          assert_equal all[way].except("row", "parent", "deeper"), row.except("row", "parent", "deeper")
        end
      end
    end
  end

  # What repeats is counted at the first one, however few levels are asked for.
  def test_levels_that_repeat_below_the_last_one
    rows = without_classes(json("tree", levels(1000), *ALL, "--depth", 2))
    assert_equal [[nil, 0, 0], ["global_variables.$list", 1, 0], ["ivs.@children", 500, 499]],
                 rows.map { |row| [*row.values_at("name", "count"), row["deeper"]["objects"]] }
  end

  def test_deep_trees
    result = json("tree", winding(20_000), *ALL)
    assert_equal 20_001, without_classes(result).size
    assert_adds_up(result)
    result = json("tree", winding(20_000), "--depth", 4)
    assert_equal [19_996, 19_996 * 40], without_classes(result).last["deeper"].values_at("objects", "bytes")
    text("tree", winding(2000), "--depth", 0, "--limit", 0, "--min", 0)
  end

  def test_what_no_root_leads_to
    path = File.join(FOLDER, "garbage.json")
    File.write(path, <<~DUMP)
      [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,8192]}
      ,{"id":"_ROOTS_","vm":[4096]}
      ,{"id":4096,"bt":"T_ARRAY","size":40,"val":[]}
      ,{"id":4136,"bt":"T_ARRAY","size":48,"val":[]}
      ,{"id":"_END_","objects":2,"references":1,"unreadable":0}
      ]
    DUMP
    assert_match(/\ANo root leads to this object/, text("tree", path, 4136))
    refute json("tree", path, 4136)["reachable"]
    assert_equal 40, json("tree", path)["rows"][0]["retained"]
  end

  def test_hostile_names
    out = text("tree", hostile, *ALL)
    refute_match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, out)
    assert_match(/ivs\.@Evil;\?\[2J\?+ \? x 12 → Node$/, out)
    assert_equal "ivs.@Evil;\e[2J\u202e \n x 12", json("tree", hostile, *ALL)["rows"].find { |row| row["depth"] == 2 }["name"]
  end

  def test_wrong_values
    [["--min", "much"], ["--min", "101%"], ["--depth", "deep"], ["0x10"], ["Shop::Order"]].each do |words|
      out, err, status = run_tool("tree", ours, *words)
      assert_equal [2, ""], [status, out], words
      refute_empty err
    end
    assert_equal 4, run_tool("tree", File.join(FOLDER, "none.json"))[2]
    assert_equal 3, run_tool("tree", __FILE__)[2]
  end
end
