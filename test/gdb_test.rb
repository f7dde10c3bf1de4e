# frozen_string_literal: true

# A real gdb, attached to a sleeping Ruby process that knows nothing of heap_dump: loads the extension, takes a
# dump, and the process lives on. Skips where gdb itself cannot call functions on this CPU; exports_test.rb covers
# the same functions from a C host.

require_relative "gem/helper"

class GdbTest < Minitest::Test
  include GemTest

  UNABLE = /Couldn't write extended state status/
  FORBIDDEN = /ptrace: Operation not permitted|Could not attach to process/

  def test_dump_from_gdb
    skip "gdb is not installed" unless system("gdb", "--version", out: File::NULL, err: File::NULL)
    skip "the installed gem is tested elsewhere" unless SHARED_OBJECT
    start_sleeper do |pid, answers|
      output = gdb(pid)
      skip "gdb cannot call functions on this CPU: #{output[UNABLE]}" if output.match?(UNABLE)
      skip "gdb may not attach here: #{output[FORBIDDEN]}" if output.match?(FORBIDDEN)
      assert_match(/^\$1 = [1-9]/, output, "rb_require")
      assert_match(/^\$2 = 0$/, output, "heapdump_dump")
      Process.kill(:USR1, pid)
      assert_equal "alive 41\n", Timeout.timeout(SECONDS) { answers.gets }
    end
    assert_whole("mydump.json")
    assert_equal ["mydump.json"], Dir.children(@folder)
  end

  private

  def start_sleeper
    answers, writer = IO.pipe
    script = 'trap(:USR1) { $stdout.puts "alive #{40 + 1}"; $stdout.flush }; $stdout.puts "ready"; $stdout.flush; sleep'
    pid = spawn(RbConfig.ruby, "-e", script, chdir: @folder, out: writer)
    @pids << pid
    writer.close
    assert_equal "ready\n", answers.gets
    sleep 0.2
    yield pid, answers
  ensure
    answers&.close
  end

  def gdb(pid)
    commands = [
      "set confirm off", "set pagination off", "set debuginfod enabled off",
      "call (unsigned long)rb_require(\"#{SHARED_OBJECT}\")",
      "call (int)heapdump_dump(\"mydump.json\")",
      "detach",
    ].flat_map { |command| ["-ex", command] }
    out, = Open3.capture2e("timeout", SECONDS.to_s, "gdb", "-nx", "-batch", "-p", pid.to_s, *commands)
    out
  end
end
