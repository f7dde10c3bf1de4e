# frozen_string_literal: true

# Values and names are found in the index as they are in the dump's lines: the same bytes of answers, whatever is asked.
require_relative "helper"

class ValuesTest < Minitest::Test
  include CliTest

  REGEXES = ["", "a", "order", "line of order 2.,", "^a line", "embedded$", "^$", "^.$", "[0-9]+$", "^[0-9a-f]{6}", "(order|store) ?", "x*", "a{0,1}b",
             "x{2,3}", "^(Shop::)?Order$", "\\.rb$", "\\\\", "[]a]", "[^[:alnum:]]", "[[:digit:]]{4}", "\\w+\\b", "(.)\\1\\1", "a|^$", "é", "\xff", "^\xff",
             "\\.", "a.b", "two$", "^two", "\n", "q?zz", "(q)?(zz)+", "()", "a**", "^*a", "$a", "a^", "b$c", "[a-", "\\(", "z{1", "n(e(e)d)le", "needle+ in",
             "^needle", "needle.*needle", "NEEDLE", "needle+", "needlee?", "needlez*", "ne+dle", "a\\.rb", "line.of.order", "needle\\>", "e\\b", "z*needle", "x+needle", "\\$x", "needle$.", "dle in", "ß", "[N-P]EE", "tail$"].freeze
  GLOBS = %w[* order Order *order* *.rb [a-m]* ?* map <* * each-* a\\b é* needle* *needle].freeze

  # What no Ruby writes, too: each line a value and how often.
  STRANGE = ['""', '"needle"', '"needle\u0000after"', '"\u0000needle"', '"a\u0000b"', '"one\ntwo"', '"two\none"', '"\ud83d\ude00 needle"', '"\ud83d needle"',
             '"\ude00\ud83d"', '"\q needle \\\\"', '"\u12 needle"', '"\u00e9"', "\"\xff needle\"", "\"\xff\"", '"\"needle\""', '"tail"', '"ta\u0069l"', "7", "null",
             '["needle"]'].freeze

  def strange_lines(many)
    kinds = %w[STRING SYMBOL REGEXP DATA IMEMO FILE CLASS OBJECT]
    fields = %w[value val name called_id path]
    (0...many).map do |i|
      value = STRANGE[i % STRANGE.size]
      %({"address":"0x#{(0x100000 + i * 40).to_s(16)}", "type":"#{kinds[i / STRANGE.size % kinds.size]}", "#{fields[i / 167 % fields.size]}":#{value}, "memsize":40})
    end
  end

  def prepare(dump)
    out, err, status = run_tool("index", dump)
    assert_equal 0, status, out + err
  end

  def write(name, lines)
    @folder ||= Dir.mktmpdir("values", CliTest::FOLDER)
    File.join(@folder, name).tap { |path| File.binwrite(path, lines.map { |line| "#{line}\n".b }.join) }
  end

  def strange(*more)
    roots = (0...4000).map { |i| %("0x#{(0x100000 + i * 40).to_s(16)}") }
    write("strange.json", [%({"type":"ROOT", "root":"vm", "references":[#{roots.join(", ")}]}), *strange_lines(4000), *more])
  end

  def assert_alike(dump, regexes: REGEXES, globs: GLOBS, kept: true)
    prepare(dump)
    assert_equal kept, File.binread("#{dump}.idx").scan("values of all").size >= 3 # one of each kind, and how many there are
    asked = regexes.flat_map { |regex| [["--value", regex], ["-i", "--value", regex]] } + globs.map { |glob| ["--name", glob] } +
            [["--name", "*needle*", "--value", "needle"], ["--value", "e", "--class", "Str*"], ["--value", "e", "--type", "symbol"],
             ["--value", "e", "--min-size", "41"], ["--name", "*e*", "--type", "iseq"], ["--name", "*", "--type", "class"]]
    asked.each_with_index do |words, number|
      words = ["find", dump, *words, "--limit", number.odd? ? "0" : "7", *("--json" if number % 3 == 1)]
      assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
    end
  end

  def test_our_dumps = assert_alike(ours)
  def test_dumps_of_object_space = assert_alike(object_space)
  def test_strange_values = assert_alike(strange)

  # Lines that are broken, or say two things: who reads them decides, so nothing is kept of them.
  def test_lines_that_say_two_things
    assert_alike(strange(%({"address":"0x1000", "type":"STRING", "value":"needle", "val":"other", "memsize":40})), regexes: %w[needle other], globs: %w[*], kept: false)
    assert_alike(strange(%({"address":"0x1000", "type":"STRING", "value":"needle" "name":"other", "memsize":40})), regexes: %w[needle other], globs: %w[*], kept: false)
  end

  # What is too long for the index is read again, and it alone.
  def test_long_values
    long = 30.times.map { |i| %({"address":"0x#{(0x1000 + i * 40).to_s(16)}", "type":"STRING", "value":"#{"x" * (65_500 + 4 * i)}tail", "memsize":70000}) }
    assert_alike(strange(*long), regexes: ["tail$", "^x+tail$", "needle", "xtail"], globs: %w[*])
  end

  # More than a piece of the index holds, some of it often, and not so much that there is no room for all of it.
  def many
    lines = (0...300_000).map do |i|
      %({"address":"0x#{(0x100000 + i * 40).to_s(16)}", "type":"STRING", "value":"text #{i % 3 == 0 ? i % 50 : i} of many#{" #{i}" * (i % 6)}", "memsize":40})
    end
    write("many.json", [%({"type":"ROOT", "root":"vm", "references":["0x100000"]}), *lines])
  end

  def test_many
    dump = many
    assert_alike(dump, regexes: ["text 49 of many$", "9999[0-9]", "^text .* 7 ?"], globs: %w[text*])
    # and the dump is not read for it, but for what is said of the one object that is shown
    log = File.join(@folder, "trace")
    out = IO.popen(["strace", "-f", "-y", "-e", "trace=read,pread64", "-o", log, TOOL, "find", dump, "--value", "text 2[0-9]999 of", "--limit", "1"], err: File::NULL, &:read)
    assert_match(/^\d+ objects: /, out)
    read = File.readlines(log).grep(/#{Regexp.escape(dump)}>/).sum { |line| line[/= (\d+)$/, 1].to_i }
    assert_operator read, :<, File.size(dump) / 4
  end

  # An index that somebody damaged gives the answer of the dump, in every place of what is kept.
  def test_damaged
    dump = strange
    prepare(dump)
    sound = File.binread("#{dump}.idx")
    places = []
    at = 0
    while (at = sound.index("values of all", at))
      places << at
      at += 1
    end
    assert_operator places.size, :>=, 3
    expected = run_tool("find", dump, "--value", "needle", "--limit", "0", "--no-index")
    places.product([-30, 20, 100, 300, 5000]).each do |place, by|
      damaged = sound.dup
      next if place + by >= damaged.size

      damaged.setbyte(place + by, damaged.getbyte(place + by) ^ 0x55)
      File.binwrite("#{dump}.idx", damaged)
      assert_equal expected, run_tool("find", dump, "--value", "needle", "--limit", "0")
    end
  end

  def test_redacted_dumps_have_none
    path = File.join(CliTest::FOLDER, "values_redacted.json")
    script = 'require "heap_dump"; $a = "needle" * 50; HeapDump.dump(ARGV[0], redact: true)'
    out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", script, path)
    assert status.success?, out
    prepare(path)
    refute_includes File.binread("#{path}.idx"), "needleneedle"
    assert_equal 0o600, File.stat("#{path}.idx").mode & 0o777
    assert_equal 0, json("find", path, "--value", "needle")["count"]
  end
end
