# frozen_string_literal: true

# `heap_dump serve`: who may ask, what every answer forbids the browser, and clients that are slow, silent, many or hostile.
require_relative "helper"

class GuardTest < Minitest::Test
  include WebTest

  def server = @@server ||= Server.new(ours)

  # ---- who may ask ----

  def test_the_token
    assert_match(/\A\h{32}\z/, server.token)
    assert_equal "401", server.request("/api/dumps", {}).code
    [server.token.tr("0-9a-f", "1-9a-f0"), "", server.token[0, 31], "#{server.token}0", "x" * 32].each do |token|
      assert_equal "401", server.request("/api/dumps", { "X-Heap-Dump-Token" => token }).code
      assert_equal "401", server.request("/api/dumps?token=#{token}", {}).code
      assert_equal "401", server.request("/api/dumps", { "Cookie" => "heap_dump_#{server.port}=#{token}" }).code
    end
    assert_equal "200", server.request("/api/dumps?token=#{server.token}", {}).code
    page = server.request("/?token=#{server.token}", {})
    cookie = page["Set-Cookie"]
    assert_equal "heap_dump_#{server.port}=#{server.token}; Path=/; HttpOnly; SameSite=Strict", cookie
    assert_equal "200", server.request("/api/dumps", { "Cookie" => cookie[/\A[^;]*/] }).code
    assert_nil server.request("/", {})["Set-Cookie"]
    assert_nil server.request("/?token=#{"0" * 32}", {})["Set-Cookie"]
    refute_includes server.request("/", {}).body, server.token
  end

  def test_two_servers_have_two_tokens
    other = Server.new(ours)
    refute_equal server.token, other.token
    assert_equal "401", other.request("/api/dumps", { "X-Heap-Dump-Token" => server.token }).code
    assert_equal 0, other.stop
  end

  def test_the_host
    ["localhost", "localhost:#{server.port}", "LOCALHOST:80", "127.0.0.1", "127.1.2.3:8080", "[::1]:#{server.port}"].each do |host|
      assert_equal "200", server.request("/api/dumps", { "Host" => host, "X-Heap-Dump-Token" => server.token }).code, host
    end
    ["evil.example", "evil.example:#{server.port}", "127.0.0.1.evil.example", "localhost.evil.example", "127.evil.example", "10.0.0.1", "0x7f.1", "[::1].evil.example",
     "::1", "[::2]", "localhost:1:2", "localhost@evil.example", "", " ", "a" * 300].each do |host|
      ["/api/dumps", "/", "/assets/x.js"].each do |path|
        assert_includes %w[421 400], server.request(path, { "Host" => host, "X-Heap-Dump-Token" => server.token }).code, "#{host} #{path}"
      end
    end
    assert_match(/\AHTTP\/1.. 4/, server.raw("GET /api/dumps?token=#{server.token} HTTP/1.1\r\n\r\n"))
    assert_match(/\AHTTP\/1.. 421 /, server.raw("GET /api/dumps?token=#{server.token} HTTP/1.0\r\n\r\n"))
  end

  def test_other_sites
    ours = { "X-Heap-Dump-Token" => server.token }
    %w[same-origin none].each { |site| assert_equal "200", server.request("/api/dumps", ours.merge("Sec-Fetch-Site" => site)).code }
    %w[cross-site same-site other].each { |site| assert_equal "403", server.request("/api/dumps", ours.merge("Sec-Fetch-Site" => site)).code }
    assert_equal "200", server.request("/api/dumps", ours.merge("Origin" => "http://127.0.0.1:#{server.port}", "Host" => "127.0.0.1:#{server.port}")).code
    ["http://evil.example", "null", "https://127.0.0.1:#{server.port}", "http://127.0.0.1:1"].each do |origin|
      response = server.request("/api/dumps", ours.merge("Origin" => origin))
      assert_equal "403", response.code, origin
    end
  end

  def test_methods
    headers = { "X-Heap-Dump-Token" => server.token }
    %w[POST PUT DELETE PATCH OPTIONS TRACE FOO].each do |method|
      ["/api/dumps", "/api/tree", "/", "/assets/x.js"].each do |path|
        assert_equal "405", server.request(path, headers, method: method, body: method == "POST" ? "x" : nil).code, "#{method} #{path}" unless method == "TRACE"
      end
    end
    assert_equal "405", server.request("/api/sql", headers).code
    assert_equal "GET, HEAD", server.request("/api/dumps", headers, method: "DELETE")["Allow"]
    head = server.request("/api/dumps", headers, method: "HEAD")
    assert_equal ["200", nil], [head.code, head.body]
  end

  # ---- what answers say to the browser ----

  def test_headers_of_every_answer
    ["/", "/api/dumps", "/api/nothing", "/assets/nothing.js", "/api/object?id=1"].each do |path|
      response = server.request(path)
      assert_equal "nosniff", response["X-Content-Type-Options"], path
      assert_equal "no-referrer", response["Referrer-Policy"]
      assert_equal "DENY", response["X-Frame-Options"]
      assert_equal "same-origin", response["Cross-Origin-Resource-Policy"]
      assert_equal "same-origin", response["Cross-Origin-Opener-Policy"]
      assert_nil response["Access-Control-Allow-Origin"]
      assert_nil response["Server"]
      policy = response["Content-Security-Policy"].split("; ")
      assert_includes policy, "default-src 'none'"
      assert_includes policy, "frame-ancestors 'none'"
      assert_includes policy, "base-uri 'none'"
      refute_match(/unsafe|\*|http|eval/, policy.join)
    end
    assert_match(/script-src 'self'/, server.request("/")["Content-Security-Policy"])
  end

  def test_caching
    response = server.get("/api/summary")
    tag = response["ETag"]
    assert_match(/\A"\h{16}"\z/, tag)
    assert_equal "private, no-cache", response["Cache-Control"]
    again = server.request("/api/summary", { "X-Heap-Dump-Token" => server.token, "If-None-Match" => tag })
    assert_equal ["304", nil], [again.code, again.body]
    other = server.request("/api/summary", { "X-Heap-Dump-Token" => server.token, "If-None-Match" => '"0000000000000000"' })
    assert_equal response.body, other.body
    assert_equal "no-store", server.request("/api/object?id=1")["Cache-Control"]
    packed = Net::HTTP.start("127.0.0.1", server.port) { |http| http.get("/api/find?class=String", { "X-Heap-Dump-Token" => server.token, "Accept-Encoding" => "gzip" }) }
    assert_equal "gzip", packed["Content-Encoding"]
    assert_equal server.get("/api/find?class=String").body, Zlib.gunzip(packed.body)
  end

  def test_the_page
    page = server.request("/", {})
    skip "built without the page: #{page.body.lines.first}" if page.code == "501"
    assert_equal "text/html; charset=utf-8", page["Content-Type"]
    refute_match(/<script(?![^>]*\bsrc=)/, page.body, "no inline script")
    refute_match(/\son\w+=|style=|<style/, page.body)
    assets = page.body.scan(/(?:src|href)="([^"]*)"/).flatten
    assert_operator assets.size, :>=, 2
    assets.each do |asset|
      response = server.request("/#{asset}", {})
      assert_equal "200", response.code, asset
      assert_equal "public, max-age=31536000, immutable", response["Cache-Control"]
      packed = Net::HTTP.start("127.0.0.1", server.port) { |http| http.get("/#{asset}", { "Accept-Encoding" => "gzip" }) }
      assert_equal response.body, packed["Content-Encoding"] == "gzip" ? Zlib.gunzip(packed.body).b : packed.body.b
    end
  end

  # ---- clients ----

  # Answers while others hold their connections: silent, dripping, not reading.
  def test_slow_clients_keep_nobody_waiting
    silent = Array.new(60) { TCPSocket.open("127.0.0.1", server.port) }
    dripping = Array.new(60) { TCPSocket.open("127.0.0.1", server.port).tap { |socket| socket.write("GET /api/dumps HTTP/1.1\r\nHost: loc") } }
    lazy = Array.new(40) do
      TCPSocket.open("127.0.0.1", server.port).tap do |socket|
        socket.write("GET /api/strings?limit=1000&token=#{server.token} HTTP/1.1\r\nHost: localhost\r\n\r\n")
      end
    end
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    20.times { assert_equal "200", server.request("/api/dumps").code }
    assert_operator Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun, :<, 20
    # what drips on is cut off all the same
    cut = Timeout.timeout(40) do
      loop do
        dripping[0].write("x")
        sleep 0.5
      rescue SystemCallError
        break true
      end
    end
    assert cut
  ensure
    [silent, dripping, lazy].compact.flatten.each(&:close)
  end

  def test_a_hundred_at_once
    paths = ["/api/dumps", "/api/tree", "/api/top", "/api/summary", "/api/find?class=String", "/api/object?id=#{facts[:order]}", "/api/strings?limit=7"]
    answers = paths.to_h { |path| [path, server.get(path).body] }
    threads = Array.new(100) do |i|
      Thread.new { 5.times.map { |k| [path = paths[(i + k) % paths.size], server.get(path)] } }
    end
    threads.flat_map(&:value).each do |path, response|
      assert_equal "200", response.code, path
      assert_equal answers[path], response.body, path
    end
  end

  def test_what_is_no_http
    ["\0" * 1000, "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "x" * 100_000, "GET / HTTP/1.1\r\n#{"A: b\r\n" * 10_000}\r\n", "POST /api/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
     "POST /api/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx", "POST /api/sql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     "GET /api/dumps?#{"%" * 500} HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00"].each do |text|
      answer = server.raw(text)
      assert(answer.empty? || answer.start_with?("HTTP/1."), answer)
      refute_match(/\AHTTP\/1.. 200/, answer)
    rescue Errno::EPIPE, Errno::ECONNRESET
      nil
    end
    assert_equal "200", server.request("/api/dumps").code
  end

  # Random changes to addresses that are right: an answer or an error, and the server goes on.
  def test_addresses_that_are_not_quite_right
    random = Random.new(Integer(ENV.fetch("SEED", "20261125")))
    good = ["/api/tree?group=0&depth=2&limit=5", "/api/find?class=Shop%3A%3A*&limit=3&min_size=1k", "/api/object?id=#{facts[:order]}&offset=1", "/api/search?q=%E2%82%AC+x", "/api/top?by=type&sort=size"]
    bytes = ["%", "&", "=", "?", "#", "%00", "%ff", "+", "/", "..", "\\", "\xc3".b, "9" * 30, "-1", "[", "*", "dump=0", ";", "\t"]
    400.times do
      path = good.sample(random: random).b
      rand(1..4).times { path[random.rand(path.size), random.rand(0..2)] = bytes.sample(random: random).b }
      path = "/#{path.delete("\r\n\0 ")}" unless path.start_with?("/")
      answer = server.raw("GET #{path.delete("\r\n\0 \t")} HTTP/1.1\r\nHost: localhost\r\nX-Heap-Dump-Token: #{server.token}\r\nConnection: close\r\n\r\n".b)
      status = answer[/\AHTTP\/1\.. (\d+)/, 1]
      assert_includes %w[200 202 400 404 405 414 421 501], status, path
      JSON.parse(answer.split("\r\n\r\n", 2)[1]) if answer.include?("application/json")
    end
    assert_equal "200", server.request("/api/dumps").code
  end

  # ---- beginning and end ----

  def test_ends_on_signals
    %i[INT TERM HUP].each do |signal|
      other = Server.new(ours)
      waiting = TCPSocket.open("127.0.0.1", other.port)
      assert_equal 0, other.stop(signal), signal
      waiting.close
    end
  end

  def test_control_c_at_a_terminal
    require "pty"
    PTY.spawn(CliTest::TOOL, "serve", ours) do |reading, writing, pid|
      shown = +""
      Timeout.timeout(30) { shown << reading.readpartial(1000) until shown.include?("Ctrl-C ends it") }
      assert_match(%r{^http://127\.0\.0\.1:\d+/\?token=\h{32}\r\n}, shown)
      writing.write("\x03")
      assert_equal 0, Timeout.timeout(20) { Process.wait2(pid)[1].exitstatus }
    end
  end

  def test_a_query_does_not_keep_it_alive
    other = Server.new(ours)
    asking = Thread.new do
      query(other, sql: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c", seconds: 60)
    rescue SystemCallError, EOFError
      nil
    end
    sleep 0.5
    assert_equal 0, other.stop
    asking.join
  end

  def test_only_loopback_and_only_what_is_free
    port = format(":%04X", server.port)
    listening = File.readlines("/proc/net/tcp").map(&:split).select { |row| row[3] == "0A" && row[1].end_with?(port) }
    assert_equal(["0100007F"], listening.map { |row| row[1][/\A\h+/] })
    out, err, status = run_tool("serve", "--port", server.port, ours)
    assert_equal [4, ""], [status, out]
    assert_match(/cannot listen on 127\.0\.0\.1, port #{server.port}: /, err)
    assert_equal 2, run_tool("serve", "--port", 65_536, ours)[2]
    assert_equal 2, run_tool("serve", "--bind", "localhost", ours)[2]
    assert_equal 2, run_tool("serve", "-")[2]
    assert_equal 3, run_tool("serve", __FILE__)[2]
    assert_equal 4, run_tool("serve", "/nonexistent")[2]
    assert_equal 2, run_tool("serve", *[ours] * 9)[2]
  end

  def test_another_address_is_warned_about
    other = Server.new("--bind", "0.0.0.0", ours)
    assert_match(/whoever can reach it/, File.read(other.errors))
    headers = { "X-Heap-Dump-Token" => other.token }
    assert_equal "200", other.request("/api/dumps", headers.merge("Host" => "10.1.2.3:80")).code
    assert_equal "421", other.request("/api/dumps", headers.merge("Host" => "evil.example")).code
    assert_equal 0, other.stop
  end

  # Built on a machine without libmicrohttpd and npm.
  def test_without_what_it_needs
    tool = File.join(CliTest::ROOT, "build/test/without_web")
    skip "#{tool} is not there: make unit" unless File.exist?(tool)
    out, err, status = Open3.capture3(tool, "serve", ours)
    assert_equal ["", 5], [out, status.exitstatus]
    assert_match(/built without libmicrohttpd.*install libmicrohttpd-dev and build again/, err)
    out, err, status = Open3.capture3(tool, "report", "-o", "-", ours)
    assert_equal ["", 5], [out, status.exitstatus]
    assert_match(/built without its page.*install nodejs and npm and build again/, err)
  end

  # ---- long work ----

  STRINGS = 400_000

  def test_long_work_tells_how_far_it_is_and_ends_when_told
    file = File.join(CliTest::FOLDER, "many.json")
    assert system(RbConfig.ruby, File.join(CliTest::ROOT, "bench/heap_file.rb"), "array", STRINGS.to_s, file)
    other = Server.new(file)
    # more than its threads can be through with at once
    paths = (1..12).map { |i| "/api/strings?limit=#{i}" }
    first = paths.map { |path| Thread.new { other.request(path) } }.map(&:value)
    told = first.select { |response| response.code == "202" }.map { |response| JSON.parse(response.body) }
    refute_empty told
    told.each do |state|
      assert_includes %w[waiting running], state["state"]
      assert(state["progress"].nil? || state["progress"].between?(0, 1))
      assert_operator state["seconds"], :>=, 0
    end
    last = first.rindex { |response| response.code == "202" }
    given_up = JSON.parse(other.request("#{paths[last]}&cancel=1").body)
    assert_includes ["cancelled", "not running"], given_up["state"]
    (paths - [paths[last]]).each { |path| assert_equal "200", other.get(path).code }
    assert_equal "200", other.get(paths[last]).code, "what was given up can be asked again"
    assert_equal 0, other.stop
  end

  def test_nothing_to_cancel
    answer = server.request("/api/collections?limit=999&cancel=1")
    assert_equal ["200", { "state" => "not running" }], [answer.code, JSON.parse(answer.body)]
    assert_equal "400", server.request("/api/collections?cancel=2").code
  end

  # Lists of many links are paths and chains of dominators, too: an answer has its two ends.
  def test_long_lists
    file = File.join(CliTest::FOLDER, "list.json")
    assert system(RbConfig.ruby, File.join(CliTest::ROOT, "bench/heap_file.rb"), "chain", "100000", file)
    other = Server.new(file)
    last = 0x7f00_0000_0000 + 99_999 * 40
    object = JSON.parse(other.get("/api/object?id=#{last}").body)
    assert_equal 201, object["path"].size
    assert_equal 100_000 - 200, object["path"][100]["skipped"]
    assert_equal last, object["path"].last["id"]
    assert_equal 51, object["dominators"].size
    assert_operator other.get("/api/tree").body.bytesize, :<, 100_000
    assert_equal 0, other.stop
  end
end
