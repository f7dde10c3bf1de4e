# frozen_string_literal: true

# Every command that reads a dump, given what is none or no longer a whole one: a documented exit status, one sentence, no
# signal, and with --json an object with status and error. docs/exit-status.md is what is expected.
require_relative "helper"
require "socket"
require "zlib"

class BadInputTest < Minitest::Test
  include CliTest

  ID = 4096
  COMMANDS = [
    %w[summary FILE], %w[top FILE], %w[top FILE --by file], ["show", "FILE", ID], ["path", "FILE", ID], %w[path FILE Thing],
    %w[find FILE --type string], %w[find FILE --value x], %w[tree FILE], %w[flame FILE], %w[suspects FILE],
    %w[strings FILE], %w[collections FILE], %w[threads FILE], %w[diff FILE FILE], %w[check FILE]
  ].freeze
  WITHOUT_JSON = %w[flame].freeze

  SMALL = <<~'DUMP'
    [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,8192]}
    ,{"id":"_ROOTS_","vm":[4096],"threads":[4256]}
    ,{"id":4096,"bt":"T_ARRAY","size":40,"val":["one",4176,4176],"inlined":[4136]}
    ,{"id":4136,"bt":"T_STRING","size":40,"val":"one"}
    ,{"id":4176,"bt":"T_HASH","size":40,"val":{":a":4096,"#<4216>":"one"},"inlined":[4136]}
    ,{"id":4216,"bt":"T_OBJECT","size":40,"class":4296,"ivs":{"@a":4096}}
    ,{"id":4256,"bt":"T_DATA","type_name":"VM/thread","size":40,"name":"main","status":"run","frames":[{"method":"run","file":"a.rb","line":1,"self":4216,"locals":{"a":4096}}]}
    ,{"id":4296,"bt":"T_CLASS","name":"Thing","size":40}
    ,{"id":"_END_","objects":6,"references":12,"unreadable":0}
    ]
  DUMP
  THEIRS = <<~DUMP
    {"type":"ROOT", "root":"vm", "references":["0x1000"]}
    {"address":"0x1000", "type":"ARRAY", "length":1, "references":["0x1028"], "memsize":40}
    {"address":"0x1028", "type":"STRING", "bytesize":3, "value":"one", "encoding":"UTF-8", "memsize":40}
  DUMP

  def setup = @folder = Dir.mktmpdir("bad", CliTest::FOLDER)

  def file(name, content)
    File.join(@folder, name).tap { |path| File.binwrite(path, content) }
  end

  # [command, words] with the file and without an index beside it.
  def each_command(path)
    COMMANDS.each do |command, *words|
      words = words.map { |word| word == "FILE" ? path : word }
      words << "--no-index" unless command == "check"
      yield command, words
    end
  end

  def assert_sentence(text, what)
    assert_equal 1, text.lines.size, "#{what}: #{text.inspect}"
    assert_match(/\Aheap_dump \w+: .+\n\z/, text, what)
    assert text.valid_encoding?, what
    refute_match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, text, what)
  end

  # Refused by every command, in words and as JSON.
  def assert_refused(path, expected, sentence = nil)
    each_command(path) do |command, words|
      what = "#{command} #{words.join(" ")}"
      out, err, status = run_tool(command, *words)
      assert_equal [expected, ""], [status, out], "#{what}: #{err}"
      assert_sentence(err, what)
      assert_match(sentence, err, what) if sentence
      next if WITHOUT_JSON.include?(command)

      out, err, status = run_tool(command, *words, "--json")
      assert_equal [expected, ""], [status, err], what
      result = JSON.parse(out)
      assert_equal expected, result["status"], what unless command == "check"
      assert_kind_of String, result["error"], what
    end
  end

  # Answered, or refused with one sentence: never a crash.
  def assert_survived(path)
    each_command(path) do |command, words|
      out, err, status = run_tool(command, *words)
      what = "#{command} #{words.join(" ")}: #{status} #{err}"
      assert_includes [0, 2, 3, 5], status, what
      assert out.valid_encoding?, what
      refute_match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, out + err, what)
      refute_empty err, what unless status.zero?
    end
  end

  # --- no dump at all ---------------------------------------------------------------------------------------

  def test_what_is_no_dump
    noise = Random.new(1).bytes(5000)
    png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".b + noise
    core = "\x7fELF\x02\x01\x01".b + ("\0" * 9).b + "\x04\0\x3e\0".b + noise
    { "empty" => "", "newlines" => "\n\n\n", "noise" => noise, "zeros" => "\0" * 5000, "core" => core, "image.png" => png,
      "text" => "no dump\n", "object.json" => "{}\n", "array.json" => "[]\n", "other.json" => "{\"name\":\"Thing\"}\n",
      "rows.json" => "[{\"id\":1},{\"id\":2}]\n", "escape" => "\e[31m\u202e\n", "garbage.gz" => Zlib.gzip(noise),
      "broken.gz" => "\x1f\x8b".b + noise, "broken.zst" => "\x28\xb5\x2f\xfd".b + noise, "magic.gz" => "\x1f\x8b".b,
      "nothing.gz" => Zlib.gzip("") }.each { |name, content| assert_refused(file(name, content), 3) }
  end

  def test_what_cannot_be_read
    assert_refused(@folder, 4, /directory/i)
    assert_refused(File.join(@folder, "missing.json"), 4, /No such file/)
    UNIXServer.new(path = File.join(@folder, "socket")).close
    assert_refused(path, 4)
    assert_refused(file("name\e[31m\u202e\n", ""), 3) # and its name does nothing to the terminal
    assert_survived(file("name\e[31m\u202e'", SMALL))
  end

  def test_without_permission
    path = file("secret.json", SMALL)
    File.chmod(0, path)
    File.chmod(0o755, @folder)
    skip "root reads everything, and setpriv is not here" if Process.uid.zero? && !system("which setpriv >/dev/null")
    become = Process.uid.zero? ? %w[setpriv --reuid=65534 --regid=65534 --clear-groups] : []
    File.chmod(0o755, CliTest::FOLDER)
    _, reason, usable = Open3.capture3(*become, TOOL, "version")
    skip "another user cannot run the tool here: #{reason}" unless usable.success?
    out, err, status = Open3.capture3(*become, TOOL, "summary", path)
    assert_equal ["", 4], [out, status.exitstatus]
    assert_sentence(err, "summary")
    assert_match(/denied/, err)
  end

  # --- damaged ----------------------------------------------------------------------------------------------

  # Cut in every line: at its beginning, in the middle, before and behind its end.
  def test_truncated_anywhere
    places = SMALL.lines.each_with_object([0]) { |line, ends| ends << ends.last + line.bytesize }
    places.each_cons(2) do |from, to|
      [from, from + 1, (from + to) / 2, to - 2, to - 1].uniq.each do |size|
        next if size < 20 || size >= SMALL.rindex("\n,") # what is left is a head, or all but the bracket

        path = file("cut.json", SMALL[0, size])
        out, err, status = run_tool("summary", path, "--no-index")
        next assert_sentence(err, size.to_s) if status == 3 && size < places[1] # the head itself is cut

        assert_equal 0, status, "#{size}: #{err}"
        assert_match(/truncated/, err + out, size.to_s)
        assert_equal 3, run_tool("check", path)[2], size.to_s
      end
    end
    assert_survived(file("cut.json", SMALL[0, SMALL.size * 2 / 3]))
  end

  def test_truncated_compressed
    packed = { "gz" => Zlib.gzip(File.binread(ours)) }
    zstd, status = Open3.capture2("zstd", "-qc", stdin_data: File.binread(ours), binmode: true)
    packed["zst"] = zstd if status.success?
    packed.each do |kind, bytes|
      path = file("cut.#{kind}", bytes[0, bytes.size / 2])
      json = json("summary", path, "--no-index")
      assert(json["warnings"].any? { |warning| warning.include?("truncated") }, kind)
      assert_survived(path)
      damaged = bytes.dup
      damaged[bytes.size / 2, 40] = "\xff".b * 40
      assert_survived(file("damaged.#{kind}", damaged))
    end
  end

  def test_damaged_lines
    { "twice" => SMALL.sub(/^,{"id":4136.*\n/) { |line| line * 2 },
      "nothing" => SMALL.gsub("4176,4176", "4800,4808"), "number" => SMALL.sub('"size":40', '"size":1e999'),
      "negative" => SMALL.sub('"size":40', '"size":-1'), "deep" => SMALL.sub("4176,4176", "#{"[" * 5000}4176#{"]" * 5000}"),
      "bytes" => SMALL.b.sub("\"one\"}", "\"o\xff\xc3\"}".b), "zeros" => SMALL.sub('"ivs"', "\"\0\0\""),
      "surrogate" => SMALL.sub('"val":"one"', '"val":"\\ud800"'), "name" => SMALL.sub("Thing", '\\u001b[31m\\u202e\\u0085'),
      "heap" => SMALL.sub("[4096,8192]", "[8192,4096]"), "no head" => SMALL.sub(/\A.*\n/, "["),
      "middle" => SMALL.sub('"bt":"T_HASH"', '"bt":"T_HASH') }
      .each { |name, content| assert_survived(file("#{name}.json", content)) }
    { "utf8" => THEIRS.b.sub("one", "\xff\xc3(\x1b[31m".b), "twice" => THEIRS + THEIRS.lines.last,
      "nothing" => THEIRS.gsub("0x1028\"]", "0x9999\"]"), "address" => THEIRS.sub("0x1028", "0xfffffffffffffffffff"),
      "quote" => THEIRS.sub("one", "one\""), "name" => THEIRS.sub('"memsize"', "\"name\":\"\e[31m\u202e\", \"memsize\"") }
      .each { |name, content| assert_survived(file("theirs-#{name}.json", content)) }
  end

  # What could be read is answered, and that something could not is said.
  def test_a_broken_line_of_object_space_is_told
    path = file("broken.json", THEIRS.sub(/"length":1, /, '"length":1 ').sub(', "value"', ' "value"'))
    result = json("summary", path, "--no-index")
    assert(result["warnings"].any? { |warning| warning.include?("damaged lines") }, result["warnings"].inspect)
  end

  # 10 GB of one line: refused at once, with the little memory that is allowed here.
  def test_a_line_without_an_end
    { "ours.json" => "#{SMALL.lines.first},{\"id\":", "theirs.json" => THEIRS.lines[1].sub(/length.*\n/, "") }
      .each do |name, start|
      path = file(name, start)
      File.truncate(path, 10 << 30)
      [%w[summary FILE], %w[strings FILE], %w[summary -]].each do |command|
        words = command.map { |word| word == "FILE" ? path : word }
        out, err, status = Open3.capture3("bash", "-c", 'ulimit -v 1000000; exec "$@"', "bash", TOOL, *words, "--no-index",
                                          in: path)
        assert_equal ["", 3], [out, status.exitstatus], "#{words}: #{status} #{err}"
        assert_sentence(err, words.join(" "))
      end
    end
  end

  # An Array with a million elements is one line of 20 MB; in pipes and compressed files, too.
  def test_long_lines_of_object_space_are_read
    long = THEIRS.sub('["0x1028"]', "[#{(["\"0x1028\""] * 1_000_000).join(", ")}]")
    answers = [file("long.json", long), file("long.json.gz", Zlib.gzip(long))].map { |path| json("summary", path, "--no-index") }
    answers << json("summary", "-", stdin: long)
    answers.each { |answer| answer.delete("file") }
    assert_operator answers[0].to_s, :include?, "1000001"
    assert_equal [answers[0]] * 3, answers
  end

  # --- while it is read -------------------------------------------------------------------------------------

  # A file that is written anew, shrinks and grows all the time.
  def test_a_file_that_changes
    text = File.binread(ours)
    path = file("changing.json", text)
    changer = fork do
      loop do
        File.truncate(path, rand(text.size))
        File.binwrite(path, text)
      end
    end
    each_command(path) do |command, words|
      words = words.map { |word| word == ID ? facts[:orders] : word }
      _, err, status = run_tool(command, *words)
      assert_includes [0, 2, 3, 4], status, "#{command}: #{err}"
    end
  ensure
    Process.kill(:KILL, changer)
    Process.wait(changer)
  end

  # --- what it prints to ------------------------------------------------------------------------------------

  def test_full_and_closed_outputs
    path = file("small.json", SMALL)
    each_command(path) do |command, words|
      words = words.map(&:to_s)
      next if command == "check" # has its own tests

      reader, writer = IO.pipe
      pid = spawn(TOOL, command, *words, out: "/dev/full", err: writer)
      writer.close
      err = reader.read
      status = Process.wait2(pid)[1]
      assert_equal 4, status.exitstatus, "#{command}: #{status} #{err}"
      assert_match(/cannot write to standard output/, err, command)

      reader, writer = IO.pipe
      reader.close
      pid = spawn(TOOL, command, *words, out: writer, err: File::NULL)
      writer.close
      assert_equal 4, Process.wait2(pid)[1].exitstatus, command
    end
  end

  def test_closed_input
    out, err, status = Open3.capture3("bash", "-c", 'exec "$0" summary - <&-', TOOL)
    assert_equal ["", 4], [out, status.exitstatus]
    assert_sentence(err, "summary -")
    assert_equal 3, run_tool("summary", "-")[2]
  end
end
