# frozen_string_literal: true

# What the tests of MongoDB share: two independent servers of its protocol, the real mongoimport, Ruby's driver as a witness,
# and dumps of processes full of what a database could stumble over. What a document must look like is worked out here from
# the dump's lines alone, by docs/format.md and docs/mongodb.md.

require "minitest/autorun"
require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"
require "timeout"

module MongoTest
  ROOT = File.expand_path("../..", __dir__)
  TOOL = ENV.fetch("HEAP_DUMP_TOOL", File.join(ROOT, "build/heap_dump"))
  EXTENSION = ENV.fetch("HEAP_DUMP_EXT", File.join(ROOT, "build/ext"))
  BUILT = File.join(ROOT, "build/mongodb")
  FOLDER = Dir.mktmpdir("heap_dump-mongodb")

  # Why something was not built; nil if it was. mongoimport, ferretdb, java.
  def self.missing(part)
    @reasons ||= Open3.capture3(File.join(ROOT, "test/mongodb/build"))[1]
    there = part == "java" ? "java/done" : "go/#{part}"
    "#{part} is not there: #{@reasons}" unless File.exist?(File.join(BUILT, there))
  end

  # A server in a process of its own. It ends when its standard input does, at the latest with the tests.
  class Server
    attr_reader :uri, :pid

    def self.all = (@all ||= [])

    def initialize(*command)
      Server.all << self
      reader, writer = IO.pipe
      in_reader, @input = IO.pipe
      @log = File.join(FOLDER, "server-#{Server.all.size}.log")
      @pid = Process.spawn(*command, in: in_reader, out: writer, err: @log, pgroup: true)
      [writer, in_reader].each(&:close)
      @uri = Timeout.timeout(60) { reader.gets } or raise "no server: #{File.read(@log)}"
      @uri = @uri.chomp.delete_suffix("/")
    end

    def port = @uri[/\d+$/].to_i
    def log = File.read(@log)

    # As a witness: Ruby's own driver. Its log is of no interest.
    def client(database)
      require "mongo"
      Mongo::Logger.logger.level = Logger::FATAL
      @clients ||= {}
      @clients[database] ||= Mongo::Client.new(["127.0.0.1:#{port}"], database: database, server_selection_timeout: 10)
    end

    def kill
      Process.kill(:KILL, @pid)
      stop
    end

    def stop
      @clients&.each_value(&:close)
      @input.close unless @input.closed?
      Process.wait(@pid) if @pid
      @pid = nil
    end
  end

  Minitest.after_run do
    Server.all.each { |server| server.stop if server.pid }
    FileUtils.rm_rf(FOLDER)
  end

  def self.memory_server
    @memory_server ||= Server.new("java", "-Xmx3g", "-cp", "#{BUILT}/java:#{BUILT}/java/*", "MemoryServer")
  end

  def self.ferretdb(folder, *certificate)
    FileUtils.mkdir_p(folder)
    Server.new("#{BUILT}/go/ferretdb", folder, *certificate)
  end

  # Runs a Ruby script with heap_dump loaded, in the folder of the tests.
  def self.ruby(script)
    out, err, status = Open3.capture3(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, "-rheap_dump", "-e", script, chdir: FOLDER)
    raise "no dump: #{err}#{out}" unless status.success?
  end

  # Keys and values that are hard on a database. Dots in keys are apart: not every server takes them.
  HOSTILE = <<~'RUBY'
    $hostile = { "$oid" => "5f0000000000000000000000", "$date" => 0, "$numberLong" => "1", "$" => 1, "" => "empty", 7 => "number",
                 "7" => "digits", :"7" => "symbol", "-1" => 1, -1 => 2, ":colon" => 1, colon: 2, ":" => 3, "\\" => 4, "\\$oid" => 5,
                 "#<7>" => 6, "_id" => 7, "id" => 8, "references" => [9], "dump" => { "_id" => { "id" => 10 } }, "__proto__" => 11,
                 "k" * (1 << 20) => "long", "\xff\xfe" => "broken", "\xff\xfe".b => "binary", "nul\0" => "nul", "s\0": 1, nil => 2,
                 true => 3, 2.5 => 4, Float::NAN => 5, [1] => 6, 2**63 => 7, "é" => 8, "e\u0301" => 9, "é".encode("UTF-16LE") => 10 }
    $values = [2**63, -2**63, 2**63 - 1, 2**64, 2**64 + 1, 2**62, 2**62 - 1, -2**62, 2**53, 2**53 + 1, 2**31, 2**31 - 1, -2**31,
               -2**31 - 1, 0, -1, Float::NAN, Float::INFINITY, -Float::INFINITY, -0.0, 0.1, 1e300, 1e-310, 5e-324, 2.0, true, false, nil,
               "", "\0", "a\0b", "caf\xc3", "\u{1f600}", ":a", "\\a", :a, :"a b", "$oid", "x" * 5000, "y" * (1 << 20), 3**5000, 1r, 1i]
    $same_look = [{ "a" => 1, a: 2 }, { 1 => 1, "1" => 2, 1.0 => 3, :"1" => 4 }]
  RUBY
  DOTS = '$dots = { "a.b" => 1, "." => 2, ".." => 3, "$.x" => 4, "a." => 5 }'

  # At least 100,000 objects: everything above, an Array of three million, and orders and strings to count.
  BIG = <<~RUBY
    #{HOSTILE}
    #{DOTS}
    module Shop
      class Order
        def initialize(number) = (@number = number; @text = "the text of order number \#{number}")
      end
    end
    $orders = Array.new(30_000) { |i| Shop::Order.new(i) }
    $strings = Array.new(40_000) { |i| "string number \#{i % 30_000} of a heap that has some twice" }
    $long = Array.new(3_000_000) { |i| i.even? ? i : -i * 2**33 }
    HeapDump.dump("big.json", string_limit: 1 << 20)
  RUBY

  def self.big
    @big ||= ruby(BIG) || File.join(FOLDER, "big.json")
  end

  # Few objects, no dots. Prepended: what the process is to have besides.
  def self.small(name = "small", before = "")
    (@small ||= {})[name] ||= ruby("#{HOSTILE}\n#{before}\nHeapDump.dump(#{"#{name}.json".inspect})") || File.join(FOLDER, "#{name}.json")
  end

  # The dump's lines as JSON, one after the other.
  def self.lines(dump)
    return enum_for(:lines, dump) unless block_given?

    File.foreach(dump) { |line| yield JSON.parse(line[1..]) if line.size > 2 }
  end

  # docs/format.md, "References": every integer between LO and HI, less the exceptions, and the ids in keys.
  def self.references(line, heap, found = [], top: true)
    case line
    when Integer then found << line if line.between?(*heap)
    when Array then line.each { |element| references(element, heap, found, top: false) }
    when Hash
      line.each do |key, value|
        found << key[/\d+/].to_i if key.match?(/\A#<\d+>\z/)
        references(value, heap, found, top: false) unless key == "fix" || (top && (key == "id" || key == "continues"))
      end
    end
    found
  end

  # What docs/mongodb.md says the line's document is.
  def self.document(line, name, heap)
    ids = %w[_DUMP_ _END_].include?(line["id"]) ? [] : references(line, heap).uniq.sort
    document = { "_id" => { "dump" => name, "id" => line["id"] }, "id" => line["continues"] || line["id"] }
    document.merge!(line.reject { |key, _| key == "id" })
    document["references"] = ids unless ids.empty?
    document
  end

  def run_tool(*words, **options)
    out, err, status = Open3.capture3(TOOL, *words, **options)
    [out.force_encoding("UTF-8"), err.force_encoding("UTF-8"), status]
  end

  def export(dump, to, *words)
    out, err, status = run_tool("export", dump, "--to", to, *words)
    assert_equal 0, status.exitstatus, err
    [out, err]
  end

  # Every document of the dump in the collection is its line's, in all values, types and in order; none is missing or too many.
  # `forgive` turns the text that is wanted into what the server makes of it.
  def assert_documents(dump, collection, count: MongoTest.lines(dump).count, leave_out: ->(_) { false }, filter: {}, forgive: :itself.to_proc, batch: 40, &expected)
    wanted = {}
    MongoTest.lines(dump) { |line| wanted[line["id"]] = line unless leave_out[line] }
    assert_equal count, wanted.size if count
    seen = 0
    collection.find(filter).batch_size(batch).each do |document| # each may have a megabyte
      id = document["_id"].is_a?(Hash) ? document["_id"]["id"] : document["_id"]
      line = wanted.delete(id) or flunk "#{id} is in the collection twice, or is no line"
      # As text: 2 and 2.0 are not the same, nor is another order.
      want, got = [expected[line], document].map { |hash| JSON.generate(hash) }
      want = forgive[want] if want != got
      assert_equal want, got if want != got
      seen += 1
    end
    assert_empty wanted.keys.first(5), "lines that are not in the collection"
    seen
  end

  def heap_of(dump) = MongoTest.lines(dump).first["heap"]

  def assert_exported(dump, collection, name, **options)
    heap = heap_of(dump)
    assert_documents(dump, collection, filter: { "_id.dump" => name }, **options) { |line| MongoTest.document(line, name, heap) }
  end

  # The README's command as it stands there, in a folder with a dump.json; mongoimport is the real one, told the port.
  def run_pipeline(dump, port)
    command = File.read(File.join(ROOT, "README.md"))[/^cat dump\.json \| sed .* mongoimport .*$/]
    assert_equal %q(cat dump.json | sed 's/^[,\[]//;s/\]$//;s/^{"id"/{"_id"/' | mongoimport -d database_name -c collection_name --drop --type json), command
    Dir.mktmpdir(nil, FOLDER) do |folder|
      File.symlink(dump, File.join(folder, "dump.json"))
      File.write(File.join(folder, "mongoimport"), "#!/bin/sh\nexec #{BUILT}/go/mongoimport --port #{port} \"$@\"\n", perm: 0o755)
      Open3.capture2e({ "PATH" => "#{folder}:#{ENV.fetch("PATH")}" }, command, chdir: folder)
    end
  end

  # The pipelines of docs/mongodb.md, by the words before them.
  def self.queries
    File.read(File.join(ROOT, "docs/mongodb.md")).scan(/((?:^[^\n]+\n)+)\n```js\ndb\.heap\.aggregate\((.*?)\)\n```/m)
        .to_h { |words, pipeline| [words, JSON.parse(pipeline)] }
  end

  def query(words, renamed = {})
    pipeline = MongoTest.queries.find { |before, _| before.include?(words) }&.last || flunk("docs/mongodb.md has no query about #{words}")
    renamed.reduce(JSON.generate(pipeline)) { |json, (from, to)| json.gsub(JSON.generate(from), JSON.generate(to)) }.then { |json| JSON.parse(json) }
  end
end
