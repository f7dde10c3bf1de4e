# frozen_string_literal: true

# `heap_dump diff` of dumps whose index has what it compares: the same answers, to the byte, as from the dumps themselves.
require_relative "helper"
require "open3"

class DiffKeptTest < Minitest::Test
  include CliTest

  SCRIPT = <<~'RUBY'
    require "heap_dump"
    require "objspace"
    class Order; def initialize(number) = (@number = number; @lines = [number.to_s * 9, { at: number }]); end
    class Link; attr_accessor :next; end
    ORDERS = []
    grow = lambda do |count|
      count.times { |i| ORDERS << Order.new(i) }
      chain = (1..count).reduce(nil) { |below, _| Link.new.tap { |link| link.next = below } }
      ORDERS << chain << Class.new { def hello = 1 }.new << Struct.new(:a).new("s") << "f#{count}".freeze
      ORDERS.last(20).each { |o| o.define_singleton_method(:own) { 1 } unless o.frozen? }
    end
    dump = lambda do |name|
      HeapDump.dump("#{name}.json", gc: name != "garbage")
      File.open("os-#{name}.json", "w") { |file| ObjectSpace.dump_all(output: file) }
    end
    grow[2000]; dump["before"]
    ORDERS.shift(700); grow[1500]; Object.const_set(:Late, ORDERS[-3].class); dump["after"]
    ORDERS.shift(400); ORDERS.delete_at(-20); dump["final"]
    GC.disable; 3000.times { |i| Order.new(i) }; grow[50]; dump["garbage"]
    GC.enable
    GC.respond_to?(:compact) ? (GC.compact; grow[10]; dump["compacted"]) : dump["compacted"]
  RUBY

  def self.folder
    @folder ||= File.join(CliTest::FOLDER, "dk").tap do |folder|
      FileUtils.mkdir_p(folder)
      run_script(folder)
      FileUtils.mkdir_p(other = File.join(folder, "other"))
      run_script(other)
      lines = File.readlines(File.join(folder, "os-after.json"))
      File.write(File.join(folder, "rootless.json"), lines.reject { |line| line.include?('"type":"ROOT"') }.join)
      File.write(File.join(folder, "short.json"), lines[0, lines.size / 2].join)
      Dir.glob("#{folder}/**/*.json") do |path|
        system(TOOL, "index", path, out: File::NULL, err: File::NULL) # suspects has no answer where there are no roots
        raise "no index of #{path}" unless File.exist?("#{path}.idx")
      end
    end
  end

  def self.run_script(folder)
    command = [RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", SCRIPT]
    out, status = Open3.capture2e(*command, chdir: folder)
    raise "no dumps: #{out}" unless status.success?
  end

  def path(name) = File.join(DiffKeptTest.folder, "#{name}.json")

  OPTIONS = [[], %w[--json --limit 0], %w[--sort count --limit 4], %w[--sort size --limit 0]].freeze

  def assert_same(*names)
    OPTIONS.each do |options|
      paths = names.map { |name| path(name) }
      assert_equal run_tool("diff", *options, "--no-index", *paths), run_tool("diff", *options, *paths), (options + names).inspect
    end
  end

  def test_pairs_of_one_process
    %w[before after final garbage].each_cons(2) { |pair| assert_same(*pair) }
    assert_same "after", "before"
    %w[os-before os-after os-final os-garbage].each_cons(2) { |pair| assert_same(*pair) }
    assert_same "os-garbage", "os-before"
  end

  def test_triples
    assert_same "before", "after", "final"
    assert_same "os-before", "os-after", "os-final"
    assert_same "final", "after", "before"
    assert_same "after", "final", "garbage"
    assert_same "os-before", "os-garbage", "os-garbage"
    assert_operator json("diff", path("before"), path("after"), path("final"))["survivors"]["objects"], :>, 5000
  end

  def test_what_cannot_be_compared_by_address
    assert_same "after", "compacted"
    assert_same "before", "after", "compacted"
    assert_same "compacted", "before", "after"
    assert_same "before", "other/after"
    assert_same "os-before", "other/os-after", "other/os-final"
  end

  def test_without_roots_without_names_and_without_an_end
    assert_same "os-before", "rootless"
    assert_same "rootless", "os-final", "os-garbage"
    assert_same "os-before", "rootless", "os-final"
    assert_same "before", "os-after"
    assert_same "before", "after", "os-final"
    assert_same "os-before", "short"
    assert_same "short", "os-after", "os-final"
  end

  # One of them has no index, or only a part of them has what is kept.
  def test_mixed
    copy = File.join(DiffKeptTest.folder, "copy.json")
    FileUtils.cp(path("after"), copy)
    [[path("before"), copy], [copy, path("final")], [path("before"), copy, path("final")], [path("os-before"), path("os-after"), copy]]
      .each { |paths| assert_equal run_tool("diff", "--no-index", "--json", *paths), run_tool("diff", "--json", *paths) }
    assert_equal run_tool("diff", "--no-index", path("before"), copy), run_tool("diff", path("before"), copy)
  end

  # ---- what is read of an index ----

  # Copies of two dumps with their own indexes, and where columns of the first begin: addresses, sizes and lines come first.
  def copies
    Dir.mktmpdir("dk", CliTest::FOLDER) do |folder|
      paths = %w[before after].map { |name| File.join(folder, "#{name}.json").tap { |to| FileUtils.cp(path(name), to) } }
      paths.each { |to| run_tool("index", to) }
      nodes = json("diff", *paths)["dumps"].map { |dump| dump["objects"] + 1 }
      yield paths, nodes
    end
  end

  def flip(index, offset)
    File.open(index, "r+b") do |file|
      file.seek(offset)
      byte = file.readbyte
      file.seek(offset)
      file.write((byte ^ 0x40).chr)
    end
  end

  # Addresses are kept as steps, and where lines begin is nobody's business here: damage there is not even noticed.
  def test_only_what_is_compared_is_read
    copies do |paths, nodes|
      wanted = run_tool("diff", "--no-index", "--limit", "33", *paths)
      paths.zip(nodes) { |path, count| [4, 20].each { |bytes| flip("#{path}.idx", 65_536 + count * bytes) } }
      inodes = paths.map { |path| File.stat("#{path}.idx").ino }
      assert_equal wanted, run_tool("diff", "--limit", "33", *paths)
      assert_equal inodes, paths.map { |path| File.stat("#{path}.idx").ino }
    end
  end

  # Of sizes, what is retained and dominators only those blocks are looked at in which new objects lie: wherever it is, damage changes no answer.
  def test_damaged_columns_of_three
    copies do |paths, _|
      words = ["diff", "--json", path("before"), paths[1], path("final")]
      wanted = [words, words.values_at(0, 1, 2, 4, 3)].to_h { |asked| [asked, run_tool(*asked, "--no-index", "--limit", "36")] }
      whole = File.binread("#{paths[1]}.idx")
      16.times do |i|
        wanted.each do |asked, answer|
          File.binwrite("#{paths[1]}.idx", whole)
          File.chmod(0o600, "#{paths[1]}.idx")
          flip("#{paths[1]}.idx", 65_536 + (whole.index("what diff compares") - 65_536) * i / 16)
          assert_equal answer, run_tool(*asked, "--limit", "36"), i
        end
      end
    end
  end

  # Any byte of what is kept: the answer is the same, whether that is noticed at once or not.
  def test_damaged_parts
    copies do |paths, _|
      wanted = run_tool("diff", "--no-index", "--json", "--limit", "35", *paths)
      whole = File.binread("#{paths[1]}.idx")
      kept = whole.index("what diff compares")
      refute_nil kept
      20.times do |i|
        File.binwrite("#{paths[1]}.idx", whole)
        File.chmod(0o600, "#{paths[1]}.idx")
        flip("#{paths[1]}.idx", kept - 24 + (whole.size - kept) * i / 20)
        assert_equal wanted, run_tool("diff", "--json", "--limit", "35", *paths)
      end
    end
  end
end
