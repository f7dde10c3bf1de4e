# frozen_string_literal: true

# The index file: that it changes no answer, that it is used at all, and that nothing it may hold does harm. Runs the
# command line tool, HEAP_DUMP_TOOL or that of `make`. INDEX_FUZZ is how many damaged files are tried (150).
require_relative "../cli/helper"
require "zlib"

class IndexTest < Minitest::Test
  include CliTest

  FUZZ = Integer(ENV.fetch("INDEX_FUZZ", "150"))
  PAGE = 4096
  FIRST_SECTION = 2 * PAGE # header and, of a small dump, one page of block sums
  # struct hd_index_header
  INODE, NODE_COUNT, EDGE_COUNT = 40, 80, 88

  def setup
    @folder = Dir.mktmpdir("index", CliTest::FOLDER)
    @cache = File.join(@folder, "cache")
    @dump = File.join(@folder, "dump.json")
    FileUtils.cp(ours, @dump)
  end

  def teardown
    FileUtils.chmod(0o700, @folder)
  end

  def index = "#{@dump}.idx"
  def tool(*words, **options) = run_tool(*words, env: { "XDG_CACHE_HOME" => @cache }, **options)

  # What every command is asked, with the answer made without an index.
  def questions
    id = hex(facts[:orders])
    [["summary"], ["top", "--limit", 0], ["top", "--by", "type"], ["show", id], ["path", id], ["path", "Shop::Order"]]
  end

  def ask(dump = @dump, *options)
    questions.map { |command, *words| tool(command, *options, dump, *words) }
  end

  # One command with many numbers in its answer.
  def answer(*options) = tool("top", "--limit", 0, *options, @dump)

  # The state of a file that is replaced when the index is written again.
  def state(path = index) = File.stat(path).then { |stat| [stat.ino, stat.mtime] }

  def make_index
    answer
    assert_path_exists index
    state
  end

  def assert_used(before, message = nil)
    assert_equal before, state, message
  end

  # --- answers ----------------------------------------------------------------------------------------------

  def test_answers_are_the_same
    [@dump, object_space].each do |source|
      FileUtils.cp(source, @dump) unless source == @dump
      FileUtils.rm_f(index)
      plain = ask(@dump, "--no-index")
      refute_path_exists index
      plain.each { |_, err, status| assert_equal 0, status, err }
      first = ask
      before = state
      assert_equal plain, first
      assert_equal plain, ask
      assert_used before
    end
  end

  # Reading the dump again would find nothing to read: the answer can only come from the index.
  def test_the_index_is_what_is_read
    expected = answer
    before = state
    out = trace("openat,read,pread64", "top", "--limit", 0, @dump)
    assert_equal expected[0], out[0]
    bytes = out[1].lines.grep(/pread64|read\(/).sum { |line| line[/= (\d+)$/, 1].to_i }
    assert_operator bytes, :<, File.size(@dump) / 2, "the dump was read"
    assert_used before
  end

  # [stdout, the system calls]; with strace, or skipped.
  def trace(calls, *words)
    skip "strace is not installed" unless system("strace", "-V", out: File::NULL, err: File::NULL)
    log = File.join(@folder, "strace")
    out, err, status = Open3.capture3("strace", "-f", "-o", log, "-e", "trace=#{calls}", CliTest::TOOL, *words.map(&:to_s))
    assert status.success?, err
    [out.force_encoding("UTF-8"), File.read(log)]
  end

  def test_compressed
    packed = "#{@dump}.gz"
    Zlib::GzipWriter.open(packed) { |gz| gz.write(File.binread(@dump)) }
    plain = ask(packed, "--no-index")
    assert_equal plain, ask(packed)
    assert_path_exists "#{packed}.idx"
    before = state("#{packed}.idx")
    assert_equal plain, ask(packed)
    assert_equal before, state("#{packed}.idx")
  end

  def test_standard_input_has_none
    Dir.chdir(@folder) do
      _, err, status = tool("top", "-", stdin: File.binread(@dump))
      assert_equal 0, status, err
    end
    assert_equal ["dump.json"], Dir.children(@folder)
  end

  def test_no_index_reads_none
    make_index
    # An index with another answer and right sums cannot be made here; one that is replaced would be seen.
    File.truncate(index, 100)
    before = state
    answer("--no-index")
    assert_used before
    _, err, status = tool("top", @dump, "--", "--no-index")
    assert_equal 2, status, err
  end

  # --- places and permissions ----------------------------------------------------------------------------------

  def test_mode_and_leftovers
    make_index
    assert_equal 0o600, File.stat(index).mode & 0o777
    assert_equal ["dump.json", "dump.json.idx"], Dir.children(@folder).sort
  end

  def cached = Dir[File.join(@cache, "heap_dump", "*.idx")]

  # A folder where dump.json.idx stands stops even root.
  def test_cache_folder
    Dir.mkdir(index)
    plain = answer("--no-index")
    assert_equal plain, answer
    assert_equal 1, cached.size
    assert_equal 0o700, File.stat(File.join(@cache, "heap_dump")).mode & 0o777
    assert_equal 0o600, File.stat(cached[0]).mode & 0o777
    before = state(cached[0])
    assert_equal plain, answer
    assert_equal before, state(cached[0])
  end

  def test_unused_ones_leave_the_cache
    Dir.mkdir(index)
    FileUtils.mkdir_p(File.join(@cache, "heap_dump"))
    old, other = %w[0123456789abcdef.idx notes.idx].map { |name| File.join(@cache, "heap_dump", name) }
    [old, other].each { |path| File.write(path, "x") && File.utime(Time.at(0), Time.at(0), path) }
    answer
    refute_path_exists old
    assert_path_exists other
    File.utime(Time.at(0), Time.at(0), index_path = (cached - [other])[0])
    answer
    assert_operator File.mtime(index_path), :>, Time.now - 3600
  end

  def test_nowhere_to_write
    Dir.mkdir(index)
    File.write(@cache, "a file where the folder should be")
    out, err, status = answer
    assert_equal [answer("--no-index")[0], "", 0], [out, err, status]
  end

  def test_links_are_not_followed
    target = File.join(@folder, "target")
    File.write(target, "precious")
    File.symlink(target, index)
    plain = answer("--no-index")
    assert_equal plain, answer
    assert_equal "precious", File.read(target)
    assert File.symlink?(index)
  end

  def test_a_dump_by_two_names
    before = make_index
    link = File.join(@folder, "link.json")
    File.symlink(@dump, link)
    tool("top", link)
    assert_used before
    refute_path_exists "#{link}.idx"
  end

  def test_what_others_may_write_is_not_believed
    before = make_index
    File.chmod(0o660, index)
    answer
    refute_equal before, state
  end

  # --- another dump ------------------------------------------------------------------------------------------

  def test_the_dump_changed
    make_index
    lines = File.readlines(@dump)
    order = lines.index { |line| line.start_with?(%(,{"id":#{facts[:order]},)) }
    count = ->(result) { result[0][/^.* ([\d,]+) +Shop::Order$/, 1] }
    assert_equal CliTest::ORDERS.to_s, count[answer]
    lines.delete_at(order)
    File.write(@dump, lines.join)
    changed = answer
    assert_equal (CliTest::ORDERS - 1).to_s, count[changed]
    before = state
    assert_equal changed, answer
    assert_used before
  end

  # Same length, same times as far as they can be set.
  def test_changed_in_place_with_its_time_set_back
    make_index
    old = File.stat(@dump)
    text = File.binread(@dump)
    assert text.sub!("Shop::Ghost", "Shop::Spook")
    File.open(@dump, "r+b") { |file| file.write(text) }
    File.utime(old.atime, old.mtime, @dump)
    assert_equal [old.size, old.ino, old.mtime], File.stat(@dump).then { |now| [now.size, now.ino, now.mtime] }
    before = state
    assert_equal answer("--no-index"), answer
    refute_equal before, state
  end

  def test_the_index_of_another_dump
    make_index
    other = File.join(@folder, "other.json")
    FileUtils.cp(object_space, other)
    FileUtils.cp(index, "#{other}.idx")
    assert_equal tool("top", "--no-index", other), tool("top", other)
  end

  # --- damage ------------------------------------------------------------------------------------------------

  # The block stays the same length; whatever is in the file, the answer is right and the index is made again.
  def assert_survives(content, what)
    File.binwrite(index, content)
    File.chmod(0o600, index)
    before = state
    result = answer
    assert_equal @expected, result, what
    refute_equal before, state, "#{what}: was believed"
    assert_equal @good, File.binread(index), "#{what}: was not made again"
  end

  def prepare
    @expected = answer("--no-index")
    make_index
    @good = File.binread(index)
  end

  def test_damage_by_chance
    prepare
    random = Random.new(seed = Integer(ENV.fetch("INDEX_SEED", "1")))
    FUZZ.times do |i|
      bad = @good.dup
      spots = Array.new(random.rand(1..3)) do
        random.rand(3).zero? ? random.rand(FIRST_SECTION) : random.rand(@good.bytesize)
      end
      spots.uniq.each { |at| bad.setbyte(at, bad.getbyte(at) ^ (1 << random.rand(8))) }
      assert_survives(bad, "seed #{seed}, number #{i}, bytes #{spots}")
    end
  end

  def test_cut_and_odd_ones
    prepare
    length = @good.bytesize
    cuts = [0, 1, 7, 8, 100, PAGE - 1, PAGE, PAGE + 1, FIRST_SECTION, length / 2, length - PAGE, length - 1]
    cuts.each { |cut| assert_survives(@good.byteslice(0, cut), "cut to #{cut}") }
    assert_survives(@good + "x", "one byte more")
    assert_survives(@good + "\0" * PAGE, "one page more")
    assert_survives("\0" * length, "zeros")
    assert_survives(Random.new(2).bytes(length), "noise")
    assert_survives("not an index\n", "text")
  end

  # Counts no file could have, ones that overflow, ones that only disagree.
  def test_counts
    prepare
    [NODE_COUNT, EDGE_COUNT, EDGE_COUNT + 8, EDGE_COUNT + 16, INODE].each do |at|
      [0, 1, 2**31, 2**32 - 1, 2**32, 2**61, 2**63, 2**64 - 1].each do |value|
        bad = @good.dup
        bad[at, 8] = [value].pack("Q")
        assert_survives(bad, "#{value} at #{at}")
      end
    end
  end
end
