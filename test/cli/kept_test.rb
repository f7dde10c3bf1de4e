# frozen_string_literal: true

# Answers that are kept in the index: the same words for the same question, never for another one, whatever is in the file.
require_relative "helper"
require "open3"

class KeptTest < Minitest::Test
  include CliTest

  OBJECTS = 290_000 # so many that an answer is worth a place, and too few to be asked ahead
  ASKED = [["suspects"], ["top", "--by", "file"], ["strings"], ["tree", "--depth", "3"]].freeze

  # A list in ObjectSpace's form, a third of it strings, made once.
  def self.list
    @list ||= File.join(CliTest::FOLDER, "kept-list.json").tap do |path|
      File.open(path, "w") do |file|
        file << %({"type":"ROOT","root":"vm","references":["0x1000","0x100000"]}\n{"address":"0x1000","type":"CLASS","name":"Link","memsize":600}\n)
        OBJECTS.times do |i|
          at = 0x100000 + i * 40
          file << if i % 3 == 2
                    format(%({"address":"0x%x","type":"STRING","value":"text %d","references":["0x%x"],"memsize":40}\n), at, i / 9, at + 40)
                  else
                    format(%({"address":"0x%x","type":"OBJECT","class":"0x1000","ivars":1,"references":["0x%x"],"memsize":40}\n), at, at + 40)
                  end
        end
        file << format(%({"address":"0x%x","type":"STRING","value":"end","memsize":40}\n), 0x100000 + OBJECTS * 40)
      end
    end
  end

  def setup
    @folder = Dir.mktmpdir("kept", CliTest::FOLDER)
    @dump = File.join(@folder, "dump.json")
    FileUtils.cp(KeptTest.list, @dump)
    tool("summary") # leaves the index
    @bare = File.size(index)
  end

  def index = "#{@dump}.idx"
  def tool(command, *words, dump: @dump) = run_tool(command, *words, dump)

  # Asks again: the answer is the same, and took nothing new.
  def assert_kept(*words)
    first = tool(*words)
    size = File.size(index)
    assert_operator size, :>, @bare, "#{words}: not kept"
    assert_equal first, tool(*words)
    assert_equal size, File.size(index), "#{words}: kept twice, so not found"
    first
  end

  def test_the_same_words
    ASKED.each do |words|
      @bare = File.size(index)
      answer = assert_kept(*words)
      assert_equal answer, run_tool(*words, "--no-index", @dump), words.inspect
    end
    ASKED.each { |words| assert_kept(*words) }
  end

  # `heap_dump index` asks ahead; nothing is asked anew after it.
  def test_index
    out, err, status = tool("index")
    assert_equal 0, status, err
    assert_match(/\A#{Regexp.escape(index)}  [\d.]+ MB\n\nnext: heap_dump suspects /, out)
    size = File.size(index)
    [["suspects"], ["tree"], ["top", "--by", "method"], ["top", "--by", "shape"], ["strings"]].each do |words|
      assert_equal run_tool(*words, "--no-index", @dump), tool(*words)
    end
    assert_equal size, File.size(index)
    assert_equal [index, size], JSON.parse(tool("index", "--json").first).values_at("index", "bytes")
  end

  def test_index_of_what_has_none
    assert_equal 4, run_tool("index", "-", stdin: File.read(@dump)).last
    assert_equal 3, run_tool("index", __FILE__).last
    assert_equal 4, run_tool("index", File.join(@folder, "none")).last
  end

  # Bold is for terminals, in kept answers, too.
  def test_colours
    asked = "#{TOOL} suspects --share 1 #{@dump}"
    plain = `#{asked} 2>/dev/null`
    2.times do
      shown = IO.popen([{ "TERM" => "xterm" }, "script", "-qec", asked, "/dev/null"], &:read).delete("\r")
      assert_includes shown, "\e[1m1. "
      assert_includes shown.gsub(/\e\[\dm/, ""), plain
      refute_match(/\e|[\x01\x02]/, plain = `#{asked} 2>/dev/null`)
    end
  end

  # The lines of the dump are not read for it.
  def test_the_dump_is_not_read
    assert_kept("strings")
    log = File.join(@folder, "trace")
    system("strace", "-f", "-y", "-e", "trace=read,pread64,mmap", "-o", log, TOOL, "strings", @dump, out: File::NULL, err: File::NULL)
    read = File.foreach(log).grep(/#{Regexp.escape(@dump)}>/).sum { |line| line[/ = (\d+)$/, 1].to_i }
    assert_operator read, :>, 0
    assert_operator read, :<, File.size(@dump) / 10
  end

  def test_other_questions_have_other_answers
    kept = assert_kept("top", "--by", "file")
    refute_equal kept, tool("top", "--by", "file", "--json")
    Dir.chdir(@folder) { assert_match(/^next: .* dump\.json/, run_tool("suspects", "dump.json").first) }
    assert_match(/^next: .*#{Regexp.escape(@dump)}/, tool("suspects").first)
  end

  def test_a_changed_dump_is_asked_again
    kept = assert_kept("top", "--by", "file")
    File.open(@dump, "a") { |file| file << %({"address":"0x2000","type":"STRING","value":"new","memsize":40}\n) }
    refute_equal kept, tool("top", "--by", "file")
  end

  def test_a_changed_second_dump_is_asked_again
    other = File.join(@folder, "other.json")
    FileUtils.cp(@dump, other)
    first = tool("diff", @dump, dump: other)
    assert_equal first, tool("diff", @dump, dump: other)
    File.open(other, "a") { |file| file << %({"type":"ROOT","root":"vm","references":["0x2000"]}\n{"address":"0x2000","type":"STRING","value":"new","memsize":4000000}\n) }
    refute_equal first, tool("diff", @dump, dump: other)
  end

  def test_status_and_complaints
    other = File.join(@folder, "other.json")
    FileUtils.cp(@dump, other)
    File.open(other, "a") { |file| file << %({"type":"ROOT","root":"vm","references":["0x2000"]}\n{"address":"0x2000","type":"STRING","value":"new","memsize":4000000}\n) }
    first = tool("diff", "--fail-above", "1MB", @dump, dump: other)
    assert_equal 1, first.last, first.inspect
    assert_match(/references have no names/, first[1])
    assert_operator File.size(index), :>, @bare
    assert_equal first, tool("diff", "--fail-above", "1MB", @dump, dump: other)
  end

  def test_what_failed_is_not_kept
    2.times { assert_equal 2, tool("tree", dump: @dump).then { run_tool("tree", @dump, "0x77").last } }
    size = File.size(index)
    run_tool("tree", @dump, "0x77")
    assert_equal size, File.size(index)
  end

  def test_no_index_neither_asks_nor_keeps
    run_tool("strings", "--no-index", @dump)
    assert_equal @bare, File.size(index)
  end

  # Wherever it is cut, and whatever byte is wrong.
  def test_damaged_answers_are_made_again
    answer = assert_kept("strings")
    whole = File.binread(index)
    random = Random.new(3)
    cuts = [@bare + 1, @bare + 31, @bare + 100, whole.bytesize - 1]
    spots = Array.new(12) { @bare + random.rand(whole.bytesize - @bare) }
    damaged = cuts.map { |cut| whole.byteslice(0, cut) } +
              spots.map { |at| whole.dup.tap { |bytes| bytes.setbyte(at, bytes.getbyte(at) ^ 4) } }
    damaged.each do |bytes|
      File.binwrite(index, bytes)
      assert_equal answer, tool("strings")
      assert_equal answer, tool("strings")
    end
  end

  def test_many_at_once
    asked = (1..6).map { |limit| ["strings", "--limit", limit.to_s] }
    asked.map { |words| Thread.new { tool(*words) } }.each(&:join)
    size = File.size(index)
    asked.each { |words| tool(*words) }
    assert_equal size, File.size(index), "some were not kept"
    asked.each { |words| assert_equal run_tool(*words, "--no-index", @dump), tool(*words) }
  end
end
