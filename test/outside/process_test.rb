# frozen_string_literal: true

# Dumping live processes of every kind, what is refused and how, and that nothing of ours stays behind.
require_relative "helper"

class ProcessTest < Minitest::Test
  include OutsideTest

  def state(pid) = File.read("/proc/#{pid}/status")[/^State:\s+(\w)/, 1]

  def test_nothing_stays_behind
    with_target do |target|
      before = traces(target.pid)
      8.times { dump("--pid", target.pid) }
      dump("--pid", target.pid, "--method", "stop")
      assert_equal before, traces(target.pid)
    end
  end

  def test_a_stopped_process_stays_stopped
    with_target do |target|
      Process.kill(:STOP, target.pid)
      sleep 0.05 until state(target.pid) == "T"
      facts, = dump("--pid", target.pid)
      assert_equal "fork", facts["method"]
      sleep 0.1
      assert_equal "T", state(target.pid)
      Process.kill(:CONT, target.pid)
    end
  end

  def test_a_process_that_works
    busy = "require 'heap_dump'; HeapDump.dump(ARGV[0]); worker = Thread.new { loop { Array.new(200) { |n| \"made \#{n}\" * 9 } } }\n" \
           "$kept = Array.new(1000) { |n| \"kept \#{n}\" }; $stdout.puts('ready'); $stdout.flush; $stdin.read; worker.kill"
    with_target(name: "busy", program: busy) do |target|
      5.times do
        _, file = dump("--pid", target.pid)
        kept = File.foreach(file).count { |line| line.match?(/"kept \d+"/) }
        assert_operator kept, :>, 0
      end
    end
  end

  # In a function of C that never returns, with Ruby's lock in its hand: nothing from inside could run there any more.
  # The block of its main thread is a C function, as each_slice has one.
  def test_a_process_in_a_block_of_c
    within = "require 'heap_dump'; HeapDump.dump(ARGV[0]); 3.times.each_slice(2) { $stdout.puts('ready'); $stdout.flush; $stdin.read }"
    with_target(name: "within", program: within) do |target|
      facts, = dump("--pid", target.pid)
      assert_equal 0, facts["unreadable"]
    end
  end

  def test_a_process_that_hangs_in_c_code
    program = "require 'fiddle'\ndef hangs_here = (local = 'still to be seen'; @pause.call; local)\n" \
              "@pause = Fiddle::Function.new(Fiddle.dlopen(nil)['pause'], [], Fiddle::TYPE_INT, need_gvl: true)\n" \
              "$stdout.puts('ready'); $stdout.flush; hangs_here"
    target = Target.new("native", name: "hung", program: program)
    facts, file = dump("--pid", target.pid)
    assert_equal "fork", facts["method"]
    frames = JSON.parse(IO.popen([TOOL, "threads", "--json", "--no-index", file], &:read))["threads"].flat_map { |thread| thread["frames"] }
    frame = frames.find { |found| found["method"].end_with?("hangs_here") }
    assert_match(/still to be seen/, frame["locals"].find { |local| local["name"] == "local" }.values_at("value", "description").join)
    assert_equal "S", state(target.pid)
  ensure
    target&.kill
  end

  def test_another_pid_namespace
    skip "this needs root" unless Process.uid.zero?
    with_target(name: "namespace", wrap: %w[unshare --pid --fork --mount-proc]) do |target|
      facts, = dump("--pid", target.pid)
      assert_equal "fork", facts["method"]
      assert_empty children(target.pid)
    end
  end
end
