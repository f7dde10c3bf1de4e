# frozen_string_literal: true

# `heap_dump find`: every condition, alone and together, against a choice of the dump's own lines made here.
require_relative "helper"

class FindTest < Minitest::Test
  include CliTest

  PROGRAM = <<~'RUBY'
    require "heap_dump"
    require "objspace"
    module Shop
      class Order; def initialize(number) = (@number = number; @mail = "customer#{number}@example.com"); end
      class Draft < Order; end
    end
    $orders = 80.times.map { |number| Shop::Order.new(number) } + 5.times.map { |number| Shop::Draft.new(1000 + number) }
    $long = "x" * 9000 + "needle"
    $beginning = "needle" + "y" * 9000
    $binary = [0, 255, 1, 254].pack("C*") + "needle in binary"
    $broken = "needle in broken \xff".dup.force_encoding("UTF-8")
    $lines = "first\nneedle on the second"
    $regexp = /needle+/
    HeapDump.dump("find.json")
    HeapDump.dump("find_redacted.json", redact: true)
    File.open("find_theirs.json", "w") { |file| ObjectSpace.dump_all(output: file) }
  RUBY

  def self.folder
    @folder ||= begin
      out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", PROGRAM, chdir: FOLDER)
      raise out unless status.success?

      FOLDER
    end
  end

  def dump(name = "find.json") = File.join(FindTest.folder, name)

  def objects
    @objects ||= File.readlines(dump, chomp: true).map { |line| line.sub(/\A[\[,]/, "") }.reject { |line| line == "]" }
                     .map { |line| JSON.parse(line, max_nesting: 300) }.select { |line| line["bt"] && line["id"].is_a?(Integer) }
  end

  def class_names
    @class_names ||= objects.select { |line| line["name"] && %w[T_CLASS T_MODULE].include?(line["bt"]) }.to_h { |line| [line["id"], line["name"]] }
  end

  # Addresses the tool finds.
  def found(*conditions, file: dump)
    result = json("find", "--limit", 0, *conditions, file)
    assert_equal result["count"], result["objects"].size
    assert_equal result["size"], result["objects"].sum { |row| row["size"] }
    result["objects"].map { |row| row["id"] }.sort
  end

  def ids(lines) = lines.map { |line| line["id"] }.sort

  def test_class
    orders = objects.select { |line| class_names[line["class"]] == "Shop::Order" }
    assert_equal 80, orders.size
    assert_equal ids(orders), found("--class", "Shop::Order")
    both = objects.select { |line| class_names[line["class"]]&.start_with?("Shop::") }
    assert_equal 85, both.size
    assert_equal ids(both), found("--class", "Shop::*")
  end

  def test_type_and_size
    assert_equal ids(objects.select { |line| line["bt"] == "T_HASH" }), found("--type", "T_HASH")
    assert_equal ids(objects.select { |line| line["bt"] == "T_REGEXP" }), found("--type", "regexp")
    assert_equal ids(objects.select { |line| line["type_name"] == "proc" }), found("--type", "proc")
    assert_equal ids(objects.select { |line| line["bt"] == "T_STRING" && line["size"] >= 5_000 }), found("--type", "string", "--min-size", "5k")
    out, err, status = run_tool("find", "--type", "T_CAKE", dump)
    assert_equal ["", 2], [out, status]
    assert_match(/no builtin type is called so/, err)
  end

  def test_name
    assert_equal ids(objects.select { |line| line["name"] == "Shop::Draft" && line["bt"] == "T_CLASS" }), found("--name", "Shop::Draft", "--type", "class")
    iseqs = objects.select { |line| line["type_name"] == "iseq" && line["name"] == "initialize" }
    assert_equal ids(iseqs), found("--name", "initialize", "--type", "iseq")
  end

  def test_value
    with = objects.select { |line| %w[T_STRING T_SYMBOL T_REGEXP].include?(line["bt"]) && (line["val"] || line["val_base64"]) }
    holds = lambda do |line, pattern|
      text = line["val_base64"] ? line["val_base64"].unpack1("m") : line["val"]
      text.b.match?(pattern)
    end
    assert_equal ids(with.select { |line| holds[line, /needle/n] }), found("--value", "needle")
    assert_equal ids(with.select { |line| holds[line, /NEEDLE/ni] }), found("--value", "NEEDLE", "--ignore-case")
    assert_equal ids(with.select { |line| holds[line, /customer7[0-9]?@/n] }), found("--value", "customer7[0-9]?@")
    needles = found("--value", "needle")
    texts = objects.select { |line| needles.include?(line["id"]) }
    assert(texts.any? { |line| line["val_base64"] }, "binary strings are searched, too")
    assert(texts.any? { |line| line["truncated"] }, "and what there is of long ones")
    assert_match(/--value takes a regular expression, not \(/, run_tool("find", "--value", "(", dump)[1])
    out, err, status = run_tool("find", "--value", "(a{1,255}){1,255}", dump) # regcomp would take all memory there is
    assert_equal ["", 2], [out, status]
    assert_match(/with its counts written out it is longer than 1024 characters/, err)
  end

  def test_together_and_retained
    assert_equal 1, found("--class", "String", "--value", "customer42@", "--min-size", "1").size
    result = json("find", "--class", "Shop::Order", "--limit", 0, dump)
    least = result["objects"].map { |row| row["retained"] }.max
    assert_equal ids(result["objects"].select { |row| row["retained"] >= least }), found("--class", "Shop::Order", "--min-retained", least)
    retained = result["objects"].map { |row| row["retained"] }
    assert_equal retained.sort.reverse, retained
    assert_operator result["retained"], :>=, result["objects"].sum { |row| row["size"] }
  end

  def test_nothing
    out = text("find", "--class", "No::Such", dump)
    assert_match(/^No object fits\.$/, out)
    assert_next("top", out)
  end

  def test_text
    out = text("find", "--class", "Shop::Order", "--limit", 3, dump)
    assert_match(/0x\h+  Shop::Order  @number @mail$/, out)
    assert_match(/… 77 more \(--limit 0 prints all\)/, out)
    assert_match(/^80 objects: [\d.]+ kB, retaining [\d.]+ kB together$/, out)
    assert_next("path", out)
  end

  def test_redacted_dumps_have_no_values
    assert_empty found("--value", "needle", file: dump("find_redacted.json"))
    assert_equal 80, found("--class", "Shop::Order", file: dump("find_redacted.json")).size
  end

  def test_object_space
    theirs = File.readlines(dump("find_theirs.json"), encoding: "UTF-8").map { |line| JSON.parse(line.scrub) }
    strings = theirs.select { |line| line["type"] == "STRING" && line["value"]&.include?("customer42@") }
    assert_equal strings.map { |line| Integer(line["address"], 16) }.sort, found("--value", "customer42@", file: dump("find_theirs.json"))
    assert_equal 80, found("--class", "Shop::Order", file: dump("find_theirs.json")).size
  end
end
