# frozen_string_literal: true

require_relative "helper"

class SummaryTest < Minitest::Test
  include CliTest

  def test_totals_are_those_of_the_dump
    result = json("summary", ours)
    assert_equal our_objects.size, result["objects"]
    assert_equal our_objects.sum { |object| object["size"] }, result["bytes"]
    types = result["types"].to_h { |row| [row["type"], [row["objects"], row["bytes"]]] }
    expected = our_objects.group_by { |object| object["bt"] }
                          .transform_values { |list| [list.size, list.sum { |object| object["size"] }] }
    assert_equal expected, types
    assert_equal File.size(ours), result["dump_bytes"]
    assert_equal facts[:pid], result["dump"]["pid"]
    assert_empty result["warnings"]
  end

  def test_object_space_dumps_too
    result = json("summary", object_space)
    objects = their_objects.select { |line| line["address"] && line["type"] != "SHAPE" }
    assert_equal "ObjectSpace", result["format"]
    assert_equal objects.size, result["objects"]
    assert_equal objects.sum { |line| line["memsize"] || 0 }, result["bytes"]
    assert_match(/references have no names/, result["warnings"].join)
  end

  def test_words
    out = text("summary", ours)
    assert_match(/^ruby +ruby #{Regexp.escape(facts[:ruby])}/, out)
    assert_match(/^process +pid #{facts[:pid]}: /, out)
    assert_match(/^heap +\d+ pages, [\d,]+ slots of 40 bytes/, out) if RUBY_VERSION < "3.2"
    assert_match(/^T_STRING +[\d,]+ +[\d.]+ [kM]?B/, out)
    assert_next("top", out)
    refute_includes out, "\e", "no colour but on a terminal"
  end

  def test_truncated
    path = File.join(FOLDER, "truncated.json")
    File.write(path, File.readlines(ours)[0...5000].join)
    assert_match(/truncated/, json("summary", path)["warnings"].join)
    assert_match(/^warning +the dump is truncated/, text("summary", path))
    assert_equal 4998, json("summary", path)["objects"]
  end

  def test_standard_input
    assert_equal json("summary", ours).merge("file" => "-"), json("summary", "-", stdin: File.binread(ours))
  end

  def test_what_is_no_dump
    path = File.join(FOLDER, "other.txt")
    ["hello\n", "", "\x00\xff" * 500].each do |bytes|
      File.binwrite(path, bytes)
      out, err, status = run_tool("summary", path)
      assert_equal [3, ""], [status, out], bytes
      assert_equal 1, err.lines.size
      out, _, status = run_tool("summary", "--json", path)
      assert_equal [3, 3], [status, JSON.parse(out)["status"]]
    end
    assert_equal 4, run_tool("summary", File.join(FOLDER, "missing.json"))[2]
  end

  def test_every_command_has_help_and_refuses_what_it_does_not_know
    %w[summary top show path].each do |command|
      out = text(command, "--help")
      assert_match(/\AUsage: heap_dump #{command} /, out)
      assert_equal out, text("help", command)
      assert_includes text("help"), command
      assert_equal 2, run_tool(command)[2]
      assert_equal 2, run_tool(command, "--colour", ours)[2]
      assert_equal 2, run_tool(command, ours, "0x10", "more")[2]
    end
  end
end
