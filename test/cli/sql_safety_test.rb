# frozen_string_literal: true

# `heap_dump sql` with queries that want too much, on dumps that say strange things, with people at the prompt; and how
# conditions are looked up.
require_relative "sql_helper"
require "csv"
require "io/console"
require "pty"
require "timeout"

class SqlPlansTest < Minitest::Test
  include SqlTest

  def plan(query) = rows("EXPLAIN QUERY PLAN #{query}").map(&:last).join("\n")

  KEYS = { "objects" => %w[id dominator class class_id type], "refs" => %w[from_id to_id], "classes" => %w[class], "strings" => %w[id],
           "threads" => %w[id], "frames" => %w[thread_id], "locals" => %w[thread_id], "thread_locals" => %w[thread_id],
           "methods" => %w[class_id], "iseqs" => %w[id] }.freeze

  def test_conditions_are_looked_up
    KEYS.each do |table, keys|
      keys.each do |key|
        assert_match(/SCAN #{table} VIRTUAL TABLE INDEX \d+:#{key}=\?/, plan("SELECT * FROM #{table} WHERE #{key} = 'x'"))
        assert_match(/SCAN #{table} VIRTUAL TABLE INDEX \d+:#{key}=\?/, plan("SELECT * FROM #{table} WHERE #{key} IN (1, 2)"))
        refute_match(/#{key}=/, plan("SELECT * FROM #{table} WHERE #{key} = 'x' COLLATE NOCASE"))
        assert_match(/INDEX \d+:all/, plan("SELECT * FROM #{table} WHERE +#{key} = 'x'"))
      end
    end
    assert_match(/objects VIRTUAL TABLE INDEX \d+:id=\?\z/, plan("SELECT class FROM objects WHERE class = 'String' AND id = 1 AND type = 'T_STRING'"))
    assert_match(/objects VIRTUAL TABLE INDEX \d+:rowid=\?\z/, plan("SELECT class FROM objects WHERE rowid = 1"))
  end

  def test_joins_are_looked_up
    ["SELECT 1 FROM refs JOIN objects ON objects.id = refs.to_id WHERE refs.from_id = 1",
     "SELECT 1 FROM objects a JOIN refs ON refs.to_id = a.id JOIN objects b ON b.id = refs.from_id WHERE a.class = 'Proc'",
     "SELECT 1 FROM refs LEFT JOIN objects ON objects.id = refs.from_id WHERE to_id = 7",
     "SELECT 1 FROM strings JOIN objects USING (id) WHERE objects.class = 'String'",
     "SELECT 1 FROM locals JOIN objects ON objects.id = locals.id JOIN frames USING (thread_id, depth)"].each do |query|
      words = plan(query)
      assert_operator words.scan(/:all/).size, :<=, 1, "#{query}\n#{words}"
    end
  end

  def test_lines_are_read_only_when_they_are_asked_for
    refute_match(/lines/, plan("SELECT id, type, kind, class, size, retained, dominator, refs, referrers, frozen FROM objects"))
    %w[name length generation file line method age shape slot_size object_id].each { |column| assert_match(/reads lines/, plan("SELECT #{column} FROM objects")) }
    file = File.join(FOLDER, "only_index.json")
    FileUtils.cp(ours, file)
    run_tool("sql", file, "SELECT 1")
    traced = ->(query) { Open3.capture2e("strace", "-f", "-e", "trace=openat", TOOL, "sql", file, query).first.scan(/only_index\.json"/).size } # the dump itself
    skip "strace is not there" unless system("which strace", out: File::NULL)
    least = traced["SELECT 1"]
    assert_equal least, traced["SELECT class, count(*), sum(size), sum(retained), sum(refs), sum(referrers) FROM objects JOIN classes USING (class) GROUP BY class"]
    assert_operator traced["SELECT count(name) FROM objects"], :>, least
  end

  def test_grouping_by_class_and_type_needs_no_sorting
    %w[class type].each do |column|
      refute_match(/TEMP B-TREE/, plan("SELECT #{column}, count(*) FROM objects GROUP BY #{column}"))
      assert_match(/all in order/, plan("SELECT DISTINCT #{column} FROM objects ORDER BY #{column} DESC"))
      %w[ASC DESC].each do |way|
        assert_equal rows("SELECT #{column}, id FROM objects ORDER BY +#{column} #{way}, +id #{way}"), rows("SELECT #{column}, id FROM objects ORDER BY #{column} #{way}, id #{way}")
        assert_equal rows("SELECT #{column} FROM objects ORDER BY +#{column} #{way}"), rows("SELECT #{column} FROM objects ORDER BY #{column} #{way}")
      end
      assert_equal rows("SELECT #{column}, id FROM objects ORDER BY +#{column}, +id DESC LIMIT 500"), rows("SELECT #{column}, id FROM objects ORDER BY #{column}, id DESC LIMIT 500")
    end
    assert_equal rows("SELECT id FROM objects ORDER BY +id DESC LIMIT 9"), rows("SELECT id FROM objects ORDER BY id DESC LIMIT 9")
    refute_match(/TEMP B-TREE/, plan("SELECT id FROM objects ORDER BY id"))
  end

  # A condition that is looked up finds what one that is not finds: `+id = …` is the same without the key.
  def test_a_look_up_finds_what_a_scan_finds
    id, dominator, class_id, from, thread, klass, string, iseq = rows(<<~SQL).first
      SELECT o.id, o.dominator, o.class_id, r.from_id, (SELECT thread_id FROM thread_locals LIMIT 1), (SELECT class_id FROM methods LIMIT 1), (SELECT id FROM strings LIMIT 1), (SELECT id FROM iseqs LIMIT 1)
      FROM objects o JOIN refs r ON r.to_id = o.id WHERE o.class = 'Shop::Order' AND r.from_id > 0 LIMIT 1
    SQL
    numbers = [id, dominator, class_id, from, thread, klass, string, iseq, 0, -1]
    values = numbers + [id, from, string].flat_map { |number| ["#{number}.0", "'#{number}'", "'0#{number}'", "' #{number} '", "#{number}.5", "'#{number}.0'", "x'#{number.to_s.unpack1("H*")}'"] } +
             ["NULL", "''", "'String'", "'string'", "'T_STRING'", "'T_NONE'", "1e300", "-1e300", "9223372036854775807", "-9223372036854775808", "'9223372036854775808'",
              "'Shop::Order'", "x''", "x'537472696e67'", "5.5", "'abc'", "1e15"]
    count = "SELECT json_array(%s)"
    KEYS.each do |table, keys|
      keys.each do |key|
        ways = [key, "+#{key}"].map do |column|
          # without its key a column has no affinity: given back by hand
          cast = table == "objects" && %w[class type].include?(key) || table == "classes" ? "TEXT" : "INTEGER"
          values.map { |value| "(SELECT count(*) FROM #{table} WHERE #{column == key ? key : "CAST(#{key} AS #{cast})"} = #{value})" }.each_slice(100).flat_map { |some| JSON.parse(value(count % some.join(","))) }
        end
        assert_equal values.zip(ways[1]), values.zip(ways[0]), "#{table}.#{key}"
        assert_operator ways[0].sum, :>, 0, "#{table}.#{key}"
      end
    end
  end
end

class SqlSafetyTest < Minitest::Test
  include SqlTest

  def refused(query, sentence, status: 2, file: ours, words: [])
    out, err, code = run_tool("sql", *words, file, query)
    assert_equal status, code, "#{query}: #{out[0, 200]} #{err}"
    assert_match sentence, err
    assert_equal 1, err.lines.size, err
    err
  end

  def test_a_dump_can_only_be_read
    rows("SELECT 1", ours)
    Dir.chdir(FOLDER) do
      before = Dir.children(".").sort
      ["CREATE TABLE t(x)", "CREATE TEMP TABLE t(x)", "CREATE VIEW v AS SELECT 1", "CREATE TEMP VIEW v AS SELECT 1", "INSERT INTO objects(id) VALUES (1)",
       "DELETE FROM objects", "UPDATE objects SET id = 1", "DROP TABLE objects", "ATTACH 'other.db' AS other", "ATTACH ':memory:' AS other", "DETACH main",
       "VACUUM INTO 'copy.db'", "VACUUM", "ANALYZE", "BEGIN", "COMMIT", "SAVEPOINT a", "CREATE VIRTUAL TABLE x USING objects", "CREATE VIRTUAL TABLE x USING fts5(a)",
       "CREATE TRIGGER t AFTER INSERT ON objects BEGIN SELECT 1; END", "PRAGMA temp_store_directory = '/tmp'", "PRAGMA temp_store = 1", "PRAGMA journal_mode = wal",
       "PRAGMA writable_schema = 1", "PRAGMA trusted_schema = 1", "PRAGMA hard_heap_limit = 0", "PRAGMA query_only = 0", "PRAGMA cache_size = 1000000",
       "SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6')", "ALTER TABLE objects ADD COLUMN x", "INSERT INTO sqlite_schema VALUES (1,2,3,4,5)",
       "SELECT * FROM pragma_journal_mode", "SELECT * FROM pragma_hard_heap_limit(0)"].each { |query| refused(query, /./) }
      refused("SELECT readfile('/etc/passwd')", /no such function/)
      refused("SELECT writefile('x', 'y')", /no such function|not authorized/)
      refused("SELECT fts3_tokenizer('simple')", /./)
      assert_equal before, Dir.children(".").sort
    end
    assert_operator rows("PRAGMA table_info(objects)").size, :>, 20
  end

  def test_what_is_no_query
    refused("SELEC 1", /syntax error/)
    refused("SELECT * FROM object", /no such table: object \(tables: objects, refs, /)
    refused("SELECT nowhere FROM objects", /no such column: nowhere$/)
    refused("SELECT id FROM objects WHERE class = \"Shop::Order\"", /no such column: Shop::Order \(a text stands in 'single quotes'\)$/)
    refused("SELECT * FROM path", /path needs its argument: FROM path\(id\)/)
    refused("SELECT (", /./)
    refused("SELECT '", /./)
    refused("x" * 3_000, /./)
    refused("SELECT #{"(" * 5000}1#{")" * 5000}", /./)
    refused("SELECT #{(["1"] * 3000).join("+")}", /Expression tree is too large/)
    refused(Array.new(200, "SELECT 1").join(" UNION ALL "), /too many terms/)
    refused(".nothing", /there is no \.nothing; \.help/)
    refused(".schema nothing", /there is no table nothing/)
    refused(".queries nothing", /there is no query nothing/)
    refused(".mode pdf", /there is no mode pdf/)
    refused(".limit x", /takes a number/)
    refused("SELECT '\e[31m", /./).then { |err| refute_includes err, "\e" }
    assert_equal ["", "", 0], run_tool("sql", ours, "")
    assert_equal ["", "", 0], run_tool("sql", ours, " -- nothing\n;;")
    out, _, status = run_tool("sql", "--json", ours, "SELECT 1; SELECT 2")
    assert_equal [2, 2], [status, JSON.parse(out)["status"]]
    assert_match(/one statement at a time/, JSON.parse(out)["error"])
    assert_equal 0, run_tool("sql", "--json", ours, "SELECT 1; -- and no more\n").last
    [%w[sql], ["sql", "--timeout", "x", ours, "SELECT 1"], ["sql", "--output", "pdf", ours, "SELECT 1"], ["sql", "--json", ours, "-"],
     ["sql", "-"], ["sql", "-", "-"]].each { |words| assert_equal 2, run_tool(*words).last, words.inspect }
    assert_equal 4, run_tool("sql", "/nonexistent", "SELECT 1").last
  end

  ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

  def test_time_and_memory_have_limits
    refused(ENDLESS, /took longer than 0.3 s: ask for less, or allow more \(--timeout\)/, status: 8, words: %w[--timeout 0.3])
    refused("SELECT count(*) FROM objects a, objects b, objects c WHERE a.size + b.size = c.size", /took longer/, status: 8, words: %w[--timeout 0.3])
    refused("SELECT group_concat(a.class) FROM objects a, objects b", /needs more than the 20 MB|took longer/, status: 8, words: %w[--memory 20MB --timeout 1])
    refused("WITH RECURSIVE n(i, t) AS (SELECT 1, randomblob(1000) UNION SELECT i + 1, randomblob(1000) FROM n LIMIT 100000) SELECT count(*) FROM n ORDER BY t",
            /needs more than the 20 MB of memory/, status: 8, words: %w[--memory 20MB])
    refused("SELECT zeroblob(300000000)", /too big/)
    refused("SELECT 1 WHERE 'a' LIKE '#{"%a" * 2000}'", /pattern too complex/)
  end

  def test_an_error_behind_rows_is_told
    out, err, status = run_tool("sql", "--output", "json", ours, "SELECT id, CASE WHEN id = (SELECT max(id) FROM objects) THEN abs(-9223372036854775808) END AS x FROM objects")
    assert_equal 2, status
    assert_match(/integer overflow/, err)
    JSON.parse(out)
    out, _, status = run_tool("sql", "--json", ours, "SELECT CASE WHEN id = (SELECT max(id) FROM objects) THEN abs(-9223372036854775808) END FROM objects")
    assert_equal [2, 2], [status, JSON.parse(out)["status"]]
    assert_match(/integer overflow/, JSON.parse(out)["error"])
  end

  def test_a_signal_ends_a_query
    reader, writer = IO.pipe
    pid = spawn(TOOL, "sql", ours, ENDLESS, out: writer, err: writer)
    writer.close
    Timeout.timeout(20) { sleep 0.05 until File.read("/proc/#{pid}/status")[/^SigCgt:\s+(\h+)/, 1].hex.anybits?(1 << (Signal.list["INT"] - 1)) }
    sleep 0.5
    Process.kill(:INT, pid)
    _, status = Timeout.timeout(10) { Process.wait2(pid) }
    assert_equal 130, status.exitstatus
    assert_equal "heap_dump sql: the query was interrupted\n", reader.read
  end

  def test_formats
    query = "SELECT id, value, size / 3.0 AS third, NULL AS none FROM strings ORDER BY id"
    expected = rows(query)
    csv = run_tool("sql", "--output", "csv", dump, query).first
    read = CSV.parse(csv.b, row_sep: "\r\n", encoding: "BINARY")
    assert_equal %w[id value third none], read.shift
    assert_equal expected.map(&:first), read.map { |row| row[0].to_i }
    expected.zip(read).each do |(_, text, third, _), row|
      assert_equal third, row[2].to_f
      assert_equal text.is_a?(Hash) ? "x'#{text["base64"].unpack1("m").unpack1("H*")}'" : text, row[1].dup.force_encoding("UTF-8") unless text == ""
    end
    list = JSON.parse(run_tool("sql", "--output", "json", dump, query).first)
    assert_equal expected, list.map(&:values)
    assert_equal %w[id value third none], list.first.keys
    %w[table lines markdown].each do |mode|
      out = run_tool("sql", "--output", mode, dump, query).first
      refute_match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, out, mode)
      assert_equal({ "table" => expected.size + 1, "lines" => 5 * expected.size - 1, "markdown" => expected.size + 2 }[mode], out.lines.size)
    end
    evil = run_tool("sql", "--output", "markdown", dump, "SELECT 'a|b`<i>&' AS \"x|y\"").first
    assert_equal "| x\\|y |\n|---|\n| a\\|b\\`\\<i\\>\\& |\n", evil
    assert_equal "[]\n", run_tool("sql", "--output", "json", dump, "SELECT 1 AS one WHERE 0").first
    assert_equal "one\n  1\n", run_tool("sql", dump, "SELECT 1 AS one").first
    assert_equal [[9_223_372_036_854_775_807, -0.5, 1e308, { "base64" => "AP8=" }]], rows("SELECT 9223372036854775807, -0.5, 1e308, x'00ff'")
    assert_equal "[{\"x\":1e999,\"y\":-1e999,\"z\":2.0}]\n", run_tool("sql", "--output", "json", dump, "SELECT 9e999 AS x, -9e999 AS y, 2.0 AS z").first
    limited = json("sql", "--limit", 3, dump, query)
    assert_equal [expected.first(3), true], limited.values_at("rows", "more")
    assert_equal [expected, false], json("sql", "--limit", expected.size, dump, query).values_at("rows", "more")
  end

  def test_statements_from_standard_input
    script = "-- a comment; with a semicolon\n.mode csv\nSELECT count(*)\n  AS one\nFROM objects;\n.limit 2\nSELECT id FROM objects; SELECT 'a;b' AS text\n"
    out, err, status = run_tool("sql", ours, "-", stdin: script)
    assert_equal [0, ""], [status, err]
    assert_equal ["one", our_objects.size.to_s, "id", *our_objects.map { |line| line["id"] }.min(2).map(&:to_s), "text", "a;b"], out.split("\r\n")
    assert_equal out, run_tool("sql", ours, stdin: script).first
    out, err, status = run_tool("sql", "--output", "csv", ours, "-", stdin: "SELECT 1 AS a;\nSELECT nowhere;\nSELECT 2 AS b;\n")
    assert_equal [2, "a\r\n1\r\n"], [status, out]
    assert_match(/no such column/, err)
    assert_equal ["a\r\n1\r\n", 0], run_tool("sql", "--output", "csv", ours, stdin: "SELECT 1 AS a;\n.quit\nSELECT 2;\n").values_at(0, 2)
    assert_equal 2, run_tool("sql", ours, stdin: "SELECT #{"1," * 600_000}1;").last
  end

  def test_dumps_that_are_damaged_or_strange
    lines = File.readlines(ours)
    { "truncated" => lines[0, lines.size / 2].join, "cut" => File.binread(ours)[0, File.size(ours) / 3], "empty_heap" => [lines[0], ",{\"id\":\"_ROOTS_\"}\n,{\"id\":\"_END_\",\"objects\":0,\"references\":0,\"unreadable\":0}\n]\n"].join }.each do |name, text|
      file = File.join(FOLDER, "#{name}.json")
      File.binwrite(file, text)
      %w[objects refs roots classes strings threads frames locals thread_locals methods iseqs dump].each do |table|
        out, err, status = run_tool("sql", "--json", file, "SELECT * FROM #{table}")
        assert_includes [0, 3], status, "#{name} #{table}: #{err}"
        JSON.parse(out)
      end
      assert_equal 0, run_tool("sql", file, "SELECT * FROM classes WHERE class = 'String'").last
    end
    assert_match(/truncated/, run_tool("sql", File.join(FOLDER, "truncated.json"), "SELECT 1")[1])
    File.binwrite(File.join(FOLDER, "noise.json"), Random.new(1).bytes(5000))
    assert_equal 3, run_tool("sql", File.join(FOLDER, "noise.json"), "SELECT 1").last
  end

  # --- a person at a terminal ---

  def terminal(*words, columns: 100)
    home = Dir.mktmpdir("home", FOLDER)
    PTY.spawn({ "HOME" => home, "XDG_STATE_HOME" => nil, "TERM" => "dumb", "NO_COLOR" => "1" }, TOOL, "sql", *words) do |reader, writer, pid|
      reader.winsize = [50, columns]
      yield Terminal.new(reader, writer, pid, home)
    ensure
      Process.kill(:KILL, pid) rescue nil
      Process.wait(pid) rescue nil
    end
  end

  Terminal = Struct.new(:reader, :writer, :pid, :home) do
    def expect(pattern)
      @seen ||= +""
        Timeout.timeout(20) { @seen << reader.readpartial(4096).force_encoding("UTF-8").scrub until (found = @seen.match(pattern)) && (@seen = found.post_match) and return found.pre_match }
    rescue Timeout::Error, Errno::EIO
      raise "no #{pattern.inspect} in #{@seen.inspect}"
    end

    def say(text) = writer.print(text)
  end

  def test_the_prompt
    terminal(ours) do |person|
      person.expect(/[\d,]+ objects\. SQL, ended by a semicolon.*sql> /m)
      person.say("SELECT 40 +\n")
      person.expect(/\.\.\.> /)
      person.say("2 AS answer;\n")
      person.expect(/answer\r\n +42\r\n\r\n1 row in [\d.]+ s\r\n.*sql> /m)
      person.say("SELECT nowhere;\n")
      person.expect(/heap_dump sql: no such column: nowhere\r\n.*sql> /m)
      person.say("#{ENDLESS};\n")
      sleep 1.5
      person.say("\x03")
      person.expect(/heap_dump sql: the query was interrupted\r\n.*sql> /m)
      8.times do # given up again and again, also with what follows typed at once
        person.say("SELECT half of a line")
        person.expect(/half of a line/)
        person.say("\x03SELECT 6 AS at_once;\n")
        person.expect(/at_once\r\n +6\r\n.*sql> /m)
      end
      person.say("SELECT 7 AS still_there;\n")
      person.expect(/still_there\r\n +7\r\n.*sql> /m)
      person.say(".timeout 0.2\n#{ENDLESS};\n")
      person.expect(/took longer than 0.2 s.*sql> /m)
      person.say(".quit\n")
      Timeout.timeout(10) { Process.wait(person.pid) }
      history = File.join(person.home, ".local/state/heap_dump/sql_history")
      if run_tool("version").first.match?(/libedit/) || File.exist?(history)
        assert_equal 0o600, File.stat(history).mode & 0o777
        assert_match(/still_there/, File.read(history))
      end
    end
  end

  def test_a_table_fits_the_terminal
    terminal(dump, "SELECT id, value, value AS again FROM strings ORDER BY size DESC LIMIT 30") do |person|
      seen = person.expect(/^30 rows in /)
      seen.lines.each { |line| assert_operator line.chomp.delete("\r").size, :<=, 100, line }
      refute_includes seen, "\e[31m"
      person.expect(/next: heap_dump show .* 0x/)
    end
    terminal(dump, "SELECT * FROM objects LIMIT 3") do |person|
      assert_match(/^ +class_id = \d+\r$/, person.expect(/^3 rows in /))
    end
    terminal(dump, "SELECT id FROM objects") do |person|
      assert_operator person.expect(/^1,000 rows and more \(--limit 0 prints all\) in /).lines.size, :<, 1010
    end
  end
end

# Built without SQLite and without libedit.
class SqlAbsentTest < Minitest::Test
  include SqlTest

  BARE = File.join(ROOT, "build/test/without_sqlite")

  def bare(*words)
    out, err, status = Open3.capture3(BARE, *words, stdin_data: "")
    [out, err, status.exitstatus]
  end

  def test_it_says_what_to_install
    sentence = /built without SQLite: install libsqlite3-dev .* and build again$/
    [["sql", ours, "SELECT 1"], ["sql", ours], ["sql", "/nonexistent", "-"]].each do |words|
      out, err, status = bare(*words)
      assert_equal [5, ""], [status, out]
      assert_match sentence, err
    end
    out, _, status = bare("sql", "--json", ours, "SELECT 1")
    assert_equal [5, 5], [status, JSON.parse(out)["status"]]
    assert_match sentence, JSON.parse(out)["error"]
    out, err, status = bare("export", "--to", "sqlite:#{FOLDER}/x.db", ours)
    assert_equal [5, ""], [status, out]
    assert_match(/built without SQLite, which is in libsqlite3-dev/, err)
    assert_equal 0, bare("top", ours).last
    refute_includes `ldd #{BARE}`, "sqlite"
  end
end
