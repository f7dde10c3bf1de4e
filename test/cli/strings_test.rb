# frozen_string_literal: true

# `heap_dump strings`: every number against a count of the dump's own lines, made here without the library.
require_relative "helper"

class StringsTest < Minitest::Test
  include CliTest

  PROGRAM = <<~RUBY
    require "heap_dump"
    require "objspace"
    class Planted; def initialize(number) = (@state = "a state that is planted " + "again"; @note = "note " + number.to_s * 20); end
    $planted = 250.times.map { |number| Planted.new(number) }
    $frozen = 40.times.map { ("frozen but not shared " + "x").freeze }
    $binary = 30.times.map { [255, 254, 0, 128, 7].pack("C*") * 9 }
    $encodings = ["same bytes, other encoding".dup.force_encoding("UTF-8"), "same bytes, other encoding".dup.force_encoding("ISO-8859-1")]
    $long = [("l" * 5000), ("l" * 5000), ("l" * 5000) + "r"]
    $hostile = 5.times.map { "\\e[31m\\u202Ehidden\\r\\n" + "text" }
    HeapDump.dump("strings.json")
    HeapDump.dump("redacted.json", redact: true)
    File.open("strings_objspace.json", "w") { |file| ObjectSpace.dump_all(output: file) }
  RUBY

  def self.dumps
    @dumps ||= begin
      out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", PROGRAM, chdir: FOLDER)
      raise out unless status.success?

      FOLDER
    end
  end

  def dump(name) = File.join(StringsTest.dumps, name)

  def lines(name)
    File.readlines(dump(name), chomp: true, encoding: "UTF-8").map { |line| line.scrub.sub(/\A[\[,]/, "") }
        .reject { |line| line == "]" || line.empty? }.map { |line| JSON.parse(line, max_nesting: 300) }
  end

  # Groups of equal strings of our dump: contents as the dump has them, length and encoding.
  def groups(name)
    strings = lines(name).select { |line| line["bt"] == "T_STRING" && !line["garbage"] }
    strings.group_by { |line| [line["val"] || line["val_base64"] || line["val_hash"], line.key?("val_base64"), line["bytesize"], line["encoding"]] }
  end

  def waste(group)
    kept = group.max_by { |line| [line["fstring"] ? 1 : 0, line["size"]] }
    group.sum { |line| line["size"] } - kept["size"]
  end

  def check_totals(name)
    result = json("strings", "--limit", 0, dump(name))
    expected = groups(name).values
    assert_equal expected.sum(&:size), result["strings"]["count"]
    assert_equal expected.flatten.sum { |line| line["size"] }, result["strings"]["bytes"]
    several = expected.select { |group| group.size > 1 }
    assert_equal several.size, result["total"]
    assert_equal several.sum { |group| group.size - 1 }, result["copies"]["count"]
    assert_equal several.sum { |group| waste(group) }, result["copies"]["bytes"]
    assert_equal several.map { |group| [waste(group), group.size] }.sort, result["duplicates"].map { |row| row.values_at("wasted", "count") }.sort
    result
  end

  def test_every_group_of_our_dump
    result = check_totals("strings.json")
    by_text = result["duplicates"].to_h { |row| [row["beginning"], row] }
    assert_equal 250, by_text["a state that is planted again"]["count"]
    assert_match(/\APlanted ivs\.@state\z/, by_text["a state that is planted again"]["held_by"][0]["way"])
    assert_equal 250, by_text["a state that is planted again"]["held_by"][0]["references"]
    assert_equal 40, by_text["frozen but not shared x"]["frozen"]
    same = by_text["same bytes, other encoding"]
    equal = lines("strings.json").count { |line| line["val"] == "same bytes, other encoding" && line["encoding"] == "UTF-8" }
    assert_equal equal, same["count"], "the one of another encoding is not equal"
    assert_includes [2, 4], equal, "the literal and its copy; in 3.2 each copy shares the bytes of a hidden one"
    long = result["duplicates"].find { |row| row["bytesize"] == 5000 && row["beginning"].start_with?("lll") }
    assert_equal [2, true], long.values_at("count", "by_prefix")
    binary = result["duplicates"].find { |row| row["form"] == "base64" && row["bytesize"] == 45 }
    assert_equal 30, binary["count"]
    sizes = lines("strings.json").select { |line| line["bt"] == "T_STRING" }.map { |line| line["size"] }.sort.reverse
    assert_equal sizes, result["biggest"].map { |row| row["size"] }
  end

  def test_ways_are_in_the_dump
    result = json("strings", "--limit", 5, dump("strings.json"))
    row = result["duplicates"].find { |duplicate| duplicate["beginning"] == "a state that is planted again" }
    ids = lines("strings.json").select { |line| line.dig("ivs", "@state") == row["kept"]["id"] }
    assert_equal 5, result["duplicates"].size
    assert_operator ids.size, :>=, 0
    held = lines("strings.json").count { |line| line["ivs"]&.key?("@state") }
    assert_equal 250, held
  end

  def test_redacted_dump_tells_copies_but_no_contents
    result = check_totals("redacted.json")
    assert(result["duplicates"].find { |row| row["count"] == 250 && row["form"] == "hash" })
    text = text("strings", dump("redacted.json"))
    refute_match(/planted again/, text)
    assert_match(/redacted/, text)
  end

  def test_object_space
    all = lines("strings_objspace.json").select { |line| line["type"] == "STRING" }
    result = json("strings", "--limit", 0, dump("strings_objspace.json"))
    assert_operator result["strings"]["count"], :<=, all.size
    row = result["duplicates"].find { |duplicate| duplicate["beginning"] == "a state that is planted again" }
    assert_equal 250, row["count"]
    unknown = all.reject { |line| line.key?("value") }
    assert_operator result["unknown"]["count"], :<=, unknown.size
    assert_operator result["unknown"]["count"], :>=, 30 # the binary ones
    assert_match(/could not be compared: the dump does not have their contents/, text("strings", dump("strings_objspace.json")))
  end

  def test_compressed_and_piped_dumps_say_the_same
    plain = json("strings", dump("strings.json"))
    piped = json("strings", "-", stdin: File.binread(dump("strings.json")))
    zipped = json("strings", "-", stdin: IO.popen(["gzip", "-c", dump("strings.json")], "rb", &:read))
    assert_equal plain.except("file"), piped.except("file")
    assert_equal plain.except("file"), zipped.except("file")
  end

  def test_text_for_people
    out = text("strings", dump("strings.json"))
    assert_match(/^ *[\d.]+ kB +[\d,]+  strings that are reachable$/, out)
    assert_match(/"a state that is planted again" +Planted ivs\.@state/, out)
    refute_match(/[\e\u202E\r]/, out)
    assert_next("path", out)
    assert_match(/… [\d,]+ more \(--limit 0 prints all\)/, out)
  end

  def test_changed_meanwhile_and_bad_files
    out, err, status = run_tool("strings", File.join(FOLDER, "none.json"))
    assert_equal ["", 4], [out, status]
    assert_equal 1, err.lines.size
    assert_equal 3, run_tool("strings", "-", stdin: "no dump\n")[2]
  end
end
