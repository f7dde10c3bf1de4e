# frozen_string_literal: true

# Threads and fibers in every state, with local variables that are on their stacks alone: no binding, no block that
# captures them.

module EveryType
  module Threads
    W = Witness
    READY = Queue.new
    NEVER = Queue.new
    LOCK = Mutex.new
    CONDITION = ConditionVariable.new

    module_function

    def thread(name)
      made = Thread.new do
        Thread.current.name = name
        Thread.current[:fiber_local] = "fiber local of #{name}"
        Thread.current.thread_variable_set(:thread_local, "thread local of #{name}")
        yield
      end
      W.keep(made)
    end

    def recurse(depth, accumulated, text)
      here = [depth, text]
      if depth.zero?
        READY << 1
        NEVER.pop
      else
        recurse(depth - 1, accumulated + [depth], "#{text}.")
      end
      here
    end

    def sleeper(argument, optional = :given, *rest, key: 1.5)
      number = 42
      text = +"text that lives on a stack alone"
      list = [text, number]
      big = 2**80
      nothing = nil
      truth = true
      late = late_value = nil
      W.expect_locals(Thread.current, "sleeper", argument: argument, optional: optional, rest: rest, key: key, number: number, text: text, list: list,
                                                 big: big, nothing: nothing, truth: truth, late: late, late_value: late_value)
      READY << 1
      sleep
      [argument, optional, rest, key, number, text, list, big, nothing, truth, late, late_value]
    end

    def with_blocks(items)
      outer = "outer of a block frame"
      items.each do |item|
        inner = "inner #{item}"
        [[1, 2]].each_with_index do |(left, right), index|
          W.expect_locals(Thread.current, "block (2 levels) in with_blocks", left: left, right: right, index: index)
          W.expect_locals(Thread.current, "block in with_blocks", item: item, inner: inner)
          W.expect_locals(Thread.current, "with_blocks", items: items, outer: outer)
          READY << 1
          NEVER.pop
        end
      end
    end

    def in_ensure
      cleaned = "in ensure"
      yield
    rescue ArgumentError => error
      W.expect_locals(Thread.current, "in_ensure", cleaned: cleaned, error: error)
      READY << 1
      sleep
    ensure
      sleep
    end

    def captured
      value = "captured and on the frame"
      W.expect_locals(Thread.current, "captured", value: value, block: (block = -> { value }))
      READY << 1
      NEVER.pop
      block
    end

    expected = 0
    LOCK.lock
    [["sleep", -> { sleeper(["argument"], :other, 1, "two", key: { k: "v" }) }], ["recursion", -> { recurse(300, [], "deep") }], ["blocks", -> { with_blocks(["item"]) }],
     ["ensure", -> { in_ensure { raise ArgumentError, "of the thread" } }], ["captured", -> { captured }]].each do |name, work|
      thread(name) { work.call }
      expected += 1
    end
    thread("queue") { READY << 1; NEVER.pop }
    thread("mutex") { READY << 1; LOCK.lock }
    thread("condition") { own = Mutex.new; own.lock; READY << 1; CONDITION.wait(own) }
    thread("select") { reader, _writer = IO.pipe; READY << 1; reader.read(1) }
    thread("join") { target = Thread.new { sleep }; READY << 1; target.join }
    thread("eval") { evaluated = "local of eval"; READY << 1; eval("inside_eval = [evaluated]; sleep; inside_eval") }
    thread("enumerator") { enum = [1, 2].each; enum.next; READY << 1; sleep; enum }
    thread("fiber") do
      fiber = Fiber.new do |given|
        in_fiber = [given, "fiber's own"]
        READY << 1
        sleep
        in_fiber
      end
      fiber.resume("given")
    end
    thread("sorting") { [3, 1].sort_by { |item| READY << 1; sleep; item } }
    thread("comparing") { { a: 1 }.each_pair { |key, value| READY << 1; sleep; [key, value] } }
    thread("cfunc block") { [1, 2].inject { |sum, n| READY << 1; sleep; sum + n } }
    thread("method missing") { Object.new.instance_eval { define_singleton_method(:work) { |given = "bmethod"| READY << 1; sleep; given } ; work } }
    expected += 12
    W.keep(Thread.new {}.tap(&:join), Thread.new { raise "died" }.tap { |t| t.report_on_exception = false; t.join rescue 0 })
    expected.times { READY.pop }
    sleep 0.01 until Thread.list.all? { |thread| thread == Thread.main || thread.stop? }

    # --- fibers ---
    def self.fiber_body(argument)
      local = "local of a suspended fiber"
      array = [argument, local]
      got = Fiber.yield(array)
      [got, local]
    end
    SUSPENDED = Fiber.new { |argument| fiber_body(argument) }
    FIBER_LIST = SUSPENDED.resume("fiber argument")
    W.expect_locals(SUSPENDED, "fiber_body", argument: FIBER_LIST[0], local: FIBER_LIST[1], array: FIBER_LIST, got: nil)
    TERMINATED = Fiber.new { 1 }
    TERMINATED.resume
    CREATED = Fiber.new { |never| never }
    NESTED = Fiber.new do
      inner = Fiber.new { kept = "nested fiber"; Fiber.yield(kept); kept }
      inner.resume
      Fiber.yield(inner)
    end
    NESTED.resume
    RAISED = Fiber.new { raise "in fiber" }
    RAISED.resume rescue nil
    STORAGE = Fiber.new(storage: { stored: "in fiber storage" }) { Fiber.yield } if RUBY_VERSION >= "3.2"
    STORAGE.resume if RUBY_VERSION >= "3.2"
    20.times { |i| W.keep(Fiber.new { mine = "fiber #{i}"; Fiber.yield; mine }.tap(&:resume)) }
    Thread.main[:oracle] = "main's fiber local"
    Thread.main.thread_variable_set(:oracle, "main's thread local")
    W.keep(ThreadGroup.new, Thread.main, Thread::Mutex.new.tap { |m| Thread.new { m.lock; sleep }.tap { |t| sleep 0.001 until t.stop? } })
  end
end
