# frozen_string_literal: true

# ObjectSpace.dump_all's files as each generation of Ruby writes them: the same three objects and their class in every dialect
# give the same answers; real files of the Rubies at hand, plain, compressed and through a pipe, give those of an own count.
require_relative "helper"
require "zlib"

class ObjectSpaceTest < Minitest::Test
  include CliTest

  RUBIES = [RbConfig.ruby, File.join(ROOT, "build/rubies/3.3/bin/ruby")].uniq.freeze

  # Addresses: padded before 3.0. What stands between: what came with which release.
  def fixture(address:, space: " ", before: "", inside: "", flags: '"wb_protected":true, "old":true, "marked":true', trace: "")
    a = ->(number) { "\"#{format(address, 0x7f0000001000 + 40 * number)}\"" }
    refs = ->(*numbers) { "\"references\":[#{numbers.map(&a).join(",#{space}")}]" }
    tail = ->(size) { "#{trace}\"memsize\":#{size}, \"flags\":{#{flags}}}" }
    <<~DUMP
      {"type":"ROOT", "root":"vm", #{refs[0, 3]}}
      {"type":"ROOT", "root":"global_table", #{refs[1]}}
      #{before}{"address":#{a[0]}, "type":"CLASS", #{inside}"class":#{a[0]}, "name":"Thing", #{refs[3]}, #{tail[500]}
      {"address":#{a[1]}, "type":"ARRAY", #{inside}"class":#{a[0]}, "length":2, #{refs[2, 3]}, #{tail[80]}
      {"address":#{a[2]}, "type":"STRING", #{inside}"class":#{a[0]}, "embedded":true, "bytesize":3, "value":"one", "encoding":"UTF-8", #{tail[40]}
      {"address":#{a[3]}, "type":"OBJECT", #{inside}"class":#{a[0]}, "ivars":3, #{refs[3]}, #{tail[40]}
    DUMP
  end

  SHAPES = <<~LINES
    {"address":"0x7e0000000000", "type":"SHAPE", "id":0, "parent_id":4294967295, "depth":1, "shape_type":"ROOT", "edges":5, "memsize":100}
    {"address":"0x7e0000000020", "type":"SHAPE", "id":1, "parent_id":0, "depth":2, "shape_type":"IVAR", "edge_name":"@a", "edges":0, "memsize":32}
  LINES
  TRACE = '"file":"/app/thing.rb", "line":7, "method":"make", "generation":12, '

  def generations
    slots = '"shape_id":1, "slot_size":40, '
    { "2.1" => { address: "0x%014x" }, "2.1 traced" => { address: "0x%014x", trace: TRACE },
      "2.7" => { address: "0x%014x", flags: '"wb_protected":true, "old":true, "uncollectible":true, "marked":true' },
      "3.1" => { address: "0x%x", space: "" }, "3.1 traced" => { address: "0x%x", trace: TRACE },
      "3.2" => { address: "0x%x", before: SHAPES, inside: slots },
      "3.3" => { address: "0x%x", before: SHAPES.gsub(/"address":"\w+", /, ""), inside: slots, trace: TRACE },
      "3.4" => { address: "0x%x", inside: "#{slots}\"frozen\":true, ", flags: '"wb_protected":true, "age":3, "old":true' },
      "4.0" => { address: "0x%x", before: SHAPES, inside: "#{slots}\"shareable\":true, \"object_id\":8, " } }
  end

  def answers(path, **options)
    top = json("top", path, "--limit", 0, *("--no-index" unless path == "-"), **options)
    summary = json("summary", path, *("--no-index" unless path == "-"), **options)
    [top, summary].map { |answer| answer.except("file", "bytes", "file_bytes", "dump_bytes") }
  end

  def test_every_generation
    expected = nil
    generations.each do |release, details|
      path = File.join(FOLDER, "generation.json")
      File.write(path, text = fixture(**details))
      top, summary = answers(path)
      rows = top.values.find { |value| value.is_a?(Array) && value.first.is_a?(Hash) }
      expected ||= rows
      assert_equal expected, rows, release
      assert_equal [660, 4], [rows.sum { |row| row["size"] }, rows.sum { |row| row["count"] }], release
      refute_match(/damaged|truncated/, summary["warnings"].join, release)
      path_names = json("path", path, 0x7f0000001000 + 80, "--no-index")["paths"].fetch(0).map { |step| step["id"] }
      assert_equal [0x7f0000001000 + 40, 0x7f0000001000 + 80], path_names, release
      assert_equal 0, run_tool("show", path, "0x7f0000001000", "--no-index")[2]
      assert_match(/thing\.rb/, text("top", path, "--by", "file", "--no-index")) if details[:trace]
      assert_equal [top, summary].to_s, answers("-", stdin: text).to_s, release
    end
  end

  def real_dump(ruby, traced)
    path = File.join(FOLDER, "real.json")
    script = "require 'objspace'; #{"ObjectSpace.trace_object_allocations_start;" if traced} require 'json'; require 'set'; " \
             "$x = Array.new(500) { |i| ['x' * i, { i => i.to_s }] }; " \
             "File.open(ARGV[0], 'w') { |file| ObjectSpace.dump_all(output: file) }"
    _, err, status = Open3.capture3({ "RUBYLIB" => nil, "RUBYOPT" => nil }, ruby, "-e", script, path)
    assert status.success?, err
    path
  end

  # By type, from the lines: without those of shapes, roots and empty slots.
  def counted(path)
    lines = File.readlines(path, encoding: "UTF-8").map { |line| JSON.parse(line.scrub) }
    lines.reject! { |line| !line["address"] || %w[SHAPE ROOT NONE].include?(line["type"]) }
    lines.group_by { |line| "T_#{line["type"]}" }.transform_values { |all| [all.size, all.sum { |one| one["memsize"].to_i }] }
  end

  def test_real_files_in_every_container
    RUBIES.select { |ruby| File.executable?(ruby) }.product([false, true]) do |ruby, traced|
      path = real_dump(ruby, traced)
      rows = json("top", path, "--by", "type", "--limit", 0, "--no-index").values.grep(Array).find { |rows| rows.first.is_a?(Hash) }
      name = (%w[type name group class] & rows.first.keys).first
      assert_equal counted(path), rows.to_h { |row| [row[name], row.values_at("count", "size")] }, ruby
      plain = answers(path)
      content = File.binread(path)
      File.binwrite("#{path}.gz", Zlib.gzip(content))
      assert_equal plain, answers("#{path}.gz"), ruby
      assert_equal plain, answers("-", stdin: content), ruby
      next unless system("zstd", "-qf", path, "-o", "#{path}.zst")

      assert_equal plain, answers("#{path}.zst"), ruby
      assert_equal plain, answers("-", stdin: File.binread("#{path}.zst")), ruby
    end
  end
end
