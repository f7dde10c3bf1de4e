# frozen_string_literal: true

# The index file: that it changes no answer, that it is used at all, and that nothing it may hold does harm. Runs the
# command line tool, HEAP_DUMP_TOOL or that of `make`. INDEX_FUZZ is how many damaged files are tried (60).
require_relative "../cli/helper"
require "zlib"

class IndexTest < Minitest::Test
  include CliTest

  FUZZ = Integer(ENV.fetch("INDEX_FUZZ", "60"))
  ROUNDS = FUZZ / 60
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
    [["summary"], ["summary", "--json"], ["top", "--limit", 0], ["top", "--by", "type"], ["top", "--by", "file"],
     ["top", "--exact", "--json"], ["top", "--by", "type", "--exact"], ["show", id], ["path", id], ["path", "--all", 3, id],
     ["path", "Shop::Order"], ["path", "--json", "--limit", 0, "String"], ["find", "--class", "Shop::*"],
     ["find", "--min-retained", 500, "--json"], ["suspects", "--share", 1]]
  end

  def ask(dump = @dump, *options)
    questions.map do |command, *words|
      target = %w[show path].include?(command) ? [words.pop] : []
      tool(command, *options, *words, dump, *target)
    end
  end

  # Single objects and references, for which few blocks of the index are looked at; the last two are for more.
  def singles(*options)
    id = facts[:orders]
    from_index = "SELECT id, type, kind, class, class_id, name, size, retained, dominator, reachable, refs, frozen, garbage, length FROM objects"
    [tool("sql", *options, "--output", "lines", @dump, "#{from_index} WHERE id = #{id}; SELECT * FROM refs WHERE from_id = #{id}; SELECT * FROM refs WHERE to_id = #{id}"),
     tool("sql", *options, "--output", "lines", @dump, "SELECT rowid, * FROM objects WHERE id IN (#{id}, #{facts[:order]}, 1, 0, NULL)"),
     tool("sql", *options, "--json", @dump, "SELECT dump_line(#{id}), (SELECT class FROM objects WHERE id = #{facts[:order]}), path(#{id}), dump_line(3)"),
     tool("sql", *options, @dump, "SELECT r.name, o.class FROM refs r JOIN objects o ON o.id = r.to_id WHERE r.from_id = #{id} LIMIT 5")]
  end

  # Questions that look at every section between them; those that look at little before those that look at all.
  def everything(*options)
    [*singles(*options), tool("top", "--limit", 0, *options, @dump), tool("top", "--exact", "--limit", 0, *options, @dump),
     tool("tree", *options, @dump), tool("path", *options, @dump, "String"), tool("find", "--class", "Shop::*", *options, @dump)]
  end

  # One command with many numbers in its answer.
  def answer(*options) = tool("top", "--limit", 0, *options, @dump)

  # The file is another one when the index is written again; answers are written behind it (cli/kept_test.rb).
  def state(path = index) = [File.stat(path).ino, File.birthtime(path)]

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

  # --- single objects ---------------------------------------------------------------------------------------

  # An index whose sections have several blocks: that of a dump with many strings more.
  def grow_dump
    lines = File.readlines(@dump)
    first = facts[:order]
    many = Array.new(20_000) { |i| %(,{"id":#{8 + i * 40},"bt":"T_STRING","size":40,"bytesize":3,"val":"abc"}\n) }
    assert_operator 8 + 20_000 * 40, :<, first
    File.write(@dump, (lines[0, 1] + many + lines[1..]).join)
  end

  # The block of each section that the object is in, and another one.
  def test_an_object_is_looked_up_in_its_blocks_alone
    grow_dump
    prepare
    node = @good.byteslice(*sections[:address][0, 2]).unpack("Q*").index(facts[:orders])
    expected = singles("--no-index")
    query = ["sql", @dump, "SELECT id, type, class, size, retained, refs, frozen, dump_line(id) FROM objects WHERE id = #{facts[:orders]}"]
    one = tool(*query)
    %i[address size line class label type flags edge_start parent retained class_number].each do |name|
      start, bytes, _, width = sections.fetch(name)
      here = node * width
      there = here < bytes / 2 ? bytes - 1 : 0
      [here, there].each do |at|
        next if name == :address && at == there # on the way of a search, perhaps
        next if at == there && here / BLOCK == there / BLOCK
        bad = @good.dup
        bad.setbyte(start + at, bad.getbyte(start + at) ^ 64)
        write_index(bad)
        before = state
        assert_equal one, tool(*query), "#{name} at #{at}"
        assert_equal at == there, state == before, "#{name} at #{at}: #{at == here ? "believed" : "looked at for nothing"}"
        assert_equal expected, singles, "#{name} at #{at}"
      end
    end
  end

  TREES = [["tree", "--depth", 2], ["tree", "--depth", 0, "--min", 0, "--limit", 0], ["tree", "--json", "--min", "0.1%", "--limit", 9],
           ["flame", "--depth", 3], ["flame", "--count", "--min", "1%"]].freeze

  # What is kept of the tree of groups is enough for every part of it, but for what the objects are called.
  def test_a_tree_is_made_once
    prepare
    tool("tree", "--depth", 1, @dump)
    bad = File.binread(index) # with what is kept
    expected = TREES.map { |words| tool(*words, "--no-index", @dump) }
    own = ["tree", "--depth", 0, @dump, facts[:app]]
    expected_own = tool(*own, "--no-index")
    %i[edge_to child].each do |name|
      start, bytes, = sections.fetch(name)
      bad.setbyte(start + bytes / 2, bad.getbyte(start + bytes / 2) ^ 64)
    end
    write_index(bad)
    before = state
    assert_equal expected, TREES.map { |words| tool(*words, @dump) }
    assert_equal expected_own, tool(*own)
    assert_equal before, state, "more was looked at"
    # what is made of all of them is made in spite of that
    assert_equal tool("suspects", "--no-index", "--share", 3, @dump), tool("suspects", "--share", 3, @dump)
    refute_equal before, state
  end

  def test_a_damaged_index_of_a_dump_that_is_gone
    prepare
    bad = @good.dup
    sections.each_value { |start, bytes| bad.setbyte(start + bytes / 2, bad.getbyte(start + bytes / 2) ^ 1) if bytes > 0 }
    write_index(bad)
    File.write(@dump, "[")
    _, err, status = tool("sql", @dump, "SELECT class FROM objects WHERE id = #{facts[:orders]}")
    assert_equal 3, status, err
  end

  # --- damage ------------------------------------------------------------------------------------------------

  # The block stays the same length; whatever is in the file, the answer is right and the index is made again.
  def assert_survives(content, what)
    File.binwrite(index, content)
    File.chmod(0o600, index)
    before = state
    assert_equal @expected, everything, what
    answer # a section that is found damaged on the way is made again when the dump is opened the next time
    refute_equal before, state, "#{what}: was believed"
    assert_equal @good, File.binread(index, @good.bytesize), "#{what}: was not made again"
  end

  def prepare
    @expected = everything("--no-index")
    make_index
    @good = File.binread(index)
    @good.slice!(/hdanswer.*/mn) # less the answers behind the sections
  end

  def test_damage_by_chance
    prepare
    random = Random.new(seed = Integer(ENV.fetch("INDEX_SEED", "1")))
    @expected.each { |_, err, status| assert_equal 0, status, err }
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
    assert_survives("\0" * length, "zeros")
    assert_survives(Random.new(2).bytes(length), "noise")
    assert_survives("not an index\n", "text")
  end

  # Answers are kept there (test/cli/kept_test.rb); what is none is passed over.
  def test_what_is_no_answer_behind_the_sections
    prepare
    ["x", "\0" * PAGE, "hdanswer", "hdanswer" + [2**63, 2**63, 0].pack("Q3"), "hdanswer" + [3, 5, 7].pack("Q3") + "x" * 8].each do |rest|
      write_index(@good + rest)
      before = state
      assert_equal @expected, everything
      assert_used before, rest
    end
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

  # --- hostile: lies with right sums -----------------------------------------------------------------------

  BLOCK = 1 << 13
  MASK = 2**64 - 1
  COUNTS = { node: 80, edge: 88, name: 96, name_bytes: 104, reachable: 152, classes: 168, class_name_bytes: 176 }.freeze
  VERSION, WORD, RELEASE, SUM, HEADER = 8, 12, 16, 32, 216

  # graph/index_check.c
  def mix(hash, word)
    hash = ((hash ^ word) * 0x9FB21C651E98DF25) & MASK
    ((hash << 29) | (hash >> 35)) & MASK
  end

  def hash_of(data, seed)
    lanes = Array.new(8) { |i| seed + i }
    hash = seed ^ ((data.bytesize * 0x9E3779B97F4A7C15) & MASK)
    words = (data + "\0" * (64 - data.bytesize % 64)).unpack("Q*")
    words[0...-8].each_with_index { |word, i| lanes[i & 7] = mix(lanes[i & 7], word) }
    words.last(8).each_with_index { |word, i| hash = mix(hash, mix(lanes[i], word)) }
    hash ^ (hash >> 32)
  end

  # { name: [offset, bytes, first block, width] } as index_format.h has them.
  def sections
    count = COUNTS.transform_values { |at| @good[at, 8].unpack1("Q") }
    nodes, edges, reached = count.values_at(:node, :edge, :reachable)
    plan = [[:address, 8, nodes], [:size, 8, nodes], [:line, 8, nodes], [:class, 4, nodes], [:label, 4, nodes],
            [:type, 1, nodes], [:flags, 1, nodes], [:edge_start, 8, nodes + 1], [:edge_to, 4, edges], [:edge_name, 4, edges],
            [:name_start, 8, count[:name] + 1], [:name_bytes, 1, count[:name_bytes]], [:parent, 4, nodes],
            [:retained, 8, nodes], [:child_start, 4, nodes + 1], [:child, 4, reached - 1], [:depth, 4, nodes],
            [:path_parent, 4, nodes], [:path_edge, 8, nodes], [:path_order, 4, reached], [:path_from, 4, reached],
            [:class_number, 4, nodes], [:class_name_start, 8, count[:classes] + 1],
            [:class_name_bytes, 1, count[:class_name_bytes]], [:class_sums, 8, 5 * count[:classes]]]
    at, block = FIRST_SECTION, 0
    plan.to_h do |name, width, number|
      here = [at, width * number, block, width]
      at += (width * number + PAGE - 1) / PAGE * PAGE
      block += (width * number + BLOCK - 1) / BLOCK
      [name, here]
    end
  end

  # The file with other bytes at a place in a section, or in the header (nil), and sums that say it is right.
  def forge(section, at, bytes)
    file = @good.dup
    if section
      start, length, first = sections.fetch(section)
      file[start + at, bytes.bytesize] = bytes
      block = at / BLOCK
      sum = hash_of(file[start + block * BLOCK, [BLOCK, length - block * BLOCK].min], first + block)
      file[PAGE + (first + block) * 8, 8] = [sum].pack("Q")
    else
      file[at, bytes.bytesize] = bytes
    end
    file[SUM, 8] = "\0" * 8
    file[SUM, 8] = [hash_of(file[PAGE, blocks * 8], hash_of(file[0, HEADER], 0))].pack("Q")
    file
  end

  # The last section is that of the types, one block behind those of the classes' sums.
  def blocks
    _, bytes, first = sections[:class_sums]
    first + (bytes + BLOCK - 1) / BLOCK + 1
  end

  def write_index(content)
    File.binwrite(index, content)
    File.chmod(0o600, index)
  end

  def test_what_is_forged_here_has_right_sums
    prepare
    assert_equal @good, forge(nil, VERSION, @good[VERSION, 4]), "the header's sum"
    sections.each do |name, (start, bytes)|
      assert_equal @good, forge(name, 0, @good[start, 1]), "the first sum of #{name}" if bytes > 0
    end
    before = make_index
    write_index(forge(:size, 8 * 100, [2**40].pack("Q"))) # a lie that cannot be seen: it is believed
    before = state
    refute_equal @expected[1], tool("top", "--exact", "--limit", 0, @dump)
    assert_used before
  end

  def test_other_versions_and_machines
    prepare
    [[VERSION, [@good[VERSION, 4].unpack1("L") + 1].pack("L")], [WORD, @good[WORD, 4].reverse],
     [RELEASE, "9.9.9\0"], [0, "hd inDEX"]].each { |at, bytes| assert_survives(forge(nil, at, bytes), "header at #{at}") }
  end

  def test_numbers_that_lead_nowhere
    prepare
    looked_up = %i[class label edge_start edge_to edge_name name_start parent child_start child depth path_parent
                   path_edge path_order path_from class_number class_name_start]
    looked_up.each do |name|
      _, bytes, _, width = sections.fetch(name)
      [0, bytes / width / 2, bytes / width - 1].each do |element|
        bad = [2**30 + 1].pack(width == 8 ? "Q" : "L")
        assert_survives(forge(name, element * width, bad), "#{name}[#{element}]")
      end
    end
    assert_survives(forge(:type, 50, "\xff".b), "a type there is not")
    assert_survives(forge(:address, 8 * 50, [2**63].pack("Q")), "addresses out of order")
  end

  # Each number is in range, but a way up has no end. There must be an answer, right or wrong.
  def test_circles
    prepare
    node = 1 + @good.byteslice(sections[:parent][0] + 4, sections[:parent][1] - 4).unpack("L*").index { |at| at > 1 && at < 2**31 }
    id = "0x%x" % @good[sections[:address][0] + 8 * node, 8].unpack1("Q")
    %i[parent path_parent].each do |name|
      [node, @good[sections[:parent][0] + 4 * node, 4].unpack1("L")].each do |from|
        [["path", @dump, id], ["path", @dump, "String"], ["show", @dump, id], ["find", @dump, "--min-size", "1"],
         ["top", "--exact", @dump], ["suspects", @dump]].each do |words|
          write_index(forge(name, 4 * from, [node].pack("L")))
          _, err, status = tool(*words)
          assert_includes [0, 1], status, "#{name} of #{from}: #{words}: #{err}"
        end
      end
    end
  end

  # Whatever stands in sizes, texts and sums may make an answer wrong, but must do no harm.
  def test_noise_with_right_sums
    prepare
    random = Random.new(3)
    sections.each do |name, (_, bytes, _, width)|
      next if bytes.zero?
      ROUNDS.times do
        count = [bytes / width, 40].min
        write_index(forge(name, random.rand(bytes / width - count + 1) * width, random.bytes(count * width)))
        ask.each { |_, err, status| assert_includes 0..4, status, "#{name}: #{err}" }
      end
    end
  end

  # --- several at once, and none ---------------------------------------------------------------------------

  def test_several_writers
    expected = answer("--no-index")
    results = Array.new(6) { Thread.new { answer } }.map(&:value)
    assert_equal [expected], results.uniq
    assert_equal ["dump.json", "dump.json.idx"], Dir.children(@folder).sort
    before = state
    assert_equal expected, answer
    assert_used before
  end

  def test_no_home
    Dir.mkdir(index)
    env = { "XDG_CACHE_HOME" => nil, "HOME" => nil }
    out, err, status = run_tool("top", "--limit", 0, @dump, env: env)
    assert_equal answer("--no-index"), [out, err, status]
    assert_empty Dir.children(index)
    run_tool("top", @dump, env: { "XDG_CACHE_HOME" => "relative", "HOME" => File.join(@folder, "home").tap { |home| Dir.mkdir(home) } })
    assert_equal 1, Dir[File.join(@folder, "home/.cache/heap_dump/*.idx")].size
  end
end
