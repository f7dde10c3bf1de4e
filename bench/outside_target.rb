# frozen_string_literal: true

# The process that bench/outside dumps: a heap of a given size and a second thread that sleeps for moments only, so that it
# notices for how long the process stood still. Takes commands, a word a line, and answers each with a line of JSON.
#
#   ruby bench/outside_target.rb rss MEGABYTES | objects COUNT
require "fiddle"
require "json"
require "objspace"
require_relative "workload"
require "heap_dump"

class OutsideTarget
  FILLER_BYTES = 16_000

  def initialize(kind, amount)
    @libc = Fiddle.dlopen(nil)
    # With Ruby's lock held, as the child has only this thread.
    @fork = Fiddle::Function.new(@libc["fork"], [], Fiddle::TYPE_INT, need_gvl: true)
    @leave = Fiddle::Function.new(@libc["_exit"], [Fiddle::TYPE_INT], Fiddle::TYPE_VOID, need_gvl: true)
    kind == "rss" ? fill(amount) : Workload.build(amount)
    GC.start
    GC.disable # the gaps shall hold no collection
  end

  def run
    start_ticker
    answer(rss: rss)
    while (command = $stdin.gets)
      name, argument = command.split
      answer(public_send("do_#{name}", *argument))
    end
  end

  # Forgets what was, and lets the ticker show what is usual here.
  def do_reset
    @gap = 0.0
    {}
  end

  def do_gap = { gap: @gap }

  def do_fork(*)
    timed do
      pid = @fork.call
      pid.zero? ? @leave.call(0) : Process.wait(pid)
    end
  end

  def do_dump_all(path) = timed { File.open(path, "w") { |file| ObjectSpace.dump_all(output: file) } }

  def do_inside(path)
    result = nil
    timed { result = HeapDump.dump(path, gc: false) }.merge(objects: result.objects, bytes: result.bytes)
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def rss = File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i * 1024

  def answer(values)
    $stdout.puts(JSON.generate(values))
    $stdout.flush
  end

  def fill(megabytes)
    @kept = []
    @kept << Random.bytes(FILLER_BYTES) while rss < megabytes * 1_000_000
  end

  def start_ticker
    @gap = 0.0
    Thread.new do
      last = now
      loop do
        sleep 0.0002
        time = now
        @gap = time - last if time - last > @gap
        last = time
      end
    end
  end

  # The main thread waits for Ruby's lock before it can begin; only the gap from there on counts.
  def timed
    sleep 0.01
    @gap = 0.0
    started = now
    yield
    took = now - started
    sleep 0.002 # lets the ticker see a gap that is not over yet
    { seconds: took, gap: @gap }
  end
end

OutsideTarget.new(ARGV.fetch(0), Integer(ARGV.fetch(1))).run
