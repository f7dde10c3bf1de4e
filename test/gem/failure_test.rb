# frozen_string_literal: true

# Everything that can be wrong with the file, the limits and the arguments: a clear exception, the old dump as it was.

require_relative "helper"
require "etc"

class FailureTest < Minitest::Test
  include GemTest

  # The same for the clone and for fork: false.
  def dump_failures(path, setup = "", **options)
    facts = run_ruby(<<~RUBY, **options)
      #{setup}
      before = descriptors
      said = [true, false].map { |fork| outcome { HeapDump.dump(#{path.inspect}, fork: fork) } }
      say(said: said.uniq, leaked: descriptors - before, children: children)
    RUBY
    assert_equal [0, []], facts.values_at(:leaked, :children)
    facts[:said]
  end

  def root_needed
    skip "needs root" unless Process.uid.zero?
  end

  def test_folder_and_missing_folder
    Dir.mkdir(file("d"))
    assert_equal ["Errno::EISDIR: Is a directory - cannot write d"], dump_failures("d")
    assert_equal ["Errno::EISDIR: Is a directory - cannot write d/"], dump_failures("d/")
    assert_equal ["Errno::EISDIR: Is a directory - cannot write d/.."], dump_failures("d/..")
    assert_equal ["Errno::ENOENT: No such file or directory - cannot write no/x.json: the folder no"], dump_failures("no/x.json")
    assert_equal ["Errno::ENOENT: No such file or directory - cannot write "], dump_failures("")
    File.write(file("f"), "")
    assert_match(/\AErrno::ENOTDIR: /, dump_failures("f/x.json").first)
    assert_match(/\AErrno::ENAMETOOLONG: /, dump_failures("x" * 5000).first)
    assert_match(/\AErrno::ENAMETOOLONG: /, dump_failures("x" * 300).first)
    assert_empty Dir.children(file("d"))
  end

  def test_symbolic_links
    File.write(file("real.json"), "old")
    File.symlink("real.json", file("link.json"))
    File.symlink("nowhere", file("dangling.json"))
    %w[link.json dangling.json].each do |name|
      said = dump_failures(name)
      assert_equal 1, said.size
      assert_match(/\AErrno::ELOOP: .*#{name} is a symbolic link, which a dump neither follows nor replaces/, said[0])
    end
    assert_equal "old", File.read(file("real.json"))
    assert File.symlink?(file("link.json"))
    assert_equal 3, Dir.children(@folder).size
  end

  def test_devices_and_pipes_are_not_replaced
    File.mkfifo(file("pipe"))
    assert_match(/\AErrno::EINVAL: .*pipe is not a regular file/, dump_failures("pipe").first)
    assert File.pipe?(file("pipe"))
  end

  def test_unwritable_folder
    root_needed
    nobody = Etc.getpwnam("nobody")
    File.chmod(0o755, @folder)
    said = dump_failures("dump.json", "Process::Sys.setgid(#{nobody.gid}); Process::Sys.setuid(#{nobody.uid})")
    assert_match(/\AErrno::EACCES: Permission denied - /, said.first)
    assert_equal 1, said.size
  end

  def test_full_disk
    root_needed
    mount = file("full")
    Dir.mkdir(mount)
    skip "cannot mount a tmpfs here" unless system("mount", "-t", "tmpfs", "-o", "size=256k", "none", mount, err: File::NULL)
    begin
      File.write(File.join(mount, "dump.json"), "old")
      assert_equal ["Errno::ENOSPC: No space left on device - cannot write full/dump.json"], dump_failures("full/dump.json")
      assert_equal ["dump.json"], Dir.children(mount)
      assert_equal "old", File.read(File.join(mount, "dump.json"))
    ensure
      system("umount", mount)
    end
  end

  def test_file_size_limit
    File.write(file("dump.json"), "old")
    said = dump_failures("dump.json", "Process.setrlimit(:FSIZE, 100_000)")
    assert_equal ["Errno::EFBIG: File too large - cannot write dump.json"], said
    assert_untouched
  end

  def test_process_limit
    root_needed
    nobody = Etc.getpwnam("nobody")
    File.chmod(0o777, @folder)
    facts = run_ruby(<<~RUBY)
      Process::Sys.setgid(#{nobody.gid})
      Process.setrlimit(:NPROC, 1)
      Process::Sys.setuid(#{nobody.uid})
      before = descriptors
      say(said: outcome { HeapDump.dump("a.json") }, here: outcome { HeapDump.dump("b.json", fork: false) },
          leaked: descriptors - before, left: Dir.children("."))
    RUBY
    skip "this kernel lets the process fork in spite of its limit" if facts[:said] == "dumped"
    assert_match(/\AHeapDump::Error: cannot start the process .*RLIMIT_NPROC.*fork: false/, facts[:said])
    assert_equal ["dumped", 0, ["b.json"]], facts.values_at(:here, :leaked, :left)
  end

  def test_arguments
    facts = run_ruby(<<~RUBY)
      say(nul: outcome { HeapDump.dump("a\\0b") }, type: outcome { HeapDump.dump(42) },
          none: outcome { HeapDump.dump(nil) },
          limit: [-1, 1.5, "9", 2**70].map { |n| outcome { HeapDump.dump(string_limit: n) } },
          unknown: outcome { HeapDump.dump(colour: 1) }, left: Dir.children("."))
    RUBY
    assert_match(/\AArgumentError: .*null byte/, facts[:nul])
    assert_match(/\ATypeError: /, facts[:type])
    assert_match(/\ATypeError: /, facts[:none])
    facts[:limit].each { |said| assert_match(/\AArgumentError: string_limit must be an Integer of at least 0, not /, said) }
    assert_match(/\AArgumentError: unknown keyword: :colour/, facts[:unknown])
    assert_empty facts[:left]
  end

  def test_the_working_directory_may_change_meanwhile
    Dir.mkdir(file("elsewhere"))
    run_ruby(<<~RUBY)
      dumper = Thread.new { 5.times { |i| HeapDump.dump("\#{i}.json") } }
      here = Dir.pwd
      dumped = -> { Dir.children(here).size - 1 }
      Thread.pass until dumped.() >= 1 || !dumper.alive?
      sleep 0.0005
      dumper.join
    RUBY
    assert_equal %w[0.json 1.json 2.json 3.json 4.json elsewhere], Dir.children(@folder).sort
  end

  def test_exceptions_have_a_family
    facts = run_ruby('say(e: HeapDump::Error.superclass.name, u: HeapDump::UnsupportedError.superclass.name)')
    assert_equal({e: "StandardError", u: "HeapDump::Error"}, facts)
  end
end
