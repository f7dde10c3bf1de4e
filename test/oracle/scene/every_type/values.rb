# frozen_string_literal: true

# Strings, symbols, numbers, arrays, hashes, structs: everything whose content is data.

module EveryType
  module Values
    W = Witness
    NASTY_KEYS = [":x", "\\x", "\\", ":", "", "#<1>", "#", "$x", "$", "-1", "-", "5", "05", "1.5", "plain", "with \0 nul", "tab\tnl\n\"quote\"",
                  "#<nil>", "nil", "\u00e4\u00f6", "\u{1f600}", "\u2028", "a" * 23, "a" * 24, "b" * 5000, "_id", "id", "fix", "float", "undef",
                  "\xff\xfe".b, "\xe4".dup.force_encoding("UTF-8"), "\xe4".dup.force_encoding("ISO-8859-1"), "\x01\x1f\x7f",
                  "twin", "twin".dup.force_encoding("UTF-16LE"), "twin".dup.force_encoding("UTF-32BE"), "twin".dup.force_encoding("ISO-2022-JP"), "twin".dup.force_encoding("UTF-7"),
                  "1".dup.force_encoding("UTF-7"), ":x".dup.force_encoding("UTF-16BE"), "\u00e4", "\u00e4".b].freeze

    # --- strings ---
    W.keep(*NASTY_KEYS.map(&:dup), NASTY_KEYS.map(&:dup))
    Encoding.list.each do |encoding|
      next if encoding.dummy?

      W.keep((+"A\u00e4").encode(encoding, undef: :replace, invalid: :replace)) rescue nil
      W.keep((+"\x80\xff\x00abc").force_encoding(encoding), (+"").force_encoding(encoding), (+"plain text").force_encoding(encoding))
    end
    Encoding.list.select(&:dummy?).each { |encoding| W.keep((+"\x1b$Bdummy").force_encoding(encoding)) }
    (0..800).step(7) { |n| W.keep("x" * n) }
    [4095, 4096, 4097, 8192, 100_000].each do |n|
      W.keep("y" * n, "\u00e4" * n, "\0" * n, "\x1f\\\"" * (n / 3), ("a" * (n - 1)) + "\u20ac")
      W.keep(("\xff" * n).b)
    end
    LONG = "z" * 3000
    W.keep(LONG[1000..], LONG[5, 900], LONG.dup, +"" << LONG, String.new(capacity: 10_000), String.new("cap", capacity: 500))
    W.keep("frozen".dup.freeze, -"interned #{$$}", -("long interned " * 10), "buffer" * 100)
    class LikeString < String
      def initialize(text)
        (super; @note = "in a string")
      end

      def ==(_other)

        raise

      end
      def inspect
        raise
      end
    end
    W.keep(LikeString.new("subclass"), LikeString.new("q" * 200))

    # --- symbols ---
    W.keep((1..50).map { |i| "dynamic_symbol_#{i}".to_sym }, "dynamic symbol with spaces #{$$}".to_sym, :"static one", :+, :[]=, :a?, :b!, :c=, :@iv, :@@cv, :$gv)
    W.keep("sym\u00e4 #{$$}".to_sym, "sym\0nul #{$$}".to_sym, "\xe4latin".dup.force_encoding("ISO-8859-1").to_sym, ":colon #{$$}".to_sym, "\\back #{$$}".to_sym)
    STATIC = { ":a": 1, "\\b": 2, "$c": 3, "": 4, "\u00e4": 5, "x y": 6, "#<7>": 7, "8": 8 }.freeze

    # --- numbers ---
    INTEGERS = [0, 1, -1, 2**30, -2**30, 2**53, 2**53 + 1, -2**53, 2**62 - 1, -2**62, 2**62, -2**62 - 1, 2**63, 2**64, -2**64, 10**30, -10**100,
                3**10_000, 10**20_000, -3**30_000, 2**127 - 1, 10**19, 140_000_000_000_000, Fiddle.dlwrap(LONG), Fiddle.dlwrap(STATIC)].freeze
    FLOATS = [0.0, -0.0, 1.0, -1.0, 0.1, 1e100, 1e-100, 1e308, 5e-324, 2.2250738585072014e-308, -1e-310, Float::NAN, Float::INFINITY, -Float::INFINITY,
              Float::MAX, Float::MIN, Float::EPSILON, 3.0e20, 123_456_789.0, 1e15, 1e16, 1e17, 0.3, 1.0 / 3, 140_000_000_000_000.0, 4e-77, 2e77].freeze
    W.keep([3r, 1/3r, (2**70).to_r / 3, 3i, 1.5 + 2i, Complex(1/3r, -0.0), Complex(2**70, 1)])

    # --- arrays ---
    (0..20).each { |n| W.keep(Array.new(n) { |i| i.odd? ? i : "e#{i}" }) }
    BIG = Array.new(70_000) { |i| i }.freeze
    W.keep(BIG, Array.new(150_000) { nil }, Array.new(5000) { |i| i.to_s })
    SLICED = Array.new(300) { |i| "slice #{i}" }
    W.keep(SLICED[100..], SLICED[10, 50], SLICED.dup, SLICED.first(200))
    SHIFTED = Array.new(100) { |i| [i] }
    10.times { SHIFTED.shift }
    W.keep([[[[[]]]]], [nil, true, false, :sym, 1.5, 2**70, "s", "s" * 50, Object.new, [1], { a: 1 }], Array.new(1000), [Float::NAN, -0.0])
    RING = []
    RING << RING << { RING => RING }
    class LikeArray < Array
      def initialize(*)
        (super; @note = :array)
      end

      def each
        raise
      end

      def size
        raise
      end

      def [](_i)

        raise

      end
    end
    W.keep(LikeArray.new([1, "two", :three]))

    # --- hashes ---
    (0..20).each { |n| W.keep((0...n).to_h { |i| [i, "v#{i}"] }, (0...n).to_h { |i| ["k#{i}", i] }) }
    NASTY = NASTY_KEYS.each_with_index.to_h { |key, i| [key, i] }
    NASTY_SYMBOLS = NASTY_KEYS.grep_v(LikeString).filter_map { |key| key.to_sym rescue nil }.to_h { |key| [key, key.to_s] }
    W.keep(INTEGERS.to_h { |n| [n, n] }, FLOATS.to_h { |f| [f, f] })
    KEYS = { nil => nil, true => true, false => false, 1.5 => 1, -0.0 => 2, 1 => "fix", -1 => "negative", "1" => "text", :"1" => "symbol", 2**70 => 1,
             Object => Object, [1] => [1], {} => {}, (1..2) => 0, Object.new => "object", "dyn#{$$}".to_sym => "dyn", /x/ => 1, Float::INFINITY => 1 }
    IDENTITY = {}.compare_by_identity
    3.times { |i| IDENTITY[+"same"] = i }
    IDENTITY["other".dup] = "5".dup
    DEFAULT = Hash.new("the default" * 5)
    DEFAULT[:a] = 1
    DEFAULT_PROC = Hash.new { |hash, key| hash[key] = [key] }
    DEFAULT_PROC[:made]
    SHRUNK = (1..100).to_h { |i| [i, i.to_s] }
    (1..99).each { |i| SHRUNK.delete(i) }
    HOLES = (1..8).to_h { |i| ["k#{i}", i] }
    HOLES.delete("k3")
    HOLES.delete("k1")
    W.keep((1..70_000).to_h { |i| [i, -i] }, (1..100).to_h { |i| ["key#{i}" * 10, nil] })
    class LikeHash < Hash
      def initialize(*)
        (super; @note = 1)
      end

      def default(*)
        raise
      end

      def each_pair
        raise
      end
    end
    W.keep(LikeHash.new(5).merge!(a: "b"), Hash.new(:static), ENV.to_h)
    ITERATING = { a: 1, b: 2, "c" => 3 }

    # --- structs and what else holds data ---
    Small = Struct.new(:a, :b)
    Large = Struct.new(*(1..50).map { |i| :"m#{i}" })
    Keyword = Struct.new(:left, :right, keyword_init: true) { def sum; left + right; end }
    class Heir < Small
      def initialize(*)
        (super; @extra = "ivar of a struct")
      end
    end
    W.keep(Small.new(1, "b"), Large.new(*(1..50).map(&:to_s)), Keyword.new(left: :l, right: nil), Heir.new([], {}), Struct.new("Named", :z).new(3))
    if defined?(::Data) && ::Data.respond_to?(:define)
      Point = ::Data.define(:x, :y)
      Wide = ::Data.define(*(1..30).map { |i| :"d#{i}" })
      W.keep(Point.new(x: 1, y: "why"), Wide.new(*1..30), ::Data.define.new)
    end
    W.keep(1..2, 1...2, "a".."z", (1..), (..1), (nil..nil), Time.now.to_s..Time.now.to_s, Range.new(1, 10, true), (1..10) % 3, 1.step(9, 2))
    W.keep(/plain/, /x#{$$}/imx, /\u00e4/, Regexp.new("\xe4".dup.force_encoding("ISO-8859-1")), /(?<named>a)(?<other>b)?/, Regexp.union("a", /b/))
    W.keep(/(?<named>a)(?<other>b)?/.match("xxab"), "some text".match(/t(e)(z)?/), "\u00e4\u00f6".match(/./))
    W.keep(Set[1, "two", :three, [4]], Set.new, Time.now, Time.at(0, 5, :nsec), Time.now.utc, Time.new(2000, 1, 1, 0, 0, 0, "+05:30"), Random.new(42), OpenStruct.new(a: 1))
    W.keep(BigDecimal("1.234567890123456789e300"), BigDecimal("NaN")) if defined?(BigDecimal)
    W.keep(Comparable, Enumerable, Process.clock_gettime(Process::CLOCK_REALTIME), ObjectSpace::WeakMap.new.tap { |map| map[LONG] = RING })
    W.keep(ObjectSpace::WeakKeyMap.new.tap { |map| map[LONG] = "weak key's" }) if defined?(ObjectSpace::WeakKeyMap)
    W.keep(WeakRef.new(LONG), Encoding::Converter.new("UTF-8", "ISO-8859-1"), Process.wait(spawn("exit 3")) && $?.dup, $?)
    TAGGED = "has an object id".dup
    W.expect_text(TAGGED, "object_id", TAGGED.object_id)
  end
end
