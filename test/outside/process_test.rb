# frozen_string_literal: true

# Dumping live processes of every kind, what is refused and how, and that nothing of ours stays behind.
require_relative "helper"

class ProcessTest < Minitest::Test
  include OutsideTest

  def state(pid) = File.read("/proc/#{pid}/status")[/^State:\s+(\w)/, 1]

  def test_nothing_stays_behind
    with_target do |target|
      before = traces(target.pid)
      20.times { dump("--pid", target.pid) }
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

  def test_a_process_that_hangs_in_c_code_and_one_that_works
    busy = "require 'heap_dump'; HeapDump.dump(ARGV[0]); worker = Thread.new { loop { Array.new(200) { |n| \"made \#{n}\" * 9 } } }\n" \
           "$kept = Array.new(1000) { |n| \"kept \#{n}\" }; $stdout.puts('ready'); $stdout.flush; $stdin.read; worker.kill"
    with_target(name: "busy", program: busy) do |target|
      10.times do
        _, file = dump("--pid", target.pid)
        kept = File.foreach(file).count { |line| line.match?(/"kept \d+"/) }
        assert_operator kept, :>, 0
      end
    end
    hung = "require 'heap_dump'; HeapDump.dump(ARGV[0]); $stdout.puts('ready'); $stdout.flush; $stdin.read; (\"a\" * 28 + \"!\") =~ /^(a|a)*$/"
    with_target(name: "hung", program: hung) { |target| dump("--pid", target.pid) }
  end

  def test_another_pid_namespace
    skip "this needs root" unless Process.uid.zero?
    with_target(name: "namespace", wrap: %w[unshare --pid --fork --mount-proc]) do |target|
      facts, = dump("--pid", target.pid)
      assert_equal "fork", facts["method"]
      assert_empty Dir.glob("/proc/#{target.pid}/task/*/children").map { |path| File.read(path) }.join
    end
  end
end
