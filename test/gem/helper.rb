# frozen_string_literal: true

# What the tests of the gem share: Ruby processes with heap_dump loaded, and a view of their children from outside.
# Each scenario runs in a process of its own, because it is about processes: what they leak, lose or leave behind.

require "minitest/autorun"
require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "timeout"
require "tmpdir"

module GemTest
  ROOT = File.expand_path("../..", __dir__)
  # Where heap_dump/heap_dump.so is; set to "" to test the installed gem.
  EXTENSION = ENV.fetch("HEAP_DUMP_EXT", File.join(ROOT, "build", "ext"))
  LOAD_PATH = EXTENSION.empty? ? [] : [File.join(ROOT, "lib"), EXTENSION]
  SHARED_OBJECT = EXTENSION.empty? ? nil : File.join(EXTENSION, "heap_dump", "heap_dump.so")
  SECONDS = 60

  # Defined in every script.
  PRELUDE = <<~RUBY
    require "heap_dump"
    require "json"
    $stdout.sync = true
    def descriptors = Dir.children("/proc/self/fd").size
    # A thread that has ended since it was listed has none.
    def children = Dir.glob("/proc/self/task/*/children").flat_map { |f| File.read(f).split rescue [] }
    def say(**facts) = puts(JSON.generate(facts))
    def outcome
      yield
      "dumped"
    rescue Exception => e
      "\#{e.class}: \#{e.message}"
    end
    # Big enough that its dump can be caught in the act.
    def grow(n = 400_000) = ($big = Array.new(n) { |i| "string number \#{i} of the big heap" })
  RUBY

  def setup
    @folder = Dir.mktmpdir("heap_dump-test")
    @pids = []
  end

  def teardown
    @pids.each do |pid|
      Process.kill(:KILL, pid)
      Process.wait(pid)
    rescue Errno::ESRCH, Errno::ECHILD
      nil
    end
    FileUtils.rm_rf(@folder)
  end

  def command(script, before: nil)
    [RbConfig.ruby, *LOAD_PATH.flat_map { |dir| ["-I", dir] }, "-e", "#{PRELUDE}\n#{before}\n#{script}"]
  end

  # Runs a script in the test's folder and returns the facts it said last.
  def run_ruby(script, env: {}, **options)
    out, err, status = Open3.capture3(env, "timeout", "-k", "2", SECONDS.to_s, *command(script), chdir: @folder, **options)
    assert status.success?, "the script failed (#{status}):\n#{err}\n#{out}"
    @stderr = err
    @stdout = out
    JSON.parse(out.lines.last || "{}", symbolize_names: true)
  end

  # Starts a script that will be interfered with; yields its pid and returns the facts it said last.
  def start_ruby(script, env: {})
    reader, writer = IO.pipe
    pid = spawn(env, *command(script), chdir: @folder, out: writer, err: writer)
    @pids << pid
    writer.close
    yield pid
    out = Timeout.timeout(SECONDS) { reader.read }
    Process.wait(pid)
    @pids.delete(pid)
    assert $?.success?, "the script failed (#{$?}):\n#{out}"
    JSON.parse(out.lines.last, symbolize_names: true)
  ensure
    reader&.close
  end

  def children_of(pid)
    Dir.glob("/proc/#{pid}/task/*/children").flat_map do |file|
      File.read(file).split.map(&:to_i)
    rescue Errno::ENOENT, Errno::ESRCH # the thread has ended since it was listed
      []
    end
  end

  def comm(pid)
    File.read("/proc/#{pid}/comm").chomp
  rescue Errno::ENOENT, Errno::ESRCH
    nil
  end

  # Waits for the processes that write a dump of `pid`, and stops them where they are: time stands still for them.
  def writers_stop(pid, at_least: 1)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + SECONDS
    loop do
      flunk "no process named heap_dump appeared" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
      found = children_of(pid).select { |child| comm(child) == "heap_dump" }
      if found.size >= at_least
        found.each { |child| Process.kill(:STOP, child) }
        return found
      end
      sleep 0.0005
    end
  end

  def alive?(pid)
    state = File.read("/proc/#{pid}/stat")[/\) (\S)/, 1]
    !%w[Z X].include?(state)
  rescue Errno::ENOENT, Errno::ESRCH
    false
  end

  def eventually(what)
    200.times do
      return if yield
      sleep 0.02
    end
    flunk "in vain waited for: #{what}"
  end

  def file(name) = File.join(@folder, name)

  # The file is the old one and nothing else lies in the folder.
  def assert_untouched(name = "dump.json", content = "old")
    assert_equal [name], Dir.children(@folder)
    assert_equal content, File.read(file(name))
  end

  # Parses a dump line by line, as FORMAT says, and returns its objects.
  def assert_whole(name, text = File.binread(file(name)).force_encoding("UTF-8"))
    assert text.valid_encoding?, "the dump is not valid UTF-8"
    lines = text.lines(chomp: true)
    assert_equal "]", lines.pop
    assert_equal "[", lines.first[0]
    assert_empty lines.drop(1).reject { |line| line.start_with?(",") }
    objects = lines.map { |line| JSON.parse(line[1..]) }
    assert_equal "_DUMP_", objects.first["id"]
    assert_equal "_END_", objects.last["id"]
    objects
  end
end
