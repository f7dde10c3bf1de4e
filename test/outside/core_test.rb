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

  # A core as the kernel writes it where core_pattern names a file; else gdb's of the same moment. The block gets the pid of a
  # Ruby that has said it is ready, and ends it.
  def crash(program, name, filter: nil)
    folder = File.join(FOLDER, "crash-#{name}").tap { |path| FileUtils.mkdir_p(path) }
    pattern = File.read("/proc/sys/kernel/core_pattern").strip
    own = !pattern.start_with?("|") && !pattern.include?("/")
    start = "Process.setrlimit(Process::RLIMIT_CORE, Process::RLIM_INFINITY) rescue nil; #{program}"
    start = "File.write('/proc/self/coredump_filter', '#{filter}'); #{start}" if filter
    out, writer = IO.pipe
    command = [RbConfig.ruby, "-e", start]
    command = ["gdb", "-q", "-nx", "-batch", "-ex", "run", "-ex", "generate-core-file core", "-ex", "kill", "--args", *command] unless own
    pid = Process.spawn(*command, chdir: folder, out: writer, err: File::NULL)
    writer.close
    found = nil
    out.each_line { |line| break found = line[/ready (\d+)/, 1] if line.include?("ready ") }
    yield Integer(found || raise("it did not begin"))
    out.read
    Process.wait(pid)
    Dir.glob(File.join(folder, "core*")).first || skip("no core was written (a limit? core_pattern is #{pattern})")
  end

  KEPT = "class Crash; def initialize = @why = 'a reason that is long enough to stand for itself'; end\n$crash = Crash.new\n" \
         "$leak = []; $stdout.puts(\"ready \#{$$}\"); $stdout.flush; "

  def assert_crash(file, leaked: 0)
    facts, dump = dump("--core", file)
    assert_operator facts["objects"], :>, 5_000
    text = File.read(dump)
    assert text.include?("a reason that is long enough"), "the object is not there"
    assert text.include?('"\\\\$crash":'), "the global variable is not there" # a name that begins with $ has a backslash in front
    assert_operator text.scan(/leaked \d+, and longer than a slot is/).uniq.size, :>=, leaked
    [facts, text]
  end

  # By a watchdog that tells it to abort, and by its own fault: Ruby's handler writes its report first, for which it looks into its
  # own library. At other signals it ends in order, and what is then written has no heap any more.
  def test_crashes
    assert_crash(crash("#{KEPT} sleep", "abrt") { |pid| Process.kill(:ABRT, pid) })
    assert_crash(crash("#{KEPT} local = 'in the frame of the fault'; Process.kill(:SEGV, $$); sleep; local", "segv") { nil })
    message, = refused("--core", crash("#{KEPT} sleep", "quit") { |pid| Process.kill(:QUIT, pid) })
    assert_match(/there is no virtual machine in this Ruby: .*ended already.*use SIGABRT/, message)
  end

  # As one that is ended because it takes too much memory, in the middle of taking more.
  def test_ended_for_its_memory
    file = crash("#{KEPT} Thread.new { sleep }; loop { $leak << \"leaked \#{$leak.size}, and longer than a slot is\" * 40 }", "memory") do |pid|
      sleep 0.01 until File.read("/proc/#{pid}/status")[/^VmRSS:\s+(\d+)/, 1].to_i > 120_000
      Process.kill(:ABRT, pid)
    end
    assert_crash(file, leaked: 20_000)
  end

  # core(5): not even the first pages of files are in it, so nothing says which build they were.
  def test_without_pages_of_files
    file = crash("#{KEPT} sleep", "filter", filter: "0x21") { |pid| Process.kill(:ABRT, pid) }
    assert_crash(file)
    Dir.mktmpdir do |empty| # given, but empty: they are still found where they were
      assert_operator dump("--core", file, "--sysroot", empty)[0]["objects"], :>, 5_000
    end
  end

  # The program under another name, as it is when it was replaced meanwhile.
  def test_the_program_is_elsewhere
    folder = File.join(FOLDER, "elsewhere").tap { |path| FileUtils.mkdir_p(path) }
    own = File.join(folder, "old-ruby")
    FileUtils.cp(RbConfig.ruby, own)
    out, writer = IO.pipe
    pid = Process.spawn(own, "-e", "#{KEPT} sleep", out: writer, chdir: folder)
    out.gets
    system("gcore", "-o", File.join(folder, "core"), pid.to_s, out: File::NULL, err: File::NULL) || skip("gcore is not there")
    Process.kill(:KILL, pid)
    Process.wait(pid)
    FileUtils.mv(own, File.join(folder, "moved"))
    assert_crash(File.join(folder, "core.#{pid}"))
    assert_operator dump("--core", File.join(folder, "core.#{pid}"), "--exe", File.join(folder, "moved"))[0]["objects"], :>, 5_000
  end

  # A core that ends before the stacks, which come last: all that is not only on them is there.
  def test_cut_off_before_the_stacks
    whole, = dump("--core", core)
    cut = File.join(FOLDER, "stackless.core")
    IO.copy_stream(core, cut, File.size(core) - 3_000_000)
    out, err, status = Open3.capture3(TOOL, "dump", "--core", cut, "-o", File.join(FOLDER, "stackless.json"), "--json")
    assert status.success?, err
    facts = JSON.parse(out)
    assert facts["truncated"]
    assert_in_delta whole["objects"], facts["objects"], whole["objects"] / 100
    text, = Open3.capture2(TOOL, "dump", "--core", cut, "-o", File.join(FOLDER, "stackless.json"))
    assert_match(/^the core is truncated: 0 pages of Ruby's heap are missing/, text)
  end

  def test_another_machine
    file = File.join(FOLDER, "arm.core")
    File.binwrite(file, File.binread(core, 100_000).tap { |bytes| bytes[18, 2] = [183].pack("S") }) # e_machine: AArch64
    message, status = refused("--core", file)
    assert_equal 5, status
    assert_match(/is the core of a 32-bit process or of another machine: only x86-64 is read/, message)
    File.binwrite(file, File.binread(core, 100_000).tap { |bytes| bytes.setbyte(4, 1) }) # EI_CLASS: 32 bits
    assert_match(/is the core of a 32-bit process|not a core file/, refused("--core", file)[0])
  end

  # The list of mapped files says what it likes: what is no ELF file is not read, and nobody waits for a pipe.
  def test_names_of_files_that_are_none
    bytes = File.binread(core)
    secret = "/etc/hostname-of-ours"
    names = bytes.scan(%r{/[^\0]*/libruby[^\0]*}).uniq
    skip "it is not a library here" if names.empty?
    names.each { |name| bytes.gsub!(name, secret.ljust(name.bytesize, "x")) }
    file = File.join(FOLDER, "names.core")
    File.binwrite(file, bytes)
    message, status = refused("--core", file)
    assert_equal 5, status
    assert_match(/no Ruby was found in the core|version of the Ruby cannot be read/, message)
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

  # A Ruby that has a library of another build-id than the real one, where it is, that id, and where the real one is.
  def process_with_library(name)
    library = File.readlines("/proc/self/maps").map { |line| line.split[5] }.compact.find { |path| path.include?("/libruby") }
    skip "this Ruby has no library of its own" unless library
    place = File.join(FOLDER, name).tap { |path| FileUtils.mkdir_p(path) }
    own = File.join(place, File.basename(library)[/libruby-?\d\.\d\.so\.\d\.\d/] || File.basename(library)) # its soname
    bytes = File.binread(library)
    id = bytes[bytes.index("GNU\0", bytes.index([4, 20, 3].pack("L3"))) + 4, 20]
    File.binwrite(own, bytes.gsub(id, id.reverse))
    out, writer = IO.pipe
    pid = Process.spawn({ "LD_LIBRARY_PATH" => place }, RbConfig.ruby, "-e", "$stdout.puts(1); $stdout.flush; sleep", out: writer, err: File::NULL, chdir: place, rlimit_core: -1)
    out.gets
    [pid, own, id, library]
  end

  def gcore(pid, name)
    system("gcore", "-o", File.join(FOLDER, name), pid.to_s, out: File::NULL, err: File::NULL) || skip("gcore is not there")
    File.join(FOLDER, "#{name}.#{pid}")
  end

  # Upgraded while it runs: its memory has the library that it had, and what stands in its place is another one, which is not used.
  def test_upgraded_while_it_ran
    pid, own, id, library = process_with_library("upgraded")
    FileUtils.cp(library, "#{own}.new")
    kept = File.join(FOLDER, "kept").tap { |path| FileUtils.mkdir_p(path) }
    FileUtils.cp(own, kept)
    File.rename("#{own}.new", own)
    facts, = dump("--pid", pid)
    assert_equal ["fork", id.reverse.unpack1("H*"), "#{own} (deleted)"], facts.values_at("method", "build_id", "library")
    # gdb has its pages in the core, as they are in no file; the kernel leaves them out, and they are looked for by the name it had
    assert_operator dump("--core", gcore(pid, "upgraded"))[0]["objects"], :>, 5_000
    Process.kill(:ABRT, pid)
    Process.wait(pid)
    file = Dir.glob(File.join(FOLDER, "upgraded/core*")).first or return puts("the kernel wrote no core")
    message, status = refused("--core", file)
    assert_equal 5, status
    assert_match(/libruby\S+ is not the file that the process had: its build-id is #{id.unpack1("H*")}/, message)
    assert_operator dump("--core", file, "--sysroot", kept)[0]["objects"], :>, 5_000
  ensure
    Process.kill(:KILL, pid) && Process.wait(pid) if pid && Process.last_status&.pid != pid
  end

  # A process with a library that is nowhere else: the real one, but of another build-id. Where it is gone, what is in its place is
  # named and not used.
  def test_another_build_of_the_library
    pid, own, id, = process_with_library("own")
    file = gcore(pid, "other")
    Process.kill(:KILL, pid)
    Process.wait(pid)
    assert_operator dump("--core", file)[0]["objects"], :>, 5_000
    elsewhere = File.join(FOLDER, "sysroot").tap { |path| FileUtils.mkdir_p(path) }
    FileUtils.mv(own, elsewhere)
    message, status = refused("--core", file)
    assert_equal 5, status
    theirs, wanted = [id, id.reverse].map { |text| text.unpack1("H*") }
    assert_match(/libruby\S+ is not the file that the process had: its build-id is #{theirs}, the process's #{wanted}; give the folder/, message)
    assert_operator dump("--core", file, "--sysroot", elsewhere)[0]["objects"], :>, 5_000
    FileUtils.mkdir_p(File.join(FOLDER, "cache", wanted)) # as debuginfod-find leaves it
    FileUtils.mv(File.join(elsewhere, File.basename(own)), File.join(FOLDER, "cache", wanted, "executable"))
    ENV["DEBUGINFOD_CACHE_PATH"] = File.join(FOLDER, "cache")
    assert_operator dump("--core", file)[0]["objects"], :>, 5_000
  ensure
    ENV.delete("DEBUGINFOD_CACHE_PATH")
  end

  def test_other_files
    { RbConfig.ruby => /is not a core file/, __FILE__ => /is not a core file/, FOLDER => /is not a file/, "/none" => /cannot open/ }
      .each { |path, words| assert_match(words, refused("--core", path)[0]) }
  end

  # Bytes changed at random: any sentence, any result, but no crash, and no dump that is not valid.
  def test_damaged
    random = Random.new(4)
    bytes = File.binread(core, 200_000)
    file = File.join(FOLDER, "damaged.core")
    FileUtils.cp(core, file)
    30.times do
      damaged = bytes.dup
      rand(1..30).times { damaged.setbyte(random.rand(random.rand(2).zero? ? 4_096 : bytes.size), random.rand(256)) }
      IO.binwrite(file, damaged, 0)
      target = File.join(FOLDER, "damaged.json")
      _, err, status = Open3.capture3(TOOL, "dump", "--core", file, "-o", target)
      refute status.signaled?, "signal #{status.termsig}"
      assert_equal 1, err.lines.size, err unless status.success?
      assert system(TOOL, "check", "--quiet", target) if status.success?
    end
  end
end
