# frozen_string_literal: true

# `heap_dump export --to sqlite:FILE`: the database holds what `heap_dump sql` answers, row by row, and SQLite itself (Python's)
# finds it sound, with indexes for every key.
require_relative "helper"
require_relative "../cli/sql_helper"

class SqliteExportTest < Minitest::Test
  include ExportTest
  include SqlTest

  TABLES = %w[objects refs roots classes strings threads frames locals thread_locals methods iseqs dump].freeze

  READ = <<~PYTHON
    import base64, json, sqlite3, sys
    db = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
    db.text_factory = bytes
    def plain(value):
        if isinstance(value, bytes):
            try: return value.decode("utf-8")
            except UnicodeDecodeError: return {"base64": base64.b64encode(value).decode()}
        return value
    for query in sys.argv[2:]:
        print(json.dumps([[plain(value) for value in row] for row in db.execute(query)]))
  PYTHON

  def read(file, *queries)
    out, err, status = Open3.capture3("python3", "-c", READ, file, *queries)
    assert status.success?, err
    out.lines.map { |line| JSON.parse(line) }
  end

  def databases
    @databases ||= { dump => export("sqlite", dump, "ours.db"), dump("sql_theirs.json") => export("sqlite", dump("sql_theirs.json"), "theirs.db") }
  end

  def test_every_table_row_by_row
    databases.each do |file, database|
      TABLES.each do |table|
        expected = rows("SELECT * FROM #{table}", file)
        found, = read(database, "SELECT * FROM #{table}#{" ORDER BY id" if %w[objects strings iseqs].include?(table)}")
        expected, found = [expected, found].map { |list| list.sort_by(&:to_s) } if %w[threads classes].include?(table)
        assert_equal expected.size, found.size, table
        assert_nil expected.zip(found).find { |one, other| one != other }, table
        assert_operator expected.size, :>, 0, table if file == dump
      end
    end
  end

  def test_it_is_sound_and_has_indexes
    databases.each_value do |database|
      checked, = read(database, "PRAGMA integrity_check")
      assert_equal [["ok"]], checked
      assert_equal 0o600, File.stat(database).mode & 0o777
      version, application = read(database, "PRAGMA user_version", "PRAGMA application_id")
      assert_equal [[[1]], [[0x6864756d]]], [version, application]
      { "objects" => %w[class class_id type dominator id], "refs" => %w[from_id to_id], "strings" => %w[id same_as], "classes" => %w[class] }.each do |table, keys|
        keys.each do |key|
          plan, = read(database, "EXPLAIN QUERY PLAN SELECT * FROM #{table} WHERE #{key} = 1")
          assert_match(/SEARCH #{table} USING .*\((#{key}|rowid)=\?\)/, plan.map(&:last).join, key)
        end
      end
      schema, = read(database, "SELECT sql FROM sqlite_schema WHERE name = 'objects'")
      assert_includes schema[0][0], "-- bytes that would go with it"
    end
    assert_equal ["ours.db", "theirs.db"], Dir.children(folder).sort
  end

  def test_ready_queries_without_functions_run_there
    all = File.read(File.join(ROOT, "docs/queries.sql")).scan(/^-- name: (.*)\n(?:-- .*\n)+((?:.+\n?)+)/)
    plain = all.map { |name, query| [name, query.gsub(/human\(((?:[^()]|\([^()]*\))*)\)/, '\1')] }.reject { |_, query| query.match?(/path\(|gem\(|hex_id\(|dump_line\(/) }
    assert_operator plain.size, :>=, 18
    plain.each { |name, query| refute_nil read(databases[dump], query), name }
  end

  def test_interrupted_nothing_is_left
    big = dump
    path = File.join(folder, "stopped.db")
    pid = spawn(TOOL, "export", "--to", "sqlite:#{path}", big, out: File::NULL, err: File::NULL)
    sleep 0.3
    Process.kill(:INT, pid)
    _, status = Process.wait2(pid)
    refute status.success?
    assert_empty Dir.children(folder).grep(/stopped|tmp/)
  end

  def test_failures
    out, err, status = run_tool("export", "--to", "sqlite:-", ours)
    assert_equal [2, ""], [status, out]
    assert_match(/does not write to standard output/, err)
    assert_equal 2, run_tool("export", "--to", "sqlite:#{folder}/x.db.gz", ours).last
    assert_equal 4, run_tool("export", "--to", "sqlite:/nonexistent/x.db", ours).last
    old = File.join(folder, "old.db")
    File.write(old, "what was there")
    changed = File.join(folder, "gone.json")
    File.write(changed, "no dump")
    assert_equal 3, run_tool("export", "--to", "sqlite:#{old}", changed).last
    assert_equal "what was there", File.read(old)
    out, err, status = run_tool("export", "--to", "sqlite:#{old}", "-", stdin: File.binread(ours))
    assert_equal 0, status, err + out
    assert_equal our_objects.size, read(old, "SELECT count(*) FROM objects")[0][0][0]
  end

  # A disk that is full: a file system of 2 MB, where the machine lets us have one; else a limit on the size of files.
  def test_a_full_disk
    path = File.join(folder, "full.db")
    _, err, status = Open3.capture3("bash", "-c", "trap '' XFSZ; ulimit -f 2000; exec #{TOOL} export --to sqlite:#{path} #{dump}")
    assert_equal 4, status.exitstatus, err
    assert_match(/cannot write .*full\.db/, err)
    assert_empty Dir.children(folder).grep(/full/)
  end
end
