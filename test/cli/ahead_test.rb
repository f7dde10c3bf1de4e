# frozen_string_literal: true

# What is made ready when the index is: after the answer that was asked for, without changing any, and without being noticed.
require_relative "helper"
require "json"
require "open3"

class AheadTest < Minitest::Test
  include CliTest

  MANY = 300_000 # objects from which on it is done
  ASKED = [["suspects"], ["tree"], ["strings"], ["collections"], ["threads"], ["flame"], ["top", "--by", "file"], ["top", "--by", "gem"],
           ["top", "--by", "method"], ["top", "--by", "shape"]].freeze

  # What is kept as rows: any number of them is there, at least as many as anybody reads.
  ROWS = (%w[strings collections].product([%w[--limit 1], %w[--limit 7], %w[--limit 1000], %w[--limit 10001], %w[--limit 12000]]) +
          %w[suspects].product([%w[--limit 1], %w[--limit 0 --share 0.2], %w[--limit 0 --share 0.001], %w[--share 0.04], %w[--share 1.5], %w[--share 3], %w[--share 20], %w[--share 100]])).map(&:flatten).freeze

  # Exact sizes of all rows are kept as numbers, whichever are shown, in whichever order.
  EXACT = ["", "--limit 3", "--limit 0", "--sort size --limit 4", "--sort count --limit 2", "--by type", "--by type --limit 5 --sort count",
           "--by file --limit 5", "--by gem", "--by shape --limit 0 --sort size", "--by method --limit 4"]
          .map { |words| ["top", "--exact", *words.split] }.freeze

  # Objects, strings, arrays and hashes in ObjectSpace's form, some allocated where that was traced; made once for each size.
  def self.heap(count)
    @heaps ||= {}
    @heaps[count] ||= File.join(CliTest::FOLDER, "ahead-#{count}.json").tap do |path|
      File.open(path, "w") do |file|
        file << %({"type":"ROOT","root":"vm","references":["0x1000","0x100000"]}\n{"address":"0x1000","type":"CLASS","name":"Link","memsize":600}\n)
        count.times { |i| file << line(i, count) }
      end
    end
  end

  def self.line(number, count)
    at = 0x100000 + number * 40
    below = [2 * number + 1, 2 * number + 2].select { |i| i < count }.map { |i| format('"0x%x"', 0x100000 + i * 40) }.join(",")
    rest = %("references":[#{below}],"memsize":#{40 + number % 7 * 8}#{place(number)}}\n)
    format('{"address":"0x%x",', at) +
      case number % 5
      when 0 then %("type":"OBJECT","shape_id":#{number % 40},"class":"0x1000",#{rest})
      when 1, 2 then %("type":"STRING","shape_id":0,"value":"text \\u00e9 #{number / 30}","bytesize":#{7 + (number / 30).to_s.size},"encoding":"UTF-8",#{rest})
      when 3 then %("type":"ARRAY","shape_id":0,"length":#{number % 9},#{rest})
      else %("type":"HASH","shape_id":0,"size":#{number % 4},#{rest})
      end
  end

  def self.place(number)
    number % 3 == 0 ? %(,"file":"/srv/app/gems/rack-2.2.#{number % 8}/lib/#{number % 11}.rb","line":#{number % 90},"method":"m#{number % 13}") : ""
  end

  def setup
    @folder = Dir.mktmpdir("ahead", CliTest::FOLDER)
  end

  def dump(count)
    File.join(@folder, "dump.json").tap { |path| FileUtils.cp(AheadTest.heap(count), path) }
  end

  def assert_ready(path, asked)
    size = File.size("#{path}.idx")
    asked.product([[], ["--json"]]).each do |words, json|
      next if words == ["flame"] && json.any?

      assert_equal run_tool(*words, *json, "--no-index", path), run_tool(*words, *json, path), (words + json).inspect
    end
    assert_equal size, File.size("#{path}.idx"), "something was asked anew"
  end

  def test_many_objects
    path = dump(MANY)
    assert_equal 0, run_tool("top", path).last
    assert_ready(path, ASKED + EXACT)
  end

  # Of classes with many objects, whatever is asked of the paths to them.
  def test_paths_to_classes
    path = dump(MANY)
    assert_equal 0, run_tool("top", path).last
    classes = json("top", path).fetch("rows").select { |row| row["count"] >= 20_000 }.map { |row| row["class"] }
    refute_empty classes
    size = File.size("#{path}.idx")
    classes.product([[], %w[--limit 3], %w[--limit 0], %w[--exclude-weak]], [[], ["--json"]]).each do |name, *rest|
      words = ["path", path, name, *rest.flatten]
      assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
    end
    assert_equal size, File.size("#{path}.idx"), "something was asked anew"
  end

  # And as many rows as are kept, in pieces: a 25th of the objects. More than that, and all of them: such long answers are kept themselves, too.
  def test_any_number_of_rows
    path = dump(MANY)
    assert_equal 0, run_tool("top", path).last
    %w[strings collections].product(%w[10000 12001 0]).map { |command, limit| [command, "--limit", limit] }.each do |words|
      assert_equal run_tool(*words, "--no-index", path), run_tool(*words, path), words.inspect
    end
    assert_ready(path, ROWS)
  end

  # Of more suspects than are ever shown, too: the biggest of all are, whatever the share.
  def test_many_suspects
    path = File.join(@folder, "dump.json")
    many = 300
    strings = (0...many).map { |i| 20 + i * 77 % many }
    File.open(path, "w") do |file|
      at = (0...many).map { |i| 0x100000 + i * 0x100 }
      file << %({"type":"ROOT","root":"vm","references":[#{at.map { |a| format('"0x%x"', a) }.join(",")}]}\n)
      next_at = 0x10000000
      strings.each_with_index do |count, i|
        ids = (0...count).map { |k| format("0x%x", next_at + k * 40) }
        next_at += count * 40
        file << format(%({"address":"0x%x","type":"CLASS","name":"Cache%d","references":["0x%x"],"memsize":600}\n), at[i], i, at[i] + 64)
        file << format(%({"address":"0x%x","type":"OBJECT","class":"0x%x","references":["0x%x"],"memsize":40}\n), at[i] + 64, at[i], at[i] + 128)
        file << format(%({"address":"0x%x","type":"ARRAY","length":%d,"references":%p,"memsize":%d}\n), at[i] + 128, count, ids, 40 + count * 8)
        ids.each { |id| file << %({"address":"#{id}","type":"STRING","value":"of #{i}","bytesize":6,"encoding":"UTF-8","memsize":40}\n) }
      end
    end
    assert_equal 0, run_tool("index", path).last
    assert_ready(path, %w[20 1 0.6 0.59 0.5 0.4 0.3 0.1 0.01 0.001].product(%w[1 0]).map { |share, limit| ["suspects", "--share", share, "--limit", limit] })
    shown = json("suspects", path, "--limit", "0", "--share", "0.001").fetch("suspects")
    assert_equal (many - 64...many).map { |n| n + 20 }.reverse, shown.map { |one| one["classes"].map { |row| row["count"] }.max }
  end

  # Parts of the tree come out of what is kept of it: the same words, too fast to be kept themselves.
  TREES = [["tree", "--depth", "3"], ["tree", "--depth", "0", "--min", "0"], ["tree", "--depth", "1", "--min", "0", "--limit", "0"],
           ["tree", "--min", "0.2%", "--limit", "7"], ["tree", "--depth", "40", "--min", "2kB", "--limit", "0"], ["flame", "--depth", "2"],
           ["flame", "--min", "0.1%", "--depth", "1000"], ["flame", "--count"], ["flame", "--count", "--min", "10kB"]].freeze

  def assert_trees(path, *begin_at)
    TREES.product([[], ["--json"]]).each do |words, json|
      next if words.first == "flame" && json.any?

      assert_equal run_tool(*words, *json, "--no-index", path, *begin_at), run_tool(*words, *json, path, *begin_at), (words + json).inspect
    end
    stacks = %w[ready made].map { |name| File.join(@folder, "#{name}.txt") }
    [[], ["--no-index"]].zip(stacks) { |words, file| assert_equal 0, run_tool("flame", "--min", "0.5%", "-o", file, *words, path, *begin_at).last }
    assert_equal(*stacks.map { |file| File.binread(file) })
  end

  def test_trees
    path = dump(MANY)
    run_tool("top", path)
    assert_trees(path)
  end

  # And of objects that are in a group with others, or in none that is kept: made of what is below them alone.
  def test_trees_below_objects
    path = dump(MANY)
    run_tool("top", path)
    [0, 1, 2, 5, 20, 77, 300, 5000, MANY - 1].product([[], %w[--json], %w[--depth 0 --min 0 --limit 9], %w[--depth 3 --min 0 --json], %w[--depth 1 --limit 0]]).each do |number, rest|
      words = ["tree", *rest, path, format("0x%x", 0x100000 + number * 40)]
      assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
    end
    assert_trees(path, format("0x%x", 0x100000 + 5 * 40))
  end

  # By another name, which the answer then has.
  def test_another_name
    path = dump(MANY)
    run_tool("summary", path)
    size = File.size("#{path}.idx")
    other = File.join(@folder, "it's another.json")
    File.symlink(path, other)
    [["suspects"], ["strings", "--json"], ["tree"], ["collections"]].each do |words|
      answer = run_tool(*words, other)
      assert_equal run_tool(*words, "--no-index", other), answer
      assert_match(/it's another|it'\\''s another/, answer.first + answer[1])
    end
    assert_equal size, File.size("#{path}.idx")
  end

  def test_few_objects
    path = dump(MANY / 10)
    run_tool("top", path)
    size = File.size("#{path}.idx")
    run_tool("index", path)
    assert_operator File.size("#{path}.idx"), :>, size + 10_000
  end

  def test_index_makes_it_for_few
    path = dump(MANY / 10)
    assert_equal 0, run_tool("index", path).last
    assert_ready(path, ASKED)
  end

  # One of our own dumps, with frames, names and continued lines.
  def test_our_own_dump
    path = File.join(@folder, "own.json")
    script = "class Cart; def initialize; @items = Array.new(70_000) { |i| \"item \#{i % 50}\" }; end; end; CART = Cart.new; " \
             "HASH = 20_000.times.to_h { |i| [i, { name: \"n\#{i % 10}\" }] }; HeapDump.dump(ARGV[0])"
    out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-rheap_dump", "-e", script, path)
    assert status.success?, out
    assert_equal 0, run_tool("index", path).last
    assert_ready(path, ASKED + ROWS.reject { |words| words.last.to_i > 10_000 } + EXACT) # it is small: one piece of them is kept
    assert_trees(path)
    # and from objects on: those that are groups of their own, and others
    JSON.parse(run_tool("tree", "--depth", "3", "--min", "0", "--limit", "40", "--json", path).first)["rows"].drop(1).each do |row|
      id = row["sample"]["hex"]
      assert_equal run_tool("tree", "--json", "--no-index", path, id), run_tool("tree", "--json", path, id)
      assert_equal run_tool("flame", "--no-index", path, id), run_tool("flame", path, id)
    end
  end

  def test_no_index_does_nothing
    path = dump(MANY)
    run_tool("top", "--no-index", path)
    refute_path_exists "#{path}.idx"
  end

  # Who reads has the whole answer, and knows that it is the end, before other questions are asked.
  def test_the_answer_comes_first
    path = dump(MANY)
    log = File.join(@folder, "trace")
    system("strace", "-f", "-y", "-e", "trace=close,pread64", "-o", log, TOOL, "top", path, out: File::NULL, err: File::NULL)
    lines = File.readlines(log)
    closed = lines.index { |line| line[/close\(1(<|\))/] }
    again = lines.rindex { |line| line.include?("#{path}>") && line.include?("pread64") }
    refute_nil closed
    assert_operator closed, :<, again
  end

  # An interrupt ends that, and nothing else.
  def test_interrupted
    path = dump(MANY)
    reader, writer = IO.pipe
    pid = spawn(TOOL, "top", path, out: writer, err: File::NULL)
    writer.close
    answer = reader.read
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 30
    sleep 0.005 until File.exist?("#{path}.idx") || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    sleep 0.02
    Process.kill("INT", pid)
    status = Process.wait2(pid).last
    assert status.success?, status.inspect
    assert_equal run_tool("top", "--no-index", path).first, answer
    ASKED.each { |words| assert_equal run_tool(*words, "--no-index", path), run_tool(*words, path), words.inspect }
  end

  def test_nobody_reads
    path = dump(MANY)
    assert_equal "4\n", `bash -c '#{TOOL} tree --min 0 --limit 0 #{path} 2>/dev/null | true; echo ${PIPESTATUS[0]}'`
    assert_equal run_tool("strings", "--no-index", path), run_tool("strings", path)
  end

  # A full disk is said once, and the index is there nevertheless.
  def test_standard_output_is_full
    path = dump(MANY)
    out, err, status = Open3.capture3("#{TOOL} top #{path} > /dev/full")
    assert_equal ["", 4], [out, status.exitstatus]
    assert_match(/cannot write to standard output/, err)
    assert_ready(path, [["strings"], ["tree"]])
  end
end
