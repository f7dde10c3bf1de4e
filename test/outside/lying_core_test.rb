# frozen_string_literal: true

# Real cores that were changed so that they lie: lengths larger than what holds them, segments over each other, an end that is missing.
# Never a crash, never what lies beside an object as a part of it, and a sentence that says what is wrong.
require_relative "helper"

class LyingCoreTest < Minitest::Test
  include OutsideTest

  PROGRAM = <<~'RUBY'
    Pair = Struct.new(:first, :second)
    $kept = { array: [1, 2], pair: Pair.new("one", "two"), text: "some text", many: (1..40).to_a, hash: { a: 1 } }
    $stdout.puts("ready"); $stdout.flush; $stdin.read
  RUBY

  # A core whose memory can be read and written by address.
  class Core
    attr_reader :path

    def initialize(path)
      @path = path
      start, size, count = File.binread(path, 64).unpack("x32Q<x14S<S<")
      @headers = (0...count).map { |n| start + n * size }
      @segments = @headers.map { |at| File.binread(path, size, at).unpack("L<L<Q<5") }
    end

    def loaded = @headers.zip(@segments).select { |_, segment| segment[0] == 1 && segment[5].positive? }

    def offset(addr)
      _, segment = loaded.find { |_, (_, _, _, start, _, bytes)| addr >= start && addr < start + bytes }
      segment && segment[2] + addr - segment[3]
    end

    def peek(addr) = File.binread(@path, 8, offset(addr)).unpack1("Q<")
    def poke(addr, word) = write(offset(addr), word)
    def write(at, word) = IO.binwrite(@path, [word].pack("Q<"), at)
  end

  def self.cores = @cores ||= {}

  # A copy that may be changed, and where the libraries are.
  def core_of(ruby)
    need(ruby, extension: false)
    skip "gcore is not there" unless system("command -v gcore >/dev/null")
    LyingCoreTest.cores[ruby] ||= begin
      target = Target.new(ruby, program: PROGRAM)
      system("gcore", "-o", File.join(FOLDER, "lying"), target.pid.to_s, out: File::NULL, err: File::NULL)
      target.finish
      File.join(FOLDER, "lying.#{target.pid}")
    end
    copy = File.join(FOLDER, "changed.core")
    system("cp", "--sparse=always", LyingCoreTest.cores[ruby], copy, exception: true)
    [Core.new(copy), RUBIES[ruby].core_options]
  end

  # Numbers of the layout table that the tool itself uses, or of a release that is near enough for these.
  def layout(facts)
    File.read(Dir.glob(File.join(ROOT, "src/ruby/layouts/ruby_#{facts["ruby"][/\A\d+\.\d+/].tr(".", "_")}_*.inc")).max).scan(/^\s+\.(\w+) = (-?\d+|0x\h+|HD_ABSENT),/).to_h { |key, value| [key, Integer(value, exception: false)] }
  end

  def kept(file)
    found = read(file)
    hash = found.objects.values.map(&:first).find { |line| line["bt"] == "T_HASH" && line.dig("val", ":array") }
    [found.objects, hash["val"]]
  end

  %w[native 2.7 3.3 3.4].each do |ruby|
    define_method("test_lengths_larger_than_the_slot_#{ruby}") do
      core, options = core_of(ruby)
      facts, file = dump("--core", core.path, *options)
      numbers = layout(facts)
      objects, ids = kept(file)
      array, pair, text = ids.values_at(":array", ":pair").map { |id| objects[id].first } + [objects.values.map(&:first).find { |line| line["bt"] == "T_STRING" && line["val"] == "one" }]
      assert_equal [1, 2], array["val"]
      full = { array => "RARRAY_EMBED_LEN_MASK", pair => "RSTRUCT_EMBED_LEN_MASK" }.transform_values { |name| numbers.fetch("k_#{name}") }
      full.each { |object, mask| core.poke(object["id"], core.peek(object["id"]) | mask) }
      slots = full.map { |object, mask| mask.to_s(2).count("1") > 3 ? object["slot_size"] : nil } # three words fit into any slot
      length = numbers["string_len_common"] || numbers["string_embed_len"]
      core.poke(text["id"] + length, 1 << 30) if text && length
      facts, file = dump("--core", core.path, *options, "--all")
      changed = read(file).objects
      assert_equal slots[0] ? [true, []] : [nil, 3], slots[0] ? changed[array["id"]].first.values_at("unreadable", "val") : [nil, changed[array["id"]].first["val"].size]
      assert_equal slots[1] ? {} : 3, slots[1] ? changed[pair["id"]].first["members"] : changed[pair["id"]].first["members"].size
      assert changed[text["id"]].first["unreadable"] if text && length
      assert_operator facts["objects"], :>, 5_000
    end
  end

  # Two mappings that claim the same addresses: the first is kept, the rest said.
  def test_segments_over_each_other
    core, = core_of("native")
    plain, = dump("--core", core.path)
    assert_equal 0, plain["overlapping"]
    segments = core.loaded.sort_by { |_, segment| segment[3] }
    (_, before), (header, after) = segments.each_cons(2).select { |(_, a), (_, b)| a[5] >= 8192 && b[5] <= 65_536 }.last
    core.write(header + 16, before[3] + before[5] - 4096) # p_vaddr
    facts, = dump("--core", core.path)
    assert_equal [after[5], 4096].min, facts["overlapping"]
    text, = Open3.capture2(TOOL, "dump", "--core", core.path, "-o", File.join(FOLDER, "over.json"))
    assert_match(/^the core is damaged or made up: 4\.[01] kB of its segments lie over others and were left out$/, text)
  end

  # A thousand segments that are all the same gigabytes of one file would be a terabyte of memory.
  def test_the_same_bytes_again_and_again
    core, = core_of("native")
    size = File.size(core.path)
    core.loaded.last(20).each { |header, _| [[8, 4096], [32, size - 4096], [40, size - 4096]].each { |at, word| core.write(header + at, word) } }
    _, err, status = Open3.capture3("sh", "-c", "ulimit -v 4000000; exec \"$@\"", "sh", TOOL, "dump", "--core", core.path, "-o", File.join(FOLDER, "again.json"))
    refute status.signaled?
    assert_equal 1, err.lines.size, err unless status.success?
  end

  # Cut everywhere: what is said fits what is missing, and names the way out.
  def test_cut_off_everywhere
    core, = core_of("native")
    seen = Hash.new(0)
    library = File.readlines("/proc/self/maps").map { |line| line.split[5] }.compact.any? { |path| path.include?("/libruby") }
    size = File.size(core.path)
    39.downto(1) do |n|
      File.truncate(core.path, size * n / 40)
      out, err, status = Open3.capture3(TOOL, "dump", "--core", core.path, "-o", File.join(FOLDER, "cut.json"))
      refute status.signaled?
      seen[status.success? ? "dumped" : err[/no Ruby is in what is left|ends before the variables of Ruby's library|too little to find/] || err] += 1
      status.success? ? assert_match(/^the core is truncated: \d+ pages of Ruby's heap are missing/, out) : assert_match(/the core is truncated, it has [\d.]+ [kM]B of [\d.]+ MB, and .*: look for what limits its size \(ulimit -c, the disk\).*--pid/, err)
    end
    puts seen.inspect
    assert_operator seen["dumped"], :>, 0
    assert_operator seen["no Ruby is in what is left"], :>, 0 if library
    assert_empty seen.keys - ["dumped", "no Ruby is in what is left", "ends before the variables of Ruby's library", "too little to find"]
  end
end
