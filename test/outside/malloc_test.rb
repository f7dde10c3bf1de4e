# frozen_string_literal: true

# Whose malloc the process has: glibc's tells the size of a block, so what C extensions refer to is found and marked as inferred;
# others' do not, which is said, and nothing alive is lost for it.
require_relative "helper"

class MallocTest < Minitest::Test
  include OutsideTest

  # By name, the library that takes malloc's place; the last one is glibc's own for debugging, which says nothing of itself.
  OTHERS = { "jemalloc" => "jemalloc.so.2", "tcmalloc" => "tcmalloc_minimal.so.4", "mimalloc" => "mimalloc.so.2.0", "unknown" => "c_malloc_debug.so.0" }
           .transform_values { |name| Dir.glob("/usr/lib/*/lib#{name}").first }.freeze
  COUNT = 300
  # The strings are held by nothing but the structs of C extensions.
  PROGRAM = <<~RUBY
    require "strscan"
    require "stringio"
    $kept = Array.new(#{COUNT}) { |n| [StringScanner.new("scanned \#{n}, and longer than a slot is"), StringIO.new("read \#{n}, and longer than a slot is")] }
    $garbage = Array.new(50) { |n| "thrown away \#{n}, and longer than a slot is" }
    $garbage = nil
    GC.disable
    60.times { |n| "thrown away \#{n + 50}, and longer than a slot is" }
    #{QUIET}
  RUBY

  def lines(file, type) = read(file).objects.values.map(&:first).select { |line| line["type_name"] == type }
  def texts(file, words) = File.read(file).scan(/#{words} \d+, and longer than a slot is/).uniq.size

  def test_glibc
    with_target(name: "glibc", program: PROGRAM) do |target|
      facts, file = dump("--pid", target.pid)
      assert_equal "glibc", facts["malloc"]
      assert_equal [COUNT, COUNT], [texts(file, "scanned"), texts(file, "read")]
      strings = read(file).objects
      lines(file, "StringScanner").each do |line|
        refute line["refs"]
        assert(line["inferred"].any? { |id| strings[id][0]["val"]&.start_with?("scanned ") }, line.inspect)
        assert_operator line["size"], :>, line["slot_size"] + 40 # the struct's block
      end
      text, = Open3.capture2(TOOL, "dump", "--pid", target.pid.to_s, "-o", file)
      refute_match(/malloc/, text)
    end
  end

  # The analysing commands follow such references, and their name tells.
  def test_a_path_through_an_inferred_reference
    with_target(name: "inferred", program: PROGRAM) do |target|
      _, file = dump("--pid", target.pid)
      id = read(file).objects.values.map(&:first).find { |line| line["val"] == "scanned 7, and longer than a slot is" }["id"]
      path, status = Open3.capture2e(TOOL, "path", "--no-index", file, id.to_s)
      assert status.success?, path
      assert_match(/inferred/, path)
    end
  end

  # Another Debian's Ruby does not see this one's /usr.
  def preloaded(ruby, name)
    skip "the library of #{name} is not there: script/setup gets it" unless OTHERS[name]
    copy = File.join(FOLDER, File.basename(OTHERS[name]))
    FileUtils.cp(OTHERS[name], copy) unless File.exist?(copy)
    target = Target.new(ruby, name: name, program: PROGRAM, wrap: ["env", "LD_PRELOAD=#{copy}"])
    assert_includes File.read("/proc/#{target.pid}/maps"), File.basename(copy), "it is what the process has"
    yield target
    assert target.finish, "the process goes on and ends as it would have"
  ensure
    target&.kill
  end

  def complete(name, facts, file)
    assert_equal [name, 0], facts.values_at("malloc", "unreadable")
    assert_equal name, JSON.parse(File.open(file, &:gets)[1..])["malloc"]
    assert_equal [COUNT, COUNT], [texts(file, "scanned"), texts(file, "read")], "what may be alive is kept"
    lines(file, "StringScanner").each { |line| assert_equal line["slot_size"], line["size"] }
  end

  OTHERS.each_key do |name|
    define_method("test_#{name}") do
      preloaded("native", name) do |target|
        before = traces(target.pid)
        facts, file = dump("--pid", target.pid)
        complete(name, facts, file)
        text, = Open3.capture2(TOOL, "dump", "--pid", target.pid.to_s, "-o", file)
        assert_match(/^its malloc is #{name == "unknown" ? "none that heap_dump knows" : name}: the size of memory that C code owns is not known/, text)
        assert_equal before, traces(target.pid)

        core = File.join(FOLDER, "core-of-#{name}")
        _, status = Open3.capture2e("gcore", "-o", core, target.pid.to_s)
        assert status.success?
        of_core, file = dump("--core", "#{core}.#{target.pid}")
        complete(name, of_core, file)
        assert_in_delta facts["objects"], of_core["objects"], 5
      end
    end
  end

  # As Ruby is often run in production.
  def test_jemalloc_with_other_rubies
    (RUBIES.keys - %w[native 2.7]).each do |ruby| # 2.7's libc is older than this jemalloc
      next unless RUBIES[ruby].there?

      preloaded(ruby, "jemalloc") { |target| complete("jemalloc", *dump("--pid", target.pid)) }
    end
  end

  # An allocator that a library brings for itself, under a prefix, is not the process's malloc.
  def test_an_allocator_of_a_library
    source = File.join(FOLDER, "own.c")
    File.write(source, "int mallctl(void) { return 0; } int je_mallctl(void) { return 0; } void *je_malloc(void) { return 0; } int mi_version(void) { return 0; }")
    library = File.join(FOLDER, "own.so")
    out, status = Open3.capture2e("cc", "-shared", "-fPIC", "-o", library, source)
    assert status.success?, out
    with_target(name: "own", program: PROGRAM, wrap: ["env", "LD_PRELOAD=#{library}"]) do |target|
      facts, file = dump("--pid", target.pid)
      assert_equal "glibc", facts["malloc"]
      lines(file, "StringScanner").each { |line| assert_operator line["size"], :>, line["slot_size"] + 40 }
    end
  end

  # Ruby 3.3 lets a type list its references (RUBY_TYPED_DECL_MARKING): those are certain, and nothing else in the struct counts.
  DECLARED = <<~'C'
    #include <ruby.h>
    struct pair { VALUE first, unlisted, second; };
    RUBY_REFERENCES(pair_references) = { RUBY_REF_EDGE(struct pair, first), RUBY_REF_EDGE(struct pair, second), RUBY_REF_END };
    static const rb_data_type_t type = { "declared_pair", { RUBY_REFS_LIST_PTR(pair_references), RUBY_DEFAULT_FREE, 0 }, 0, 0, RUBY_TYPED_DECL_MARKING };
    static VALUE make(VALUE self, VALUE first, VALUE unlisted, VALUE second) {
        struct pair *pair;
        VALUE object = TypedData_Make_Struct(rb_cObject, struct pair, &type, pair);
        pair->first = first; pair->unlisted = unlisted; pair->second = second;
        return object;
    }
    void Init_declared(void) { rb_define_global_function("declared", make, 3); }
  C

  def test_declared_references
    headers = Dir.glob(File.join(ROOT, "build/rubies/3.3/root/usr/include/{ruby-3.3.0,*/ruby-3.3.0}"))
    skip "Ruby 3.3 is not there: script/rubies gets it" if headers.size < 2 || !RUBIES["3.3"].there?
    source = File.join(FOLDER, "declared.c")
    File.write(source, DECLARED)
    out, status = Open3.capture2e("cc", "-shared", "-fPIC", *headers.map { |path| "-I#{path}" }, "-o", File.join(FOLDER, "declared.so"), source)
    assert status.success?, out
    program = "require '#{FOLDER}/declared.so'; $three = %w[one two three].map { |word| word * 20 }; $pair = declared(*$three); #{QUIET}"
    target = Target.new("3.3", name: "declared", program: program)
    _, file = dump("--pid", target.pid)
    objects = read(file).objects
    line = objects.values.map(&:first).find { |object| object["type_name"] == "declared_pair" }
    refute line["inferred"], line.inspect
    assert_equal %w[one three], line["refs"].map { |id| objects[id][0]["val"][/one|two|three/] }
    assert target.finish
  ensure
    target&.kill
  end

  # What nothing reaches any more is left out, or kept and marked.
  def test_garbage
    with_target(name: "garbage", program: PROGRAM) do |target|
      _, without = dump("--pid", target.pid)
      _, with = dump("--pid", target.pid, "--all")
      assert_operator texts(without, "thrown away"), :<, 10 # a stack may still have one
      marked = File.foreach(with).select { |line| line.include?("thrown away") }
      assert_operator marked.size, :>=, 55
      assert_operator marked.count { |line| line.include?('"garbage":true') }, :>=, marked.size - 10
      refute_match(/"garbage"/, File.read(without))
      alive = File.foreach(with).count { |line| line.include?('"bt":') && !line.include?('"garbage":true') }
      assert_in_delta File.foreach(without).count { |line| line.include?('"bt":') }, alive, 20
    end
  end
end
