# frozen_string_literal: true

# `heap_dump diff`: processes that leak known amounts between dumps, under both Rubies. What they know of themselves, by
# address, is what the command must say; what it says of all objects is counted again over both dumps' lines.
require_relative "helper"
require "zlib"

class DiffTest < Minitest::Test
  include CliTest

  LEAK = <<~'RUBY'
    require "heap_dump"
    require "json"
    require "objspace"
    module Leak
      class Token; def initialize(number) = @number = number; end
      class Session
        def initialize(number) = (@number = number; @token = Token.new(number); @notes = ["a note of session #{number}, longer than what is embedded" * 20])
      end
      class Transient; def initialize(number) = @number = number; end
      class Filler; def initialize(number) = @number = number; end
      class Sessions; ALL = {}; end
    end
    address = ->(object) { Integer(JSON.parse(ObjectSpace.dump(object))["address"], 16) }
    added = -> { Leak::Sessions::ALL.select { |key,| key.start_with?("added") }.values }
    facts = { filler: [] }
    dump = lambda do |name|
      GC.start
      HeapDump.dump("#{name}.json")
      File.open("#{name}-os.json", "w") { |file| ObjectSpace.dump_all(output: file) }
    end
    100.times { |i| Leak::Sessions::ALL["first #{i}"] = Leak::Session.new(i) }
    $transient = Array.new(500) { |i| Leak::Transient.new(i) }
    facts[:transient] = $transient.map(&address)
    dump["before"]
    $transient = nil
    GC.start
    $filler = Array.new(20_000) { |i| Leak::Filler.new(i) }
    200.times { |i| Leak::Sessions::ALL["added #{i}"] = Leak::Session.new(i) }
    facts[:filler] = $filler.map(&address)
    facts[:added] = added.call.map(&address)
    dump["after"]
    80.times { |i| Leak::Sessions::ALL.delete("added #{i}") }
    facts[:stayed] = added.call.map(&address)
    dump["final"]
    HeapDump.dump("redacted.json", redact: true)
    if GC.respond_to?(:compact)
      GC.compact
      HeapDump.dump("compacted.json")
    end
    puts JSON.generate(facts)
  RUBY

  OTHER_RUBY = File.join(ROOT, "build/rubies/3.3/bin/ruby")
  OTHER_EXTENSION = File.join(ROOT, "build/ext-3.3")
  RUBIES = { native: [RbConfig.ruby, EXTENSION], other: [OTHER_RUBY, OTHER_EXTENSION] }.freeze

  Scene = Struct.new(:folder, :facts)

  def self.scene(which, name = which.to_s)
    (@scenes ||= {})[name] ||= begin
      ruby, extension = RUBIES.fetch(which)
      folder = File.join(FOLDER, name[0]) # short: paths stand in lines of 100 columns
      FileUtils.mkdir_p(folder)
      out, err, status = Open3.capture3(ruby, "-I", File.join(ROOT, "lib"), "-I", extension, "-e", LEAK, chdir: folder)
      raise "no dumps: #{err}" unless status.success?

      Scene.new(folder, JSON.parse(out, symbolize_names: true))
    end
  end

  def scene(...) = DiffTest.scene(...)
  def dump(name, scene = scene(:native)) = File.join(scene.folder, "#{name}.json")

  def scenes
    yield scene(:native)
    yield scene(:other) if File.exist?(OTHER_RUBY) && File.exist?(OTHER_EXTENSION)
  end

  def by(rows, key) = rows.to_h { |row| [row.fetch(key), row] }

  # The objects of a dump of ours, by id.
  def objects(path)
    File.readlines(path, chomp: true)[2..-3].map { |line| JSON.parse(line[1..], max_nesting: 200) }
        .select { |object| object["id"].is_a?(Integer) }.to_h { |object| [object["id"], object] }
  end

  # ---- growth ----

  def test_growth_by_class_is_what_was_planted
    scenes do |scene|
      result = json("diff", dump("before", scene), dump("after", scene), "--limit", 0)
      classes = by(result["classes"], "class")
      { "Leak::Session" => 200, "Leak::Token" => 200, "Leak::Filler" => 20_000, "Leak::Transient" => -500 }
        .each { |name, count| assert_equal count, classes.fetch(name)["growth"]["count"], name }
      assert_equal 100, classes["Leak::Session"]["before"]["count"]
      assert_equal 300, classes["Leak::Session"]["after"]["count"]
    end
  end

  # Counted over the lines, by the address of the class; those without a row have not changed.
  def test_growth_of_every_class_of_plain_objects
    from, to = %w[before after].map { |name| objects(dump(name)) }
    classes = to.values.select { |object| object["bt"] == "T_CLASS" && object["name"] }.to_h { |c| [c["id"], c["name"]] }
    count = lambda do |objects|
      objects.values.select { |o| %w[T_OBJECT T_STRUCT T_FLOAT].include?(o["bt"]) && classes[o["class"]] }
             .group_by { |o| classes[o["class"]] }.transform_values { |list| [list.size, list.sum { |o| o["size"] }] }
    end
    before, after = count[from], count[to]
    rows = by(json("diff", dump("before"), dump("after"), "--limit", 0)["classes"], "class")
    (before.keys | after.keys).each do |name|
      was, is = before.fetch(name, [0, 0]), after.fetch(name, [0, 0])
      growth = rows.dig(name, "growth") || { "count" => 0, "size" => 0 }
      assert_equal [is[0] - was[0], is[1] - was[1]], growth.values_at("count", "size"), name
    end
    assert_operator before.size, :>, 10
  end

  def test_growth_by_path_names_what_holds_it
    scenes do |scene|
      result = json("diff", dump("before", scene), dump("after", scene), "--limit", 0)
      paths = by(result["paths"], "path")
      sessions = paths.fetch("Leak::Sessions → consts.ALL → Hash → val{} → Leak::Session")
      assert_equal 200, sessions["growth"]["count"]
      # what came with the sessions is counted there
      assert_equal sessions["growth"]["retained"], sessions["grown"]
      assert_equal [[nil, "Leak::Sessions"], %w[consts.ALL Hash], ["val{}", "Leak::Session"]],
                   sessions["steps"].map { |step| step.values_at("name", "class") }
      filler = paths.fetch("global_variables.$filler → Array")
      assert_operator filler["grown"], :>=, 20_000 * 40
      # every byte once
      assert_equal result["growth"], result["paths"].sum { |row| row["grown"] }
      assert_equal result["growth"], result["dumps"].map { |dump| dump["live_bytes"] }.reverse.reduce(:-)
    end
  end

  # ---- by address ----

  def test_reused_addresses_are_detected
    scenes do |scene|
      reused = (scene.facts[:transient] & scene.facts[:filler]).size
      assert_operator reused, :>, 50
      change = json("diff", dump("before", scene), dump("after", scene))["changes"].fetch(0)
      assert_operator change["reused"], :>=, reused
      assert_match(/\(#{change["reused"]} addresses were reused: freed, and an object of another class made there\)/,
                   text("diff", dump("before", scene), dump("after", scene)))
    end
  end

  # The same object: same type, class and own name, and what was frozen is frozen.
  def test_every_address_is_compared
    from, to = %w[before after].map { |name| objects(dump(name)) }
    singleton = ->(objects, id) { id.nil? || objects[id].nil? || objects[id].key?("attached") || objects[id]["singleton"] }
    same = lambda do |old, new|
      next false if old["bt"] != new["bt"] || (old["frozen"] && !new["frozen"])
      next false if %w[T_CLASS T_MODULE T_IMEMO T_DATA].include?(old["bt"]) &&
                    old.values_at("name", "type_name") != new.values_at("name", "type_name")

      old["class"] == new["class"] || singleton[from, old["class"]] || singleton[to, new["class"]]
    end
    kept = from.count { |id, object| to[id] && same[object, to[id]] }
    both = from.count { |id,| to[id] }
    change = json("diff", dump("before"), dump("after"))["changes"].fetch(0)
    assert_equal({ "by_address" => true, "why_not" => nil, "kept" => kept, "made" => to.size - kept,
                   "freed" => from.size - kept, "reused" => both - kept }, change)
  end

  def test_survivors_of_three_dumps
    scenes do |scene|
      files = %w[before after final].map { |name| dump(name, scene) }
      result = json("diff", *files, "--limit", 0)
      survivors = result.fetch("survivors")
      classes = by(survivors["classes"], "class")
      assert_equal 120, classes.fetch("Leak::Session")["count"]
      assert_equal 120, classes.fetch("Leak::Token")["count"]
      assert_equal 20_000, classes.fetch("Leak::Filler")["count"]
      refute classes.key?("Leak::Transient")
      paths = by(survivors["paths"], "path")
      row = paths.fetch("Leak::Sessions → consts.ALL → Hash → val{} → Leak::Session")
      assert_equal 120, row["count"]
      assert_includes scene.facts[:stayed], row["sample"]
      assert_equal survivors["objects"], survivors["classes"].sum { |entry| entry["count"] }
      assert_equal survivors["bytes"], survivors["classes"].sum { |entry| entry["size"] }
      assert_includes text("diff", *files), "New in after, and still there in final: "
    end
  end

  def test_a_dump_and_itself
    result = json("diff", dump("after"), dump("after"), dump("after"))
    assert_equal [0, [], []], result.values_at("growth", "classes", "paths")
    assert_equal 0, result["survivors"]["objects"]
    assert_next("top", text("diff", dump("after"), dump("after")))
  end

  # ---- the next command ----

  def test_the_next_command_shows_what_grew_most
    scenes do |scene|
      out = text("diff", dump("before", scene), dump("after", scene))
      assert_next("path", out)
      _, _, _, file, id = out.lines.last.split
      assert_equal dump("after", scene), file
      step = json("path", file, id)["paths"][0].last
      assert_equal ["global_variables.$filler", "Array"], step.values_at("name", "class")
    end
  end

  # ---- other dumps ----

  def test_dumps_of_object_space
    scenes do |scene|
      files = %w[before-os after-os final-os].map { |name| dump(name, scene) }
      result = json("diff", *files, "--limit", 0)
      assert_equal 120, by(result["classes"], "class")["Leak::Session"]["growth"]["count"]
      assert_equal 120, by(result["survivors"]["classes"], "class")["Leak::Session"]["count"]
      assert(result["paths"].any? { |row| row["path"].match?(/Leak::Sessions → .*Hash → .*Leak::Session\z/) && row["growth"]["count"] == 120 })
    end
  end

  def test_mixed_formats_are_said
    scenes do |scene|
      files = [dump("before", scene), dump("after-os", scene)]
      out, err, status = run_tool("diff", *files)
      assert_equal 0, status
      assert_match(/different formats/, err)
      assert_match(/not comparable: references have names in one dump, but not in the other/, out)
      result = json("diff", *files, "--limit", 0)
      refute result["paths_comparable"]
      classes = by(result["classes"], "class")
      assert_equal 200, classes["Leak::Session"]["growth"]["count"]
      assert_equal(-500, classes["Leak::Transient"]["growth"]["count"])
    end
  end

  def test_two_processes
    result = json("diff", dump("before"), dump("after", scene(:native, "again")), "--limit", 0)
    change = result["changes"].fetch(0)
    assert_equal [false, "other process"], change.values_at("by_address", "why_not")
    assert_equal 200, by(result["classes"], "class")["Leak::Session"]["growth"]["count"]
    row = by(result["paths"], "path").fetch("Leak::Sessions → consts.ALL → Hash → val{} → Leak::Session")
    assert_equal 200, row["growth"]["count"]
    assert_match(/different processes, \d+ and \d+\./, text("diff", dump("before"), dump("after", scene(:native, "again"))))
    # ObjectSpace writes no process id
    result = json("diff", dump("before-os"), dump("after-os", scene(:native, "again")))
    refute result["changes"].fetch(0)["by_address"]
    # no survivors without addresses
    assert_nil json("diff", dump("before"), dump("after"), dump("final", scene(:native, "again")))["survivors"]
  end

  def test_compacted_and_redacted
    scenes do |scene|
      result = json("diff", dump("final", scene), dump("compacted", scene), "--limit", 0)
      assert_equal "compacted", result["changes"].fetch(0)["why_not"]
      refute by(result["classes"], "class").key?("Leak::Session")
      assert_match(/compacted in between/, text("diff", dump("final", scene), dump("compacted", scene)))
      result = json("diff", dump("before", scene), dump("redacted", scene), "--limit", 0)
      assert_equal 120, by(result["classes"], "class")["Leak::Session"]["growth"]["count"]
      assert(result["paths"].any? { |row| row["path"].end_with?("val{} → Leak::Session") && row["growth"]["count"] == 120 })
    end
  end

  def test_compressed_and_from_standard_input
    packed = File.join(FOLDER, "after.json.gz")
    Zlib::GzipWriter.open(packed) { |file| file.write(File.binread(dump("after"))) }
    plain = json("diff", dump("before"), dump("after"))
    assert_equal plain["classes"], json("diff", dump("before"), packed)["classes"]
    assert_equal plain["classes"], json("diff", dump("before"), "-", stdin: File.binread(dump("after")))["classes"]
    assert_equal 2, run_tool("diff", "-", "-")[2]
  end

  # ---- for CI ----

  def test_fail_above
    growth = json("diff", dump("before"), dump("after"))["growth"]
    assert_operator growth, :>, 100_000
    { growth - 1 => 1, growth => 0, "1kB" => 1, "1GB" => 0 }.each do |size, status|
      out, _, is = run_tool("diff", dump("before"), dump("after"), "--fail-above", size)
      assert_equal status, is, size
      assert_match(/^Live bytes grew by .*, #{"not " if status.zero?}more than /, out)
      assert_equal status, run_tool("diff", dump("before"), dump("after"), "--fail-above", size, "--json")[2]
    end
    assert_equal 0, run_tool("diff", dump("after"), dump("before"), "--fail-above", "0")[2]
    assert_equal 2, run_tool("diff", dump("after"), dump("before"), "--fail-above", "much")[2]
  end

  # Half a dump must not pass for one that shrank.
  def test_truncated
    half = File.join(FOLDER, "half.json")
    File.binwrite(half, File.binread(dump("after")).byteslice(0, File.size(dump("after")) / 2))
    out, err, status = run_tool("diff", dump("before"), half, "--fail-above", "1GB")
    assert_equal [3, ""], [status, out]
    assert_match(/half.json is truncated, so how much grew is not known/, err)
    _, err, status = run_tool("diff", dump("before"), half)
    assert_equal 0, status
    assert_match(/truncated/, err)
  end

  # Names of a hostile dump: neither escapes nor what turns the direction of text reach the terminal.
  def test_hostile_names
    files = [1, 3].map do |count|
      path = File.join(FOLDER, "hostile-#{count}.json")
      ids = Array.new(count) { |i| 8192 + (i * 40) }
      name = "Evil\\u001b[2J\\u202e\\n;x"
      lines = [%([{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","pid":7,"heap":[4096,65536]}),
               %(,{"id":"_ROOTS_","vm":[4096,#{ids.join(",")}]}),
               %(,{"id":4096,"bt":"T_CLASS","size":40,"name":"#{name}"}),
               *ids.map { |id| %(,{"id":#{id},"bt":"T_OBJECT","class":4096,"size":40,"ivs":{}}) },
               %(,{"id":"_END_","objects":#{count + 1},"references":0,"unreadable":0}), "]"]
      File.write(path, lines.join("\n") << "\n")
      path
    end
    out = text("diff", *files)
    assert_match(/\+2  Evil/, out)
    refute_match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, out)
    assert_equal 80, json("diff", *files)["growth"]
  end

  def test_usage
    assert_equal 2, run_tool("diff", dump("before"))[2]
    assert_equal 2, run_tool("diff", *[dump("before")] * 4)[2]
    assert_equal 4, run_tool("diff", dump("before"), File.join(FOLDER, "none.json"))[2]
  end
end
