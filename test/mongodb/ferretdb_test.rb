# frozen_string_literal: true

# The same against FerretDB with its SQLite backend, which keeps what it has on disk, speaks TLS and asks for users. What it
# refuses although MongoDB takes it is named here, with its own words; everything else must be equal.

require_relative "helper"
require "openssl"
require "pty"

class MongoFerretTest < Minitest::Test
  include MongoTest

  # Of 0.0 and -0.0 it makes one.
  ZERO = ->(text) { text.gsub(/(?<=[:,\[])-0\.0(?=[,}\]])/, "0.0") }
  # Ruby's driver cannot ask it for a second batch: it sends the number of the cursor as 32 bits, FerretDB wants 64.
  ALL = 1_000_000
  DOT = /key must not contain '\.' sign/

  def setup
    reason = MongoTest.missing("ferretdb")
    skip reason if reason
  end

  def server = (@@server ||= MongoTest.ferretdb(File.join(FOLDER, "ferretdb")))

  # FerretDB has no dots in keys; a process always has some Hash with a path or a version in a key.
  def dotted?(value)
    case value
    when Hash then value.any? { |key, inner| key.include?(".") || dotted?(inner) }
    when Array then value.any? { |element| dotted?(element) }
    end
  end

  def dotted(dump) = MongoTest.lines(dump).select { |line| dotted?(line) }

  # A dump of which FerretDB takes all lines: those with dots in keys are left out.
  def plain
    @@plain ||= File.join(FOLDER, "plain.json").tap do |path|
      File.open(path, "w") { |file| File.foreach(MongoTest.small) { |line| file << line unless line.size > 2 && dotted?(JSON.parse(line[1..])) } }
    end
  end

  def test_mongoimport_takes_the_lines_as_they_are
    skip MongoTest.missing("mongoimport") if MongoTest.missing("mongoimport")
    said, status = run_pipeline(plain, server.port)
    assert status.success?, said
    assert_includes said, "#{MongoTest.lines(plain).count} document(s) imported successfully. 0 document(s) failed to import."
    collection = server.client("database_name")[:collection_name]
    assert_operator collection.find("bt" => "T_FLOAT").batch_size(ALL).map { |o| o["val"] }.select { |v| v.is_a?(Float) }.map(&:to_s).count("-0.0"), :==, 0,
                    "FerretDB keeps -0.0 now: nothing to forgive"
    assert_documents(plain, collection, forgive: ZERO, batch: ALL) do |line|
      { "_id" => line["id"] }.merge(line.reject { |key, _| key == "id" })
    end
    said, status = run_pipeline(MongoTest.small("dots", DOTS), server.port)
    refute status.success?
    assert_match DOT, said, "FerretDB takes dots in keys now: no lines need to be left out any more"
  end

  def test_export_adds_all_that_the_server_takes_and_names_the_rest
    dump = MongoTest.small("dots", DOTS)
    refused = dotted(dump).map { |line| line["id"] }
    refute_empty refused
    2.times do # nothing comes in twice
      out, err, status = run_tool("export", dump, "--to", "#{server.uri}/shop/heap")
      assert_equal 4, status.exitstatus
      assert_empty out
      assert_match(/\Aheap_dump export: [\d,]+ documents of the dump "dots" are in shop\.heap; the server refused #{refused.size}, the first one with: .*#{DOT}/, err)
      heap = server.client("shop")[:heap]
      note = heap.find("id" => "_IMPORT_").first
      assert_equal 0, note["lines"], "the next run tries them again"
      heap.delete_one("_id" => note["_id"])
      assert_exported(dump, heap, "dots", count: nil, forgive: ZERO, batch: ALL, leave_out: ->(line) { refused.include?(line["id"]) })
      heap.insert_one(note)
    end
    assert_equal %w[_id_ bt_1__id.dump_1 class_1__id.dump_1 id_1__id.dump_1 references_1__id.dump_1 type_name_1__id.dump_1],
                 server.client("shop")[:heap].indexes.map { |index| index["name"] }.sort
  end

  # FerretDB 1.24 works out the first sum of a $group only, and has neither $lookup nor $graphLookup.
  def test_queries
    export(plain, "#{server.uri}/shop/queries", "--name", "web1")
    heap = server.client("shop")[:queries]
    lines = MongoTest.lines(plain).select { |line| line["bt"] }
    types = query("Objects without a class")
    both = heap.aggregate(types, batch_size: ALL).map { |row| row["bytes"] }.uniq
    assert_equal [0], both, "FerretDB works out all sums of a $group now: compare them all"
    types[1]["$group"].delete("objects")
    got = heap.aggregate(types, batch_size: ALL).to_h { |row| [row["_id"].values_at("bt", "type"), row["bytes"]] }
    assert_equal lines.group_by { |o| o.values_at("bt", "type_name") }.transform_values { |of| of.sum { |o| o["size"] } }, got
    got = heap.aggregate(query("The biggest objects")).map { |row| row["size"] }
    assert_equal lines.map { |line| line["size"] }.max(10), got
    twice = query("Strings that are there several times").reject { |stage| stage["$limit"] || stage["$sort"] }
    refused = assert_raises(Mongo::Error::OperationFailure) { heap.aggregate(twice).to_a }
    assert_includes refused.message, '$group accumulator "$min" is not implemented yet'
    twice[1]["$group"].delete("one")
    strings = lines.select { |o| o["bt"] == "T_STRING" && o["val"] && !o["truncated"] }.group_by { |o| o["val"] }
    assert_equal strings.count { |_, of| of.size > 1 }, heap.aggregate(twice, batch_size: ALL).count
    { "The classes with the most objects" => "$lookup", "A path from the roots" => "$graphLookup" }.each do |words, stage|
      refused = assert_raises(Mongo::Error::OperationFailure) { heap.aggregate(query(words)).to_a }
      assert_includes refused.message, %(`aggregate` stage "#{stage}" is not implemented yet)
    end
  end

  # Key and certificate for 127.0.0.1, signed by itself.
  def certificate
    key = OpenSSL::PKey::RSA.new(2048)
    certificate = OpenSSL::X509::Certificate.new
    certificate.version = 2
    certificate.serial = 1
    certificate.subject = certificate.issuer = OpenSSL::X509::Name.parse("/CN=127.0.0.1")
    certificate.public_key = key.public_key
    certificate.not_before = Time.now - 3600
    certificate.not_after = Time.now + 3600
    extensions = OpenSSL::X509::ExtensionFactory.new(certificate, certificate)
    certificate.add_extension(extensions.create_extension("subjectAltName", "IP:127.0.0.1"))
    certificate.add_extension(extensions.create_extension("basicConstraints", "CA:TRUE", true))
    certificate.sign(key, OpenSSL::Digest.new("SHA256"))
    { "certificate.pem" => certificate, "key.pem" => key }.map { |name, pem| File.join(FOLDER, name).tap { |path| File.write(path, pem.to_pem) } }
  end

  def test_tls
    files = certificate
    secure = MongoTest.ferretdb(File.join(FOLDER, "tls"), *files)
    host = secure.uri[/127\.0\.0\.1:\d+/]
    export(plain, "mongodb://#{host}/shop/heap?tls=true&tlsCAFile=#{files.first}")
    out, = export(plain, "mongodb://#{host}/shop/heap?tls=true&tlsCAFile=#{files.first}")
    assert_includes out, "already, whole"
    _, err, status = run_tool("export", plain, "--to", "mongodb://#{host}/shop/heap?tls=true")
    assert_equal 4, status.exitstatus
    assert_match(/cannot reach MongoDB at #{host} to connect: .*TLS handshake failed.*certificate verify failed/, err)
    _, err, status = run_tool("export", plain, "--to", "mongodb://#{host}/shop/heap")
    assert_equal 4, status.exitstatus
    assert_match(/cannot reach MongoDB at #{host} to connect: /, err)
  ensure
    secure&.stop
  end

  def test_users
    host = server.uri[/127\.0\.0\.1:\d+/]
    # With the mechanism that FerretDB has any user may come in ...
    out, err = export(plain, "mongodb://anna:s3cr%40t@#{host}/shop/users?authMechanism=PLAIN")
    assert_includes out, 'documents of the dump "plain" are in shop.users'
    refute_match(/s3cr/, out + err)
    # ... and with others none.
    out, err, status = run_tool("export", plain, "--to", "mongodb://anna:s3cr%40t@#{host}/shop/users")
    assert_equal 4, status.exitstatus
    assert_match(/MongoDB at #{host} does not accept the user or the password: .*; if the user is of another database, end the URI with \?authSource=admin/, err)
    refute_match(/s3cr/, out + err)
  end

  def test_the_place_may_be_in_a_file_or_the_environment
    host = server.uri[/127\.0\.0\.1:\d+/]
    uri = "mongodb://anna:s3cr%40t@#{host}/shop/places?authMechanism=PLAIN"
    File.write(File.join(FOLDER, "uri"), "#{uri}\n", perm: 0o600)
    export(plain, "mongodb:file:#{File.join(FOLDER, "uri")}")
    out, _, status = run_tool({ "HEAP_DUMP_URI" => uri }, "export", plain, "--to", "mongodb:env:HEAP_DUMP_URI")
    assert status.success?
    assert_includes out, 'the dump "plain" was in shop.places already, whole'
  end

  def run_tool(*words, **options)
    environment = words.first.is_a?(Hash) ? [words.shift] : []
    out, err, status = Open3.capture3(*environment, TOOL, *words, **options)
    [out.force_encoding("UTF-8"), err.force_encoding("UTF-8"), status]
  end

  def wait_until(seconds = 60)
    Timeout.timeout(seconds) { sleep 0.05 until yield }
  end

  # The server dies in the middle. It has its data on disk; started again, the second run adds what is missing.
  def test_server_killed
    folder = File.join(FOLDER, "killed")
    dying = MongoTest.ferretdb(folder)
    heap = dying.client("shop")[:heap]
    reader, writer = IO.pipe
    tool = Process.spawn(TOOL, "export", plain, "--to", "#{dying.uri}/shop/heap", out: writer, err: writer)
    writer.close
    wait_until { heap.find.limit(1500).count(limit: 1500) >= 1200 }
    dying.kill
    said = Timeout.timeout(60) { reader.read }
    assert_equal 4, Process.wait2(tool).last.exitstatus, said
    assert_match(/\Aheap_dump export: cannot reach MongoDB at 127\.0\.0\.1:\d+ to add documents: .*; ([\d,]+) documents of the dump are in shop\.heap, the same command \(without --drop\) adds the rest/, said)
    confirmed = said[/([\d,]+) documents/, 1].delete(",").to_i
    again = MongoTest.ferretdb(folder)
    heap = again.client("shop")[:heap]
    assert_operator heap.find("id" => { "$ne" => "_IMPORT_" }).count, :>=, confirmed
    out, = export(plain, "#{again.uri}/shop/heap")
    assert_match(/documents of the dump "plain" are in shop\.heap, [\d,]+ of them from before/, out)
    assert_exported(plain, heap, "plain", forgive: ZERO, batch: ALL)
  ensure
    [dying, again].each { |server| server.stop if server&.pid }
  end
end
