# frozen_string_literal: true

# What the tests of `memory` share: Ruby processes that make memory of one kind, what glibc and Ruby say of themselves, and the table.
require "minitest/autorun"
require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../rubies"

module MemoryTest
  ROOT = File.expand_path("../..", __dir__)
  TOOL = ENV.fetch("HEAP_DUMP_TOOL", File.join(ROOT, "build/heap_dump"))
  ORACLE = File.join(ROOT, "build/test/memory/malloc_oracle.so")
  FOLDER = Dir.mktmpdir("heap_dump-memory")
  Minitest.after_run { FileUtils.rm_rf(FOLDER) }

  RUBIES = TestRubies::ALL
  MB = 1_000_000
  KEYS = %i[heap_available_slots heap_live_slots heap_free_slots heap_final_slots heap_allocated_pages].freeze

  # Behind a program: it says "ready" and waits. `hold` also writes down what glibc and Ruby say, and stands still at that.
  WAIT = "\n$stdout.puts('ready'); $stdout.flush; $stdin.read\n"
  HOLD = <<~RUBY
    require "fiddle"
    library = Fiddle.dlopen(ARGV[0])
    ask = Fiddle::Function.new(library["ask"], [Fiddle::TYPE_VOIDP, Fiddle::TYPE_LONG], Fiddle::TYPE_VOID)
    #{KEYS.inspect}.each { |key| ask.call(($names ||= {})[key] = key.to_s, Fiddle.dlwrap(key)) }
    address = ->(name) { (Fiddle.dlopen(nil)[name] rescue 0).to_i }
    stat, sums = address["rb_gc_stat"], address["mallinfo2"]
    options = RUBY_VERSION < "3" ? {} : { need_gvl: true }
    hold = Fiddle::Function.new(library["hold"], [Fiddle::TYPE_VOIDP] * 3, Fiddle::TYPE_VOID, **options)
    GC.disable
    hold.call(ARGV[1], stat, sums)
  RUBY

  class Target
    attr_reader :pid, :facts

    # Ruby's own options come first; `env` as for Process.spawn.
    def initialize(ruby, program, hold: false, env: {}, options: [])
      @file = File.join(FOLDER, "facts-#{rand(1 << 40)}")
      @input, @output, @wait = Open3.popen2(env, RUBIES.fetch(ruby).command, *options, "-e", program + (hold ? HOLD : WAIT), ORACLE, @file,
                                            pgroup: true)
      @pid = @wait.pid
      hold ? wait_for_facts : (raise "the process ended" unless @output.gets == "ready\n")
      sleep 0.1
    end

    def wait_for_facts
      200.times do
        break if File.exist?("#{@file}.done")
        raise "the process ended" unless @wait.alive?

        sleep 0.1
      end
      @facts = File.read("#{@file}.done")
    end

    # Sends it a line and waits for its answer.
    def tell(line)
      @input.puts(line)
      @input.flush
      @output.gets
    end

    # Sums of malloc_info by arena. Its sizes of chunks in bins have a flag in them, 1 byte too many for each chunk.
    def arenas
      @facts.split("<heap nr=")[1..].map do |text|
        part = text[0...text.index("</heap>")]
        fast, rest = %w[fast rest].map { |type| part[/<total type="#{type}" count="(\d+)" size="(\d+)"/] && [$1.to_i, $2.to_i] }
        { system: part[/<system type="current" size="(\d+)"/, 1].to_i, fast_chunks: fast[0], fast: fast[1], rest_chunks: rest[0],
          rest: rest[1] }
      end
    end

    def fact(name) = Integer(@facts[/^#{name} (\d+)/, 1])

    def kill
      Process.kill(:KILL, -@wait.pid)
      @wait.value
    rescue Errno::ESRCH
      nil
    end
  end

  def with(...)
    target = Target.new(...)
    yield target
  ensure
    target&.kill
  end

  # Two kinds of heap pages and slots; `all_rubies` where it is short.
  def rubies = all_rubies & ["native", "3.3", *TestRubies::NAMED.map(&:name)]

  def all_rubies = RUBIES.values.select(&:there?).map(&:name)

  def memory(*words)
    out, err, status = Open3.capture3(TOOL, "memory", "--json", *words.map(&:to_s))
    assert status.success?, "#{err}#{out}"
    table = JSON.parse(out)
    assert_equal table["rss"], table["rows"].values.sum, "the rows add up"
    table
  end

  def text(*words)
    out, err, status = Open3.capture3(TOOL, "memory", *words.map(&:to_s))
    assert status.success?, err
    out.each_line { |line| assert_operator line.chomp.size, :<=, 100, line }
    assert_match(/\Anext: heap_dump /, out.lines.last)
    out
  end

  def smaps(pid, name = "Rss") = File.read("/proc/#{pid}/smaps").scan(/^#{name}: +(\d+)/).sum { |kilobytes,| kilobytes.to_i } * 1024
end
