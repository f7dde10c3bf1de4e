# frozen_string_literal: true

# A real gdb, attached to a Ruby process that knows nothing of heap_dump: loads the extension, takes a dump, and
# the process lives on. Skips where gdb itself cannot call functions on this CPU; gem/exports_test.rb covers the
# same functions from a C host.
#
# A thread that sleeps has given up Ruby's lock. rb_require takes and keeps it (it looks at files without the lock
# and gets it back afterwards), and then the sleeper waits for itself for ever. So: either dlopen, which leaves
# the lock alone, as heapdump_dump does; or rb_require at a place where the thread holds the lock.

require_relative "gem/helper"

class GdbTest < Minitest::Test
  include GemTest

  UNABLE = /Couldn't write extended state status/
  FORBIDDEN = /ptrace: Operation not permitted|Could not attach to process/

  LOADED = /^\$1 = (?:\(void \*\) )?(?:0x)?[0-9a-f]*[1-9a-f]/
  DUMPED = /^\$2 = 0$/

  def test_dlopen_in_a_sleeping_process
    in_sleeper("sleep") do |pid|
      gdb(pid, "call (void *)dlopen(\"#{SHARED_OBJECT}\", 2)", "call (int)heapdump_dump(\"mydump.json\")")
    end
  end

  def test_require_while_the_lock_is_held
    in_sleeper("loop { sleep 0.05 }") do |pid|
      gdb(pid, "tbreak rb_thread_wait_for", "continue", "call (unsigned long)rb_require(\"#{SHARED_OBJECT}\")",
          "call (int)heapdump_dump(\"mydump.json\")")
    end
  end

  private

  # Yields the pid of a sleeping process, then asks that process for a sign of life.
  def in_sleeper(sleeping)
    skip "gdb is not installed" unless system("gdb", "--version", out: File::NULL, err: File::NULL)
    skip "the installed gem is tested elsewhere" unless SHARED_OBJECT
    answers, writer = IO.pipe
    script = "$stdout.sync = true; trap(:USR1) { puts \"alive \#{40 + 1}\" }; puts %(ready); #{sleeping}"
    pid = spawn(RbConfig.ruby, "-e", script, chdir: @folder, out: writer)
    @pids << pid
    writer.close
    assert_equal "ready\n", answers.gets
    sleep 0.2
    output = yield pid
    assert_match(LOADED, output)
    assert_match(DUMPED, output)
    Process.kill(:USR1, pid)
    assert_equal "alive 41\n", Timeout.timeout(10) { answers.gets }, output
    assert_whole("mydump.json")
    assert_equal ["mydump.json"], Dir.children(@folder)
  ensure
    answers&.close
  end

  def gdb(pid, *commands)
    commands = ["set confirm off", "set pagination off", "set debuginfod enabled off", *commands, "detach"]
    output, = Open3.capture2e("timeout", SECONDS.to_s, "gdb", "-nx", "-batch", "-p", pid.to_s,
                              *commands.flat_map { |command| ["-ex", command] })
    skip "gdb cannot call functions on this CPU: #{output[UNABLE]}" if output.match?(UNABLE)
    skip "gdb may not attach here: #{output[FORBIDDEN]}" if output.match?(FORBIDDEN)
    output
  end
end
