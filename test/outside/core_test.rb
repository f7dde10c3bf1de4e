# frozen_string_literal: true

# Core files of every kind: of gcore, of the kernel, compressed, cut off, without code, of other things than Ruby.
require_relative "helper"

class CoreTest < Minitest::Test
  include OutsideTest

  def self.core
    @core ||= begin
      target = Target.new("native", name: "core")
      out, status = Open3.capture2e("gcore", "-o", File.join(FOLDER, "core"), target.pid.to_s)
      raise out unless status.success?

      target.finish
      File.join(FOLDER, "core.#{target.pid}")
    end
  end

  def core
    skip "gcore is not there" unless system("command -v gcore >/dev/null")
    CoreTest.core
  end

  # Writers take turns, so lines come in any order.
  def body(file) = File.readlines(file)[1..].sort

  def test_compressed
    expected = body(dump("--core", core)[1])
    { "gz" => %w[gzip -1 -c], "zst" => %w[zstd -q -c] }.each do |ending, command|
      system(*command, core, out: "#{core}.#{ending}")
      assert_equal expected, body(dump("--core", "#{core}.#{ending}")[1]), ending
    end
  end

  # Of a crash, as the kernel writes it where core_pattern names a file.
  def test_crash
    pattern = File.read("/proc/sys/kernel/core_pattern")
    skip "core_pattern pipes cores to a program: #{pattern.strip}" if pattern.start_with?("|")
    skip "core_pattern names a folder: #{pattern.strip}" if pattern.include?("/")
    Dir.mktmpdir do |folder|
      program = "Process.setrlimit(Process::RLIMIT_CORE, Process::RLIM_INFINITY) rescue exit!(9)\n" \
                "class Crash; def initialize = @why = 'a reason that is long enough to stand for itself'; end\n$crash = Crash.new\n" \
                "trap(:ABRT, 'SYSTEM_DEFAULT'); Process.kill(:ABRT, $$); sleep"
      system(RbConfig.ruby, "-e", program, chdir: folder, err: File::NULL)
      found = Dir.glob(File.join(folder, "core*")).first
      skip "no core was written (a limit?)" unless found
      facts, file = dump("--core", found)
      assert_operator facts["objects"], :>, 5_000
      assert(File.foreach(file).any? { |line| line.include?("a reason that is long enough") })
    end
  end

  def test_cut_off
    whole = File.size(core)
    [whole - 5_000_000, whole / 2, 9_000, 100, 0].each do |size|
      cut = File.join(FOLDER, "cut.core")
      IO.copy_stream(core, cut, size)
      out, err, status = Open3.capture3(TOOL, "dump", "--core", cut, "-o", File.join(FOLDER, "cut.json"))
      refute status.signaled?
      assert_equal 1, err.lines.size, out unless status.success?
      assert_match(/truncated|not a core file|no list of segments/, err + out)
    end
  end

  def test_another_build_of_the_library
    library = File.readlines("/proc/self/maps").map { |line| line.split[5] }.compact.find { |path| path.include?("libruby") }
    other = Dir.glob(File.join(ROOT, "build/rubies/3.3/root/usr/lib/*/libruby-3.3.so.3.3.*")).first
    skip "there is no other libruby" unless library && other
    place = File.join(FOLDER, "sysroot", library)
    FileUtils.mkdir_p(File.dirname(place))
    FileUtils.cp(other, place)
    message, status = refused("--core", core, "--sysroot", File.join(FOLDER, "sysroot"))
    assert_equal 5, status
    assert_match(/is not the file that the process had: its build-id is \h{40}, the process's \h{40}; give the folder/, message)
    FileUtils.cp(library, place)
    assert_operator dump("--core", core, "--sysroot", File.join(FOLDER, "sysroot"))[0]["objects"], :>, 20_000
  end

  def test_other_files
    { RbConfig.ruby => /is not a core file/, __FILE__ => /is not a core file/, FOLDER => /is not a file/, "/none" => /cannot open/ }
      .each { |path, words| assert_match(words, refused("--core", path)[0]) }
  end

  # Bytes changed at random: any sentence, any result, but no crash, and no dump that is not valid.
  def test_damaged
    random = Random.new(4)
    bytes = File.binread(core, 200_000)
    40.times do
      damaged = bytes.dup
      rand(1..30).times { damaged.setbyte(random.rand(random.rand(2).zero? ? 4_096 : bytes.size), random.rand(256)) }
      file = File.join(FOLDER, "damaged.core")
      FileUtils.cp(core, file)
      File.open(file, "r+b") { |out| out.write(damaged) }
      target = File.join(FOLDER, "damaged.json")
      _, err, status = Open3.capture3(TOOL, "dump", "--core", file, "-o", target)
      refute status.signaled?, "signal #{status.termsig}"
      assert_equal 1, err.lines.size, err unless status.success?
      assert system(TOOL, "check", "--quiet", target) if status.success?
    end
  end
end
