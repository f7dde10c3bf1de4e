# frozen_string_literal: true

# `heap_dump serve`: every answer says what the command of the same name says; who may not ask gets none; slow, silent and
# many clients do not keep the others waiting.
require_relative "helper"

class ServeTest < Minitest::Test
  include WebTest

  def server = @@server ||= Server.new(ours, object_space)

  def cut(value)
    case value
    when Hash then value.transform_values { |item| cut(item) }
    when Array then value.map { |item| cut(item) }
    when String then value.bytesize > 1000 ? "#{value.byteslice(0, 1000).scrub("")}…" : value
    else value
    end
  end

  # ---- who may ask ----

  # Other users can see the command line of what opens the page: what stands there is of no use any more.
  def test_opening_the_page_gives_no_token_away
    Dir.mktmpdir do |folder|
      seen = File.join(folder, "seen")
      File.write(File.join(folder, "xdg-open"), "#!/bin/sh\necho \"$1\" > #{seen}.new && mv #{seen}.new #{seen}\n", perm: 0o755)
      other = Server.new("--open", ours, env: { "PATH" => "#{folder}:#{ENV["PATH"]}" })
      100.times { File.exist?(seen) ? break : sleep(0.05) }
      address = URI(File.read(seen).chomp)
      refute_includes address.to_s, other.token
      assert_equal other.port, address.port
      refute_equal "303", other.request("#{address.path}?ticket=#{"0" * 32}", {}).code
      refute_equal "303", other.request(address.request_uri, {}, method: "HEAD").code
      first = other.request(address.request_uri, {})
      assert_equal ["303", "/?token=#{other.token}"], [first.code, first["Location"]]
      again = other.request(address.request_uri, {})
      assert_equal [nil, nil], [again["Location"], again["Set-Cookie"]]
      assert_equal "401", other.request("/api/dumps?ticket=#{address.query[/ticket=(\h+)/, 1]}", {}).code
      other.stop
    end
  end

  # ---- answers ----

  def test_dumps
    answer = api(server, "/api/dumps")
    assert_equal([0, 1], answer["dumps"].map { |dump| dump["dump"] })
    assert_equal([ours, object_space], answer["dumps"].map { |dump| dump["file"] })
    assert_equal(%w[heap_dump ObjectSpace], answer["dumps"].map { |dump| dump["format"] })
    answer["dumps"].each do |dump|
      said = json("summary", dump["file"])
      %w[objects bytes reachable_bytes dump_bytes truncated redacted unnamed warnings].each do |key|
        assert_equal said[key], dump[key], key
      end
    end
    assert_equal facts[:pid], answer["dumps"][0]["pid"]
    assert_nil answer["dumps"][1]["pid"]
  end

  def test_same_as_the_commands
    [[0, ours], [1, object_space]].each do |number, file|
      { "/api/summary" => ["summary"], "/api/suspects?share=1" => ["suspects", "--share", "1"],
        "/api/strings?limit=12" => ["strings", "--limit", "12"], "/api/collections?limit=10" => ["collections", "--limit", "10"],
        "/api/threads" => ["threads"], "/api/find?class=Shop%3A%3A*" => ["find", "--class", "Shop::*", "--limit", "100"],
        "/api/find?value=order+1&type=string" => ["find", "--value", "order 1", "--type", "string", "--limit", "100"] }.each do |path, words|
        answer = api(server, "#{path}#{path.include?("?") ? "&" : "?"}dump=#{number}")
        said = cut(json(words[0], file, *words[1..]))
        assert_equal said, answer.slice(*said.keys), "#{path} of #{file}"
      end
    end
  end

  def test_memory_same_as_the_command
    assert_equal json("memory", ours), api(server, "/api/memory?dump=0")
    assert_match(/ObjectSpace/, api(server, "/api/memory?dump=1", status: "404")["error"])
  end

  def test_paths_same_as_the_command
    node = facts[:order]
    assert_equal json("path", ours, node), api(server, "/api/path?id=#{node}")
    assert_equal json("path", ours, "Shop::Order"), api(server, "/api/path?class=Shop%3A%3AOrder")
    assert_equal json("path", ours, facts[:shared], "--all", "3"), api(server, "/api/path?all=3&id=0x#{facts[:shared].to_s(16)}")
    assert_equal json("path", object_space, node), api(server, "/api/path?id=#{node}&dump=1")
  end

  def test_top_has_all_rows_as_columns
    %w[class type gem file method shape].each do |by|
      said = json("top", ours, "--by", by, "--limit", "0")
      answer = api(server, "/api/top?by=#{by}")
      assert_equal said.except("rows"), answer.except("columns"), by
      columns = answer["columns"]
      assert_equal [by, "count", "size", "retained", "unreachable"], columns.keys
      assert_equal cut(said["rows"]), columns.values.transpose.map { |row| columns.keys.zip(row).to_h }, by
    end
    assert_equal json("top", ours, "--sort", "count", "--limit", "3")["rows"].map { |row| row["class"] },
                 api(server, "/api/top?sort=count&limit=3")["columns"]["class"]
  end

  def test_diff_same_as_the_command
    said = json("diff", ours, ours, "--limit", "200")
    assert_equal said, api(server, "/api/diff?dumps=0,0")
    assert_equal said, api(server, "/api/diff?dumps=0%2C0")
    said = json("diff", ours, object_space, ours, "--limit", "5", "--sort", "size")
    assert_equal said, api(server, "/api/diff?dumps=0,1,0&limit=5&sort=size")
    assert_equal json("diff", ours, object_space, "--limit", "200"), api(server, "/api/diff")
    %w[0 0, 0,,1 ,0 0,1,0,1 a -1 0,99999999999999999999].each do |dumps|
      assert_includes %w[400 404], server.get("/api/diff?dumps=#{dumps}").code, dumps
    end
    assert_equal "404", server.get("/api/diff?dumps=0,2").code
  end

  # What goes on in further lines of the dump reads on as if it were one.
  def test_fields_of_a_big_collection
    folder = File.join(FOLDER, "big")
    Dir.mkdir(folder)
    script = <<~'RUBY'
      require "heap_dump"
      $list = Array.new(140_000) { |i| i % 3 == 0 ? i : "item #{i}" }
      $hash = Array.new(140_000) { |i| ["key #{i}", i.odd? ? "value #{i}" : i * 1.5] }.to_h
      HeapDump.dump("big.json")
      HeapDump.dump("big.json.gz")
    RUBY
    assert system(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", script, chdir: folder)
    %w[big.json big.json.gz].each do |name|
      big = Server.new(File.join(folder, name))
      list, hash = %w[Array Hash].map { |type| api(big, "/api/find?class=#{type}&min_retained=3M")["objects"].fetch(0)["id"] }
      [0, 65_530, 131_070, 139_990].each do |offset|
        fields = api(big, "/api/object?id=#{list}&offset=#{offset}&limit=10")["fields"]
        assert_equal [140_000, false, offset], fields.values_at("total", "cut", "offset")
        wanted = (offset...[offset + 10, 140_000].min).map { |i| ["val[#{i}]", i % 3 == 0 ? i.to_s : "item #{i}".inspect, i % 3 == 0 ? nil : "String"] }
        assert_equal wanted, fields["rows"].map { |row| [row["name"], row["text"], row.dig("object", "class")] }
        fields = api(big, "/api/object?id=#{hash}&offset=#{offset}&limit=10")["fields"]
        wanted = (offset...[offset + 10, 140_000].min).map { |i| ["val.key #{i}", i.odd? ? "value #{i}".inspect : (i * 1.5).to_s, i.odd? ? "String" : nil] }
        assert_equal wanted, fields["rows"].map { |row| [row["name"], row["text"], row.dig("object", "class")] }
        assert_equal 140_000, fields["total"]
      end
      big.stop
    end
  end

  # Whole: every byte that is reachable is in one row's self or folded below one.
  def test_tree_adds_up
    answer = api(server, "/api/tree?depth=1000&limit=5000")
    rows = answer["rows"]
    by_group = rows.to_h { |row| [row["group"], row] }
    rows.each do |row|
      children = rows.select { |other| other["parent"] == row["group"] }
      assert_equal row["retained"], row["self"] + children.sum { |child| child["retained"] } + row["folded"]["bytes"]
      assert_equal row["children"], children.size + row["folded"]["groups"]
      assert row["parent"].nil? || by_group[row["parent"]], "a parent is there"
    end
    assert_equal answer["reachable_bytes"], rows[0]["retained"]
    said = json("tree", ours, "--limit", "0", "--min", "0", "--depth", "0")
    assert_equal said["total"], answer["total"]
    biggest = said["rows"].map { |row| row["retained"] }.max(rows.size)
    assert_equal biggest, rows.map { |row| row["retained"] }.sort.reverse
  end

  def test_tree_from_a_group_and_from_an_object
    top = api(server, "/api/tree?limit=200")["rows"]
    group = top.reverse.find { |row| row["children"].positive? && row["depth"] > 2 }
    part = api(server, "/api/tree?group=#{group["group"]}&depth=1&limit=50")
    assert_equal group["group"], part["group"]
    assert_equal group.except("folded"), part["rows"][0].except("folded")
    assert_equal (0...group["depth"]).to_a, part["above"].map { |row| row["depth"] }
    assert_equal 0, part["above"][0]["group"]
    part["rows"][1..].each { |row| assert_equal group["group"], row["parent"] }
    object = api(server, "/api/object?id=#{facts[:order]}")
    there = api(server, "/api/tree?id=#{facts[:order]}")
    assert_equal object["group"], there["group"]
    members = api(server, "/api/find?group=#{object["group"]}&limit=5000")
    assert_equal there["rows"][0]["count"], members["count"]
    assert_includes members["objects"].map { |one| one["id"] }, facts[:order]
  end

  def test_find_goes_on
    all = api(server, "/api/find?class=String&limit=250")
    assert_operator all["count"], :>, 250
    parts = [0, 100, 200].flat_map { |offset| api(server, "/api/find?class=String&offset=#{offset}&limit=100")["objects"] }
    assert_equal all["objects"], parts.first(250)
    assert_equal [], api(server, "/api/find?class=String&offset=4000000000")["objects"]
  end

  def test_search
    assert_equal facts[:order], api(server, "/api/search?q=#{facts[:order]}")["object"]["id"]
    assert_equal facts[:order], api(server, "/api/search?q=0x#{facts[:order].to_s(16)}")["object"]["id"]
    found = api(server, "/api/search?q=sHOP%3A%3Aor")
    assert_nil found["object"]
    assert_equal(["Shop::Order"], found["classes"]["rows"].map { |row| row["class"] })
    assert_equal(["Shop::Order"], found["named"]["rows"].map { |row| row["label"] })
    assert_equal json("top", ours, "--limit", "0")["rows"].find { |row| row["class"] == "Shop::Order" }.except("unreachable"), found["classes"]["rows"][0]
  end

  # ---- an object ----

  def test_every_field_of_every_object_is_there
    objects = our_objects.group_by { |object| object["bt"] }.flat_map { |_, list| list.sample(25, random: Random.new(7)) }
    objects.each do |object|
      said = json("show", ours, object["id"], "--limit", "0")
      page = api(server, "/api/object?id=#{object["id"]}&limit=1000")
      rows = page["fields"]["rows"].dup
      while rows.size < page["fields"]["total"]
        rows.concat(api(server, "/api/object?id=#{object["id"]}&limit=1000&offset=#{rows.size}")["fields"]["rows"])
      end
      rows = rows.select { |row| row["object"] }
      ids = rows.map { |row| row["object"]["id"] }
      frames = object["frames"] ? 1 : 0
      said["references"].reject { |reference| reference["name"] == "class" || reference["name"].end_with?("{key}") || frames.positive? }
                        .each { |reference| assert_includes ids, reference["id"], "#{reference["name"]} of #{object["id"]}" }
      assert_equal [], ids - said["references"].map { |reference| reference["id"] } if frames.zero?
      assert_equal said.slice("id", "hex", "class", "label", "type", "size", "retained", "reachable"),
                   page.slice("id", "hex", "class", "label", "type", "size", "retained", "reachable")
      assert_equal said["referrer_count"], page["referrers"]["total"]
      assert_equal said["referrers"].first(1000).map { |one| [one["name"], one["id"], one["weak"]] },
                   page["referrers"]["rows"].map { |row| [row["name"], row["object"]["id"], row["weak"]] }
      assert_equal json("path", ours, object["id"], "--exclude-weak")["paths"][0] || [], page["path"]
      assert_equal said["dominator"] || nil, page["dominators"].last
    end
  end

  # The values of instance variables, arrays, hashes and structs, and strings, against the dump itself.
  def test_values_and_contents
    strings = our_objects.select { |object| object["bt"] == "T_STRING" && object["val"] }.sample(40, random: Random.new(3))
    strings.each do |string|
      contents = api(server, "/api/object?id=#{string["id"]}")["contents"]
      assert_equal string["val"], contents["text"]
      assert_equal string["bytesize"], contents["bytesize"]
      assert_equal string["truncated"] || false, contents["truncated"]
    end
    binary = our_objects.find { |object| object["val_base64"] } and
      assert_equal binary["val_base64"], api(server, "/api/object?id=#{binary["id"]}")["contents"]["base64"]
    arrays = our_objects.select { |object| object["bt"] == "T_ARRAY" && object["val"].any? }.sample(40, random: Random.new(4))
    arrays.each do |array|
      rows = api(server, "/api/object?id=#{array["id"]}&limit=1000")["fields"]["rows"].select { |row| row["name"].start_with?("val[") }
      array["val"].first(rows.size).zip(rows) do |value, row|
        assert_equal value, row["object"]["id"] if value.is_a?(Integer) && row["object"]
        assert_equal value[0] == ":" ? value : "\"#{value.delete_prefix("\\")}\"", row["text"] if value.is_a?(String)
        assert_equal "nil", row["text"] if value.nil?
      end
    end
  end

  def test_referrers_go_on
    string = facts[:store_class]
    page = api(server, "/api/object?id=#{string}&limit=1000")["referrers"]
    parts = (0...page["total"]).flat_map { |offset| api(server, "/api/referrers?id=#{string}&offset=#{offset}&limit=1")["rows"] }
    assert_equal page["rows"], parts
  end

  # One of the 300 orders is also held from elsewhere.
  def test_retained_by_class_adds_up
    page = api(server, "/api/object?id=#{facts[:app]}")
    retains = page["retains"]
    assert_equal page["retained"], retains["classes"].sum { |row| row["size"] } + retains["rest"]["bytes"]
    assert_equal retains["objects"], retains["classes"].sum { |row| row["count"] } + retains["rest"]["objects"]
    assert_equal 299, retains["classes"].find { |row| row["class"] == "Shop::Order" }["count"]
  end

  # ---- queries ----

  def test_sql
    skip "built without SQLite" unless api(server, "/api/dumps")["features"]["sql"]
    code, answer = query(server, sql: "SELECT class, count(*) AS n FROM objects WHERE class = 'Shop::Order' GROUP BY class")
    assert_equal ["200", %w[class n], [["Shop::Order", 300]]], [code, answer["columns"], answer["rows"]]
    code, answer = query(server, sql: "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3", limit: 2)
    assert_equal ["200", [[1], [2]], true], [code, answer["rows"], answer["more"]]
    _, answer = query(server, sql: "SELECT 9007199254740993, NULL, 1.5, x'00ff', 'a'", dump: 1)
    assert_equal [["9007199254740993", nil, 1.5, { "base64" => "AP8=" }, "a"]], answer["rows"]
    ["DELETE FROM objects", "ATTACH 'x' AS y", "PRAGMA writable_schema=1", "SELEC", "SELECT 1; SELECT 2", "", "SELECT load_extension('x')"].each do |sql|
      code, answer = query(server, sql: sql)
      assert_equal "400", code, "#{sql}: #{answer}"
    end
    queries = api(server, "/api/sql/queries")
    queries["queries"].each do |ready|
      code, answer = query(server, sql: ready["sql"], seconds: 60)
      assert_equal "200", code, "#{ready["name"]}: #{answer}"
    end
  end

  ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

  def test_sql_ends_in_time_and_when_told
    skip "built without SQLite" unless api(server, "/api/dumps")["features"]["sql"]
    code, answer = query(server, sql: ENDLESS, seconds: 1)
    assert_equal "408", code, answer
    ended = Thread.new { query(server, sql: ENDLESS, seconds: 60, query: "mine") }
    cancelled = 100.times.any? { sleep 0.05 and query(server, cancel: "mine")[1]["cancelled"] }
    assert cancelled
    assert_equal "409", ended.value[0]
    assert_equal false, query(server, cancel: "mine")[1]["cancelled"]
  end

  def test_sql_bodies_that_make_no_sense
    headers = { "X-Heap-Dump-Token" => server.token, "Content-Type" => "application/json" }
    ["", "null", "[]", "{", "{}", '{"sql":1}', '{"sql":"SELECT 1","sql":"SELECT 2"}', '{"sql":"SELECT 1","x":1}', '{"sql":"SELECT 1","limit":0}',
     '{"sql":"SELECT 1","limit":1e9}', '{"sql":"SELECT 1","dump":7}', "{\"sql\":\"SELECT 1\\u0000\"}", "\xff\xfe", "{\"sql\"", '{"query":"x"}'].each do |body|
      response = server.request("/api/sql", headers, method: "POST", body: body)
      assert_includes %w[400 501], response.code, body
      assert JSON.parse(response.body)["error"]
    end
    assert_equal "400", server.request("/api/sql", headers.merge("Content-Type" => "text/plain"), method: "POST", body: '{"sql":"SELECT 1"}').code
    assert_equal "413", server.request("/api/sql", headers, method: "POST", body: "x" * 100_000).code
  end

  # docs/http.md lists them, each with a chapter of its own.
  def test_every_path_that_is_documented_is_there
    text = File.read(File.join(ROOT, "docs/http.md"), encoding: "UTF-8")
    paths = text.scan(%r{^\| `GET (/api/[^`]+)` }).flatten
    assert_operator paths.size, :>=, 15
    paths.each do |path|
      body = JSON.parse(server.get(path).body)
      refute_match(/no such path/, body["error"].to_s, path)
      assert_match(/^## #{path.delete_suffix("/queries")}$/, text)
    end
  end

  # ---- files ----

  def test_a_compressed_dump_answers_the_same
    file = File.join(FOLDER, "ours.json.zst")
    assert system("zstd", "-q", "-f", ours, "-o", file)
    other = Server.new(file)
    ["/api/object?id=#{facts[:order]}", "/api/strings?limit=5", "/api/threads", "/api/tree?limit=20", "/api/find?class=Shop%3A%3A*"].each do |path|
      assert_equal api(server, path).except("file", "warnings"), api(other, path).except("file", "warnings"), path
    end
    assert_equal 0, other.stop
  end

  # What took long is in the index then: the next server has it, the same to the byte, and makes nothing anew.
  def test_answers_are_kept
    folder = Dir.mktmpdir("kept", CliTest::FOLDER)
    dump = File.join(folder, "dump.json")
    FileUtils.cp(ours, dump)
    out, err, status = run_tool("index", dump)
    assert_equal 0, status, err
    paths = %w[/api/tree?dump=0 /api/suspects?dump=0 /api/strings?dump=0 /api/collections?dump=0 /api/threads?dump=0 /api/top?by=file&dump=0]
    without = Server.new("--no-index", dump)
    expected = paths.map { |path| without.get(path).body }
    without.stop
    size = File.size("#{dump}.idx")
    kept = Server.new(dump)
    assert_equal expected, paths.map { |path| kept.get(path).body }
    object = kept.get("/api/object?dump=0&id=#{facts[:orders]}") # needs the tree, which no answer made
    assert_equal "200", object.code
    kept.stop
    assert_equal size, File.size("#{dump}.idx")
    assert_match(/next: heap_dump suspects/, out)
  end

  def test_without_an_index
    file = File.join(FOLDER, "alone.json")
    FileUtils.cp(ours, file)
    other = Server.new("--no-index", file)
    assert_equal api(server, "/api/tree?limit=20").except("file"), api(other, "/api/tree?limit=20").except("file")
    assert_equal 0, other.stop
    refute_path_exists "#{file}.idx"
  end

  # What is in the graph goes on; what would have to be read again says why it cannot.
  def test_a_dump_that_changes_meanwhile
    file = File.join(FOLDER, "changing.json")
    FileUtils.cp(ours, file)
    other = Server.new(file)
    api(other, "/api/threads") # read before
    api(other, "/api/suspects")
    File.write(file, "x" * File.size(file))
    assert_equal api(server, "/api/top").except("file"), api(other, "/api/top").except("file")
    response = other.get("/api/strings")
    assert_includes %w[409 500], response.code
    assert_match(/changed|no object|cannot/, JSON.parse(response.body)["error"])
    assert_match(/changed|no object|cannot/, api(other, "/api/object?id=#{facts[:order]}")["line_error"])
    assert_equal 0, other.stop
  end

  # ---- what makes no sense ----

  def test_errors
    { "/api/nothing" => "404", "/api/tree?group=99999999" => "404", "/api/tree?group=-1" => "400", "/api/tree?depth=0" => "400",
      "/api/tree?limit=5001" => "400", "/api/tree?x=1" => "400", "/api/tree?group=1&group=2" => "400", "/api/object" => "400",
      "/api/object?id=12" => "404", "/api/object?id=twelve" => "400", "/api/object?id=0x" => "400", "/api/object?id=99999999999999999999999" => "400",
      "/api/tree?dump=2" => "404", "/api/tree?dump=x" => "400", "/api/find?value=(" => "400", "/api/find?type=nosuch" => "400",
      "/api/find?min_size=many" => "400", "/api/top?by=weight" => "400", "/api/path" => "400", "/api/path?class=Nosuch" => "404",
      "/api/path?id=1&class=x" => "400", "/api/search" => "400", "/api/search?q=" => "400", "/api/tree?dump=%zz" => "400",
      "/api/tree?dump=%00" => "400", "/api/tree?%64ump=0" => "200", "/api/suspects?share=0" => "400", "/api/suspects?share=nan" => "400",
      "/api/strings?limit=0" => "400", "/nothing" => "404", "/assets/../../etc/passwd" => "404", "/assets/%2e%2e/%2e%2e/etc/passwd" => "404",
      "/assets/" => "404", "//etc/passwd" => "404", "/api/../api/dumps" => "404" }.each do |path, status|
      response = server.get(path)
      assert_equal status, response.code, "#{path}: #{response.body}"
      assert JSON.parse(response.body)["error"] unless status == "200"
    end
    assert_equal "414", server.request("/api/search?q=#{"x" * 9000}").code
    assert_equal "400", server.request("/api/tree?#{(1..20).map { |i| "a#{i}=1" }.join("&")}").code
  end
end
