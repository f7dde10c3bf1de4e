# frozen_string_literal: true

# The process that writes a dump: who sees it, what it holds, who ends it, and what is left when it is ended.

require_relative "helper"

class CloneTest < Minitest::Test
  include GemTest

  # A script whose dump is stopped in the middle; `meanwhile` gets the writers' pids.
  def interrupted(script, at_least: 1)
    File.write(file("dump.json"), "old")
    start_ruby("grow\n#{script}") do |pid|
      writers = writers_stop(pid, at_least: at_least)
      yield pid, writers
    end
  end

  DUMP_AND_TELL = <<~RUBY
    before = descriptors
    said = outcome { HeapDump.dump }
    say(said: said, leaked: descriptors - before, children: children)
  RUBY

  def test_killed_writer
    facts = interrupted(DUMP_AND_TELL) { |_, writers| Process.kill(:KILL, writers.first) }
    assert_match(/\AHeapDump::Error: the process that writes the dump was killed by signal 9 /, facts[:said])
    assert_equal [0, []], facts.values_at(:leaked, :children)
    assert_untouched
  end

  def test_killed_helper
    skip "one core: there is only one writer" if `nproc`.to_i < 2
    facts = interrupted(DUMP_AND_TELL, at_least: 2) do |_, writers|
      Process.kill(:KILL, writers.max)
      Process.kill(:CONT, writers.min)
    end
    assert_match(/\AHeapDump::Error: the process that writes the dump was killed by signal 9 /, facts[:said])
    assert_equal [0, []], facts.values_at(:leaked, :children)
    assert_untouched
  end

  def test_the_writers_die_with_the_process
    File.write(file("dump.json"), "old")
    pid = spawn(*command("grow\nHeapDump.dump"), chdir: @folder)
    @pids << pid
    writers = writers_stop(pid)
    Process.kill(:KILL, pid)
    Process.wait(pid)
    eventually("the writers' end") { writers.none? { |writer| alive?(writer) } }
    assert_untouched
  end

  def test_timeout
    facts = interrupted(<<~RUBY) { |_, writers| @writers = writers }
      require "timeout"
      before = descriptors
      start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      said = outcome { Timeout.timeout(3) { HeapDump.dump } }
      sleep 0.1 # Timeout's own thread and pipe
      say(said: said, children: children, after: Process.clock_gettime(Process::CLOCK_MONOTONIC) - start)
    RUBY
    assert_match(/\ATimeout::Error: /, facts[:said])
    assert_empty facts[:children]
    assert_in_delta 3, facts[:after], 2
    refute @writers.any? { |writer| alive?(writer) }
    assert_untouched
  end

  def test_thread_kill_and_raise
    facts = interrupted(<<~RUBY) { |pid, _| Process.kill(:USR1, pid) }
      before = descriptors
      thread = Thread.new { Thread.current.report_on_exception = false; HeapDump.dump }
      Signal.trap(:USR1) { thread.kill }
      thread.join
      first = [thread.status, children.size, descriptors - before]
      thread = Thread.new { Thread.current.report_on_exception = false; outcome { HeapDump.dump } }
      sleep 0.001 until children.any?
      thread.raise(IOError, "stop it")
      say(first: first, second: [thread.value, children.size])
    RUBY
    assert_equal [false, 0, 0], facts[:first]
    assert_includes ["IOError: stop it"], facts[:second][0]
    assert_equal 0, facts[:second][1]
    assert_untouched
  end

  def test_interrupt
    facts = interrupted(DUMP_AND_TELL) { |pid, _| Process.kill(:INT, pid) }
    assert_match(/\AInterrupt: /, facts[:said])
    assert_equal [0, []], facts.values_at(:leaked, :children)
    assert_untouched
  end

  def test_a_trap_handler_runs_while_the_dump_goes_on
    facts = interrupted(<<~RUBY) do |pid, writers|
      handled = 0
      trap(:USR1) { handled += 1 }
      said = outcome { HeapDump.dump }
      say(said: said, handled: handled)
    RUBY
      Process.kill(:USR1, pid)
      sleep 0.2
      writers.each { |writer| Process.kill(:CONT, writer) }
    end
    assert_equal({said: "dumped", handled: 1}, facts)
    assert_whole("dump.json")
  end

  def test_signals_to_the_group_do_not_stop_the_writers
    facts = interrupted(DUMP_AND_TELL) do |_, writers|
      writers.each { |writer| %i[INT TERM HUP TSTP].each { |signal| Process.kill(signal, writer) } }
      writers.each { |writer| Process.kill(:CONT, writer) }
    end
    assert_equal "dumped", facts[:said]
    assert_whole("dump.json")
  end

  def test_the_writers_hold_no_descriptors_of_the_process
    interrupted('r, w = IO.pipe; f = File.open("/dev/null"); ' + DUMP_AND_TELL) do |_, writers|
      writers.each do |writer|
        fds = Dir.children("/proc/#{writer}/fd").select { |fd| fd.to_i > 2 }
        targets = fds.map { |fd| File.readlink("/proc/#{writer}/fd/#{fd}") }
        targets.reject! { |target| target.start_with?("/proc/") } # it may be reading its memory map just now
        assert_equal 1, targets.size, targets.inspect
        assert_includes targets[0], File.realpath(@folder)
        Process.kill(:CONT, writer)
      end
    end
  end

  def test_process_wait_never_sees_the_writers
    facts = run_ruby(<<~RUBY)
      waited = []
      chld = 0
      trap(:CHLD) { chld += 1 }
      waiter = Thread.new do
        loop do
          waited << Process.wait
        rescue Errno::ECHILD
          sleep 0.0005
        end
      end
      spawned = []
      4.times do
        spawned << spawn("true")
        HeapDump.dump
      end
      sleep 0.01 until (spawned - waited).empty?
      sleep 0.1
      waiter.kill
      say(strangers: waited - spawned, chld: chld)
    RUBY
    assert_empty facts[:strangers]
    assert_operator facts[:chld], :<=, 4
  end

  def test_ignored_child_signals
    facts = run_ruby('trap(:CHLD, "IGNORE"); say(said: outcome { HeapDump.dump }, children: children)')
    assert_equal({said: "dumped", children: []}, facts)
  end

  def test_other_threads_go_on
    facts = interrupted(<<~RUBY) do |pid, writers|
      ticks = 0
      Thread.new { loop { ticks += 1; sleep 0.001 } }
      caught = nil
      trap(:USR1) { caught = ticks }
      HeapDump.dump
      say(during: ticks - caught)
    RUBY
      Process.kill(:USR1, pid)
      sleep 0.5
      writers.each { |writer| Process.kill(:CONT, writer) }
    end
    assert_operator facts[:during], :>, 50
  end

  def test_from_everywhere
    facts = run_ruby(<<~RUBY)
      places = {}
      places[:thread] = Thread.new { outcome { HeapDump.dump("thread.json") } }.value
      places[:fiber] = Fiber.new { outcome { HeapDump.dump("fiber.json") } }.resume
      places[:enumerator] = Enumerator.new { |y| y << outcome { HeapDump.dump("enumerator.json") } }.next
      trap(:USR1) { places[:trap] = outcome { HeapDump.dump("trap.json") } }
      Process.kill(:USR1, $$)
      sleep 0.01 until places[:trap]
      places[:held] = Mutex.new.synchronize { outcome { HeapDump.dump("held.json") } }
      places[:masked] = Thread.handle_interrupt(Object => :never) { outcome { HeapDump.dump("masked.json") } }
      places[:forked] = IO.popen("-") { |io| io ? io.read : print(outcome { HeapDump.dump("forked.json") }) }
      at_exit { say(**places) }
      at_exit { places[:at_exit] = outcome { HeapDump.dump("at_exit.json") } }
    RUBY
    assert_equal %i[thread fiber enumerator trap held masked forked at_exit].to_h { |place| [place, "dumped"] }, facts
    facts.each_key { |place| assert_whole("#{place}.json") }
  end

  def test_a_ractor_is_told_why_not
    facts = run_ruby('r = Ractor.new { HeapDump.dump rescue $!.class.name }; say(said: r.respond_to?(:take) ? r.take : r.value)') # 4.0 has no take
    assert_equal "Ractor::UnsafeError", facts[:said]
  end

  def test_several_at_once
    facts = run_ruby(<<~RUBY)
      threads = 4.times.map { |i| Thread.new { outcome { 3.times { HeapDump.dump("\#{i}.json") } } } }
      same = 2.times.map { Thread.new { outcome { 3.times { HeapDump.dump("same.json") } } } }
      say(said: (threads + same).map(&:value).uniq, children: children)
    RUBY
    assert_equal({said: ["dumped"], children: []}, facts)
    assert_equal 5, Dir.children(@folder).size
    Dir.children(@folder).each { |name| assert_whole(name) }
  end

  def test_a_thousand_threads
    facts = run_ruby(<<~RUBY)
      queue = Queue.new
      threads = Array.new(1000) { |i| Thread.new { Thread.current[:number] = i; queue.pop } }
      sleep 0.01 until queue.num_waiting == 1000
      said = outcome { HeapDump.dump }
      queue.close
      say(said: said, values: threads.map(&:value).uniq)
    RUBY
    assert_equal({said: "dumped", values: [nil]}, facts)
    assert_whole("dump.json")
  end

  # Threads that hold malloc's lock at any moment, which the clone then inherits locked.
  def test_threads_busy_in_malloc
    facts = run_ruby(<<~RUBY)
      require "zlib"
      stop = false
      4.times { Thread.new { Zlib::Deflate.deflate("x" * 300_000, 1) until stop } }
      say(said: 20.times.map { outcome { HeapDump.dump } }.uniq)
    RUBY
    assert_equal ["dumped"], facts[:said]
  end
end
