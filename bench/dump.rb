# frozen_string_literal: true

# Measures HeapDump.dump against ObjectSpace.dump_all in one process with a heap of N objects, and prints one line of
# JSON. bench/run calls it for several N and makes the table.
#
#   ruby -Ilib bench/dump.rb N [REPEATS [FOLDER]]
#
# How it measures:
# - every figure is the median of REPEATS; the two contestants take turns, so a slow minute hits both;
# - a second thread sleeps 1 ms at a time; the longest time between two wake-ups is the gap, what a request of a
#   threaded server would notice. Dumps are taken with gc: false there, so the gap holds no collection; GC.start
#   is measured by itself;
# - the bare fork is C's, its child ends at once: nothing that forks can hold the process up for less;
# - HeapDump.dump ends with fsync, dump_all does not: fsync of dump_all's file is a figure of its own, and the
#   floor (writing the same bytes) comes with and without it. Reading comes from the page cache;
# - the memory of the writing processes is their private dirty pages, added up every 10 ms by a process outside.
require "fiddle"
require "json"
require "objspace"
require "rbconfig"
require_relative "workload"
require "heap_dump"

class DumpBenchmark
  BUSY_DUMP_ALL_LIMIT = 1_500_000 # dump_all with a busy thread takes some 30 times as long: not at 5 M

  def initialize(objects, repeats, folder)
    @repeats = repeats
    @ours = File.join(folder, "bench-#{Process.pid}-ours.json")
    @theirs = File.join(folder, "bench-#{Process.pid}-dump_all.json")
    @copy = File.join(folder, "bench-#{Process.pid}-copy.json")
    @figures = { asked: objects, ruby: RUBY_VERSION, cores: Integer(`nproc`), repeats: repeats }
    at_exit { delete_files }
  end

  def run(objects)
    @figures[:live] = Workload.build(objects)
    start_ticker
    @figures[:rss] = File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i * 1024
    gc_alone
    forks
    quiet
    busy
    memory
    floor
    @figures
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def median(values) = values.sort[values.size / 2]

  def delete_files = [@ours, @theirs, @copy].each { |path| File.delete(path) if File.exist?(path) }

  def start_ticker
    @gap = 0.0
    Thread.new do
      last = now
      loop do
        sleep 0.001
        time = now
        @gap = time - last if time - last > @gap
        last = time
      end
    end
  end

  # [seconds, longest gap of the second thread]. Both write to new files: replacing one costs extra, and ext4 flushes
  # a file that was truncated and written again.
  def measure
    delete_files
    sleep 0.02
    @gap = 0.0
    started = now
    yield
    took = now - started
    sleep 0.005 # lets the ticker see a gap that is not over yet
    [took, @gap]
  end

  def medians(name, measured)
    @figures[name] = { seconds: median(measured.map(&:first)), gap: median(measured.map(&:last)) }
  end

  def gc_alone
    3.times { GC.start } # ages the objects; the first ones take longer
    medians(:gc, Array.new(@repeats) { measure { GC.start } })
    medians(:idle, Array.new(@repeats) { measure { sleep 0.1 } })
  end

  def forks
    libc = Fiddle.dlopen(nil)
    # With the lock held: the child has only this thread, so nobody in it could ever release the lock.
    fork = Fiddle::Function.new(libc["fork"], [], Fiddle::TYPE_INT, need_gvl: true)
    leave = Fiddle::Function.new(libc["_exit"], [Fiddle::TYPE_INT], Fiddle::TYPE_VOID, need_gvl: true)
    times = [@repeats, 7].max
    medians(:c_fork, Array.new(times) { measure { reap(fork.call.then { |pid| pid.zero? ? leave.call(0) : pid }) } })
    medians(:ruby_fork, Array.new(times) { measure { reap(Process.fork { exit!(0) }) } })
  end

  def reap(pid) = Process.wait(pid)

  def ours(**options) = @result = HeapDump.dump(@ours, **options)

  def theirs = File.open(@theirs, "w") { |file| ObjectSpace.dump_all(output: file) }

  def quiet
    measure { ours(gc: false) } # both once for nothing: libraries are loaded, caches warm
    measure { theirs }
    runs = { ours_gc: [], ours: [], dump_all: [] }
    fsync = []
    pauses = []
    @repeats.times do
      runs[:ours] << measure { ours(gc: false) }
      pauses << @result.pause
      runs[:ours_gc] << measure { ours(gc: true) }
      runs[:dump_all] << measure { theirs }
      started = now
      File.open(@theirs, &:fsync)
      fsync << now - started
    end
    runs.each { |name, measured| medians(name, measured) }
    @figures[:dump_all_fsync] = median(fsync)
    @figures[:pause] = median(pauses)
    @figures.update(objects: @result.objects, bytes: @result.bytes, dump_all_bytes: File.size(@theirs))
  end

  def busy
    spinner = Thread.new { count = 0; count += 1 while true } # rubocop:disable Style/Semicolon
    sleep 0.1
    medians(:ours_busy, Array.new(@repeats) { measure { ours(gc: true) } })
    medians(:dump_all_busy, [measure { theirs }]) if @figures[:live] < BUSY_DUMP_ALL_LIMIT
  ensure
    spinner.kill.join
  end

  def memory
    reading, writing = IO.pipe
    sampler = Process.spawn(RbConfig.ruby, "--disable-gems", File.join(__dir__, "sample_memory.rb"), Process.pid.to_s,
                            in: reading, out: (answer = IO.pipe)[1], close_others: true)
    reading.close
    answer[1].close
    answer[0].gets # it is ready
    ours(gc: true)
    writing.close
    @figures[:children] = JSON.parse(answer[0].read, symbolize_names: true)
    Process.wait(sampler)
  end

  # The same bytes from the page cache into a new file; only the time inside write(2) counts.
  def floor
    buffer = +""
    times = Array.new(@repeats) do
      written = synced = 0.0
      File.delete(@copy) if File.exist?(@copy)
      File.open(@ours, "rb") do |from|
        File.open(@copy, "wb") do |to|
          while from.read(1 << 20, buffer)
            started = now
            to.syswrite(buffer)
            written += now - started
          end
          started = now
          to.fsync
          synced = now - started
        end
      end
      [written, synced]
    end
    @figures[:write] = median(times.map(&:first))
    @figures[:write_fsync] = median(times.map(&:sum))
  end
end

objects = Integer(ARGV.fetch(0))
puts JSON.generate(DumpBenchmark.new(objects, Integer(ARGV[1] || "3"), ARGV[2] || Dir.pwd).run(objects))
