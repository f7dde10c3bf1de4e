# frozen_string_literal: true

# What the tests of dumping from outside share: one scenario, a Ruby process that dumps itself with the extension and then
# stands still, and comparing two dumps object by object without the library.
require "minitest/autorun"
require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../rubies"

module OutsideTest
  ROOT = File.expand_path("../..", __dir__)
  TOOL = File.join(ROOT, "build/heap_dump")
  FOLDER = Dir.mktmpdir("heap_dump-outside")
  Minitest.after_run { FileUtils.rm_rf(FOLDER) }

  RUBIES = TestRubies::ALL

  # Everything that has a shape of its own in memory. "ready" is printed after the dump from inside.
  SCENARIO = <<~'RUBY'
    require "heap_dump"
    %w[json set net/http optparse erb time objspace].each { |name| require name }
    module Shop
      class Order
        attr_reader :number
        def initialize(number)
          @number = number
          @note = "note of order #{number}, too long to be embedded"
          @tags = []
        end

        def each_line(&block)
          block
        end
      end
      Line = Struct.new(:item, :price)
      @registry = { "a" => 1, b: [1, 2.5, 2**70, 3r, 1i, nil, true] }
      CONSTANT = { nested: { deep: %w[x y z] } }
      @@shared = "class variable"
    end
    $orders = 500.times.map { |number| Shop::Order.new(number) }
    $lines = 100.times.map { |number| Shop::Line.new("item #{number}", number * 1.1) }
    $big = { 1 => :one }.merge(300.times.to_h { |number| ["key #{number}", number] })
    $procs = $orders.first(50).map { |order| order.each_line { |line| [line, order] } }
    $identity = {}.compare_by_identity.tap { |hash| hash["same"] = 1 }
    $generic = "with a variable".tap { |string| string.instance_variable_set(:@extra, [1]) }
    $set = Set[1, :two, "three"]
    $weak = ObjectSpace::WeakMap.new.tap { |map| map[$orders[0]] = $orders[1] }
    $enum = [1, 2, 3].each_slice(2)
    $method = $orders[0].method(:number)
    $match = /(?<year>\d+)-(\d+)/.match("2026-11")
    $sub = ("s" * 500)[3, 400]
    $range = ("a".."f")
    $finalized = Object.new.tap { |object| ObjectSpace.define_finalizer(object, proc { |id| id }) }
    at_exit { Shop::CONSTANT }
    $thread = Thread.new { Thread.current.name = "waiting"; Thread.current[:request] = ["r"]; local = "in a thread"; Thread.stop; local }
    $fiber = Fiber.new { inner = "in a fiber"; Fiber.yield inner; inner }
    $fiber.resume
    def waiting(first, second: 2)
      third = [first, second]
      HeapDump.dump(ARGV[0])
      $stdout.puts("ready")
      $stdout.flush
      $stdin.read
      third
    end
    Thread.pass until $thread.stop?
    waiting("an argument")
  RUBY

  class Target
    attr_reader :pid, :inside

    def initialize(ruby, name: "target", program: SCENARIO, wrap: [], options: [])
      path, extension = *RUBIES.fetch(ruby)
      @inside = File.join(FOLDER, "#{name}-#{ruby}-inside.json")
      @input, @output, @wait = Open3.popen2(*wrap, path, *options, "-I", File.join(ROOT, "lib"), "-I", extension, "-e", program, @inside, pgroup: true)
      raise "the process ended" unless @output.gets == "ready\n"

      # unshare and the like replace themselves, but for a shell that stays; the Ruby is the last of the line
      @pid = @wait.pid
      while (child = File.read("/proc/#{@pid}/task/#{@pid}/children").split.last)
        @pid = child.to_i
      end
      sleep 0.1
    end

    # True if it goes on as if nothing had happened.
    def finish
      @input.close
      @wait.value.success?
    end

    def kill
      Process.kill(:KILL, -@wait.pid)
      @wait.value
    rescue Errno::ESRCH
      nil
    end
  end

  QUIET = "$stdout.puts('ready'); $stdout.flush; $stdin.read"
  NOBODY = %w[setpriv --reuid 65534 --regid 65534 --clear-groups].freeze

  # Installs a seccomp filter (linux/filter.h, linux/seccomp.h): the call number 56, clone, gets ACTION, another number is let
  # through; then runs what follows.
  FILTER = <<~'RUBY'
    require "fiddle"
    def filter(number, action)
      words = [[0x20, 0, 0, 0], [0x15, 0, 1, number], [0x06, 0, 0, action], [0x06, 0, 0, 0x7fff0000]] # load nr; equal?; return; return ALLOW
      code = words.map { |word| word.pack("SCCL") }.join
      program = [4, 0, 0, 0].pack("S4") + [Fiddle::Pointer[code].to_i].pack("Q")
      prctl = Fiddle::Function.new(Fiddle.dlopen(nil)["prctl"], [Fiddle::TYPE_INT] + [Fiddle::TYPE_LONG] * 4, Fiddle::TYPE_INT)
      prctl.call(38, 1, 0, 0, 0).zero? && prctl.call(22, 2, Fiddle::Pointer[program].to_i, 0, 0).zero? or abort "no filter"
    end
  RUBY
  CLONE = 56
  PTRACE = 101
  KEXEC_LOAD = 246
  KILL = 0x80000000
  REFUSE = 0x00050001 # EPERM

  # A command that runs what follows it under such a filter, as a container's runtime does.
  def filtered(number, action)
    tool_for_all # whose folder everybody can read
    runtime = File.join(FOLDER, "runtime.rb")
    File.write(runtime, "#{FILTER}\nfilter(Integer(ARGV[0]), Integer(ARGV[1]))\nexec(*ARGV.drop(2))")
    [RbConfig.ruby, runtime, number.to_s, action.to_s]
  end

  # A process that must go on and end as if nothing had happened.
  def with_target(**options)
    target = Target.new("native", **options)
    yield target
    assert target.finish, "the process goes on and ends as it would have"
  ensure
    target&.kill
  end

  # The tool where every user can run it.
  def tool_for_all
    copy = File.join(FOLDER, "tool")
    FileUtils.cp(TOOL, copy) unless File.exist?(copy)
    FileUtils.chmod(0o755, [copy, FOLDER])
    copy
  end

  # `extension`: also what `make ext-others` builds for it.
  def need(ruby, extension: true)
    skip "Ruby #{ruby} is not there: script/rubies gets it" unless RUBIES[ruby].there?
    skip "the extension for Ruby #{ruby} is not there: `make ext-others` builds it" unless !extension || RUBIES[ruby].extension?
  end

  # A thread that has ended since it was listed has none.
  def children(pid)
    Dir.glob("/proc/#{pid}/task/*/children").map do |path|
      File.read(path)
    rescue Errno::ENOENT, Errno::ESRCH
      ""
    end.join
  end

  # Everything of a process that a visitor could leave changed.
  def traces(pid)
    status = File.read("/proc/#{pid}/status")
    { threads: Dir.children("/proc/#{pid}/task").size, descriptors: Dir.children("/proc/#{pid}/fd").sort, children: children(pid),
      mappings: File.readlines("/proc/#{pid}/maps").map { |line| line.split[0, 2] }, tracer: status[/^TracerPid:\s+(\d+)/, 1],
      signals: status[/^SigBlk:.*/], oom: File.read("/proc/#{pid}/oom_score_adj") }
  end

  def dump(*options, file: File.join(FOLDER, "outside-#{rand(1 << 40)}.json"), check: true)
    out, err, status = Open3.capture3(TOOL, "dump", "--json", "-o", file, *options.map(&:to_s))
    assert status.success?, "heap_dump dump #{options.join(" ")}: #{err}#{out}"
    assert_equal 0o600, File.stat(file).mode & 0o777
    return [JSON.parse(out), file] unless check

    checked, complaint = Open3.capture2e(TOOL, "check", file)
    assert complaint.success?, checked
    [JSON.parse(out), file]
  end

  def refused(*options)
    out, err, status = Open3.capture3(TOOL, "dump", "-o", File.join(FOLDER, "refused.json"), *options.map(&:to_s))
    assert_empty out
    assert_equal 1, err.lines.size, err
    refute File.exist?(File.join(FOLDER, "refused.json"))
    [err, status.exitstatus]
  end

  Dump = Struct.new(:objects, :roots) do
    # References of an object as a set of ids of `known`.
    def references(id, known)
      objects[id].each_with_object({}) { |line, found| collect(line.reject { |key,| Dump::NUMBERS.include?(key) }, known, found) }
    end

    def collect(value, known, found)
      case value
      when Integer then found[value] = true if known[value]
      when Array then value.each { |element| collect(element, known, found) }
      when Hash
        return if value.keys == ["fix"]

        value.each { |key, element| (id = key[/\A#<(\d+)>\z/, 1]) && known[id.to_i] && found[id.to_i] = true; collect(element, known, found) }
      end
    end
  end
  Dump::NUMBERS = %w[id size slot_size continues object_id offset bytesize capacity].freeze

  def read(file)
    objects = Hash.new { |hash, id| hash[id] = [] }
    roots = nil
    File.foreach(file) do |text|
      text = text.sub(/\A[\[,]/, "").chomp
      next if text == "]"

      line = JSON.parse(text, max_nesting: 300)
      roots ||= line if line["id"] == "_ROOTS_"
      id = line["continues"] || line["id"]
      objects[id] << line if id.is_a?(Integer)
    end
    objects.default_proc = nil
    Dump.new(objects, roots)
  end
end
