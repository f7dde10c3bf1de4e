# frozen_string_literal: true

# `heap_dump sql`: every table against the lines of the dump, counted here, and against the other commands.
require_relative "sql_helper"

class SqlTablesTest < Minitest::Test
  include SqlTest

  def bt(type) = objects.select { |_, object| object["bt"] == type }

  def test_objects_have_what_their_lines_have
    table = rows("SELECT id, type, kind, size, frozen, reachable, class_id, object_id, slot_size, age FROM objects").to_h { |id, *rest| [id, rest] }
    assert_equal objects.keys.sort, table.keys.sort
    assert_operator objects.size, :>, 80_000
    objects.each do |id, object|
      kind = %w[T_DATA T_IMEMO].include?(object["bt"]) ? object["type_name"] : nil
      assert_equal [object["bt"], kind, object["size"], object["frozen"] ? 1 : 0, 1, object["class"], object["object_id"], object["slot_size"], object["age"]],
                   table[id], id
    end
  end

  def test_allocations_and_lengths
    table = rows("SELECT id, file, line, method, generation, length FROM objects").to_h { |id, *rest| [id, rest] }
    traced = 0
    objects.each do |id, object|
      traced += 1 if object["file"]
      line = object["allocation_line"] || (object["file"] && object["line"])
      length = case object["bt"]
               when "T_ARRAY", "T_HASH" then (object["val"] || []).size
               when "T_STRING" then object["bytesize"]
               end
      expected = [object["file"], line, object["method"], object["generation"], length]
      expected[4] ? assert_equal(expected, table[id], id) : assert_equal(expected[..3] + [nil], table[id], id)
    end
    assert_operator traced, :>, 70_000
    assert_equal [70_000, 140_000], rows("SELECT length FROM objects WHERE type IN ('T_HASH', 'T_ARRAY') ORDER BY length DESC LIMIT 2").flatten.sort
  end

  def test_own_names
    named = objects.filter_map do |id, object|
      name = case object["bt"]
             when "T_CLASS", "T_MODULE" then object["name"]
             when "T_FILE" then object["path"]
             when "T_SYMBOL" then object["val"]
             when "T_DATA" then object["type_name"] == "VM/thread" && object["name"]
             when "T_IMEMO" then { "iseq" => object["name"], "ment" => object["called_id"] }[object["type_name"]]
             end
      [id, name] if name
    end.to_h
    table = rows("SELECT id, name FROM objects WHERE name IS NOT NULL AND type <> 'T_ICLASS'").to_h
    named.each { |id, name| assert_equal name, table[id] }
    (table.keys - named.keys).each { |id| assert_match(/\A#<Class:/, table[id]) } # singleton classes have none in their lines
  end

  def test_refs_are_the_references_of_the_lines
    range = Range.new(*lines["_DUMP_"]["heap"])
    expected = objects.to_h { |id, object| [id, references_of(object.except("id"), range)] }
    expected[0] = references_of(lines["_ROOTS_"], range)
    known = objects
    expected.each_value { |found| found.select! { |id, _| known.key?(id) } }
    table = Hash.new { |all, from| all[from] = {} }
    rows("SELECT from_id, to_id, count(*) FROM refs GROUP BY from_id, to_id").each { |from, to, count| table[from][to] = count }
    assert_equal expected.reject { |_, found| found.empty? }.keys.sort, table.keys.sort
    different = expected.reject { |from, found| (found.empty? && !table.key?(from)) || table[from] == found }
    assert_empty different.first(3).to_h { |from, found| [from, [objects[from] || "root", found.to_a - table[from].to_a, table[from].to_a - found.to_a]] }
    into = Hash.new(0)
    expected.each_value { |found| found.each { |to, count| into[to] += count } }
    assert_equal objects.keys.to_h { |id| [id, [expected[id].values.sum, into[id]]] },
                 rows("SELECT id, refs, referrers FROM objects").to_h { |id, *rest| [id, rest] }
  end

  def test_references_of_one_object_either_way_and_as_show_has_them
    ids = objects.keys.sort.each_slice(objects.size / 10).map(&:first) + [value("SELECT id FROM objects ORDER BY length DESC LIMIT 1")]
    ids.each do |id|
      shown = json("show", "--limit", 0, dump, id)
      out = shown["references"].map { |edge| [edge["name"], edge["weak"] ? "weak" : "strong", edge["id"]] }
      assert_equal out, rows("SELECT name, kind, to_id FROM refs WHERE from_id = #{id}")
      back = shown["referrers"].map { |edge| [edge["name"], edge["weak"] ? "weak" : "strong", edge["id"] || 0] }
      assert_equal back.sort, rows("SELECT name, kind, from_id FROM refs WHERE to_id = #{id}").sort
      # the second question is answered from referrers that are kept
      twice = rows("SELECT name, kind, from_id FROM (SELECT #{id} AS id UNION ALL SELECT #{id}) AS target JOIN refs ON refs.to_id = target.id")
      assert_equal (back + back).sort, twice.sort
      dominator = shown["dominator"] && (shown["dominator"]["id"] || 0)
      assert_equal [[shown["retained"], dominator, shown["class"]]], rows("SELECT retained, dominator, class FROM objects WHERE id = #{id}")
    end
  end

  def test_roots
    roots = rows("SELECT category, name, id FROM roots")
    assert_equal value("SELECT count(*) FROM refs WHERE from_id = 0"), roots.size
    lines["_ROOTS_"].each do |category, list|
      next unless list.is_a?(Array) && category != "inlined"

      assert_equal list.select { |id| objects.key?(id) }.sort, roots.select { |row| row[0] == category }.map(&:last).sort, category
    end
    orders = lines["_ROOTS_"]["global_variables"]["\\$orders"]
    assert_includes roots, ["global_variables", "global_variables.$orders", orders]
  end

  def test_classes_are_those_of_top_and_of_a_group_by
    [dump, dump("sql_theirs.json")].each do |file|
      expected = json("top", "--limit", 0, file)["rows"].to_h { |row| [row["class"], [row["count"], row["size"], row["retained"]]] }
      assert_equal expected, rows("SELECT class, objects, size, retained FROM classes", file).to_h { |name, *rest| [name, rest] }
      grouped = rows("SELECT class, count(*), sum(size) FROM objects GROUP BY class", file)
      assert_equal expected.transform_values { |row| row[..1] }, grouped.to_h { |name, *rest| [name, rest] }
      assert_equal grouped.map(&:first), grouped.map(&:first).sort_by(&:b)
      assert_equal grouped, rows("SELECT class, count(*), sum(size) FROM objects GROUP BY +class", file)
    end
  end

  def test_strings
    table = rows("SELECT id, value, bytesize, encoding, fstring, truncated, shared, duplicates, same_as FROM strings").to_h { |id, *rest| [id, rest] }
    strings = bt("T_STRING")
    assert_equal strings.keys.sort, table.keys.sort
    groups = strings.group_by { |_, line| [line["encoding"], line["bytesize"], line["val"], line["val_base64"]] }
    strings.each do |id, line|
      text, bytesize, encoding, fstring, truncated, shared, duplicates, = table[id]
      expected = line["val_base64"] ? { "base64" => line["val_base64"].delete("\n") } : line["val"]
      assert_equal expected, text
      assert_equal [line["bytesize"], line["encoding"], line["fstring"] ? 1 : 0, line["truncated"] ? 1 : 0, line["shared"]],
                   [bytesize, encoding, fstring, truncated, shared]
      assert_equal groups[[line["encoding"], line["bytesize"], line["val"], line["val_base64"]]].size - 1, duplicates
    end
    groups.each_value { |group| assert_equal 1, group.map { |id, _| table[id].last }.uniq.size }
    wasted = value("SELECT sum(CASE WHEN id = same_as THEN 0 ELSE size END) FROM strings")
    assert_equal json("strings", dump)["copies"]["bytes"], wasted
  end

  def test_redacted_strings
    assert_equal 0, value("SELECT count(value) FROM strings", dump("sql_redacted.json"))
    assert_operator value("SELECT max(duplicates) FROM strings", dump("sql_redacted.json")), :>=, 39
    assert_equal 1, value("SELECT value FROM dump WHERE key = 'redacted'", dump("sql_redacted.json"))
  end

  def test_stacks_are_those_of_threads
    tool = json("threads", dump)["threads"]
    table = rows("SELECT id, name, frames, retained FROM threads")
    assert_equal tool.map { |thread| [thread["id"], thread["name"], thread["frames"].size, thread["retained"]] }, table
    assert_equal ["worker \"one\""], table.filter_map { |row| row[1] }
    frames = rows("SELECT thread_id, depth, file, line, locals FROM frames")
    expected = tool.flat_map { |thread| thread["frames"].each_with_index.map { |frame, depth| [thread["id"], depth, frame["file"], frame["line"], (frame["locals"] || []).size] } }
    assert_equal expected.map { |row| row[..3] }, frames.map { |row| row[..3] }
    from_lines = objects.values_at(*tool.map { |thread| thread["id"] }).flat_map do |thread|
      thread["frames"].each_with_index.flat_map { |frame, depth| (frame["locals"] || {}).keys.map { |name| [thread["id"], depth, name] } }
    end
    assert_equal from_lines, rows("SELECT thread_id, depth, name FROM locals")
    assert_equal frames.sum(&:last), from_lines.size
    every = rows("SELECT * FROM locals")
    frames.each do |thread, depth,|
      assert_equal every.select { |row| row[..1] == [thread, depth] }, rows("SELECT * FROM locals WHERE thread_id = #{thread} AND depth = #{depth}")
    end
    assert_equal [[0, 0, 0, 0]], rows(<<~SQL)
      SELECT (SELECT count(*) FROM frames WHERE thread_id = #{frames[0][0]} AND depth = -1), (SELECT count(*) FROM frames WHERE thread_id = #{frames[0][0]} AND depth = 4294967295),
             (SELECT count(*) FROM frames WHERE thread_id = #{frames[0][0]} AND depth = 4294967296), (SELECT count(*) FROM frames WHERE thread_id = #{frames[0][0]} AND depth = 'x')
    SQL
    assert_equal [[from_lines.size]], rows("SELECT count(*) FROM locals JOIN frames USING (thread_id, depth)")
    tool.each { |thread| assert_equal frames.select { |row| row[0] == thread["id"] }, rows("SELECT thread_id, depth, file, line, locals FROM frames WHERE thread_id = #{thread["id"]}") }
    assert_equal [["request_log", "Array"]],
                 rows("SELECT thread_locals.name, class FROM thread_locals JOIN objects ON objects.id = thread_locals.id WHERE thread_locals.name = 'request_log'")
  end

  def test_methods_and_code
    expected = objects.values.flat_map do |object|
      (object["methods"] || {}).map { |name, what| [object["id"], name.delete_prefix("\\"), what.is_a?(Integer) ? "ruby" : what.delete("()").downcase, what.is_a?(Integer) ? what : nil] }
    end
    assert_operator expected.size, :>, 3_000
    assert_equal expected.sort_by(&:to_s), rows("SELECT class_id, name, kind, id FROM methods").sort_by(&:to_s)
    assert_equal [["initialize", "ruby"], ["number", "ivar"], ["number=", "attrset"], ["odd name; DROP TABLE objects--", "ruby"]],
                 rows("SELECT name, kind FROM methods WHERE class = 'Shop::Order' ORDER BY name")
    assert_equal ["build"], rows("SELECT name FROM methods WHERE class = '#<Class:Shop::Order>' AND kind = 'ruby'").flatten
    iseqs = objects.values.select { |object| object["type_name"] == "iseq" }
    assert_equal iseqs.map { |line| line.values_at("id", "name", "filename", "line", "type", "parent", "size") }.sort_by(&:first),
                 rows("SELECT id, name, file, line, type, parent, size FROM iseqs")
    class_id = value("SELECT id FROM objects WHERE name = 'Shop::Order' AND type = 'T_CLASS'")
    assert_equal rows("SELECT * FROM methods WHERE +class_id = #{class_id}"), rows("SELECT * FROM methods WHERE class_id = #{class_id}")
  end

  def test_paths_are_those_of_path
    ids = objects.keys.sort.each_slice(objects.size / 15).map(&:first)
    ids.each do |id|
      steps = json("path", dump, id)["paths"].first || []
      assert_equal steps.map { |step| [step["name"], step["id"], step["class"]] }, rows("SELECT name, id, class FROM path(#{id})")
      words = value("SELECT path(#{id})")
      assert_equal steps.map { |step| [step["name"], [step["class"], *(step["label"] unless step["label"] == step["class"])].join(" ")] }.flatten.join(" → "), words.to_s
    end
    assert_equal [[nil]], rows("SELECT path(12)")
    assert_empty rows("SELECT * FROM path(12)")
    assert_empty rows("SELECT * FROM path(NULL)")
  end

  def test_functions
    id = objects.keys.first
    assert_equal [[hex(id), "12.3 MB", "-1.0 kB", nil, "rack-2.2.4", "(application)"]],
                 rows("SELECT hex_id(#{id}), human(12345678), human(-1000), human(NULL), gem('/x/gems/rack-2.2.4/lib/rack.rb'), gem('app.rb')")
    assert_equal objects[id].reject { |key, _| key == "id" }, JSON.parse(value("SELECT dump_line(#{id})")).reject { |key, _| key == "id" }
    assert_nil value("SELECT dump_line(12)")
  end

  def test_the_dump_itself
    facts = rows("SELECT key, value FROM dump").to_h
    assert_equal [dump, "heap_dump", objects.size, lines["_END_"]["references"], RUBY_VERSION, 0],
                 facts.values_at("file", "format", "objects", "references", "ruby", "truncated")
    assert_equal lines["_DUMP_"]["gc"], JSON.parse(facts["gc"])
    assert_equal lines["_DUMP_"].keys - %w[id format] - facts.keys, []
    assert_equal "objspace", value("SELECT value FROM dump WHERE key = 'format'", dump("sql_theirs.json"))
  end

  def test_a_dump_of_objectspace
    theirs = File.foreach(dump("sql_theirs.json"), chomp: true, encoding: "UTF-8").filter_map { |line| JSON.parse(line.scrub) if line.valid_encoding? }
    found = theirs.reject { |line| %w[ROOT SHAPE].include?(line["type"]) }
    file = dump("sql_theirs.json")
    by_type = found.group_by { |line| "T_#{line["type"]}" }.transform_values { |list| [list.size, list.sum { |line| line["memsize"] || 0 }] }
    assert_equal by_type, rows("SELECT type, count(*), sum(size) FROM objects GROUP BY type", file).to_h { |type, *rest| [type, rest] }
    table = rows("SELECT id, file, line, method, generation, length FROM objects", file).to_h { |id, *rest| [id, rest] }
    found.each do |line|
      length = { "ARRAY" => line["length"], "HASH" => line["size"] || 0, "STRING" => line["bytesize"] }[line["type"]]
      assert_equal [line["file"], line["file"] && line["line"], line["method"], line["generation"], length], table[Integer(line["address"])], line
    end
    texts = rows("SELECT id, value FROM strings WHERE value IS NOT NULL", file).to_h
    known = found.select { |line| line["type"] == "STRING" && line["value"] }
    assert_equal known.to_h { |line| [Integer(line["address"]), line["value"]] }, texts
    assert_empty rows("SELECT * FROM methods", file)
    assert_equal [[nil, nil]], rows("SELECT DISTINCT name, file FROM iseqs", file)
    assert_operator value("SELECT count(*) FROM refs WHERE name = 'ref'", file), :>, 100_000
  end

  def test_packed_dumps_answer_the_same
    query = "SELECT type, count(*), sum(length) FROM objects GROUP BY type"
    %w[sql_packed.json.zst sql_packed.json.gz].each do |name|
      plain = File.join(FOLDER, "#{name}.plain")
      system(name.end_with?("gz") ? "zcat" : "zstdcat", dump(name), out: plain, exception: true)
      assert_equal rows(query, plain), rows(query, dump(name))
      assert_equal rows("SELECT id, value FROM strings ORDER BY size DESC LIMIT 50", plain), rows("SELECT id, value FROM strings ORDER BY size DESC LIMIT 50", dump(name))
      out, err, status = run_tool("sql", dump(name), query, env: { "TMPDIR" => "/nonexistent" })
      assert_equal [4, ""], [status, out]
      assert_match(%r{cannot make a temporary file in /nonexistent}, err)
      assert_equal 0, run_tool("sql", dump(name), "SELECT count(*) FROM objects", env: { "TMPDIR" => "/nonexistent" }).last
    end
  end

  def test_standard_input_has_what_the_index_has
    out, err, status = run_tool("sql", "-", "SELECT count(*) FROM objects", "--json", stdin: File.binread(ours))
    assert_equal 0, status, err
    assert_equal our_objects.size, JSON.parse(out)["rows"][0][0]
  end

  def test_a_dump_that_changed
    file = File.join(FOLDER, "changed.json")
    FileUtils.cp(ours, file)
    assert_equal 0, run_tool("sql", file, "SELECT count(value) FROM strings").last
    stamp = File.stat(file)
    index = File.binread("#{file}.idx")
    File.binwrite(file, File.binread(file).sub(/"bt":"T_STRING"/, '"bt":"T_STRINK"').tr("1", "2"))
    File.utime(stamp.atime, stamp.mtime, file)
    File.binwrite("#{file}.idx", index)
    _, err, status = run_tool("sql", file, "SELECT count(value) FROM strings")
    assert_includes [2, 3], status # the index is no longer of this file, and the file no dump
    refute_empty err
  end
end

# Ready queries, and what is said of the tables.
class SqlQueriesTest < Minitest::Test
  include SqlTest

  FILE = File.read(File.join(ROOT, "docs/queries.sql"), encoding: "UTF-8")
  DOC = File.read(File.join(ROOT, "docs/sql.md"), encoding: "UTF-8")
  NAMES = FILE.scan(/^-- name: (.*)$/).flatten
  # What has no rows for a reason: the dump of ObjectSpace has no names of references, no frames, no code; and nothing is unreachable.
  EMPTY = { "sql.json" => %w[unreachable instance_variables],
            "sql_theirs.json" => %w[backtraces class_variables closures_by_place closures_captured closures_self constants frame_locals
                                    global_variables instance_variables methods_by_class thread_locals thread_local_objects unreachable] }.freeze

  def test_every_query_runs
    assert_operator NAMES.size, :>=, 25
    assert_equal NAMES.uniq, NAMES
    assert_equal NAMES, text("sql", ours, ".queries").scan(/^  (\w+) /).flatten
    EMPTY.each do |file, empty|
      none = NAMES.select { |name| JSON.parse(text_of(name, file)).empty? }
      assert_empty none - empty - %w[path_to_root_by_hand], file
    end
  end

  def text_of(name, file)
    out, err, status = run_tool("sql", "--output", "json", "--timeout", "60", dump(file), ".queries #{name}")
    assert_equal 0, status, "#{name}: #{err}"
    out
  end

  def test_answers_of_some
    answer = ->(name) { JSON.parse(text_of(name, "sql.json")) }
    same = answer["duplicate_strings"].find { |row| row["text"]&.start_with?("the same text again") }
    assert_operator same["copies"], :>=, 40 # the literal, too
    assert_equal 70_000, answer["biggest_hashes"].first["pairs"]
    assert_equal 140_000, answer["biggest_arrays"].first["elements"]
    assert_includes answer["constants"].map { |row| row["constant"] }, "Shop::CACHE"
    assert_includes answer["closures_captured"].map { |row| row["variable"] }, "locals.kept"
    assert_includes answer["global_variables"].map { |row| row["variable"] }, "$big_hash"
    assert_includes answer["thread_locals"].map { |row| row["name"] }, "request_log"
    assert_operator answer["thread_local_objects"].find { |row| row["variable"] == "request_log" }["objects"], :>=, 21
    assert_includes answer["frame_locals"].map { |row| [row["method"], row["variable"]] }, ["Object#deeper", "local"]
    steps = answer["path_to_root"]
    assert_equal rows("SELECT hex_id(id) FROM objects WHERE type = 'T_STRING' AND reachable ORDER BY size DESC LIMIT 1")[0][0], steps.last["hex"]
    assert_operator answer["path_to_root_by_hand"].first["way"].count("→"), :<=, 2 * steps.size
  end

  def test_the_documentation_is_what_the_program_says
    schema = text_wide("sql", ours, ".schema")
    tables = schema.scan(/^CREATE TABLE (\w+)\(.*\n((?:  .*\n)+)\);/)
    assert_operator tables.size, :>=, 12
    tables.each do |name, body|
      section = DOC[/^### `#{name}[`(].*?(?=^##)/m]
      assert section, "docs/sql.md lacks #{name}"
      columns = body.scan(/^  (\w+) ?(\w*),? +-- (\* )?(.*)$/)
      refute_empty columns
      assert_equal columns.map { |column, type, line, about| "| `#{column}`#{" *" if line} | #{type} | #{about.gsub("|", "\\|")} |" },
                   section.scan(/^\| `.*$/), name
    end
    NAMES.each { |name| assert_includes DOC, "`#{name}`" }
    FILE.scan(/^-- name: (.*)\n-- title: (.*)$/).each { |name, title| assert_includes DOC, "| `#{name}` | #{title} |" }
    text_wide("sql", ours, ".tables").scan(/^  (\w+)\((\w+)\) /) { |name, argument| assert_includes DOC, "`#{name}(#{argument})`" }
  end

  def text_wide(*words)
    out, err, status = run_tool(*words)
    assert_equal 0, status, err
    out
  end
end
