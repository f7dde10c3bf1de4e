# frozen_string_literal: true

# HeapDump.count_objects against Ruby's own counts.

require_relative "helper"

class CountTest < Minitest::Test
  include GemTest

  CLASSES = <<~RUBY
    module Shop
      class Cart; end
      class Item; end
      class Never; end
      module Deep; class Down; end; end
    end
    class Shopping; end
    $kept = Array.new(7) { Shop::Cart.new } + Array.new(3) { Shop::Item.new } +
            Array.new(2) { Shop::Deep::Down.new } + [Shopping.new]
    $kept.last.define_singleton_method(:single) {}
    $kept[0].define_singleton_method(:single) {}
  RUBY

  def test_namespace_class_and_forms_of_names
    facts = run_ruby(<<~RUBY)
      #{CLASSES}
      types = ->(names) { HeapDump.count_objects(names)[:user_types].to_a }
      say(module: types.([Shop]), string: types.(["::Shop"]), symbol: types.([:Shop]), one: types.(Shop::Item),
          two: types.([Shopping, "Shop::Deep"]), unknown: types.(["Nobody"]), none: types.([]))
    RUBY
    shop = [["Shop::Cart", 7], ["Shop::Item", 3], ["Shop::Deep::Down", 2], ["Shop::Never", 0]]
    %i[module string symbol].each { |key| assert_equal shop, facts[key] }
    assert_equal [["Shop::Item", 3]], facts[:one]
    assert_equal [["Shop::Deep::Down", 2], ["Shopping", 1]], facts[:two]
    assert_empty facts[:unknown] + facts[:none]
  end

  def test_shape_of_the_result
    facts = run_ruby(<<~RUBY)
      #{CLASSES}
      c = HeapDump.count_objects([Shop])
      say(keys: c.keys.map(&:inspect), basic: c[:basic_types].keys.all?(Symbol), user: c[:user_types][:"Shop::Cart"])
    RUBY
    assert_equal %w[:total_slots :free_slots :basic_types :user_types], facts[:keys]
    assert_equal [true, 7], facts.values_at(:basic, :user)
  end

  def test_agrees_with_ruby
    facts = run_ruby(<<~RUBY)
      require "objspace"
      GC.start
      GC.disable
      ruby = {}
      ObjectSpace.count_objects(ruby)
      ours = HeapDump.count_objects([String, Class])
      strings = 0
      ObjectSpace.each_object(String) { |s| strings += 1 if s.class == String }
      say(ruby: ruby, ours: ours, strings: strings)
    RUBY
    ours, ruby = facts.values_at(:ours, :ruby)
    assert_equal ours[:total_slots] - ours[:free_slots], ours[:basic_types].values.sum
    ours[:basic_types].each do |type, n| # a few objects are made between the two counts
      assert_in_delta ruby[type], n, 40, type
    end
    assert_in_delta facts[:strings], ours[:user_types][:String], 40
    assert_operator ours[:total_slots], :<=, ruby[:TOTAL] + 2000
  end

  def test_allocates_nothing_per_object
    facts = run_ruby(<<~RUBY)
      grow(200_000)
      HeapDump.count_objects([])
      before = GC.stat(:total_allocated_objects)
      HeapDump.count_objects(["String"])
      say(allocated: GC.stat(:total_allocated_objects) - before, gc: GC.enable)
    RUBY
    assert_operator facts[:allocated], :<, 200
    assert_equal false, facts[:gc]
  end

  def test_wrong_names
    facts = run_ruby('say(a: outcome { HeapDump.count_objects([42]) }, b: outcome { HeapDump.count_objects(nil) })')
    assert_match(/\ATypeError: .*not 42/, facts[:a])
    assert_match(/\ATypeError: .*not nil/, facts[:b])
  end

  def test_anonymous_class
    facts = run_ruby('k = Class.new; $o = [k.new, k.new]; say(n: HeapDump.count_objects([k])[:user_types].values)')
    assert_equal [2], facts[:n]
  end
end
