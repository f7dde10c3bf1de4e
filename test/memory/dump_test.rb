# frozen_string_literal: true

# What a dump says of the memory of its process, and the table that is made of it.
require_relative "helper"

class MemoryDumpTest < Minitest::Test
  include MemoryTest

  PROGRAM = <<~'RUBY'
    require "heap_dump"
    $a = Array.new(100_000) { |i| "s" * (700 + i % 100) }
    $b = $a.each_with_index.select { |_, i| i % 5 == 0 }.map(&:first)
    $a = nil
    $h = Array.new(5000) { |i| Array.new(20) { |k| [k, i] }.to_h }
    HeapDump.dump(ENV["DUMP"])
  RUBY

  def dumps
    rubies.select { |ruby| RUBIES[ruby].extension? }.each do |ruby|
      inside, outside = %w[inside outside].map { |name| File.join(FOLDER, "#{name}-#{ruby}.json") }
      with(ruby, PROGRAM, env: { "DUMP" => inside }, options: ["-I", File.join(ROOT, "lib"), "-I", RUBIES[ruby].extension]) do |target|
        rss = smaps(target.pid)
        live = memory(target.pid)
        out, status = Open3.capture2e(TOOL, "dump", "--pid", target.pid.to_s, "-o", outside)
        assert status.success?, out
        yield ruby, inside, outside, rss, live
      end
    end
  end

  def head(file) = JSON.parse(File.open(file, &:readline)[1..])

  def lines(file)
    File.foreach(file).filter_map { |line| line.start_with?(",{\"id\":") && (object = JSON.parse(line[1..], max_nesting: 200))["bt"] && object }
  end

  def test_what_the_first_line_says
    dumps do |ruby, inside, outside, rss, live|
      [inside, outside].each do |file|
        facts = head(file)["memory"]
        assert_in_delta rss, facts["rss"], 3 * MB, "#{ruby}: #{file}"
        assert_equal facts["rss"], facts.except("rss", "swap").values.sum
        assert_equal live["rows"]["jit"], facts["code"]
        assert_in_delta live["rows"]["libraries"], facts["libraries"], 2 * MB
      end
      # collected just before, so each used slot has its line, and by size of slot
      by_size = lines(inside).map { |line| line["slot_size"] }.tally
      head(inside)["size_pools"].each { |pool| assert_in_delta by_size.fetch(pool["slot_size"], 0), pool["used"], 8, "#{ruby}: #{pool}" }
      pools = ->(list) { list.map { |pool| pool.values_at("slot_size", "pages", "slots", "used", "empty_pages", "bytes") } }
      assert_equal pools.(live["heap_pages"]), pools.(head(outside)["size_pools"]).sort
    end
  end

  def test_the_table
    dumps do |ruby, inside, outside, _rss, live|
      [inside, outside].each do |file|
        table = memory(file)
        assert_equal head(file)["memory"]["rss"], table["rss"]
        %w[strings arrays hashes instances].each do |row|
          # a buffer's chunk is 8 to 24 bytes bigger than what Ruby says it asked for
          assert_in_delta live["rows"][row], table["rows"][row], [live["rows"][row] * 0.12, 300_000].max, "#{ruby}: #{row}"
        end
        expected = Hash.new(0)
        lines(file).each { |line| expected[line["bt"]] += line["size"] - line["slot_size"] }
        assert_equal [expected["T_STRING"], expected["T_ARRAY"], expected["T_HASH"]], table["rows"].values_at("strings", "arrays", "hashes")
        left = live["rows"].slice("malloc_used", "malloc_free", "malloc_top", "malloc_cached", "malloc_fastbins", "malloc_overhead", "collector",
                                  "vm_stacks", "unknown", "transient_heap").values.sum
        assert_in_delta left, table["rows"]["malloc_unknown"], 12 * MB
        words = text(file).tr("\n", " ")
        assert_match(/in memory \(RSS\), when the dump was taken/, words)
        refute_match(/ 0 threads/, words) # a dump does not say how many there were
      end
      compressed = "#{inside}.gz"
      system("gzip", "-k", inside)
      out, = Open3.capture2(TOOL, "memory", "--json", "-", stdin_data: File.binread(compressed), binmode: true)
      assert_equal memory(inside)["rows"], JSON.parse(out)["rows"]
      assert_equal memory(inside)["rows"], memory(compressed)["rows"]
    end
  end

  # A dump of before there was a "memory" in the first line, one that is cut off, one of ObjectSpace, and what is none.
  def test_other_dumps
    whole = File.join(ROOT, "test/check/good.json")
    table = memory(whole)
    refute table["rss_known"]
    assert_match(/does not say what the kernel counted/, table["note"])
    dumps do |_, inside,|
      cut = File.join(FOLDER, "cut.json")
      File.write(cut, File.readlines(inside).first(2000).join)
      assert memory(cut)["truncated"]
      assert_match(/is cut off/, text(cut).tr("\n", " "))
      break
    end
    Dir.glob(File.join(ROOT, "fuzz/corpus/dumps/objspace-3.4.json")).each do |file|
      _, err, status = Open3.capture3(TOOL, "memory", file)
      assert_equal 5, status.exitstatus
      assert_match(/ObjectSpace/, err)
    end
    _, err, status = Open3.capture3(TOOL, "memory", __FILE__)
    assert_equal [3, 1], [status.exitstatus, err.lines.size], err
  end
end
