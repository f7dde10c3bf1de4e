# frozen_string_literal: true

# Dumps full of markup, control and bidirectional characters, and names of 10 MB: every answer is valid JSON of bearable size,
# and a report stays inert and small. test/web/hostile_test.mjs looks at the page.
require_relative "helper"

class HostileAnswersTest < Minitest::Test
  include WebTest

  def folder
    @@folder ||= File.join(FOLDER, "hostile").tap do |folder|
      FileUtils.mkdir_p(folder)
      assert system(RbConfig.ruby, File.join(__dir__, "hostile_dump.rb"), folder)
    end
  end

  def each_dump
    %w[hostile long].each { |name| yield File.join(folder, "#{name}.json") }
  end

  PATHS = %w[/api/dumps /api/summary /api/suspects?share=0.1 /api/tree?depth=1000&limit=5000 /api/top /api/top?by=type /api/top?by=file /api/top?by=gem
             /api/top?by=method /api/top?by=shape /api/threads /api/strings?limit=1000 /api/collections?limit=1000 /api/find?limit=5000 /api/search?q=s
             /api/search?q=%3C].freeze

  def test_every_answer
    each_dump do |file|
      server = Server.new(file)
      PATHS.each { |path| check(server, path) }
      ids = api(server, "/api/find?limit=5000")["objects"].map { |object| object["id"] }
      ids.sample(120, random: Random.new(5)).each do |id|
        check(server, "/api/object?id=#{id}&limit=1000")
        check(server, "/api/path?id=#{id}&all=5")
        check(server, "/api/tree?id=#{id}", "400")
      end
      classes = api(server, "/api/top")["columns"]["class"]
      classes.first(60).each { |name| check(server, "/api/path?class=#{URI.encode_www_form_component(name)}", "404") if name.bytesize < 2000 && !name.include?("\0") }
      check(server, "/api/diff?dumps=0,0")
      code, answer = query(server, sql: "SELECT * FROM objects LIMIT 500")
      assert_includes %w[200 501], code, answer
      assert_equal 0, server.stop
    end
  end

  # `other`: a status that is fine, too.
  def check(server, path, other = "200")
    response = server.get(path)
    assert_includes ["200", other], response.code, "#{path}: #{response.body[0, 300]}"
    body = response.body.dup.force_encoding("UTF-8")
    assert body.valid_encoding?, path
    assert_operator body.bytesize, :<, 20_000_000, path
    strings(JSON.parse(body, max_nesting: 500)) { |text| assert_operator text.bytesize, :<=, path.include?("object?") ? 90_000 : 1003, path }
  end

  def strings(value, &block)
    case value
    when String then yield value
    when Array then value.each { |item| strings(item, &block) }
    when Hash then value.each { |key, item| yield key and strings(item, &block) }
    end
  end

  def test_reports_are_inert_and_small
    each_dump do |file|
      path = File.join(FOLDER, "hostile.html")
      _, err, status = run_tool("report", "-o", path, file)
      skip err if status == 5
      assert_equal 0, status, err
      html = File.binread(path).force_encoding("UTF-8")
      assert_operator html.bytesize, :<, 5_000_000
      data = html[%r{<script type="application/json" id="heap-dump-answers">(.*)</script>\s*<script>}m, 1]
      refute_match(/[<>&\u2028\u2029]/, data)
      refute_match(/[\u0000-\u0009\u000b-\u001f]/, data)
      assert JSON.parse(data, max_nesting: 500)["answers"]["/api/tree?dump=0"]
    end
  end
end
