# frozen_string_literal: true

# The table of a process: it adds up to the kernel's figure, equals what glibc and Ruby say of themselves, and each row grows by what
# is made of its kind, and no other.
require_relative "helper"

class MemoryProcessTest < Minitest::Test
  include MemoryTest

  # Strings in four threads, most of them dropped; tables; a heap with holes.
  MIXED = <<~'RUBY'
    $keep = Array.new(100_000) { |i| { i => "string number #{i} that is long enough to be outside" } }
    $keep.each_index { |i| $keep[i] = nil unless i % 3 == 0 }
    $big = "z" * 5_000_000
    $threads = Array.new(4) { |n| Thread.new { ready = Array.new(10_000) { |i| "x" * (100 + i % 1000 + n) }; ready = nil; Thread.stop } }
    Thread.pass until $threads.all?(&:stop?)
    GC.start
  RUBY

  def test_equals_what_glibc_and_ruby_say
    all_rubies.each do |ruby|
      with(ruby, MIXED, hold: true) do |target|
        memory(target.pid) # the copy's system call touches the vDSO: from the second time on nothing is new
        expected = smaps(target.pid)
        table = memory(target.pid)
        assert_equal expected, table["rss"]
        assert_in_epsilon smaps(target.pid, "Pss"), table["pss"], 0.05 # others that map the same libraries come and go
        arenas_equal(target, table, ruby)
        pools_equal(target, table)
        assert_equal 5, table["threads"]
      end
    end
  end

  def arenas_equal(target, table, ruby)
    theirs = target.arenas
    ours = table["malloc"]["arenas"]
    assert_equal theirs.size, ours.size
    theirs.zip(ours).each_with_index do |(their, our), number|
      name = "#{ruby}, arena #{number}"
      refute our["damaged"], name
      assert_equal their[:system], our["system"], name
      assert_equal [their[:fast_chunks], their[:fast]], [our["fastbin_chunks"], our["fastbins"]], name
      assert_equal [their[:rest_chunks], their[:rest]], [our["free_chunks"] + 1, our["free"] + our["free_chunks"] + our["top"]], name
      overhead = our["system"] - our.values_at("used", "free", "fastbins", "cached", "top").sum
      assert_includes 0..8192, overhead, name
    end
    return unless target.facts.include?("mapped ")

    assert_equal [target.fact("mapped"), Integer(target.facts[/^mapped \d+ chunks (\d+)/, 1])], table["malloc"].values_at("mapped", "mapped_chunks")
    assert_equal table["malloc"]["mapped"], table["malloc"]["mapped_found"]
    assert_operator ours.sum { |arena| arena["cached"] }, :>, 0
  end

  def pools_equal(target, table)
    pools = table["heap_pages"]
    assert_equal target.fact("heap_allocated_pages"), pools.sum { |pool| pool["pages"] } + table["spare_pages"]
    assert_equal target.fact("heap_available_slots"), pools.sum { |pool| pool["slots"] }
    assert_equal target.fact("heap_live_slots") + target.fact("heap_final_slots"), pools.sum { |pool| pool["used"] }
    assert_equal target.fact("heap_free_slots"), pools.sum { |pool| pool["free"] }
  end

  # What a program makes, in MB, row by row; rows that are not named must stay as they are in an idle process, to 3 MB.
  def grows(ruby, program, env: {}, options: [], **wanted)
    with(ruby, "", env: env, options: options) { |idle| @idle = memory(idle.pid)["rows"] }
    with(ruby, program, env: env, options: options) do |target|
      table = memory(target.pid)
      table["rows"].each do |row, bytes|
        grown = (bytes - @idle[row]) / MB.to_f
        assert_includes wanted.fetch(row.to_sym, -3.0..3.0), grown.round(1), "#{ruby}: #{row}, all: #{table["rows"]}"
      end
      yield table, target if block_given?
    end
  end

  def test_strings_big_and_small
    rubies.each do |ruby|
      grows(ruby, "$a = Thread.new { Array.new(20) { |i| \"\#{i}\" * 10_000_000 }.map { |s| s[0, 10_000_000] + 'x' } }.value; GC.start", strings: 195.0..220.0,
                  malloc_free: -3.0..90.0, malloc_top: -3.0..80.0) do |table|
        assert_equal "objects", table["findings"][0]["key"]
        assert_match(/contents of Strings \(2\d\d/, table["findings"][0]["text"])
      end
      # 208 bytes of a chunk each, and a slot
      grows(ruby, "$a = Array.new(300_000) { |i| i.to_s * 33 + 'x' * (190 - i.to_s.size * 33 % 190) }; $a.map! { |s| s = s[0, 190].dup; s << 'y'; s }; GC.start",
            strings: -1.0..130.0, slots_used: 10.0..160.0, slots_free: -3.0..220.0, arrays: -3.0..8.0, malloc_free: -3.0..90.0,
            collector: -1.0..8.0, heap_pages_rest: -1.0..3.0) do |table|
        # what 300,000 strings of 191 bytes have: in slots of 256 bytes, or in chunks of 208 at least
        own = (table["rows"].values_at("strings", "slots_used").sum - @idle.values_at("strings", "slots_used").sum) / MB.to_f
        assert_includes 70.0..135.0, own
      end
    end
  end

  def test_hashes_arrays_objects
    rubies.each do |ruby|
      grows(ruby, "$a = Array.new(20_000) { |i| Array.new(20) { |k| [i * k, k] }.to_h }; GC.start", hashes: 12.0..45.0, slots_used: 0.0..8.0,
                  slots_free: -1.0..70.0, transient_heap: -1.0..33.0, malloc_free: -3.0..60.0, arrays: -1.0..25.0)
      grows(ruby, "$a = Array.new(1000) { |i| Array.new(5_000, i) }; GC.start", arrays: 39.0..42.0)
      grows(ruby, "class C; def initialize; 30.times { |i| instance_variable_set(\"@v\#{i}\", i) }; end; end; $a = Array.new(50_000) { C.new }; GC.start",
            instances: -1.0..30.0, slots_used: 1.0..18.0, slots_free: -1.0..9.0, transient_heap: -1.0..33.0, malloc_free: -3.0..30.0) do |table|
        # 50,000 times 30 variables of 8 bytes and a head, in a slot of 320 bytes or outside
        own = (table["rows"].values_at("instances", "slots_used").sum - @idle.values_at("instances", "slots_used").sum) / MB.to_f
        assert_includes 13.0..27.0, own
      end
    end
  end

  # Freed, but below something that is not: glibc keeps it, in the arena of each thread.
  def test_free_in_several_arenas
    rubies.each do |ruby|
      program = <<~'RUBY'
        $threads = Array.new(4) do
          Thread.new do
            strings = Array.new(50_000) { |i| "s" * (700 + i % 100) }
            $pins = ($pins || []) << Array.new(2000) { "p" * 1700 } # above all of them
            strings = nil
            Thread.current[:done] = true
            Thread.stop
          end
        end
        Thread.pass until $threads.all? { |thread| thread[:done] }
        GC.start
      RUBY
      grows(ruby, program, strings: 10.0..70.0, malloc_free: 80.0..180.0, malloc_top: -1.0..20.0, malloc_cached: 0.0..3.0, slots_free: 0.0..40.0,
                           slots_used: -1.0..8.0, machine_stacks: 0.0..3.0, transient_heap: -1.0..33.0, arrays: -1.0..4.0) do |table, target|
        free = table["findings"].find { |finding| finding["key"] == "malloc_free" }
        assert_match(/are free in malloc's arenas but not given back/, free["text"])
        assert_match(/MALLOC_ARENA_MAX=2/, free["text"])
        assert_operator table["malloc"]["arenas"].count { |arena| arena["resident_free"] > 10 * MB }, :>=, 2
        assert_match(/malloc_trim\(0\) gives back/, text(target.pid))
      end
    end
  end

  # What is said that malloc_trim gives back is what it gives back.
  def test_trimmable
    rubies.each do |ruby|
      program = <<~'RUBY'
        require "fiddle"
        $gone, $pins = [], []
        300.times { $gone << "y" * 60_000; $pins << "p" * 2000 }
        $gone = nil
        GC.start
        trim = Fiddle::Function.new(Fiddle.dlopen(nil)["malloc_trim"], [Fiddle::TYPE_SIZE_T], Fiddle::TYPE_INT)
        $stdout.puts("ready"); $stdout.flush; $stdin.gets; trim.call(0); $stdout.puts("done"); $stdout.flush
      RUBY
      with(ruby, program) do |target|
        before = memory(target.pid)
        target.tell("trim")
        after = memory(target.pid)
        assert_operator before["malloc"]["trimmable"], :>, 12 * MB
        assert_in_delta before["malloc"]["trimmable"], before["rss"] - after["rss"], 1 * MB
        assert_operator after["malloc"]["trimmable"], :<, MB
      end
    end
  end

  # A million objects, 95 % of them dropped at random.
  def test_fragmented_heap
    rubies.each do |ruby|
      program = "random = Random.new(1); $a = Array.new(1_000_000) { Object.new }; $a.map! { |o| random.rand < 0.05 ? o : nil }; $a.compact!; GC.start"
      with(ruby, "GC.start") { |idle| @idle = memory(idle.pid) }
      with(ruby, program) do |target|
        table = memory(target.pid)
        assert_includes 36.0..45.0, (table["rows"]["slots_free"] + table["rows"]["slots_used"] - @idle["rows"].values_at("slots_free", "slots_used").sum) / MB.to_f
        assert_in_delta 50_000, table["heap_pages"].sum { |pool| pool["used"] } - @idle["heap_pages"].sum { |pool| pool["used"] }, 5_000
        fragmented = table["findings"].find { |finding| finding["key"] == "heap_fragmentation" }
        assert_match(/heap pages are [89]\d % empty/, fragmented["text"])
        assert_match(/the used slots are scattered/, fragmented["text"])
        assert_match(/Ruby's heap pages are [89]\d % empty/, text(target.pid).tr("\n", " ").squeeze(" "))
      end
    end
  end

  def test_threads_and_fibers
    rubies.each do |ruby|
      deep = "def deep(n); n.zero? ? yield : deep(n - 1) { yield }; end"
      grows(ruby, "#{deep}; $t = Array.new(100) { Thread.new { deep(1500) { Thread.stop } } }; Thread.pass until $t.all?(&:stop?); GC.start",
            vm_stacks: 20.0..60.0, machine_stacks: 0.5..150.0, slots_used: -1.0..3.0, slots_free: -1.0..12.0, malloc_top: -1.0..4.0,
            malloc_free: -1.0..6.0, strings: -1.0..1.0) do |table|
        assert_equal 101, table["threads"]
        assert_equal 101, table["native_threads"] - (table["native_threads"] > 101 ? table["native_threads"] - 101 : 0)
        assert(table["findings"].any? { |finding| finding["key"] == "stacks" && finding["text"].include?("101 threads") })
      end
      grows(ruby, "#{deep}; $f = Array.new(300) { Fiber.new { deep(300) { Fiber.yield } }.tap(&:resume) }; GC.start", vm_stacks: 8.0..40.0,
            machine_stacks: 1.0..200.0, slots_free: -1.0..8.0) do |table|
        assert_operator table["fibers"], :>=, 300
      end
    end
  end

  def test_much_code
    rubies.each do |ruby|
      program = '$c = Array.new(200) { |k| c = Class.new; c.class_eval(Array.new(100) { |i| "def m#{i}(a, b: 1); [a, b, a.to_s + b.to_s, @x, @y].map { |z| z.inspect }; end" }.join("\n")); c }; GC.start'
      grows(ruby, program, iseqs: 25.0..75.0, slots_used: 3.0..30.0, slots_free: -1.0..30.0, classes: 0.2..8.0, malloc_free: -2.0..60.0,
                           malloc_used: -1.0..6.0, malloc_top: -1.0..3.0, others: -1.0..3.0, strings: -1.0..3.0, hashes: -1.0..3.0)
    end
  end

  def test_mapped_file
    file = File.join(FOLDER, "mapped")
    File.binwrite(file, "m" * 80_000_000)
    program = <<~RUBY
      require "fiddle"
      mmap = Fiddle::Function.new(Fiddle.dlopen(nil)["mmap"], [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_INT, Fiddle::TYPE_INT, Fiddle::TYPE_INT, Fiddle::TYPE_LONG], Fiddle::TYPE_VOIDP)
      $file = File.open(#{file.inspect})
      $map = mmap.call(nil, 80_000_000, 1, 1, $file.fileno, 0)
      0.step(79_999_999, 4096) { |at| $map[at] }
      GC.start
    RUBY
    grows("native", program, files: 79.0..81.0, slots_free: -1.0..6.0, libraries: -1.0..4.0) do |table|
      assert_equal file, table["files"][0]["path"]
      refute table["files"][0]["library"]
      assert(table["findings"].any? { |finding| finding["key"] == "files" && finding["text"].include?("mapped") })
    end
  end

  # Memory that C code asks for and no object knows: in the arena, and in mappings of its own.
  def test_c_code
    rubies.each do |ruby|
      program = <<~'RUBY'
        require "fiddle"
        malloc = Fiddle::Function.new(Fiddle.dlopen(nil)["malloc"], [Fiddle::TYPE_SIZE_T], Fiddle::TYPE_VOIDP)
        set = Fiddle::Function.new(Fiddle.dlopen(nil)["memset"], [Fiddle::TYPE_VOIDP, Fiddle::TYPE_INT, Fiddle::TYPE_SIZE_T], Fiddle::TYPE_VOIDP)
        30_000.times { set.call(malloc.call(1000), 1, 1000) }
        20.times { set.call(malloc.call(2_000_000), 1, 2_000_000) }
        GC.start
      RUBY
      grows(ruby, program, malloc_used: 68.0..76.0, slots_free: -1.0..8.0, malloc_free: -1.0..8.0, libraries: -1.0..4.0) do |table|
        assert_equal "native", table["findings"][0]["key"]
        assert_equal table["malloc"]["mapped"], table["malloc"]["mapped_found"]
      end
    end
  end

  def test_jit
    rubies.each do |ruby|
      next unless system(RUBIES[ruby].command, "--yjit", "-e", "exit RubyVM::YJIT.enabled?", err: File::NULL)

      program = 'Array.new(300) { |k| eval("def m#{k}(a); [a, a + 1, a.to_s, { a => a }].map { |x| x.to_s * 2 }.join; end; 50.times { |i| m#{k}(i) }") }; GC.start'
      grows(ruby, program, options: ["--yjit", "--yjit-call-threshold=5"], jit: 0.0..40.0, malloc_used: -1.0..40.0, iseqs: -1.0..8.0,
                           slots_free: -1.0..8.0, malloc_free: -1.0..20.0, unknown: -1.0..3.0) do |table|
        # 3.1 writes to all of the 256 MiB it has reserved; an idle process has been through little code
        assert_operator table["rows"]["jit"], :>, ruby == "native" && RUBY_VERSION < "3.2" ? 268 * MB : 300_000
      end
    end
  end

  # What they hold free is theirs to know; strings of a size that few others have are Ruby's.
  { "jemalloc" => "jemalloc.so.2", "tcmalloc" => "tcmalloc_minimal.so.4", "mimalloc" => "mimalloc.so.2.0" }.each do |name, file|
    define_method("test_#{name}") do
      library = Dir.glob("/usr/lib/*/lib#{file}").first
      skip "#{file} is not installed: script/setup gets it" unless library
      program = "$a = Array.new(20) { |i| 'x' * 5_000_000 }; $b = Array.new(100_000) { |i| 'y' * 500 }; GC.start"
      grows("native", program, env: { "LD_PRELOAD" => library }, strings: 145.0..165.0, malloc_unknown: -1.0..25.0, slots_used: 3.0..8.0, slots_free: -1.0..8.0) do |table, target|
        assert_equal name, table["malloc"]["name"]
        refute table["malloc"]["recognised"]
        assert_empty table["malloc"]["arenas"]
        assert_equal smaps(target.pid), table["rss"]
        assert_match(/Its malloc is #{name}/, text(target.pid))
      end
    end
  end

  # malloc's own settings change where it puts what, and what of it can be recognised.
  SETTINGS = [{ "MALLOC_ARENA_MAX" => "1" }, { "GLIBC_TUNABLES" => "glibc.malloc.tcache_count=0" }, { "GLIBC_TUNABLES" => "glibc.malloc.mxfast=0" },
              { "MALLOC_MMAP_THRESHOLD_" => "4096", "MALLOC_MMAP_MAX_" => "100000" }, { "MALLOC_TOP_PAD_" => "10000000" }].freeze

  def test_settings_of_malloc
    all_rubies.each do |ruby|
      SETTINGS.each do |env|
        with(ruby, "$a = Array.new(3) { |n| Thread.new { Array.new(5000) { |i| i.to_s * 50 } }.value }; GC.start", env: env) do |target|
          table = memory(target.pid)
          assert table["malloc"]["recognised"], "#{ruby} #{env}"
          refute(table["malloc"]["arenas"].any? { |arena| arena["damaged"] }, "#{ruby} #{env}")
          assert_equal 1, table["malloc"]["arenas"].size if env.key?("MALLOC_ARENA_MAX")
          assert_equal 0, table["rows"]["malloc_unknown"], "#{ruby} #{env}"
          assert_operator table["rows"]["unknown"], :<, 2 * MB, "#{ruby} #{env}"
        end
      end
    end
  end

  # Where brk gives it nothing, the main arena has mappings that nothing lists: not all of it is found, and that is said.
  def test_an_arena_that_cannot_be_followed
    with("native", "$a = Array.new(50_000) { |i| [i.to_s * 50] }; GC.start", env: { "GLIBC_TUNABLES" => "glibc.malloc.hugetlb=2" }) do |target|
      table = memory(target.pid)
      skip "this kernel has huge pages to give" unless table["malloc"]["arenas"].first["damaged"]
      assert_operator table["rows"]["malloc_unknown"], :>, MB
      assert_equal 0, table["rows"]["unknown"]
      assert_match(/could not be walked/, text(target.pid))
    end
  end

  # Pages that forked workers share count in each.
  def test_forked_workers
    with("native", "$a = Array.new(60_000) { |i| 's' * 800 }; $w = Array.new(3) { fork { sleep } }; at_exit { $w.each { |pid| Process.kill(:KILL, pid) } }") do |target|
      worker = memory(File.read("/proc/#{target.pid}/task/#{target.pid}/children").split.last)
      assert_operator worker["pss"], :<, worker["rss"] / 2
      shared = worker["findings"].find { |finding| finding["key"] == "shared" }
      assert_equal worker["rss"] - worker["pss"], shared["bytes"]
      assert_in_delta memory(target.pid)["rows"]["strings"], worker["rows"]["strings"], 200_000
    end
  end

  # Fewer threads or smaller stacks would not help against recursion of the only one.
  def test_main_thread_that_was_deep
    with("native", "def deep(n) = n.zero? ? 0 : [1].map { deep(n - 1) }[0]; deep(2500)") do |target|
      findings = memory(target.pid)["findings"]
      assert_includes findings.map { |one| one["key"] }, "main_stack"
      refute_includes findings.map { |one| one["key"] }, "stacks"
      assert_match(/ulimit -s/, text(target.pid))
    end
  end

  def test_the_next_command_is_one_that_works
    with("native", "$child = Process.spawn('sleep', '60', pgroup: 0); at_exit { Process.kill(:KILL, $child) }") do |target|
      assert_equal "next: heap_dump dump --pid #{target.pid} -o dump.json\n", text(target.pid).lines.last
      child = File.read("/proc/#{target.pid}/task/#{target.pid}/children").split.last
      assert_equal "next: heap_dump memory --json #{child}\n", text(child).lines.last
      Process.kill(:KILL, child.to_i)
    end
    Open3.popen2("sh", "-c", "#{RbConfig.ruby} -e 'puts %(ready); $stdout.flush; gets'; true") do |input, output, wait|
      assert_equal "ready\n", output.gets
      ruby = File.read("/proc/#{wait.pid}/task/#{wait.pid}/children").split.last
      assert_equal "next: heap_dump memory #{ruby}\n", text(wait.pid).lines.last
      input.puts
    end
  end

  # What is not Ruby still has mappings and arenas.
  def test_other_programs
    Open3.popen2("python3", "-c", "x = ['%d' % i * 50 for i in range(200000)]; print('ready', flush=True); input()") do |input, output, wait|
      assert_equal "ready\n", output.gets
      table = memory(wait.pid)
      assert_equal false, table["divided"]
      assert_match(/not a Ruby/, table["note"])
      assert_operator table["malloc"]["arenas"][0]["used"], :>, MB
      assert_match(/not a Ruby/, text(wait.pid))
      input.puts
    end
  end

  def test_refused
    { "999999999" => 7, "/none" => 4, RbConfig.ruby => 3 }.each do |operand, status|
      out, err, result = Open3.capture3(TOOL, "memory", operand)
      assert_equal [status, 1, ""], [result.exitstatus, err.lines.size, out], err
    end
  end
end
