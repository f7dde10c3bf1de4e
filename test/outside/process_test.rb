# frozen_string_literal: true

# Dumping live processes of every kind, what is refused and how, and that nothing of ours stays behind.
require_relative "helper"

class ProcessTest < Minitest::Test
  include OutsideTest

  def with_target(**options)
    target = Target.new("native", **options)
    yield target
    assert target.finish, "the process goes on and ends as it would have"
  ensure
    target&.kill
  end

  def state(pid) = File.read("/proc/#{pid}/status")[/^State:\s+(\w)/, 1]

  # Everything of a process that a visitor could leave changed.
  def traces(pid)
    { threads: Dir.children("/proc/#{pid}/task").size, descriptors: Dir.children("/proc/#{pid}/fd").sort,
      children: Dir.glob("/proc/#{pid}/task/*/children").map { |path| File.read(path) }.join,
      mappings: File.readlines("/proc/#{pid}/maps").map { |line| line.split[0, 2] },
      tracer: File.read("/proc/#{pid}/status")[/^TracerPid:\s+(\d+)/, 1], signals: File.read("/proc/#{pid}/status")[/^SigBlk:.*/],
      oom: File.read("/proc/#{pid}/oom_score_adj") }
  end

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

  def test_as_the_same_user_and_as_another
    skip "this needs root, setpriv and a world-readable checkout" unless Process.uid.zero? && system("command -v setpriv >/dev/null")
    user = %w[setpriv --reuid 65534 --regid 65534 --clear-groups]
    copy = File.join(FOLDER, "tool")
    FileUtils.cp(TOOL, copy)
    FileUtils.chmod(0o755, [copy, FOLDER])
    program = "$stdout.puts('ready'); $stdout.flush; $stdin.read"
    with_target(name: "nobody", program: program, wrap: user) do |target|
      folder = File.join(FOLDER, "nobody").tap { |path| FileUtils.mkdir_p(path); File.chown(65_534, 65_534, path) }
      out, err, status = Open3.capture3(*user, copy, "dump", "--pid", target.pid.to_s, "-o", File.join(folder, "dump.json"))
      scope = File.read("/proc/sys/kernel/yama/ptrace_scope").to_i rescue 0
      scope.zero? ? assert(status.success?, err + out) : assert_match(/ptrace_scope/, err)
    end
    with_target(name: "root", program: program) do |target|
      out, err, status = Open3.capture3(*user, copy, "dump", "--pid", target.pid.to_s)
      assert_equal ["", 7], [out, status.exitstatus]
      assert_match(/no permission to look into process #{target.pid}: run this as root or as its user/, err)
    end
  end

  def test_a_seccomp_filter_is_gone_around_by_root_or_the_process_is_stopped
    program = "Process.respond_to?(:prctl); require 'fiddle'; Fiddle::Function.new(Fiddle.dlopen(nil)['prctl'], [Fiddle::TYPE_INT] + " \
              "[Fiddle::TYPE_LONG] * 4, Fiddle::TYPE_INT).call(38, 1, 0, 0, 0); $stdout.puts('ready'); $stdout.flush; $stdin.read"
    with_target(name: "privileges", program: program) { |target| assert_equal "fork", dump("--pid", target.pid)[0]["method"] }
  end

  def test_limits_of_the_control_group_or_user
    skip "this needs root and prlimit" unless Process.uid.zero? && system("command -v prlimit >/dev/null && command -v setpriv >/dev/null")
    program = "Process.setrlimit(Process::RLIMIT_NPROC, 0, 0); $stdout.puts('ready'); $stdout.flush; $stdin.read"
    with_target(name: "limited", program: program, wrap: %w[setpriv --reuid 65534 --regid 65534 --clear-groups]) do |target|
      facts, = dump("--pid", target.pid)
      assert_equal "stop", facts["method"]
      refute_empty facts["note"]
    end
  end

  def test_refusals
    assert_match(/there is no process 4194303/, refused("--pid", 4_194_303)[0])
    sleeper = Process.spawn("sleep", "60")
    message, status = refused("--pid", sleeper)
    assert_equal 5, status
    assert_match(/this is not a Ruby: none of its libraries exports rb_cObject/, message)
    Process.kill(:KILL, sleeper)
    sleep 0.1
    message, status = refused("--pid", sleeper) # nobody has waited for it yet
    assert_equal 7, status
    assert_match(/has ended and only waits for its parent to notice/, message)
    Process.wait(sleeper)
    assert_match(/what\? give --pid or --core/, refused[0])
    assert_match(/either --pid or --core, not both/, refused("--pid", 1, "--core", "x")[0])
  end

  def test_already_traced
    skip "strace is not there" unless system("command -v gdb >/dev/null")
    with_target(name: "traced") do |target|
      debugger = IO.popen(["gdb", "-q", "-nx", "-p", target.pid.to_s], "r+", err: File::NULL)
      sleep 0.1 until File.read("/proc/#{target.pid}/status")[/^TracerPid:\s+(\d+)/, 1].to_i.positive?
      message, status = refused("--pid", target.pid)
      assert_equal 7, status
      assert_match(/is being traced by process \d+ already/, message)
      debugger.puts("detach", "quit")
      debugger.close
    end
  end

  def test_full_disk_leaves_nothing
    with_target(name: "full") do |target|
      _, err, status = Open3.capture3(TOOL, "dump", "--pid", target.pid.to_s, "-o", "/proc/none/dump.json")
      assert_equal 4, status.exitstatus
      assert_equal 1, err.lines.size
    end
  end

  # Killed at random moments: the target goes on. Only a kill between the first and the last register that is set could hurt.
  def test_killed_tool
    with_target(name: "survivor") do |target|
      before = traces(target.pid).slice(:threads, :descriptors, :tracer, :signals)
      60.times do
        tool = Process.spawn(TOOL, "dump", "--pid", target.pid.to_s, "-o", File.join(FOLDER, "killed.json"), out: File::NULL, err: File::NULL)
        sleep 0.005 + rand * 0.02
        Process.kill(:KILL, tool)
        Process.wait(tool)
      end
      sleep 0.2
      assert_equal before, traces(target.pid).slice(:threads, :descriptors, :tracer, :signals)
      dump("--pid", target.pid)
    end
  end
end
