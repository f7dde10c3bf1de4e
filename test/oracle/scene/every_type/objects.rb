# frozen_string_literal: true

# Objects with instance variables, classes and modules of every kind, files and what wraps C data.

module EveryType
  module Objects
    W = Witness

    class Plain; end
    (0..200).each do |n|
      object = Plain.new
      n.times { |i| object.instance_variable_set(:"@v#{i}", i.even? ? i : "value #{i}") }
      W.keep(object)
    end
    class Fixed
      def initialize(i)
        (@a = i; @b = "b"; @c = nil; @d = :d; @e = 1.5; @f = self)
      end
    end
    W.keep(Fixed.new(1), Fixed.new(2).freeze, Fixed.new(3).dup, Fixed.new("x").clone)
    # More shapes than a class may have: 3.2 and later give up on shapes for these.
    class Complicated; end
    40.times do |i|
      object = Complicated.new
      (0..5).each { |j| object.instance_variable_set(:"@own#{i}_#{j}", [i, j]) }
      object.instance_variable_set(:@common, "c#{i}")
      W.keep(object)
    end
    REMOVED = Fixed.new(9)
    REMOVED.remove_instance_variable(:@c)
    REMOVED.remove_instance_variable(:@a)
    REMOVED.instance_variable_set(:@a, "back")
    class Reversed
      def one
        (@x = 1; @y = 2; self)
      end

      def two
        (@y = "y"; @x = "x"; self)
      end
    end
    W.keep(Reversed.new.one, Reversed.new.two, Reversed.new)
    # Instance variables outside the object, on types that have no room for them.
    [+"string", [1], { a: 1 }, proc { 1 }, Class.new, Module.new, 2**70, Time.now, 1.5 + 1i, Object.new.method(:to_s), Thread.new {}, Mutex.new,
     Struct.new(:q).new(1), StringIO.new("x"), Exception.new("e"), Random.new(1), Enumerator.new { |y| y << 1 }, $stdin.dup].each_with_index do |object, i|
      next if object.frozen?

      object.instance_variable_set(:@generic, "generic #{i}")
      object.instance_variable_set(:@more, i)
      6.times { |j| object.instance_variable_set(:"@g#{j}", object) } if i.odd?
      W.keep(object)
      W.expect_field(object, "@more", i)
    end
    class UnderString < BasicObject
      def initialize
        (@hidden = "in a BasicObject")
      end
    end
    W.keep(UnderString.new, BasicObject.new)

    # --- classes and modules ---
    class Base
      CONSTANT = "constant"
      NESTED = { list: [1, 2] }.freeze
      SECRET = "private"
      private_constant :SECRET
      autoload :Never, "no/such/file"
      @@class_variable = ["shared"]
      @@other = nil
      @class_ivar = :ivar
      class << self
        attr_accessor :setting
        CONSTANT_OF_SINGLETON = 5
        def singleton_method_one
          1
        end
        private def hidden
          2
        end
      end
      self.setting = "set"
    end
    class Derived < Base
      @@other = "changed below"
    end
    module Mixin
      MIXED = :mixed
      @@of_module = 1
      def mixed
        super
      end

      def self.included(base)
        (@included ||= []) << base
      end
    end
    module Prepended
      def call(*)
        super
      end
    end
    module Later; end
    class Mixed
      include Mixin
      prepend Prepended
      include Comparable
      include Enumerable
      extend Mixin
      def call
        :original
      end

      def each
        yield(1)
      end

      def <=>(_other)

        0

      end
      CALLED = 1
    end
    Mixin.include(Later)
    Mixin.prepend(Module.new { def mixed; 1; end })
    SINGLETON = Object.new
    class << SINGLETON
      def only_here
        @only_here = 1
      end
      attr_reader :only_here
      include Mixin
    end
    SINGLETON.singleton_class.singleton_class.class_eval { def deep; 1; end }
    W.expect_field(SINGLETON.singleton_class, "attached", SINGLETON)
    W.expect_field(Derived.singleton_class, "attached", Derived)
    ANONYMOUS = [Class.new, Module.new, Class.new(Base), Class.new(Struct.new(:a))]
    ANONYMOUS_NAMED_LATER = Class.new { const_set(:Inner, Class.new) }
    (1..300).each { |i| const_set(:"Many#{i}", i.to_s) }
    W.keep(Class.new.new, Class.new { include Mixin }.new.extend(Later))
    class Only
      include ::Singleton
    end
    Only.instance
    class Delegating < SimpleDelegator
      def extra
        1
      end
    end
    class Forwarding
      extend ::Forwardable
      def_delegators :@list, :size, :first
      def_delegator "self.class", :name, :class_name
      def initialize
        @list = [1]
      end
    end
    W.keep(Delegating.new([1, 2]), Forwarding.new, DelegateClass(Array).new([]))
    $oracle_global = { "a" => ["global variable's value"] }
    $oracle_other = 5
    alias $oracle_alias $oracle_global
    W.expect_global("$oracle_global", $oracle_global)
    W.expect_global("$oracle_other", 5)

    # --- files and C data ---
    file = Tempfile.new("oracle")
    file.write("text")
    file.flush
    closed = File.open(File::NULL)
    closed.close
    reader, writer = IO.pipe
    server = TCPServer.new("127.0.0.1", 0)
    client = TCPSocket.new("127.0.0.1", server.addr[1])
    W.keep(file, File.open(__FILE__, encoding: "ISO-8859-1:UTF-8"), closed, reader, writer, server, client, *UNIXSocket.pair, Dir.open("."), File.stat("."), $stdin, $stdout, $stderr)
    popen = IO.popen("cat", "r+")
    W.keep(popen, StringIO.new("string io"), StringScanner.new("scanned text"), Digest::SHA256.new.update("x"), Zlib::Deflate.new, Zlib::Inflate.new)
    W.keep(Mutex.new.tap(&:lock), Monitor.new.tap(&:enter), Queue.new.tap { |q| q << "queued" << [1] }, SizedQueue.new(3).tap { |q| q << "one" }, ConditionVariable.new)
    W.keep(Process.getpgid(0), Process::Tms, Etc.getpwuid(0)) if defined?(Etc)

    def self.raised
      raise ArgumentError, "an error"
    rescue => e
      begin
        raise "with cause"
      rescue => e2
        e2
      end
    end
    W.keep(raised, KeyError.new("k", receiver: {}, key: 1), (nope rescue $!), (nil.nope rescue $!), StopIteration.new, (Integer("x") rescue $!), SystemExit.new(3), (raise Class.new(StandardError) rescue $!))
    W.keep((raise "deep" rescue $!.tap(&:backtrace)), (raise "locations" rescue $!.backtrace_locations))
    W.keep(catch(:done) { throw(:done, [1]) }, ObjectSpace.each_object(Class), TracePoint.new(:line) {}, Thread::Backtrace::Location, caller_locations(0))
  end
end
