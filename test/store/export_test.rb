# frozen_string_literal: true

# The table of exporters: what it says about itself, how a target is read, and that a file is there whole or not at all.
require_relative "helper"
require "zlib"

class ExportCommandTest < Minitest::Test
  include ExportTest

  DOC = File.read(File.join(ROOT, "docs/export.md"), encoding: "UTF-8")

  def targets = @targets ||= json("export", "--list")["targets"]
  def built(kind) = targets.select { |target| target["built_in"] && target["target"].include?(kind) }

  def test_help_and_documentation_have_every_target
    help = text("export", "--help")
    list = text("export", "--list")
    refute_empty targets
    targets.each do |target|
      assert_includes help, "  #{target["target"]} "
      assert_includes list, target["target"]
      assert_includes DOC, "| `#{target["target"].gsub("|", "\\|")}` | #{target["help"].gsub("|", "\\|")} |"
      target["options"].each do |option|
        assert_match(/^ +#{option["option"].split.first}\b.*\n?.*\n?.*\b#{Regexp.escape(target["name"])}[,)]/, help)
        assert_includes DOC, "| `#{option["option"].gsub("|", "\\|")}` | #{option["help"].gsub("|", "\\|")} |"
      end
    end
    shown = DOC.scan(/--to ([a-z+]+)/).flatten.uniq
    assert_empty shown - targets.map { |target| target["name"] } - ["mongodb+srv"]
  end

  def test_completion_has_every_target
    script = "source #{File.join(ROOT, "build/share/heap_dump.bash")}; COMP_WORDS=(heap_dump export --to ''); COMP_CWORD=3; " \
             "_heap_dump 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\""
    assert_equal targets.map { |target| "#{target["name"]}:" }.sort, IO.popen(["bash", "-c", script], &:read).split.sort
  end

  def test_wrong_targets
    [[%w[], /--to TARGET:WHERE is missing/], [%w[--to nothing:x], /--to takes .*collapsed.*, not nothing/],
     [%w[--to collapsed:], /lacks what to write to: collapsed:FILE/], [%w[--to :x], /--to takes/],
     [["--to", "x" * 5000], /--to takes/], [%w[--to collapsed:x --json -t collapsed:-], /name a file/],
     [%w[--to collapsed:x --depth 0], /--depth takes a number from 1 to 1000, not 0/],
     [%w[--to collapsed:x --depth 10000000000000000000000], /--depth takes/], [%w[--to collapsed:x --min x], /--min takes/]].each do |words, sentence|
      out, err, status = run_tool("export", *words, ours)
      assert_equal [2, ""], [status, out.sub(/\A\{"status":2.*\}\n\z/, "")], words.inspect
      assert_match sentence, err + out
      assert_equal 1, (err + out).lines.size, err + out
    end
  end

  def test_an_option_of_another_target_is_refused
    all = built("FILE").flat_map { |target| target["options"].map { |option| option["option"] } }.uniq
    built("FILE").each do |target|
      (all - target["options"].map { |option| option["option"] }).each do |option|
        name, argument = option.split
        _, err, status = run_tool("export", "--to", "#{target["name"]}:#{folder}/x", name, *("1" if argument), ours)
        assert_equal [2, "heap_dump export: --to #{target["name"]} takes no #{name}\n"], [status, err]
      end
    end
  end

  def test_files_are_private_and_streams_the_same
    built("FILE|-").each do |target|
      name = target["name"]
      path = export(name, ours, name)
      assert_equal 0o600, File.stat(path).mode & 0o777
      out, err, status = run_tool("export", "--to", "#{name}:-", ours)
      assert_equal [0, ""], [status, err]
      assert_equal File.binread(path), out.b, name
      # what is piped has no name that the export could have in it
      piped, _, status = run_tool("export", "--to", name, "-", stdin: File.binread(ours))
      packed, = run_tool("export", "--to", name, "-", stdin: Zlib.gzip(File.binread(ours)))
      assert_equal [0, packed.b], [status, piped.b], name
      assert_in_delta out.bytesize, piped.bytesize, 200
    end
    assert_equal built("FILE|-").map { |target| target["name"] }.sort, Dir.children(folder).sort
  end

  def test_an_old_file_survives_what_fails
    built("FILE").each do |target|
      path = File.join(folder, target["name"])
      File.write(path, "precious")
      [File.join(ROOT, "README.md"), "/nowhere.json"].each do |dump|
        refute_equal 0, run_tool("export", "--to", "#{target["name"]}:#{path}", dump)[2]
      end
      assert_equal "precious", File.read(path)
      _, err, status = run_tool("export", "--to", "#{target["name"]}:#{folder}/none/x", ours)
      assert_equal 4, status
      assert_match(/none/, err)
    end
    assert_equal built("FILE").map { |target| target["name"] }.sort, Dir.children(folder).sort
  end

  def test_full_and_closed_outputs
    built("FILE|-").each do |target|
      reader, writer = IO.pipe
      pid = spawn(TOOL, "export", "--to", "#{target["name"]}:-", ours, out: "/dev/full", err: writer)
      writer.close
      said = reader.read
      Process.wait(pid)
      assert_equal [4, "heap_dump export: cannot write to standard output: No space left on device\n"], [$?.exitstatus, said]
      out, err, = Open3.capture3("sh", "-c", "#{TOOL} export --to #{target["name"]}:- #{ours} | true")
      assert_equal ["", ""], [out, err]
    end
  end

  def test_a_full_disk
    mount = File.join(folder, "full")
    Dir.mkdir(mount)
    skip "only root can mount a small file system" unless system("mount", "-t", "tmpfs", "-o", "size=16k", "none", mount, err: File::NULL)
    begin
      built("FILE").each do |target|
        _, err, status = run_tool("export", "--to", "#{target["name"]}:#{mount}/x", ours)
        assert_equal 4, status, target["name"]
        assert_equal 1, err.lines.size
        assert_match(/No space left|full/, err)
        assert_empty Dir.children(mount)
      end
    ensure
      system("umount", mount)
    end
  end

  # Whenever the signal comes, there is a whole file or none.
  def test_interrupted
    path = File.join(folder, "x")
    whole = File.binread(export("collapsed", ours, "x"))
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    export("collapsed", ours, "x")
    took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
    30.times do |i|
      File.delete(path) if File.exist?(path)
      pid = spawn(TOOL, "export", "--to", "collapsed:#{path}", ours, out: File::NULL, err: File::NULL)
      sleep took * i / 30
      signal = i.even? ? "INT" : "TERM"
      Process.kill(signal, pid)
      Process.wait(pid)
      assert_equal whole, File.binread(path) if $?.success?
      assert_equal Signal.list[signal], $?.termsig unless $?.success?
      assert_empty Dir.children(folder) - ["x"]
      assert_equal whole, File.binread(path) if File.exist?(path)
    end
  end

  def test_interrupted_before_a_full_pipe
    reader, writer = IO.pipe
    pid = spawn(TOOL, "export", "--to", "collapsed:-", ours, out: writer)
    writer.close
    reader.readpartial(1)
    Process.kill("TERM", pid)
    Process.wait(pid)
    assert_equal Signal.list["TERM"], $?.termsig
  end

  def test_what_is_said
    path = File.join(folder, "it's here.txt")
    out, = run_tool("export", "--to", "collapsed:#{path}", ours)
    assert_match(/here\.txt: [\d,]+ stacks, \d[\d,]* bytes\n/, out)
    assert_match(/\Anext: flamegraph\.pl '.*it'\\''s here\.txt' > heap\.svg\n\z/, out.lines.last)
    answer = json("export", "--to", "collapsed:#{path}", ours)
    assert_equal ["collapsed", path], answer.values_at("to", "where")
    assert_equal 3, JSON.parse(run_tool("export", "--json", "--to", "collapsed:#{path}", "/etc/passwd")[0])["status"]
  end

  def test_collapsed_is_what_flame_writes
    assert_equal run_tool("flame", ours)[0], File.read(export("collapsed", ours, "c.txt"))
    words = ["--min", "1%", "--depth", 3, "--count"]
    assert_equal run_tool("flame", *words, ours)[0], File.read(export("collapsed", ours, "d.txt", *words))
    packed = File.binread(export("collapsed", ours, "c.txt.gz"))
    assert_equal run_tool("flame", ours)[0], Zlib.gunzip(packed).force_encoding("UTF-8")
  end
end
