# frozen_string_literal: true

# `make demo`'s application leaks in three ways. Each must be among the first suspects of its dump, by name, with its
# path, the one that holds most first; and the demonstration must show them.
require "minitest/autorun"
require "json"
require "open3"

class DemoTest < Minitest::Test
  ROOT = File.expand_path("..", __dir__)
  TOOL = File.join(ROOT, "build/heap_dump")
  DUMP = File.join(ROOT, "build/demo/dump.json")

  # place, kind, what the path ends with
  LEAKS = [["@callbacks of Shop::Events", "callbacks", %w[consts.Shop consts.Events ivs.@callbacks val.:shipped]],
           ["Shop::Recommendations::CACHE", "map", %w[consts.Shop consts.Recommendations consts.CACHE]],
           ["thread-local :query_log", "collection", %w[threads locals.query_log]]].freeze

  def self.shown
    @shown ||= begin
      out, status = Open3.capture2e(File.join(ROOT, "demo/run"), chdir: ROOT)
      raise out unless status.success?

      out
    end
  end

  def test_each_leak_is_found_first
    DemoTest.shown
    found = JSON.parse(IO.popen([TOOL, "suspects", "--json", DUMP], &:read))["suspects"]
    LEAKS.zip(found).each do |(place, kind, path), suspect|
      assert_equal place, suspect["place"]
      assert_equal kind, suspect["kind"]
      assert_equal path, suspect["path"].map { |step| step["name"] }.last(path.size)
    end
    sizes = found.first(3).map { |suspect| suspect["data_bytes"] }
    assert_equal sizes.sort.reverse, sizes
  end

  def test_what_it_shows
    out = DemoTest.shown
    LEAKS.each_with_index { |leak, index| assert_match(/^#{index + 1}\. #{Regexp.escape(leak.first)} retains [\d.]+ MB/, out) }
    assert_match(/subscribers or callbacks that are added and never removed/, out)
    assert_match(%r{orders_controller\.rb:14}, out)
    assert_match(/^ +ivs\.@callbacks +Hash .* MB$/, out)
    assert_match(/^next: heap_dump show /, out)
    assert_match(%r{^\$ build/heap_dump serve build/demo/dump\.json\nhttp://127\.0\.0\.1:\d+/\?token=\h{32}\n\* The page answers with (200|501); }, out)
  end
end
