# frozen_string_literal: true

# The process that is dumped comes to no harm: filters, limits, namespaces, a tool that is killed at any moment.
require_relative "helper"

class SafetyTest < Minitest::Test
  include OutsideTest

  def setup
    skip "this needs root and setpriv" unless Process.uid.zero? && system("command -v setpriv >/dev/null")
  end

  # The facts of a dump that somebody else takes. Where Yama keeps users from each other's processes there is nothing to test.
  def dump_as(wrap, pid)
    scope = File.exist?("/proc/sys/kernel/yama/ptrace_scope") ? File.read("/proc/sys/kernel/yama/ptrace_scope").to_i : 0
    skip "kernel.yama.ptrace_scope is #{scope}" if scope.positive?
    folder = File.join(FOLDER, "nobody").tap { |path| FileUtils.mkdir_p(path); File.chown(65_534, 65_534, path) }
    file = File.join(folder, "dump.json")
    out, err, status = Open3.capture3(*wrap, tool_for_all, "dump", "--json", "--pid", pid.to_s, "-o", file)
    assert status.success?, err + out
    assert system(TOOL, "check", "--quiet", file)
    JSON.parse(out)
  end

  def test_as_the_same_user
    with_target(name: "nobody", program: QUIET, wrap: NOBODY) { |target| assert_equal "fork", dump_as(NOBODY, target.pid)["method"] }
  end

  # Root switches the filter off for the while, even one that answers our call by killing the process.
  def test_a_seccomp_filter_that_kills_and_root
    with_target(name: "filtered", program: "#{FILTER}; filter(#{CLONE}, #{KILL}); #{QUIET}") do |target|
      facts, = dump("--pid", target.pid)
      assert_equal ["fork", ""], facts.values_at("method", "note")
      assert_empty children(target.pid)
    end
  end

  # Others cannot, so the process is stopped instead, and that is said.
  def test_a_seccomp_filter_and_the_same_user
    with_target(name: "filtered", program: "#{FILTER}; filter(#{CLONE}, #{KILL}); #{QUIET}", wrap: NOBODY) do |target|
      facts = dump_as(NOBODY, target.pid)
      assert_equal "stop", facts["method"]
      assert_match(/it has a seccomp filter that only root outside of its container can go around/, facts["note"])
      text = IO.popen([*NOBODY, tool_for_all, "dump", "--pid", target.pid.to_s, "-o", File.join(FOLDER, "nobody/dump.json")], &:read)
      assert_match(/^the process stood still for [\d.]+ ms while it was read$/, text)
      assert_match(/^--method stop was used, as it could not be copied: it has a seccomp filter/, text)
    end
  end

  # In a container everything has the filter that the runtime has put around it, the tool, too: what it may do the process may.
  def test_in_a_container_with_a_filter
    around = [*NOBODY, *filtered(KEXEC_LOAD, REFUSE)]
    with_target(name: "container", program: QUIET, wrap: around) do |target|
      assert_equal ["fork", ""], dump_as(around, target.pid).values_at("method", "note")
      assert_empty children(target.pid)
    end
  end

  def test_no_further_process_allowed
    program = "Process.setrlimit(Process::RLIMIT_NPROC, 0, 0); #{QUIET}"
    with_target(name: "limited", program: program, wrap: NOBODY) do |target|
      facts, = dump("--pid", target.pid)
      assert_equal ["stop", "Resource temporarily unavailable"], facts.values_at("method", "note")
    end
  end

  # A control group of its own with a limit of memory, as containers have it.
  class MemoryGroup
    VERSIONS = { "memory.max" => ["memory.current", "memory.events"], "memory.limit_in_bytes" => ["memory.usage_in_bytes", "memory.oom_control"] }.freeze

    ROOT = %w[/sys/fs/cgroup/memory /sys/fs/cgroup].find { |path| File.exist?(File.join(path, "cgroup.procs")) }
    MOUNT = ROOT == "/sys/fs/cgroup/memory" ? "mount -t cgroup -o memory" : "mount -t cgroup2"

    def initialize(name = "test")
      raise Errno::ENOENT, "no control groups" unless ROOT
      @folder = File.join(ROOT, "heap_dump-#{name}-#{$$}")
      Dir.mkdir(@folder)
      @limit, (@usage, @events) = VERSIONS.find { |name,| File.exist?(File.join(@folder, name)) } || raise(Errno::ENOENT, "none for memory")
    rescue SystemCallError
      remove
      raise
    end

    def command = ["sh", "-c", "echo $$ >#{@folder}/cgroup.procs; exec \"$@\"", "sh"]
    def room=(bytes)
      File.write(File.join(@folder, @limit), (Integer(File.read(File.join(@folder, @usage))) + bytes).to_s)
    end

    def kills = File.read(File.join(@folder, @events))[/^oom_kill (\d+)/, 1].to_i
    def remove
      20.times { Dir.exist?(@folder) && Dir.rmdir(@folder) && break rescue sleep 0.05 }
    end
  end

  MANY_TEXTS = "$kept = Array.new(100_000) { |n| \"text \#{n}\" * 100 }; #{QUIET}"

  # With a target whose group it is; `inside` begins it there.
  def with_memory_group(program = MANY_TEXTS, inside: [])
    group = MemoryGroup.new
    with_target(name: "memory", program: program, wrap: [*group.command, *inside]) do |target|
      yield target, group
      assert_equal 0, group.kills, "the kernel killed somebody"
    end
  rescue SystemCallError => e
    skip "no control group for memory can be made here: #{e.message}"
  ensure
    group&.remove
  end

  # The kernel does not refuse a copy that is too much: it kills. So none is made where memory is short.
  def test_memory_is_short
    with_memory_group do |target, group|
      group.room = 1 << 20
      facts, = dump("--pid", target.pid)
      assert_equal "stop", facts["method"]
      assert_match(/\Aonly [01] MB of memory are left to it, so that a copy might have the kernel kill somebody\z/, facts["note"])
      group.room = 512 << 20
      assert_equal ["fork", ""], dump("--pid", target.pid)[0].values_at("method", "note")
    end
  end

  # As beside it in a pod, or with `kubectl debug --target`: each container sees its own group only, in mounts of its own.
  def test_memory_is_short_in_the_container_beside
    skip "unshare cannot make these namespaces" unless system("unshare --mount --cgroup true")
    mounts = "mount -t tmpfs none /mnt && mkdir /mnt/groups && #{MemoryGroup::MOUNT} none /mnt/groups && exec \"$@\""
    with_memory_group(inside: ["unshare", "--mount", "--cgroup", "sh", "-c", mounts, "sh"]) do |target, group|
      beside = MemoryGroup.new("beside")
      group.room = 1 << 20
      out, err, status = Open3.capture3(*beside.command, "unshare", "--cgroup", TOOL, "dump", "--json", "--pid", target.pid.to_s, "-o", File.join(FOLDER, "beside.json"))
      assert status.success?, err
      assert_equal "stop", JSON.parse(out)["method"]
      assert_match(/\Aonly [01] MB of memory are left to it/, JSON.parse(out)["note"])
    ensure
      beside&.remove
    end
  end

  # `ulimit -v`, or a kernel that promises no more memory than there is: nothing is left out for that, nor is it said not to be a Ruby.
  def test_no_room_for_what_it_has
    with_target(name: "room", program: "$kept = Array.new(100_000) { |n| \"text \#{n}\" * 100 }; #{QUIET}") do |target|
      before = traces(target.pid)
      %w[60 100].each do |megabytes|
        err, status = nil
        [["dump", "-o", File.join(FOLDER, "no-room.json"), "--pid"], ["memory"]].each do |words|
          _, err, status = Open3.capture3("prlimit", "--as=#{megabytes}000000", TOOL, *words, target.pid.to_s)
          assert_equal 6, status.exitstatus, err
          assert_match(/no room here for the memory that the process has \(\d+ MB\): raise `ulimit -v`/, err)
          assert_equal 1, err.lines.size
        end
      end
      assert_equal before, traces(target.pid)
      refute File.exist?(File.join(FOLDER, "no-room.json"))
    end
  end

  # It writes to all that it has while it is read, so that it needs as much again, which is not there: the copy goes, the process stays.
  def test_memory_runs_short_meanwhile
    busy = "$kept = Array.new(150_000) { |n| \"text \#{n}\" * 200 }; Thread.new { loop { $kept.each { |text| text.setbyte(3, 97); text.setbyte(text.bytesize - 5, 98) } } }"
    with_memory_group("#{busy}; #{QUIET}; exit!(0)") do |target, group|
      group.room = 64 << 20
      methods = Array.new(3) { dump("--pid", target.pid)[0] }.map { |facts| facts.values_at("method", "note") }
      puts methods.tally.inspect
      assert_includes methods, ["stop", "the copy was given up, as memory ran short"]
      assert_empty children(target.pid)
    end
  end

  # Whoever is in the same container and takes much memory must not cost the process its life, either.
  def test_no_memory_for_the_tool
    with_memory_group do |target, group|
      group.room = 32 << 20
      _, err, status = Open3.capture3(*group.command, TOOL, "dump", "--pid", target.pid.to_s, "-o", File.join(FOLDER, "crowded.json"))
      assert_equal 6, status.exitstatus
      assert_match(/to read process #{target.pid} may take [\d.]+ MB of memory, and only [\d.]+ MB are left here: run this where there is more, not in the container/, err)
    end
  end

  def test_in_a_user_namespace_of_its_own
    skip "unshare is not there" unless system("unshare --user --map-root-user true")
    with_target(name: "user", program: QUIET, wrap: [*NOBODY, "unshare", "--user", "--map-root-user"]) do |target|
      assert_equal ["fork", ""], dump("--pid", target.pid)[0].values_at("method", "note")
      assert_equal ["fork", ""], dump_as(NOBODY, target.pid).values_at("method", "note")
    end
  end

  # pids.max of its control group, as containers have it.
  def test_a_full_control_group
    root = %w[/sys/fs/cgroup/pids /sys/fs/cgroup].find { |path| File.exist?(File.join(path, "cgroup.procs")) } || skip("there are no control groups")
    group = File.join(root, "heap_dump-#{name}-#{$$}")
    Dir.mkdir(group)
    with_target(name: "group", program: QUIET) do |target|
      File.write(File.join(group, "cgroup.procs"), target.pid.to_s)
      File.write(File.join(group, "pids.max"), File.read(File.join(group, "pids.current")))
      facts, = dump("--pid", target.pid)
      assert_equal ["stop", "Resource temporarily unavailable"], facts.values_at("method", "note")
      File.write(File.join(root, "cgroup.procs"), target.pid.to_s)
    end
  rescue SystemCallError => e
    skip "no control group for pids can be made here: #{e.message}"
  ensure
    Dir.rmdir(group) if group && Dir.exist?(group)
  end

  # A container: pids of its own, files of its own. The library is nowhere to be seen for us.
  def test_a_container
    skip "unshare is not there" unless system("command -v unshare >/dev/null")
    library = File.readlines("/proc/self/maps").map { |line| line.split[5] }.compact.find { |path| path.include?("/libruby") }
    skip "this Ruby has no library of its own" unless library
    place = File.join(FOLDER, "image")
    name = File.basename(library)[/libruby-?\d\.\d\.so\.\d\.\d/] || File.basename(library) # its soname
    FileUtils.mkdir_p(place)
    script = "mount -t tmpfs none #{place} && cp #{library} #{place}/#{name} && exec env LD_LIBRARY_PATH=#{place} \"$@\""
    with_target(name: "container", program: QUIET, wrap: ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"]) do |target|
      facts, = dump("--pid", target.pid)
      assert_equal ["fork", File.join(place, name)], facts.values_at("method", "library")
      refute File.exist?(facts["library"])
      assert_operator facts["objects"], :>, 5_000
      assert_empty children(target.pid)
    end
  end

  # What is in the middle of a collection, or has its lock in the hands of another thread that computes.
  def test_collections_and_a_lock_held_elsewhere
    collecting = "require 'heap_dump'; HeapDump.dump(ARGV[0]); $kept = Array.new(2000) { |n| \"kept \#{n}\" }\n" \
                 "worker = Thread.new { loop { GC.start; Array.new(2000) { |n| [n] } } }; #{QUIET}; worker.kill"
    computing = "require 'heap_dump'; HeapDump.dump(ARGV[0]); $kept = Array.new(2000) { |n| \"kept \#{n}\" }\n" \
                "worker = Thread.new { n = 0; loop { n += 1 } }; #{QUIET}; worker.kill"
    compacting = collecting.sub("GC.start", "GC.compact")
    { collecting: collecting, computing: computing, compacting: compacting }.each do |name, program|
      with_target(name: name.to_s, program: program) do |target|
        12.times do
          facts, file = dump("--pid", target.pid)
          assert_equal 0, facts["unreadable"] unless name == :compacting # what was moved just now
          assert_equal 2_000, File.read(file).scan(/"kept \d+"/).uniq.size
          File.delete(file)
        end
      end
    end
  end

  # Killed, or interrupted from the keyboard, at any moment: the process goes on, and what was being copied of it is gone.
  def test_the_tool_is_killed
    with_target(name: "survivor", program: "$beats = 0; Thread.new { loop { $beats += 1; sleep 0.001 } }; #{QUIET}; exit!($beats > 100 ? 0 : 1)") do |target|
      before = traces(target.pid)
      150.times do |n|
        tool = Process.spawn(TOOL, "dump", "--pid", target.pid.to_s, "-o", File.join(FOLDER, "killed.json"), out: File::NULL, err: File::NULL)
        sleep rand * 0.03
        Process.kill(n.odd? ? :KILL : :INT, tool)
        Process.wait(tool)
      end
      assert_equal before, settled(before, target.pid)
      dump("--pid", target.pid)
    end
  end

  # The helper that holds the copy, too, but once the copy is made (the moment before is documented in stop.h). Nobody can then
  # take the dead copy away, until the next dump does.
  def test_the_helper_is_killed
    with_target(name: "orphan", program: "$big = 'x' * 50_000_000; #{QUIET}") do |target|
      before = traces(target.pid)
      5.times do
        reader, writer = IO.pipe
        tool = Process.spawn(TOOL, "dump", "--pid", target.pid.to_s, "-o", File.join(FOLDER, "orphan.json"), out: File::NULL, err: writer)
        writer.close
        Process.kill(:STOP, tool) if wait_for(2) { copied?(target.pid) }
        helper = File.read("/proc/#{tool}/task/#{tool}/children").to_i
        sleep 0.1 # were it already at taking the copy away, it would be done by now
        Process.kill(:KILL, helper) if helper.positive? && copied?(target.pid)
        Process.kill(:CONT, tool)
        Process.wait(tool)
        next if $?.success? # it was quicker

        assert_equal 7, $?.exitstatus
        assert_match(/the helper process that held the copy.* was killed.*take the dump again/, reader.read)
      end
      dump("--pid", target.pid)
      assert_equal before, settled(before, target.pid)
    end
  end

  # Where the process could not be copied, its own registers are back before the long part, the reading, begins: it outlives the helper
  # and the tool.
  def test_the_helper_is_killed_while_the_process_is_stopped
    program = "Process.setrlimit(Process::RLIMIT_NPROC, 0, 0); $big = 'x' * 50_000_000; #{QUIET}; exit!($big.size == 50_000_000 ? 0 : 1)"
    with_target(name: "stopped", program: program, wrap: NOBODY) do |target|
      before = traces(target.pid)
      killed = 0
      6.times do
        tool = Process.spawn(TOOL, "dump", "--pid", target.pid.to_s, "-o", File.join(FOLDER, "stopped.json"), out: File::NULL, err: File::NULL)
        Process.kill(:STOP, tool) if wait_for(5) { File.read("/proc/#{target.pid}/status")[/^TracerPid:\s+[1-9]/] }
        helper = File.read("/proc/#{tool}/task/#{tool}/children").to_i
        sleep 0.1 # it has tried to make a copy by now
        Process.kill(:KILL, helper) if helper.positive?
        Process.kill(:CONT, tool)
        Process.wait(tool)
        next if $?.success? # it was quicker

        assert_equal 7, $?.exitstatus
        killed += 1
      end
      assert_operator killed, :>, 0
      assert_equal before, settled(before, target.pid)
      facts, = dump("--pid", target.pid)
      assert_equal ["stop", "Resource temporarily unavailable"], facts.values_at("method", "note")
    end
  end

  # There is a copy, and the process runs again.
  def copied?(pid) = !children(pid).empty? && File.read("/proc/#{pid}/status")[/^TracerPid:\s+0$/]

  def wait_for(seconds)
    limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    found = nil
    sleep 0.0005 until (found = yield) || Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit
    found
  end

  def settled(expected, pid)
    wait_for(5) { traces(pid) == expected }
    traces(pid)
  end
end
