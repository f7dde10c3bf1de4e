# frozen_string_literal: true

# `heap_dump report`: one file with the answers of the server, inert, small, and without contents where that was asked for.
require_relative "helper"

class ReportTest < Minitest::Test
  include WebTest

  SECRET = "s3cr3t-%d"

  # Everything in which a program keeps texts.
  SCRIPT = <<~'RUBY'
    require "heap_dump"
    require "json"
    def secret = format("s3cr3t-%d", $count = ($count || 0) + 1)
    class Vault
      Pair = Struct.new(:left, :right)
      def initialize
        @short = secret[0, 20]
        @long = secret + "x" * 9000
        @binary = (secret + "\xff\xfe").b
        @symbol = secret.to_sym
        @regexp = Regexp.new(secret)
        @hash = { secret => secret, secret.to_sym => 1, secret.freeze => [secret] }
        @by_identity = {}.compare_by_identity.merge!(secret => secret)
        @pair = Pair.new(secret, secret.to_sym)
        @array = Array.new(50) { secret }
        @big = Integer("8" + "1234567890" * 10)
        @float = 1234567.25
        @file = File.open(ARGV[0] + "/" + secret, "w")
        @proc = proc { secret }
        @number = 987_654_321
      end
    end
    $vault = Array.new(400) { Vault.new }
    Thread.new { Thread.current["open" + "sesame"] = [1]; Thread.current[secret] = secret; Thread.current.name = secret; local = secret; Thread.stop }
    Thread.pass until Thread.list.size == 2 && Thread.list.last.status == "sleep"
    process = secret
    $0 = "runs #{process}"
    HeapDump.dump("secrets.json")
    File.open("secrets-os.json", "w") { |file| require "objspace"; ObjectSpace.dump_all(output: file) }
  RUBY

  def secrets
    @@secrets ||= begin
      out, err, status = Open3.capture3(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-e", SCRIPT, FOLDER, chdir: FOLDER)
      raise "no dump: #{out}#{err}" unless status.success?

      File.join(FOLDER, "secrets.json")
    end
  end

  def report(*words, name: "report.html")
    path = File.join(FOLDER, name)
    out, err, status = run_tool("report", "-o", path, *words)
    skip err if status == 5
    assert_equal 0, status, err + out
    File.binread(path).force_encoding("UTF-8")
  end

  def answers(html)
    assert html.valid_encoding?
    elements = html.scan(%r{<script type="application/json" id="heap-dump-answers">(.*?)</script>}m)
    assert_equal 1, elements.size
    JSON.parse(elements[0][0], max_nesting: 200)
  end

  def test_answers_are_those_of_the_server
    server = Server.new(ours, object_space)
    recorded = answers(report(ours, object_space))
    assert_equal [1, false], recorded.values_at("version", "redacted")
    all = recorded["answers"]
    [0, 1].each do |dump|
      %w[summary suspects tree threads strings collections].each { |path| assert all["/api/#{path}?dump=#{dump}"], path }
      %w[class type].each { |by| assert all["/api/top?by=#{by}&dump=#{dump}"], by }
    end
    assert all["/api/diff"]
    %w[/api/dumps /api/summary?dump=0 /api/suspects?dump=1 /api/threads?dump=0 /api/strings?dump=1 /api/collections?dump=0 /api/top?by=class&dump=0].each do |key|
      assert_equal api(server, key), all[key], key
    end
    objects = all.keys.grep(%r{\A/api/object\?})
    assert_operator objects.size, :>, 20
    objects.sample(15, random: Random.new(1)).each do |key|
      live = api(server, key)
      assert_equal live.except("fields", "referrers"), all[key].except("fields", "referrers")
      %w[fields referrers].each do |list|
        assert_equal live[list]["rows"].first(all[key][list]["rows"].size), all[key][list]["rows"]
        assert_equal live[list]["total"], all[key][list]["total"]
      end
    end
    assert_includes objects, "/api/object?dump=0&id=#{all["/api/suspects?dump=0"]["suspects"][0]["path"].last["id"]}" if all["/api/suspects?dump=0"]["suspects"].any?
    assert_equal 0, server.stop
  end

  def test_the_file
    html = report(ours)
    path = File.join(FOLDER, "report.html")
    assert_equal 0o600, File.stat(path).mode & 0o777
    assert_operator html.bytesize, :<, 5_000_000
    policy = html[/<meta http-equiv="Content-Security-Policy" content="([^"]*)">/, 1]
    assert_match(/\Adefault-src 'none'; /, policy)
    refute_match(/unsafe|http|\*/, policy)
    refute_match(%r{(?:src|href)="(?!data:)(?!#)}, html[/\A.*?<script type="application/, 0] || html)
    out, _, status = run_tool("report", "-o", "-", ours)
    assert_equal [0, html.bytesize], [status, out.bytesize]
    said = JSON.parse(run_tool("report", "--json", "-o", path, ours)[0])
    assert_equal [path, html.bytesize, false], said.values_at("file", "bytes", "redacted")
  end

  def test_an_earlier_file_is_left_alone_if_it_fails
    path = File.join(FOLDER, "kept.html")
    File.write(path, "earlier")
    assert_equal 3, run_tool("report", "-o", path, __FILE__)[2]
    assert_equal 4, run_tool("report", "-o", path, "/nonexistent")[2]
    assert_equal "earlier", File.read(path)
    assert_equal 4, run_tool("report", "-o", "/nonexistent/x.html", ours)[2]
    assert_equal 2, run_tool("report", ours)[2]
    assert_equal 2, run_tool("report", "-o", path, "-")[2]
    assert_equal 2, run_tool("report", "--json", "-o", "-", ours)[2]
    assert_equal 2, run_tool("report", "-o", path, ours, ours, ours, ours)[2]
    assert_equal "earlier", File.read(path)
  end

  def test_a_full_disk
    _, err, status = run_tool("report", "-o", "-", ours)
    assert_equal 0, status, err
    status = system("#{TOOL} report -o - #{ours} > /dev/full 2> #{FOLDER}/full.err")
    refute status
    assert_match(/standard output/, File.read("#{FOLDER}/full.err"))
  end

  # With what stands around it, not all of the file.
  def refute_in(text, pattern, why = nil)
    at = text =~ pattern or return pass
    flunk "#{why || pattern.inspect}: …#{text[[at - 300, 0].max, 400]}…"
  end

  def test_redacted_has_no_contents
    dump = secrets
    plain = report(dump, name: "plain.html")
    assert plain.match?(/s3cr3t-\d/), "the test would find them"
    assert_equal 0, run_tool("index", dump).last # with all that is kept there
    [[dump], [File.join(FOLDER, "secrets-os.json")], [dump, dump]].each do |files|
      html = report("--redact", *files, name: "redacted.html")
      refute_in html, /s3cr3t/
      refute_in html, /8123456789/, "a big number"
      refute_in html, /opensesame/, "a thread-local's name"
      refute_in html, /987654321|1234567\.25/, "a number of the program's"
      recorded = answers(html)
      assert_equal true, recorded["redacted"]
      assert recorded["answers"]["/api/suspects?dump=0"]
      assert html.include?("Vault")
    end
    # the index beside the dump keeps all names
    assert run_tool("tree", "--depth", "0", "--limit", "0", "--min", "0", dump)[0].include?("s3cr3t")
  end

  def test_redacted_the_first_time_the_dump_is_read
    copy = File.join(FOLDER, "fresh.json")
    FileUtils.cp(secrets, copy)
    refute_in report("--redact", copy, name: "fresh.html"), /s3cr3t/
    server = Server.new(copy)
    assert server.get("/api/tree?depth=100&limit=5000").body.include?("s3cr3t"), "redaction is not for ever"
    assert_equal 0, server.stop
  end
end
