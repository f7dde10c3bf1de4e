# Methods of every kind, procs with what they captured, bindings, enumerators, compiled code. (Not frozen_string_literal.)

module EveryType
  module Code
    W = Witness

    class Methods
      attr_reader :read
      attr_writer :written
      attr_accessor :both
      def plain(a, b = 2, *rest, post, key:, opt: "default", **others, &block)
        [a, b, rest, post, key, opt, others, block]
      end

      def forward(...)
        plain(...)
      end
      class_eval "def anonymous(*, **, &) = plain(*, **, &)" if RUBY_VERSION >= "3.2"
      def destructure((a, (b, *c)), d)
        [a, b, c, d]
      end
      def with_rescue
        yield
      rescue ArgumentError, TypeError => e
        e
      else
        1
      ensure
        @ensured = true
      end
      captured = ["captured by define_method"]
      define_method(:defined) { |x = 5| [captured, x] }
      define_method(:defined_lambda, &->(y) { y })
      define_method(:defined_symbol, &:to_s)
      define_method(:defined_method, instance_method(:plain))
      alias aliased plain
      alias_method :aliased_again, :aliased
      alias to_str_alias to_s
      def gone
        1
      end
      undef gone
      undef_method :instance_variable_defined?
      def removed
        1
      end
      remove_method :removed
      def secret
        1
      end

      def guarded
        1
      end
      private :secret
      protected :guarded
      public :initialize_copy
      private :dup
      def method_missing(name, *args)
        name == :ghost ? args : super
      end

      def respond_to_missing?(*)
        true
      end

      def self.factory
        new
      end

      def long_one
        list = %w[literal strings in code]
        hash = { literal: :hash, "string" => 1.5, big: 123456789012345678901234567890 }
        case list.first
        when "literal", "other" then /regexp literal #{list}/
        when 1..2 then 3r + 2i
        end
        list.map { |item| item.then { |inner| [inner, hash, __method__] } }
        for i in 0..1 do i end
        while false do break end
        /once #{list}/o
        $~ && $1
      end
      ruby2_keywords def keywords(*args)
        args
      end
    end
    W.keep(Methods.new, Methods.factory)
    Methods.new.long_one
    Methods.new.with_rescue { raise TypeError }
    module Functions
      module_function

      def helper(x)
        x
      end
    end
    module Refined
      refine String do
        def shout
          upcase + "!"
        end

        def length
          super + 1000
        end
      end
      refine Integer do
        def +(other)
          super
        end
      end
      refine Methods do
        def plain(*)
          :refined
        end
      end
    end
    module UsesRefinement
      using Refined
      RESULT = "x".shout
      PROC = proc { "y".shout.length }
      PROC.call
    end
    class Visibility < Methods
      public :secret
      private :read
      def plain(*, **)
        super
      end

      def ghost_call
        ghost(1)
      end
    end
    Visibility.new.ghost_call
    CALLS = [1, "a", :b, 1.5, nil, [], {}, 2**70, Object.new]
    CALLS.each { |object| object.hash; object.to_s; object.inspect; object == 1; object.nil? }
    10.times { Methods.new.forward(1, 2, key: 3) }

    # --- procs ---
    module_function

    def make_procs(argument, *rest, key: "k", &block)
      first = "first local"
      shadow = "outer"
      unused = nil
      numbers = [1, 2, 3]
      made = [proc { first }, lambda { |x| [x, argument] }, -> { rest }, proc { |shadow; own| own = shadow; [own, block, key] }]
      numbers.each do |number|
        inside = "inside #{number}"
        made << -> {
          deep = number * 2
          -> { [deep, inside, shadow, numbers, first] }
        }
        made << made.last.call
        if number == 2
          later = :later
          made << proc { later; binding }
        end
      end
      made << proc { unused }.curry << binding
      made
    end

    PROCS = make_procs("argument", :r1, "r2", key: "given") { |in_block| in_block }
    W.keep(:to_s.to_proc, [1, 2].method(:map).to_proc, (->(a, b, c) { [a, b, c] }).curry[1], (->(x) { x } >> ->(y) { y }), method(:puts) << ->(z) { z },
           { a: 1 }.to_proc, proc { _1 }, proc { |a, (b, c), *d, e: 1, **f| }, ObjectSpace.method(:each_object).unbind, lambda(&:upcase))
    W.keep([].method(:push), "x".method(:upcase), Methods.new.method(:ghost), Methods.instance_method(:plain), Methods.method(:new), Kernel.instance_method(:puts),
           Visibility.instance_method(:plain), Methods.new.method(:aliased), UnboundMethod.instance_method(:bind), Visibility.instance_method(:plain).super_method) rescue raise
    BINDING = binding
    BINDING.local_variable_set(:added_later, "added")
    EVALED = eval("evaled = 'in eval'; proc { evaled }", BINDING, "evaled.rb", 77)
    INSTANCE_EVALED = Methods.new.instance_eval { value = "in instance_eval"; proc { [self, value] } }
    CLASS_EXEC = Class.new { class_exec(1) { |one| define_method(:exec_defined) { one } } }
    END_BLOCK = proc { |n, acc = []| n.zero? ? acc : END_BLOCK.call(n - 1, acc << n) }
    END_BLOCK.call(5)

    # --- enumerators ---
    external = [1, 2, 3].each
    external.next
    generated = Enumerator.new { |y| state = "generator's local"; loop { y << state } }
    generated.next
    PEEKED = { a: 1 }.each_with_index
    PEEKED.peek
    W.keep(external, generated, (1..3).lazy.map { |x| x * 2 }.select(&:even?), [1].each + [2].each, "abc".each_char.with_index(1), 5.times, loop, (1..Float::INFINITY).lazy,
           [3].each_slice(2), Enumerator::Yielder, Enumerator.produce(1, &:succ), (1..3).each_entry, [4, 5].each_cons(2))
    W.keep(Enumerator::Product.new([1], [2]), Enumerator.product([1], [2, 3])) if defined?(Enumerator::Product)

    # --- compiled code ---
    W.keep(RubyVM::InstructionSequence.compile("a = 1; b = 'literal'; [a, b].each { |c| c }"), RubyVM::InstructionSequence.of(method(:make_procs)),
           RubyVM::InstructionSequence.compile_file(__FILE__), RubyVM::AbstractSyntaxTree.parse("x = [1, 'str']; def m(a) a end"))
    TRACED = TracePoint.new(:call) { |tp| tp.method_id }
    at_exit { "registered: #{W}" }
    ObjectSpace.define_finalizer(W.keep(+"finalized"), proc { 1 })
    trap("USR2") { "trapped" }
    trace_var(:$oracle_traced, proc { |v| v })
    $oracle_traced = 1
    Signal.trap("WINCH", "IGNORE")
  end
end
