# frozen_string_literal: true

# What goes wrong on the way into MongoDB: one sentence, an exit status, no password in it, and what is in stays in.

require_relative "helper"
require "pty"
require "socket"

class MongoFailureTest < Minitest::Test
  include MongoTest

  def memory
    skip MongoTest.missing("java") if MongoTest.missing("java")
    MongoTest.memory_server
  end

  def refuse(status, sentence, to, *words, dump: MongoTest.small, **options)
    out, err, ended = run_tool("export", dump, "--to", to, *words, **options)
    assert_empty out
    assert_equal 1, err.lines.size, err
    assert_match sentence, err
    assert_equal status, ended.exitstatus, err
    refute_match(/s3cr|geheim/, err)
  end

  def free_port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }

  def test_nobody_there
    port = free_port
    refuse 4, /cannot reach MongoDB at 127\.0\.0\.1:#{port} to connect: .*connection refused/, "mongodb://anna:s3cr@127.0.0.1:#{port}/a/b"
    refuse 4, /cannot reach MongoDB at nobody\.invalid to connect: .*Failed to resolve/, "mongodb://anna:s3cr@nobody.invalid/a/b"
  end

  def test_places_that_make_no_sense
    { "mongodb://anna:s3cr@localhost" => /lacks the collection/, "mongodb://anna:s3cr@localhost/a?x=s3cr" => /lacks the collection/,
      "mongodb://anna:s3cr@localhost/a/" => /lacks the collection/, "mongodb://anna:s3cr/x@localhost/a/b" => %r{must be written %2F %3F %40},
      "mongodb://anna:s3cr@x@localhost/a/b" => /must be written/, "mongodb://anna:s3cr?@localhost/a/b" => /lacks the collection/,
      "mongodb://anna:s3%zzcr@localhost/a/b" => /makes no sense/, "mongodb://anna:s3cr@[::1/a/b" => /makes no sense/,
      "mongodb://anna:s3cr@localhost:99999999/a/b" => /makes no sense/, "mongodb://localhost/a b/c" => /is no name of a database/,
      "mongodb://localhost/a/system.users" => /is no name of a collection/, "mongodb://localhost/a/b$c" => /is no name of a collection/,
      "mongodb://anna:s3cr@localhost/a/b?w=0" => /with w=0/, "mongodb:localhost/a/b" => %r{is written mongodb://HOST},
      "mongodb:env:HEAP_DUMP_NO_SUCH" => /is not set/, "mongodb+srv://anna:s3cr@localhost/a/b" => /makes no sense/ }.each do |to, sentence|
      refuse 2, sentence, to
    end
    refuse 2, /the name of a dump has 1 to 255 bytes/, "mongodb://localhost/a/b", "--name", ""
    refuse 4, /cannot read the URI of MongoDB from/, "mongodb:file:/no/such/file"
    File.write(File.join(FOLDER, "empty"), "\n")
    refuse 2, /does not begin with a URI/, "mongodb:file:#{File.join(FOLDER, "empty")}"
  end

  def test_what_is_no_dump
    memory
    place = "#{memory.uri}/failures/none"
    refuse 4, /No such file/, place, dump: File.join(FOLDER, "no-such.json")
    refuse 3, /is not a dump: it does not begin with a line _DUMP_/, place, dump: __FILE__
    refuse 3, /is not a dump/, place, dump: "/dev/null"
    MongoTest.ruby('require "objspace"; File.open("space.json", "w") { |file| ObjectSpace.dump_all(output: file) }')
    refuse 5, /is a dump of ObjectSpace\.dump_all/, place, dump: File.join(FOLDER, "space.json")
    assert_equal 0, memory.client("failures")[:none].find.count
  end

  # A server that accepts connections and says nothing: the password is gone from the arguments, Ctrl-C twice ends it.
  def test_a_server_that_says_nothing
    TCPServer.open("127.0.0.1", 0) do |silent|
      to = "mongodb://anna:s3cr%40t@127.0.0.1:#{silent.addr[1]}/a/b"
      reader, writer = IO.pipe
      pid = Process.spawn(TOOL, "export", MongoTest.small, "--to", to, err: writer)
      writer.close
      Timeout.timeout(20) { silent.accept }
      arguments = File.read("/proc/#{pid}/cmdline").split("\0")
      assert_equal to.gsub("s3cr%40t", "xxxxxxxx"), arguments.last
      2.times { Process.kill(:INT, pid) && sleep(0.2) }
      assert_equal Signal.list["INT"], Process.wait2(pid).last.termsig
      refute_match(/s3cr/, reader.read)
    end
    TCPServer.open("127.0.0.1", 0) do |silent|
      host = "127.0.0.1:#{silent.addr[1]}"
      refuse 4, /cannot reach MongoDB at #{host} to connect: .*timeout/, "mongodb://#{host}/a/b?connectTimeoutMS=300"
    end
  end

  def test_interrupted_and_gone_on_with
    place = "#{memory.uri}/failures/interrupted"
    said = +""
    status = nil
    PTY.spawn({ "TERM" => "xterm" }, TOOL, "export", MongoTest.big, "--to", place) do |terminal, _, pid|
      Timeout.timeout(100) { said << terminal.readpartial(4096) until said.match?(/\d+ %  \d+ of \d+ MB, [\d,]+ documents are in/) }
      Process.kill(:INT, pid)
      begin
        loop { said << terminal.readpartial(4096) }
      rescue Errno::EIO, EOFError
        nil
      end
      status = Process.wait2(pid).last
    end
    assert_equal Signal.list["INT"], status.termsig
    sentence = said[/heap_dump export: stopped before it was done; ([\d,]+) documents of the dump are in failures\.interrupted, the same command \(without --drop\) adds the rest/]
    assert sentence, said
    confirmed = sentence[/([\d,]+) documents/, 1].delete(",").to_i
    there = memory.client("failures")[:interrupted]
    lines = MongoTest.lines(MongoTest.big).count
    assert_includes 1...lines, confirmed
    assert_equal confirmed, there.find("id" => { "$ne" => "_IMPORT_" }).count
    note = there.find("id" => "_IMPORT_").first
    assert_in_delta confirmed, note["lines"], 1
    out, = export(MongoTest.big, place, "--json")
    result = JSON.parse(out)
    assert_equal [lines - result["present"], lines], [result["inserted"], there.find.count]
    assert_operator result["present"], :>=, confirmed - 1
    assert_empty there.find("id" => "_IMPORT_").to_a
  end

  def test_truncated
    small = MongoTest.small
    cut = File.join(FOLDER, "truncated/small.json")
    FileUtils.mkdir_p(File.dirname(cut))
    File.write(cut, File.binread(small, File.size(small) * 3 / 5))
    place = "#{memory.uri}/failures/truncated"
    out, err = export(cut, place)
    assert_match(/truncated\/small\.json: the dump is truncated \(it has no _END_\): what is there was added/, err)
    whole = File.foreach(cut).count { |line| line.end_with?("\n") }
    assert_includes out, "documents of the dump \"small\" are in failures.truncated"
    there = memory.client("failures")[:truncated]
    assert_equal 1, err.lines.size
    assert_equal whole, there.find("id" => { "$ne" => "_IMPORT_" }).count
    out, = export(cut, place, "--json")
    assert_equal [true, 0, whole], JSON.parse(out).values_at("truncated", "inserted", "present")
    out, err = export(small, place) # the same dump, whole this time
    assert_empty err
    assert_match(/#{MongoTest.lines(small).count.to_s.gsub(/(\d)(?=(\d{3})+$)/, '\1,')} documents .*, [\d,]+ of them from before/, out)
    assert_exported(small, there, "small")
    assert system("zstd -q -f #{small} -o #{cut}.zst")
    File.truncate("#{cut}.zst", File.size("#{cut}.zst") / 2)
    _, err = export("#{cut}.zst", "#{memory.uri}/failures/truncated_zst")
    assert_match(/the dump is truncated/, err)
  end

  # Lines that no Ruby wrote: they are left out, counted and told; nothing else is lost.
  def test_lines_that_are_none_and_documents_that_are_too_big
    lines = File.readlines(MongoTest.small)
    deep = %(,{"id":16,"bt":"T_DATA","class":16,"deep":#{"[" * 500}#{"]" * 500}}\n)
    damaged = File.join(FOLDER, "damaged.json")
    File.write(damaged, [*lines[0, 3], "garbage\n", deep, %(,{"id":0,"bt":"T_OBJECT"}\n), *lines[3..]].join)
    out, err = export(damaged, "#{memory.uri}/failures/damaged")
    assert_match(/damaged\.json: 3 lines are none of a dump and were left out; the first one is line 4: it begins with neither \[ nor a comma/, err)
    assert_includes out, "documents of the dump \"damaged\" are in failures.damaged"
    assert_exported(MongoTest.small, memory.client("failures")[:damaged], "damaged")
    low = MongoTest.lines(MongoTest.small).first["heap"].first
    big = File.join(FOLDER, "too_big.json")
    File.write(big, [*lines[0, 3], %(,{"id":#{low + 1},"bt":"T_ARRAY","size":40,"val":[#{(["1"] * 1_500_000).join(",")}]}\n), *lines[3..]].join)
    refuse 4, /documents of the dump "too_big" are in failures\.too_big; 1 more would have more than the 16 MiB that MongoDB takes, the first one that of object 0x#{(low + 1).to_s(16)}/,
           "#{memory.uri}/failures/too_big", dump: big
    assert_exported(MongoTest.small, memory.client("failures")[:too_big], "too_big")
  end

  # The server is gone from one batch to the next.
  def test_server_gone
    skip MongoTest.missing("java") if MongoTest.missing("java")
    dying = Server.new("java", "-Xmx3g", "-cp", "#{BUILT}/java:#{BUILT}/java/*", "MemoryServer")
    there = dying.client("failures")[:gone]
    reader, writer = IO.pipe
    tool = Process.spawn(TOOL, "export", MongoTest.big, "--to", "#{dying.uri}/failures/gone", err: writer)
    writer.close
    Timeout.timeout(60) { sleep 0.05 until there.find.count > 3000 }
    dying.kill
    said = reader.read
    assert_equal 4, Process.wait2(tool).last.exitstatus
    assert_match(/\Aheap_dump export: cannot reach MongoDB at 127\.0\.0\.1:\d+ to add documents: .*; [\d,]+ documents of the dump are in failures\.gone, the same command/, said)
  ensure
    dying.stop if dying&.pid
  end

  def test_built_without_the_driver
    out, err, status = Open3.capture3(File.join(ROOT, "build/test/heap_dump-without-mongoc"), "export", "x.json", "--to", "mongodb://anna:s3cr@h/a/b")
    assert_empty out
    assert_equal 5, status.exitstatus
    assert_equal "heap_dump export: heap_dump was built without MongoDB's C driver (libmongoc, in Debian libmongoc-dev): install it and build again\n", err
  end
end
