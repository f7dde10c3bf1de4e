# frozen_string_literal: true

# The table of a core is that of the process it is of; damaged ones end in a table that adds up or in a sentence, and soon.
require_relative "helper"
require "timeout"

class MemoryCoreTest < Minitest::Test
  include MemoryTest

  PROGRAM = <<~'RUBY'
    $a = Array.new(20_000) { |i| "s" * (100 + i % 500) }
    $b = $a.each_with_index.select { |_, i| i % 5 == 0 }.map(&:first)
    $a = nil
    $z = "z" * 3_000_000
    $t = Array.new(3) { Thread.new { $c = Array.new(1000) { "t" * 100 }; Thread.stop } }
    Thread.pass until $t.all?(&:stop?)
    GC.start
  RUBY

  # Rows that a core has as the process had them. Of files it has only what was changed, or less.
  SAME = %w[slots_used slots_free heap_pages_rest transient_heap strings arrays hashes instances data others classes iseqs jit vm_stacks
            collector malloc_used malloc_free malloc_fastbins malloc_cached malloc_top malloc_overhead].freeze

  # Pages of nothing but zeros may have been in memory: a few.
  def assert_same(process, core, name)
    SAME.each do |row|
      assert_includes process["rows"][row] - [262_144, process["rows"][row] / 20].max..process["rows"][row], core["rows"][row], "#{name}: #{row}"
    end
    strip = ->(table) { table["heap_pages"].map { |pool| pool.except("resident", "resident_free") } }
    assert_equal strip.(process), strip.(core), name
    arenas = ->(table) { table["malloc"]["arenas"].map { |arena| arena.except("resident_free") } }
    assert_equal arenas.(process), arenas.(core), name
    assert_equal process.values_at("threads", "fibers"), core.values_at("threads", "fibers"), name
  end

  def gcore(target)
    out, status = Open3.capture2e("gcore", "-o", File.join(FOLDER, "core"), target.pid.to_s)
    raise out unless status.success?

    File.join(FOLDER, "core.#{target.pid}")
  end

  def setup
    skip "gcore is not there" unless system("command -v gcore >/dev/null")
  end

  def test_of_gcore
    rubies.each do |ruby|
      with(ruby, PROGRAM) do |target|
        process = memory(target.pid)
        core = gcore(target)
        options = RUBIES[ruby].core_options
        assert_same process, memory(core, *options), ruby
        assert_match(/of memory in the core; \d+\.\d MB of it hold something/, text(core, *options).tr("\n", " "))
        next unless ruby == "native"

        system("gzip", "-1", "-k", core)
        assert_equal memory(core)["rows"], memory("#{core}.gz")["rows"]
      end
    end
  end

  def test_of_the_kernel
    pattern = File.read("/proc/sys/kernel/core_pattern")
    skip "core_pattern pipes cores to a program: #{pattern.strip}" if pattern.start_with?("|")
    skip "core_pattern names a folder: #{pattern.strip}" if pattern.include?("/")
    Dir.mktmpdir do |folder|
      with("native", "Process.setrlimit(Process::RLIMIT_CORE, Process::RLIM_INFINITY); Dir.chdir(#{folder.inspect})\n#{PROGRAM}") do |target|
        process = memory(target.pid)
        Process.kill(:ABRT, target.pid)
        100.times { sleep 0.1 if File.exist?("/proc/#{target.pid}/exe") && File.read("/proc/#{target.pid}/stat")[/\) (\w)/, 1] != "Z" }
        found = Dir.glob(File.join(folder, "core*")).first
        skip "no core was written (a limit?)" unless found
        core = memory(found)
        # Ruby's own handler of the signal has run, and written a report
        %w[slots_used strings iseqs malloc_free].each do |row|
          assert_in_delta process["rows"][row], core["rows"][row], 1.5 * MB, row
        end
        assert_equal core["rss"], core["rows"].values.sum
      end
    end
  end

  # [offset in the core, bytes] of what `memory` believes in most: malloc's structs and heaps, heap pages, threads.
  def test_damaged
    with("native", PROGRAM) do |target|
      table = memory(target.pid)
      core = gcore(target)
      bytes = File.binread(core)
      random = Random.new(7)
      places = table["malloc"]["arenas"].map { |arena| offset(bytes, Integer(arena["address"])) }.compact
      assert_operator places.size, :>=, 2
      16.times do |round|
        damaged = bytes.dup
        case round % 4
        when 0 # arenas: bins, next, top, system_mem
          20.times { damaged[places.sample(random: random) + random.rand(275) * 8, 8] = [word(random, bytes)].pack("Q") }
        when 1 # heads of heaps and what is behind: sizes, prev, fences
          50.times { damaged[(places.last & ~4095) + random.rand(4000) * 8, 8] = [word(random, bytes)].pack("Q") }
        when 2 # anywhere
          20_000.times { damaged[random.rand(bytes.size / 8) * 8, 8] = [word(random, bytes)].pack("Q") }
        else # sizes of chunks: low numbers and flags
          20_000.times { damaged[65_536 + random.rand(bytes.size / 8 - 8192) * 8, 8] = [random.rand(1 << 12)].pack("Q") }
        end
        path = File.join(FOLDER, "damaged.core")
        File.binwrite(path, damaged)
        out, err, status = Timeout.timeout(60) { Open3.capture3(TOOL, "memory", "--json", path) }
        refute status.signaled?, "#{round}: #{err}"
        next unless status.success?

        found = JSON.parse(out)
        assert_equal found["rss"], found["rows"].values.sum, round
      end
    end
  end

  # An address that is somewhere in it, a small number, a huge one.
  def word(random, bytes)
    case random.rand(4)
    when 0 then random.rand(1 << 16)
    when 1 then random.rand(1 << 63) * 2
    when 2 then bytes.unpack1("Q", offset: random.rand(bytes.size / 8 - 1) * 8)
    else 0
    end
  end

  # Where the core has the byte of an address: by its program headers.
  def offset(bytes, address)
    start, count = bytes.unpack1("Q", offset: 32), bytes.unpack1("S", offset: 56)
    count.times do |i|
      type, _, place, from, _, size = bytes.unpack("LLQQQQ", offset: start + 56 * i)
      return place + address - from if type == 1 && address >= from && address < from + size
    end
    nil
  end
end
