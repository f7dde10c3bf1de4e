# frozen_string_literal: true

require_relative "helper"
require_relative "tree_helper"
require "zlib"

class FlameTest < Minitest::Test
  include CliTest
  include TreeDumps

  def without_classes(stacks) = stacks.reject { |frames,| frames.last == "vm→Class_Node" }

  # {[frame, …] => number}, read as strictly as the format allows.
  def stacks(*words, **options)
    out, err, status = run_tool("flame", *words, **options)
    assert_equal 0, status, err
    parse(out)
  end

  def parse(text)
    assert text.valid_encoding?
    text.each_line.with_object(Hash.new(0)) do |line, all|
      assert_match(/\A[^ ;\u0000-\u001f]+(;[^ ;\u0000-\u001f]+)* [1-9]\d*\n\z/, line)
      frames, number = line.split
      all[frames.split(";")] += Integer(number)
    end
  end

  def test_the_total_is_what_is_reachable
    objects, bytes = reached_in(ours)
    assert_equal bytes, stacks(ours).values.sum
    assert_equal objects, stacks(ours, "--count").values.sum
    assert_equal reached.sum { |line| line["memsize"] || 0 }, stacks(object_space).values.sum
    assert_equal reached.size, stacks(object_space, "--count").values.sum
  end

  def test_folding_keeps_the_total
    bytes = stacks(ours).values.sum
    [["--min", "1%"], ["--min", "10kB"], ["--depth", 2], ["--depth", 1, "--min", "5%"], ["--depth", 0]].each do |words|
      assert_equal bytes, stacks(ours, *words).values.sum, words
    end
    assert_equal stacks(ours, "--count").values.sum, stacks(ours, "--count", "--min", "1%").values.sum
    few = stacks(ours, "--min", "1%")
    assert_operator few.size, :<, 200
    assert_includes few.keys.map(&:last), "(smaller)"
    assert_operator stacks(ours, "--depth", 2).keys.map(&:size).max, :<=, 3
    assert_includes stacks(ours, "--depth", 2).keys.map(&:last), "(deeper)"
  end

  def test_frames_have_names
    under = stacks(ours, facts[:app])
    chain = %w[Shop::Store ivs.@orders→Array val[]→Shop::Order ivs.@lines→Array val[]→String]
    assert_equal (1..5).map { |count| chain.first(count) }, under.keys.select { |frames| frames == chain.first(frames.size) }
    assert_equal ORDERS - 1, stacks(ours, facts[:app], "--count")[chain]
    # the width of a frame is what it retains
    width = under.sum { |frames, bytes| frames.first(2) == chain.first(2) ? bytes : 0 }
    assert_equal json("show", ours, facts[:orders])["retained"], width
  end

  def test_lists_and_levels
    assert_equal({ %w[global_variables.$list→Node] => 40, %w[global_variables.$list→Node ivs.@next→Node] => 40 * 49_999 },
                 without_classes(stacks(list(50_000))))
    found = without_classes(stacks(levels(50_000)))
    assert_equal [40, 25_000 * 48, 24_999 * 40].sort, found.values.sort
    assert_equal 3, found.keys.map(&:size).max
    found = without_classes(stacks(winding(20_000)))
    assert_equal 20_000 * 40, found.values.sum
    assert_equal 101, found.keys.map(&:size).max
    assert_equal 19_900 * 40, found[found.keys.find { |frames| frames.last == "(deeper)" }]
  end

  def test_hostile_names
    frame = stacks(hostile).keys.max_by(&:size).last
    assert_equal "ivs.@Evil,?[2J???_?_x_12→Node", frame
  end

  def test_to_a_file
    path = File.join(FOLDER, "stacks.txt")
    out = text("flame", ours, "-o", path)
    assert_next("tree", out)
    assert_equal stacks(ours), parse(File.read(path, encoding: "UTF-8"))
    text("flame", ours, "-o", "#{path}.gz")
    assert_equal stacks(ours), parse(Zlib.gunzip(File.binread("#{path}.gz")).force_encoding("UTF-8"))
    _, err, status = run_tool("flame", ours, "-o", File.join(FOLDER, "none/stacks.txt"))
    assert_equal 4, status
    assert_match(/none/, err)
  end

  def test_from_standard_input
    assert_equal stacks(ours), stacks("-", stdin: File.binread(ours))
  end

  def test_wrong_values
    [["--min", "x"], ["--depth", "x"], ["0x10"]].each { |words| assert_equal 2, run_tool("flame", ours, *words)[2] }
    assert_equal 3, run_tool("flame", __FILE__)[2]
  end
end
