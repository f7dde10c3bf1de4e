# frozen_string_literal: true

# `heap_dump threads` against what the threads of the dumped process say of themselves: Thread#backtrace_locations,
# binding.local_variables, Thread#keys. Each of the Rubies dumps itself.
require_relative "helper"

class ThreadsTest < Minitest::Test
  include CliTest

  PROGRAM = <<~'RUBY'
    require "heap_dump"
    require "json"
    class Worker
      def initialize(queue) = @queue = queue
      def call(job, retries: 2)
        rows = Array.new(300) { |number| "row #{number} of #{job}, too long to be embedded" }
        each_row(rows) { |row| handle(row) if row == rows.last }
      end
      def each_row(rows)
        rows.each { |row| yield row }
      ensure
        done = :never
      end
      define_method(:handle) do |row|
        state = { row: row, size: row.size }
        $known[Thread.current.name] = frames(binding, state)
        @queue << true
        sleep
      end
      def frames(scope, state)
        { locals: scope.local_variables.map(&:to_s).sort, backtrace: nil, state: state[:size] }
      end
    end
    $known = {}
    ready = Queue.new
    workers = 3.times.map do |number|
      Thread.new { Thread.current.name = "worker #{number}"; Thread.current[:request] = "request #{number} " * 9
                   Thread.current.thread_variable_set(:trace, [number]); Worker.new(ready).call("job #{number}") }
    end
    3.times { ready.pop }
    reader, = IO.pipe
    native = Thread.new { Thread.current.name = "reader"; buffer = "b" * 50; IO.select([reader]); buffer }
    evaluated = Thread.new { Thread.current.name = "eval"; eval("inside = 41; Thread.stop; inside", nil, "evaluated.rb", 7) }
    fiber = Fiber.new { waiting = "what a fiber waits for"; Fiber.yield 1; waiting }
    fiber.resume
    sleep 0.2
    trace = ->(thread) { thread.backtrace_locations.map { |at| [at.path, at.lineno, at.base_label] } }
    threads = (workers + [native, evaluated]).to_h { |thread| [thread.name, trace[thread]] }
    HeapDump.dump("threads.json")
    puts JSON.generate(threads: threads, known: $known, fiber: fiber.object_id)
  RUBY

  RUBIES = { "native" => [RbConfig.ruby, EXTENSION],
             "3.3" => [File.join(ROOT, "build/rubies/3.3/bin/ruby"), File.join(ROOT, "build/ext-3.3")] }.freeze

  def self.run_of(name)
    @runs ||= {}
    @runs[name] ||= begin
      ruby, extension = RUBIES.fetch(name)
      folder = File.join(FOLDER, name)
      FileUtils.mkdir_p(folder)
      File.write(File.join(folder, "program.rb"), PROGRAM)
      out, err, status = Open3.capture3(ruby, "-I", File.join(ROOT, "lib"), "-I", extension, "program.rb", chdir: folder)
      raise err unless status.success?

      [JSON.parse(out), File.join(folder, "threads.json")]
    end
  end

  def dumped(name)
    skip "#{RUBIES[name]} is not there" unless RUBIES[name].all? { |path| File.exist?(path) }
    ThreadsTest.run_of(name)
  end

  def thread(result, name) = result["threads"].find { |thread| thread["name"] == name }

  RUBIES.each_key do |ruby|
    define_method("test_backtraces_#{ruby}") do
      known, dump = dumped(ruby)
      result = json("threads", dump)
      known["threads"].each do |name, expected|
        frames = thread(result, name)["frames"].select { |frame| frame["file"] }
        assert_equal expected.map { |path, line,| [path, line] }, frames.map { |frame| frame.values_at("file", "line") }, name
        expected.zip(frames).each do |(_, _, label), frame|
          assert_match(/(\A|[.#]|in )#{Regexp.escape(label)}\z/, frame["name"]) unless label.start_with?("<")
        end
      end
    end

    define_method("test_locals_#{ruby}") do
      known, dump = dumped(ruby)
      result = json("threads", dump)
      3.times do |number|
        found = thread(result, "worker #{number}")
        handle = found["frames"].find { |frame| frame["method"].end_with?("#handle") && !frame["cfunc"] }
        assert_equal known["known"]["worker #{number}"]["locals"], handle["locals"].map { |local| local["name"] }.sort
        rows = found["frames"].find { |frame| frame["name"] == "Worker#call" }["locals"].find { |local| local["name"] == "rows" }
        assert_equal ["Array", "300 elements"], rows.values_at("class", "description")
        assert_operator rows["retained"], :>, 300 * 60, "its strings hang on it alone"
        request = found["variables"].find { |variable| variable["name"] == "request" }
        assert_match(/request #{number} request/, request["description"])
        assert_equal rows["id"], json("show", dump, rows["id"])["id"]
      end
      assert_equal "41", thread(result, "eval")["frames"].flat_map { |frame| frame["locals"] }.find { |local| local["name"] == "inside" }["value"]
    end

    define_method("test_waiting_fiber_#{ruby}") do
      _, dump = dumped(ruby)
      fibers = json("threads", dump)["threads"].select { |thread| thread["fiber"] }
      waiting = fibers.flat_map { |fiber| fiber["frames"] }.flat_map { |frame| frame["locals"] }.find { |local| local["name"] == "waiting" }
      assert_match(/what a fiber waits for/, waiting["value"] || waiting["description"])
    end
  end

  def test_text
    _, dump = dumped("native")
    out = text("threads", dump)
    assert_match(/^Thread "worker 1"  0x\h+  stopped, retains [\d.]+ [kM]?B$/, out)
    assert_match(/program\.rb:7 in Worker#call$|program\.rb:\d+ in Worker#call$/, out)
    assert_match(/^ +rows +[\d.]+ kB  0x\h+  Array 300 elements$/, out)
    assert_match(/in Kernel#sleep \(C\)/, out)
    assert_next("show", out)
    brief = text("threads", "--brief", "--limit", 1, dump)
    refute_match(/^ +rows /, brief)
    assert_match(/… \d+ more frames/, brief)
  end

  def test_dumps_without_frames
    out, err, status = run_tool("threads", object_space)
    assert_equal 0, status
    assert_match(/ObjectSpace does not write them/, out)
    assert_match(/references have no names/, err)
    assert_match(/standard input cannot be read again/, run_tool("threads", "-", stdin: File.binread(ours))[1])
  end
end
