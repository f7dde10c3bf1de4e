# frozen_string_literal: true

# HeapDump.dump when all goes well: the file, the options, the result.

require_relative "helper"

class DumpTest < Minitest::Test
  include GemTest

  def test_default_name_mode_and_result
    facts = run_ruby(<<~RUBY)
      r = HeapDump.dump
      say(class: r.class.name, path: r.path, objects: r.objects, references: r.references, bytes: r.bytes,
          plain: r.plain_bytes, seconds: r.seconds, pause: r.pause, gc: r.gc_seconds, inspect: r.inspect, to_s: r.to_s)
    RUBY
    objects = assert_whole("dump.json")
    assert_equal ["dump.json"], Dir.children(@folder)
    assert_equal 0o600, File.stat(file("dump.json")).mode & 0o777
    assert_equal ["HeapDump::Result", "dump.json"], facts.values_at(:class, :path)
    assert_equal File.size(file("dump.json")), facts[:bytes]
    assert_equal facts[:bytes], facts[:plain]
    assert_equal objects.last["objects"], facts[:objects]
    assert_equal objects.last["references"], facts[:references]
    assert_operator facts[:pause], :>, 0
    assert_operator facts[:gc], :>, 0
    assert_operator facts[:seconds], :>, facts[:pause] + facts[:gc]
    assert_match(/\A#<HeapDump::Result dump\.json: [\d,]+ objects, \d+\.\d [kM]B in \d.* m?s, process held up for .* m?s \(GC .* m?s\)>\z/,
                 facts[:inspect])
    assert_equal facts[:inspect], "#<HeapDump::Result #{facts[:to_s]}>"
  end

  def test_head_tells_the_process
    run_ruby('HeapDump.dump; say(pid: $$)').then do |facts|
      head = assert_whole("dump.json").first
      assert_equal facts[:pid], head["pid"]
      assert_includes head["cmdline"].join(" "), "HeapDump.dump"
      assert_kind_of Integer, head["gc"]["count"]
      assert_equal RUBY_VERSION, head["ruby"]
    end
  end

  def test_command_line_of_any_bytes
    system({}, *command('HeapDump.dump'), "a\"b\\c\td", "\xFF\xFE", chdir: @folder, exception: true)
    assert_equal "a\"b\\c\td", assert_whole("dump.json").first["cmdline"][-2]
  end

  def test_redacted_head_has_no_command_line
    run_ruby('HeapDump.dump("r.json", redact: true)')
    head = assert_whole("r.json").first
    assert_equal true, head["redacted"]
    refute head.key?("cmdline")
  end

  def test_replaces_an_older_file_and_takes_a_pathname
    File.write(file("a.json"), "old")
    facts = run_ruby('require "pathname"; r = HeapDump.dump(Pathname("./a.json")); say(path: r.path)')
    assert_whole("a.json")
    assert_equal "./a.json", facts[:path]
    assert_equal ["a.json"], Dir.children(@folder)
  end

  def test_compression
    facts = run_ruby(<<~RUBY)
      a = HeapDump.dump("x.json.gz")
      b = HeapDump.dump("x.json.zst")
      c = HeapDump.dump("y.json.gz", fork: false)
      say(a: [a.bytes, a.plain_bytes], b: [b.bytes, b.plain_bytes], c: [c.bytes, c.plain_bytes])
    RUBY
    {"x.json.gz" => ["gzip", :a], "y.json.gz" => ["gzip", :c], "x.json.zst" => ["zstd", :b]}.each do |name, (tool, key)|
      skip "no #{tool} to check #{name} with" unless system("which", tool, out: File::NULL, err: File::NULL)
      text, status = Open3.capture2(tool, "-dc", file(name))
      assert status.success?
      assert_whole(nil, text.force_encoding("UTF-8"))
      assert_equal [File.size(file(name)), text.bytesize], facts[key]
      assert_operator facts[key][0] * 2, :<, facts[key][1]
    end
  end

  def test_without_fork
    facts = run_ruby(<<~RUBY)
      GC.start
      before = [descriptors, GC.count]
      r = HeapDump.dump("here.json", fork: false, gc: false)
      say(same: before == [descriptors, GC.count], pause: r.pause, gc: GC.enable, gc_seconds: r.gc_seconds)
    RUBY
    assert_equal true, facts[:same]
    assert_equal false, facts[:gc], "GC was left disabled"
    assert_operator facts[:pause], :>, 0
    assert_operator facts[:gc_seconds], :<, 0.001
    assert_whole("here.json")
  end

  def test_collects_even_while_gc_is_disabled_and_leaves_it_so
    facts = run_ruby(<<~RUBY)
      GC.disable
      n = GC.stat(:major_gc_count)
      HeapDump.dump("a.json")
      HeapDump.dump("b.json", gc: false)
      HeapDump.dump("c.json", fork: false)
      say(majors: GC.stat(:major_gc_count) - n, was_disabled: GC.enable)
    RUBY
    assert_equal({majors: 2, was_disabled: true}, facts)
  end

  def test_nothing_is_left_behind
    facts = run_ruby(<<~RUBY)
      HeapDump.dump("a.json.gz")
      before = [descriptors, File.readlines("/proc/self/maps").grep(/zero|heap_dump-/).size]
      30.times { HeapDump.dump("a.json.gz") }
      20.times { HeapDump.dump("missing/a.json") rescue nil }
      after = [descriptors, File.readlines("/proc/self/maps").grep(/zero|heap_dump-/).size]
      say(before: before, after: after, children: children)
    RUBY
    assert_equal facts[:before], facts[:after]
    assert_empty facts[:children]
  end

  def test_nothing_of_the_application_runs_in_the_clone
    out, err, status = Open3.capture3(*command(<<~RUBY), chdir: @folder)
      $stdout.sync = false
      at_exit { print "AT_EXIT\n" }
      ObjectSpace.define_finalizer(Object.new, proc { print "FINALIZER\n" })
      $kept = Object.new
      ObjectSpace.define_finalizer($kept, proc { print "FINALIZER OF A LIVE ONE\n" })
      print "BUFFERED\n"
      HeapDump.dump
    RUBY
    assert status.success?, err
    assert_equal ["AT_EXIT", "BUFFERED", "FINALIZER", "FINALIZER OF A LIVE ONE"], out.lines(chomp: true).sort
    assert_whole("dump.json")
  end

  def test_allocation_tracing
    facts = run_ruby(<<~RUBY)
      require "objspace"
      class Traced; end
      def make_traced = Traced.new
      ObjectSpace.trace_object_allocations_start
      $traced = make_traced
      ObjectSpace.trace_object_allocations_stop
      HeapDump.dump
      say(facts: [ObjectSpace.allocation_sourcefile($traced), ObjectSpace.allocation_sourceline($traced),
                  ObjectSpace.allocation_method_id($traced), ObjectSpace.allocation_generation($traced)])
    RUBY
    objects = assert_whole("dump.json")
    klass = objects.find { |o| o["bt"] == "T_CLASS" && o["name"] == "Traced" }
    traced = objects.find { |o| o["class"] == klass["id"] && o["bt"] == "T_OBJECT" }
    assert_equal "-e", traced["file"]
    assert_equal facts[:facts], traced.values_at("file", "line", "method", "generation")
  end

  def test_without_a_layout
    facts = run_ruby(<<~RUBY, env: {"HEAP_DUMP_UNNAMED" => "1"})
      class Holder; def initialize = @held = "held by an instance variable of its holder"; end
      $holder = Holder.new
      r = [HeapDump.dump, HeapDump.dump("b.json", fork: false)]
      say(unnamed: r.map(&:unnamed?), objects: r[0].objects, references: r[0].references)
    RUBY
    assert_equal [true, true], facts[:unnamed]
    assert_equal 1, @stderr.scan("HEAP_DUMP_UNNAMED").size, "it is said once: #{@stderr}"
    %w[dump.json b.json].each { |name| unnamed_check(assert_whole(name)) }
    assert_equal facts[:objects], assert_whole("dump.json").last["objects"]
    assert_equal facts[:references], assert_whole("dump.json").last["references"]
  end

  private

  def unnamed_check(objects)
    assert_equal true, objects.first["unnamed"]
    lines = objects[2..-2]
    ids = lines.to_h { |object| [object["id"], object] }
    assert_equal lines.size, ids.size, "ids are unique"
    assert_equal objects.last["objects"], ids.size
    roots = objects[1].reject { |key, _| key == "id" }.values.flatten
    edges = lines.flat_map { |object| [object["class"], *object["refs"]] }.compact
    assert_empty (roots + edges).uniq.reject { |id| ids.key?(id) }
    assert_equal objects.last["references"], roots.size + edges.size
    klass = lines.find { |object| object["name"] == "Holder" }
    holder = lines.find { |object| object["class"] == klass["id"] }
    assert_equal ["T_STRING"], holder["refs"].map { |id| ids[id]["bt"] }
    reached = roots.uniq
    seen = reached.to_h { |id| [id, true] }
    while (id = reached.pop)
      [ids[id]["class"], *ids[id]["refs"]].compact.each { |to| seen[to] || (seen[to] = true; reached << to) }
    end
    assert seen[holder["id"]], "the holder hangs on a root"
  end
end
