# Tests `heap_dump check`: good.json is valid; each bad case is good.json with one thing changed and must fail with
# exit status 3 and the sentence for exactly that rule. Run by run.sh.
require "json"
require "open3"
require "stringio"
require "tmpdir"
require "zlib"

TOOL = File.expand_path(ARGV.fetch(0))
GOOD = File.readlines(File.join(__dir__, "good.json"), chomp: true).freeze
FOLDER = Dir.mktmpdir("heap_dump_check")
at_exit { system("rm", "-rf", FOLDER) }
$passed = $failed = 0

def outcome(name, problem)
  if problem
    $failed += 1
    puts "FAIL #{name}: #{problem}"
  else
    $passed += 1
  end
end

def run(*arguments, stdin: "") = Open3.capture3(TOOL, *arguments, stdin_data: stdin, binmode: true)

def file(content, name = "dump.json")
  path = File.join(FOLDER, name)
  File.binwrite(path, content)
  path
end

def text(lines) = lines.map { |line| "#{line}\n".b }.join

# Exit status and what both outputs must match (nil: empty).
def expect(name, arguments, status, out, err, stdin: "")
  real_out, real_err, real = run(*arguments, stdin: stdin)
  problem =
    if real.exitstatus != status then "exit #{real.exitstatus || real.to_s} instead of #{status}: #{real_err}"
    elsif out ? !out.match?(real_out) : !real_out.empty? then "stdout is #{real_out.inspect}"
    elsif err ? !err.match?(real_err) : !real_err.empty? then "stderr is #{real_err.inspect}"
    end
  outcome(name, problem)
end

# The references of a line by FORMAT.md, counted without the tool: a second opinion.
MAPS = %w[ivs generic_ivs cvars consts members locals global_variables methods].freeze

def count_references(value, heap, name = nil, map: false)
  case value
  when Integer then heap.cover?(value) ? 1 : 0
  when Array then value.sum { |inner| count_references(inner, heap) }
  when Hash
    return 0 if value.keys == ["fix"] && !map
    value.sum do |key, inner|
      key_id = name == "val" && key[/\A#<(\d+)>\z/, 1]
      (key_id ? 1 : 0) + count_references(inner, heap, key, map: !map && (MAPS.include?(key) || key == "val"))
    end
  else 0
  end
end

def totals(lines, heap: 100_000..200_000)
  objects = references = 0
  lines[1..].each do |line|
    next if line == "]" || line.start_with?(',{"id":"_END_"')
    fields = JSON.parse(line[1..])
    id = fields.delete("id")
    fields.delete("continues")
    objects += 1 if id.is_a?(Integer)
    references += count_references(fields, heap)
  end
  [objects, references]
end

# Puts the right totals into _END_.
def close(lines)
  objects, references = totals(lines)
  lines.map { |line| line.start_with?(',{"id":"_END_"') ? %(,{"id":"_END_","objects":#{objects},"references":#{references},"unreadable":0}) : line }
end

def good(name, lines = GOOD.dup)
  lines = close(yield(lines) || lines)
  objects, references = totals(lines)
  objects, references = [objects, references].map { |n| n.to_s.reverse.scan(/.{1,3}/).join(",").reverse }
  expect(name, ["check", file(text(lines))], 0, /: valid, #{objects} objects, #{references} references/, nil)
end

# One thing changed in good.json. `change` gets the lines; a String pair replaces text in the line with that id.
def bad(name, sentence, totals: false)
  lines = GOOD.map(&:dup)
  changed = yield(lines)
  lines = changed if changed.is_a?(Array) && changed.all?(String)
  return outcome(name, "the case changed nothing") if lines == GOOD
  lines = close(lines) if totals
  expect(name, ["check", file(text(lines))], 3, nil, /\Aheap_dump check: \S+dump.json: .*#{sentence}.*\n\z/)
end

def swap(name, id, from, to, sentence, **options)
  bad(name, sentence, **options) do |lines|
    line = lines.find { |candidate| candidate[1..].start_with?(%({"id":#{id},)) }
    line.sub!(from) { to }
    lines
  end
end

def insert(lines, before_id, *new)
  at = lines.index { |line| line[1..].start_with?(%({"id":#{before_id})) }
  lines.insert(at, *new)
end

def elements(range) = range.map { |i| i % 1000 }.join(",")
# An array of 65,536 + `more` elements, as two lines.
def big_array(more: 2, offset: 65_536, continues: 100_136, id: "100136+1")
  [%(,{"id":100136,"bt":"T_ARRAY","size":9,"val":[#{elements(0...65_536)}]}),
   %(,{"id":"#{id}","continues":#{continues},"offset":#{offset},"val":[#{elements(0...more)}]})]
end

Dir[File.join(__dir__, "cases_*.rb")].sort.each { |part| require part }

puts "#{$passed} passed, #{$failed} failed"
exit $failed.zero?
