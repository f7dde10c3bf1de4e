# frozen_string_literal: true

# A dump from outside, one of a core and the one the process took of itself tell the same: all objects with all their
# fields, frames and locals, and at least 99.9 % of the references; what is missing is listed by its type.
require_relative "helper"

class AgreementTest < Minitest::Test
  include OutsideTest

  # What the process did between its own dump and ours: it returned from HeapDump.dump, printed a line and waits.
  MOVED = %w[age frames status inlined refs inferred garbage object_id].freeze

  def compare(outside, inside, exact: false)
    ours = read(outside)
    theirs = read(inside)
    missing = theirs.objects.keys - ours.objects.keys
    extra = ours.objects.keys - theirs.objects.keys
    assert_operator missing.size, :<=, exact ? 0 : 12, missing.first(20).map { |id| theirs.objects[id][0] }.inspect
    assert_operator extra.size, :<=, exact ? 0 : 60, extra.first(20).map { |id| ours.objects[id][0] }.inspect
    both = ours.objects.keys & theirs.objects.keys
    fields_differ(ours, theirs, both, exact)
    references_differ(ours, theirs, both, exact)
    both.size
  end

  def fields_differ(ours, theirs, both, exact)
    differ = both.reject do |id|
      left, right = [ours, theirs].map { |dump| dump.objects[id].map { |line| exact ? line : line.except("size", *MOVED) } }
      left == right
    end
    assert_operator differ.size, :<=, exact ? 0 : 12, differ.first(8).map { |id| [ours.objects[id][0], theirs.objects[id][0]] }.inspect
  end

  def references_differ(ours, theirs, both, exact)
    known = both.to_h { |id| [id, true] }
    all = missing = 0
    types = Hash.new(0)
    both.each do |id|
      expected = theirs.references(id, known).keys
      lost = expected - ours.references(id, known).keys
      all += expected.size
      missing += lost.size
      types[theirs.objects[id][0].values_at("bt", "type_name").compact.join(" ")] += lost.size unless lost.empty?
    end
    puts format("%d of %d references missing (%.4f %%): %s", missing, all, 100.0 * missing / all, types.inspect)
    assert_operator missing, :<=, exact ? 0 : all / 1000
    # threads and fibers are where they were not; the table of Marshal's compatible allocators is a struct nobody describes
    assert_empty types.keys - ["T_DATA VM/thread", "T_DATA fiber", "T_DATA", "T_DATA ractor"]
  end

  RUBIES.each_key do |ruby|
    define_method("test_inside_outside_and_core_#{ruby}") do
      need(ruby)
      target = Target.new(ruby)
      facts, outside = dump("--pid", target.pid)
      assert_equal ["fork", 0], facts.values_at("method", "unreadable"), facts["note"]
      assert_operator compare(outside, target.inside), :>, 20_000
      _, stopped = dump("--pid", target.pid, "--method", "stop")
      compare(stopped, outside, exact: true)
      core = gcore(target)
      compare(dump("--core", core, *RUBIES[ruby].core_options)[1], outside, exact: true) if core
      assert target.finish, "the process goes on and ends as it would have"
    ensure
      target&.kill
    end

    define_method("test_frames_and_locals_#{ruby}") do
      need(ruby)
      target = Target.new(ruby)
      _, outside = dump("--pid", target.pid)
      threads = JSON.parse(IO.popen([TOOL, "threads", "--json", "--no-index", outside], &:read))["threads"]
      main = threads.find { |thread| thread["frames"].any? { |frame| frame["method"].end_with?("waiting") } }
      frame = main["frames"].find { |found| found["method"].end_with?("waiting") }
      assert_equal %w[first second third], frame["locals"].map { |local| local["name"] }.reject { |name| name.start_with?("#") }
      assert_match(/an argument/, frame["locals"].find { |local| local["name"] == "first" }.values_at("value", "description").join)
      waiting = threads.find { |thread| thread["name"] == "waiting" }
      assert_equal %w[request], waiting["variables"].map { |variable| variable["name"] }
      assert_includes waiting["frames"].flat_map { |found| found["locals"] }.map { |local| local["name"] }, "local"
    ensure
      target&.kill
    end
  end

  # With code that was made at run time: the same objects, fields, frames and locals. What that code refers to is only known to YJIT
  # itself: methods, classes, literals, other compiled code, and with 3.3 code of files and class bodies that only YJIT keeps.
  COMPILED = "150.times { |n| eval(\"def compiled_\#{n}(a) = [a, a + 1, a.to_s, { a => a }].map { |x| x.to_s * 2 }.join.size\") }\n" \
             "40.times { |i| 150.times { |n| send(\"compiled_\#{n}\", i) } }\n"

  RUBIES.each_key do |ruby|
    define_method("test_yjit_#{ruby}") do
      need(ruby)
      skip "Ruby #{ruby} was built without YJIT" unless system(RUBIES[ruby].command, "--yjit", "-e", "exit RubyVM::YJIT.enabled?", out: File::NULL, err: File::NULL)
      target = Target.new(ruby, name: "yjit", program: COMPILED + SCENARIO, options: ["--yjit", "--yjit-call-threshold=2"])
      facts, outside = dump("--pid", target.pid)
      assert_equal ["fork", 0], facts.values_at("method", "unreadable"), facts["note"]
      ours = read(outside)
      theirs = read(target.inside)
      missing = (theirs.objects.keys - ours.objects.keys).to_h { |id| [id, theirs.objects[id][0]] }
      puts "of YJIT's: #{missing.values.map { |line| line.values_at("bt", "type_name").compact.join(" ") }.tally}"
      assert_operator missing.size, :<=, theirs.objects.size / 500
      held = (theirs.objects.keys - missing.keys).reject { |id| compiled?(theirs.objects[id][0]) }.flat_map { |id| theirs.references(id, missing).keys }
      # what only compiled code that has run for the last time holds; and what moved, as in `compare`
      assert_operator held.size, :<=, 12, held.map { |id| missing[id] }.inspect
      assert_operator (ours.objects.keys - theirs.objects.keys).size, :<=, 60
      both = ours.objects.keys & theirs.objects.keys
      fields_differ(ours, theirs, both, false)
      others = lost_references(ours, theirs, both).reject { |from,| machine?(from) || compiled?(from) }
      assert_operator others.size, :<=, both.size / 1000, others.first(5).inspect
      core = gcore(target)
      compare(dump("--core", core, *RUBIES[ruby].core_options)[1], outside, exact: true)
      assert target.finish, "the process goes on and ends as it would have"
    ensure
      target&.kill
    end
  end

  def machine?(line) = ["VM/thread", "fiber", "ractor"].include?(line["type_name"])
  def compiled?(line) = %w[iseq yjit_root].include?(line["type_name"])

  def lost_references(ours, theirs, both)
    known = both.to_h { |id| [id, true] }
    lost = both.flat_map { |id| (theirs.references(id, known).keys - ours.references(id, known).keys).map { |to| [id, to].map { |one| theirs.objects[one][0] } } }
    puts "of YJIT's: #{lost.map { |pair| pair.map { |line| line.values_at("bt", "type_name").compact.join(" ") }.join(" → ") }.tally}"
    lost
  end

  # Constants are found as people write them, whichever Ruby it is and however the dump was taken.
  RUBIES.each_key do |ruby|
    define_method("test_paths_of_constants_#{ruby}") do
      need(ruby)
      target = Target.new(ruby)
      dumps = [dump("--pid", target.pid)[1], target.inside]
      wanted = { "Shop::Order" => ["vm", "consts.Shop", "consts.Order"], "Net::HTTP::Get" => ["vm", "consts.Net", "consts.HTTP", "consts.Get"] }
      dumps.each do |file|
        wanted.each do |name, edges|
          found = JSON.parse(IO.popen([TOOL, "find", "--json", "--name", name, file], &:read))["objects"]
          path = JSON.parse(IO.popen([TOOL, "path", "--json", file, found.fetch(0)["hex"]], &:read))["paths"].fetch(0)
          assert_equal edges, path.map { |step| step["name"] }, "#{file}: #{path.map { |step| step.values_at("name", "label") }}"
          assert_equal "Object", path[0]["label"]
        end
      end
    ensure
      target&.kill
    end
  end

  def gcore(target)
    skip "gcore is not there" unless system("command -v gcore >/dev/null")
    out, status = Open3.capture2e("gcore", "-o", File.join(FOLDER, "core"), target.pid.to_s)
    assert status.success?, out
    File.join(FOLDER, "core.#{target.pid}")
  end
end
