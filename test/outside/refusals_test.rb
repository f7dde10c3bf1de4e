# frozen_string_literal: true

# What cannot be dumped: one sentence that says why and what to do, the documented exit status, and a process that was not
# even stopped for it.
require_relative "helper"

class RefusalsTest < Minitest::Test
  include OutsideTest

  def with_target(program: QUIET, **options) = super

  def with_process(*command, **options)
    pid = Process.spawn(*command, out: File::NULL, err: File::NULL, **options)
    sleep 0.2
    yield pid
  ensure
    Process.kill(:KILL, pid)
    Process.wait(pid)
  end

  # As somebody else than the tests' user.
  def refused_to(wrap, pid)
    skip "this needs root and setpriv" unless Process.uid.zero? && system("command -v setpriv >/dev/null")
    out, err, status = Open3.capture3(*wrap, tool_for_all, "dump", "--pid", pid.to_s, "-o", File.join(FOLDER, "refused.json"))
    assert_equal ["", 7], [out, status.exitstatus], err
    assert_equal 1, err.lines.size, err
    err
  end

  def compile(name, source, *options)
    path = File.join(FOLDER, name)
    out, status = Open3.capture2e("cc", "-o", path, "-x", "c", "-", *options, stdin_data: source)
    status.success? ? path : skip("cannot be compiled here: #{out.lines.first}")
  end

  def test_no_such_process
    message, status = refused("--pid", 4_194_303)
    assert_equal 7, status
    assert_match(/there is no process 4194303/, message)
    assert_match(/--pid takes a process's number, not 0/, refused("--pid", 0)[0])
    assert_match(/what\? give --pid or --core/, refused[0])
    assert_match(/either --pid or --core, not both/, refused("--pid", 1, "--core", "x")[0])
  end

  def test_dead_and_not_yet_buried
    pid = Process.spawn("true")
    sleep 0.2
    message, status = refused("--pid", pid)
    assert_equal 7, status
    assert_match(/has ended and only waits for its parent to notice/, message)
  ensure
    Process.wait(pid)
  end

  def test_not_a_ruby
    with_process("sleep", "60") do |pid|
      before = File.read("/proc/#{pid}/status")[/^(non)?voluntary.*/m]
      message, status = refused("--pid", pid)
      assert_equal 5, status
      assert_match(/this is not a Ruby: none of its libraries exports rb_cObject/, message)
      assert_equal before, File.read("/proc/#{pid}/status")[/^(non)?voluntary.*/m], "it was not stopped"
    end
  end

  def test_the_shell_around_a_ruby
    shell = IO.popen(["sh", "-c", "#{RbConfig.ruby} -e 'puts $$; $stdout.flush; sleep' & wait"], "r")
    ruby = shell.gets.to_i
    message, status = refused("--pid", shell.pid)
    assert_equal 5, status
    assert_match(/process #{shell.pid} is not a Ruby, but its descendant #{ruby} seems to be one: heap_dump dump --pid #{ruby}$/, message)
  ensure
    Process.kill(:KILL, ruby) if ruby
    shell&.close
  end

  def test_a_thread
    with_target(name: "thread", program: "Thread.new { sleep }; #{QUIET}") do |target|
      tid = Dir.children("/proc/#{target.pid}/task").map(&:to_i).find { |task| task != target.pid }
      assert_match(/#{tid} is a thread of process #{target.pid}: give that one/, refused("--pid", tid)[0])
    end
  end

  def test_a_thread_of_the_kernel
    pid = Dir.children("/proc").grep(/\A\d+\z/).map(&:to_i).find do |number|
      File.read("/proc/#{number}/status")[/^Kthread:\s+1/] || (File.read("/proc/#{number}/cmdline").empty? && File.read("/proc/#{number}/stat")[/ S 2 /])
    rescue SystemCallError
      nil
    end
    skip "none is to be seen here" unless pid
    message, status = refused("--pid", pid)
    assert_equal 5, status
    assert_match(/is a thread of the kernel, not a Ruby/, message)
  end

  # No C library for it is needed: int 0x80, pause.
  def test_32_bit
    program = compile("narrow", 'void _start(void) { for (;;) __asm__ volatile("int $0x80" : : "a"(29)); }', "-m32", "-nostdlib", "-static", "-fno-pie", "-no-pie")
    begin
      pid = Process.spawn(program)
    rescue SystemCallError
      skip "this kernel runs no 32-bit programs"
    end
    sleep 0.2
    message, status = refused("--pid", pid)
    assert_equal 5, status
    assert_match(/process #{pid} is a 32-bit program: only those for x86-64/, message)
  ensure
    Process.kill(:KILL, pid) && Process.wait(pid) if pid
  end

  # The real one where it is installed, and something that has a library of its name loaded.
  def test_a_java_virtual_machine
    words = /this is a Java virtual machine or a native image of one, whose heap \(JRuby's, TruffleRuby's\) heap_dump cannot read: use `jcmd/
    library = compile("libjvm.so", "int nothing;", "-shared", "-fPIC")
    with_process({ "LD_PRELOAD" => library }, "sleep", "60") do |pid|
      message, status = refused("--pid", pid)
      assert_equal 5, status
      assert_match(words, message)
    end
    # What JRuby is, to us: Java that waits.
    return unless system("command -v java javac >/dev/null")

    source = File.join(FOLDER, "Waits.java")
    File.write(source, "public class Waits { public static void main(String[] a) throws Exception { Thread.sleep(60000); } }")
    with_process("java", source) do |pid|
      sleep 0.1 until File.read("/proc/#{pid}/maps").include?("/libjvm.so")
      assert_match(words, refused("--pid", pid)[0])
    end
  end

  # A native image exports how isolates are made; TruffleRuby's is such a library, and has the names of the C API, too.
  def test_a_native_image
    library = compile("librubyvm.so", "void *rb_cObject; const char ruby_version[] = \"3.2.2\"; void graal_create_isolate(void) {}", "-shared", "-fPIC")
    with_process({ "LD_PRELOAD" => library }, "sleep", "60") { |pid| assert_match(/a native image of one/, refused("--pid", pid)[0]) }
  end

  def test_an_unknown_release
    library = compile("libruby-9.9.so", "void *rb_cObject; const char ruby_version[] = \"9.9.9\"; const char ruby_platform[] = \"x86_64-linux\";", "-shared", "-fPIC")
    with_process({ "LD_PRELOAD" => library }, "sleep", "60") do |pid|
      message, status = refused("--pid", pid)
      assert_equal 5, status
      assert_match(/no layout table for Ruby 9\.9\.9.*(load the gem|docs\/layouts)/, message)
    end
  end

  def test_already_traced
    skip "gdb is not there" unless system("command -v gdb >/dev/null")
    with_target(name: "traced") do |target|
      debugger = IO.popen(["gdb", "-q", "-nx", "-p", target.pid.to_s], "r+", err: File::NULL)
      sleep 0.1 until File.read("/proc/#{target.pid}/status")[/^TracerPid:\s+(\d+)/, 1].to_i.positive?
      message, status = refused("--pid", target.pid)
      assert_equal 7, status
      assert_match(/is being traced by process \d+ already \(gdb\): end that first/, message)
      debugger.puts("detach", "quit")
      debugger.close
    end
  end

  def test_another_user
    with_target(name: "root") do |target|
      assert_match(/no permission to look into process #{target.pid}: it belongs to user root; run this as root or as that user/, refused_to(NOBODY, target.pid))
    end
  end

  def test_without_the_capability
    with_target(name: "capability") do |target|
      message = refused_to(%w[setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace], target.pid)
      assert_match(/this is root, but without the capability SYS_PTRACE, which containers leave out; docker run --cap-add SYS_PTRACE/, message)
    end
  end

  # As a server that was started as root and became another user: proc(5) calls it not dumpable.
  def test_a_process_that_changed_its_user
    program = "Process::Sys.setresgid(65534, 65534, 65534); Process::Sys.setresuid(65534, 65534, 65534); #{QUIET}"
    target = Target.new("native", name: "changed", program: program)
    skip "it can be looked into here" if File.stat("/proc/#{target.pid}/maps").uid == 65_534
    assert_match(/it was started as another user, or keeps others from looking into it; run this as root/, refused_to(NOBODY, target.pid))
    dump("--pid", target.pid)
    assert target.finish
  ensure
    target&.kill
  end

  # kernel.yama.ptrace_scope as it is elsewhere, and ptrace refused as Yama does. Everything may still be read in /proc.
  def under_yama(scope)
    folder = "/proc/sys/kernel"
    ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none #{folder} && mkdir #{folder}/yama && echo #{scope} >#{folder}/yama/ptrace_scope && exec \"$@\"",
     "sh", *NOBODY, *filtered(PTRACE, REFUSE)]
  end

  def test_yama
    skip "this needs root and unshare" unless Process.uid.zero? && system("unshare --mount true")
    with_target(name: "yama", wrap: NOBODY) do |target|
      once = /kernel\.yama\.ptrace_scope is %d, so run this as root, or once, as root, `sysctl kernel\.yama\.ptrace_scope=0`/
      assert_match(Regexp.new(format(once.source, 1)), refused_to(under_yama(1), target.pid))
      assert_match(Regexp.new(format(once.source, 2)), refused_to(under_yama(2), target.pid))
      assert_match(/ptrace_scope is 3, which forbids it to everybody until the machine is started anew; load the gem/, refused_to(under_yama(3), target.pid))
      assert_match(/itself runs under a seccomp filter \(of a container\), which forbids ptrace, it seems; run this on the host/, refused_to(under_yama(0), target.pid))
    end
  end

  # Capabilities in a user namespace of one's own are worth nothing outside of it.
  def test_from_a_user_namespace
    skip "this needs unshare" unless system("unshare --user --map-root-user true")
    with_target(name: "below", wrap: NOBODY) do |target|
      assert_match(/it is in a user namespace that is not below ours; run this on the host as root/, refused_to([*NOBODY, "unshare", "--user", "--map-root-user"], target.pid))
    end
  end

  def test_no_room_for_the_output
    skip "this needs root and unshare" unless Process.uid.zero? && system("unshare --mount true")
    place = File.join(FOLDER, "small").tap { |path| FileUtils.mkdir_p(path) }
    with_target(name: "room") do |target|
      before = traces(target.pid)
      script = "mount -t tmpfs -o size=1m none #{place} && \"$@\"; echo $? $(ls -A #{place} | wc -l)"
      out, err, = Open3.capture3("unshare", "--mount", "sh", "-c", script, "sh", TOOL, "dump", "--pid", target.pid.to_s, "-o", File.join(place, "dump.json"))
      assert_equal "4 0\n", out # nothing of it is left
      assert_equal 1, err.lines.size, err
      assert_match(/cannot write .*No space left on device/, err)
      assert_equal before, traces(target.pid)
    end
  end

  def test_the_output_cannot_be_written
    with_target(name: "full") do |target|
      _, err, status = Open3.capture3(TOOL, "dump", "--pid", target.pid.to_s, "-o", "/proc/none/dump.json")
      assert_equal 4, status.exitstatus
      assert_equal 1, err.lines.size
      assert_empty children(target.pid)
    end
  end

  # It becomes another program at any moment, and the same again: a dump, or a sentence, and nobody is hurt.
  def test_it_becomes_another_program_meanwhile
    again = File.join(FOLDER, "again.rb")
    File.write(again, <<~'PROGRAM')
      count, ruby = Integer(ARGV[0]), ARGV[1]
      Thread.new { sleep }
      sleep rand * 0.02
      exit!(0) if count.zero? || $stdin.read_nonblock(1, exception: false) != :wait_readable
      count.odd? ? exec(ruby, "--disable-all", __FILE__, (count - 1).to_s, ruby) : exec("sh", "-c", "exec #{ruby} --disable-all #{__FILE__} #{count - 1} #{ruby}")
    PROGRAM
    input, output = IO.pipe
    pid = Process.spawn(RbConfig.ruby, "--disable-all", again, "100000", RbConfig.ruby, in: input)
    input.close
    outcomes = Hash.new(0)
    60.times do
      file = File.join(FOLDER, "again.json")
      _, err, status = Open3.capture3(TOOL, "dump", "--pid", pid.to_s, "-o", file)
      refute status.signaled?
      assert status.success? ? system(TOOL, "check", "--quiet", file) : err.lines.size == 1, err
      outcomes[status.success? ? "dumped" : err[/: (.*)/, 1].gsub(/\d+/, "N")[0, 80]] += 1
      FileUtils.rm_f(file)
    end
    puts outcomes.inspect
    assert_operator outcomes["dumped"], :>, 0
    output.close
    Process.wait(pid)
    assert_predicate $?, :success?, "it was hurt: #{$?}"
  ensure
    Process.kill(:KILL, pid) if pid && !(Process.last_status&.pid == pid)
  end

  # It ends at any moment: a dump, or a sentence.
  def test_it_ends_meanwhile
    outcomes = Hash.new(0)
    60.times do |n|
      out, writer = IO.pipe
      pid = Process.spawn(RbConfig.ruby, "-e", "$stdout.puts(1); $stdout.flush; sleep(#{n * 0.0008}); exit!", out: writer)
      writer.close
      out.gets
      file = File.join(FOLDER, "ends.json")
      _, err, status = Open3.capture3(TOOL, "dump", "--pid", pid.to_s, "-o", file)
      refute status.signaled?
      if status.success?
        assert system(TOOL, "check", "--quiet", file)
      else
        assert_equal 1, err.lines.size, err
        assert_includes [5, 7], status.exitstatus, err
        assert_match(/there is no process|has ended and only waits|ended|is ending|cannot open|just beginning or ending|gone/, err)
      end
      outcomes[status.success? ? "dumped" : err[/: (.*)/, 1].gsub(/\d+/, "N")] += 1
      FileUtils.rm_f(file)
      Process.wait(pid)
      out.close
    end
    puts outcomes.inspect
  end
end
