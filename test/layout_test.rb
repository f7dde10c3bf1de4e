# frozen_string_literal: true

# The layout command, the tables it wrote, and the choice among them.
#
# The command is run on objects compiled here from small C files that have structs of the names it looks for, with
# contents of our own. The table of the Ruby that runs this file is compared with that Ruby.
require "json"
require "minitest/autorun"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../tools/layouts/merge"

class LayoutTest < Minitest::Test
  ROOT = File.expand_path("..", __dir__)
  TOOL = ENV["HEAP_DUMP_TOOL"] || File.join(ROOT, "build/heap_dump")

  SOURCE = <<~C
    #include <stdint.h>
    /* nested, anonymous in anonymous, and an alternative by path */
    struct rb_vm_struct { char pad[24]; struct { int before; union { struct { void *main_ractor, *main_thread; }; char c; }; } ractor;
                          struct { void *unused, *objspace; } gc; };
    /* bit-fields move what follows, and have no offset themselves */
    struct rb_thread_struct { void *ec; unsigned int skipped : 3; unsigned int status : 2; unsigned int to_kill : 1; void *self; };
    /* a typedef of a struct without a name, an array member, and sizes */
    typedef struct { const void *iseq; const uint64_t *ep; const uint64_t env[3]; unsigned int env_size; } rb_env_t;
    /* elements behind a pointer, of a struct without a name */
    struct rb_class_cc_entries { int capa, len; const void *cme; struct { int a; const void *ci; char b[9]; const void *cc; } *entries; };
    union iseq_inline_storage_entry { struct { void *thread; void *value; } once; char room[40]; };
    /* only declared here: nothing is known about it */
    struct heap_page *page;
    enum fiber_status { FIBER_CREATED = 7, FIBER_RESUMED = -2, FIBER_SUSPENDED = 200 };
    static const int ID_ENTRY_UNIT = 512;
    enum { RUBY_FL_TAINT = 0x123456789abcdefL };
    #define HEAP_PAGE_ALIGN_LOG (16 - 2)
    #define RESERVED_HASH_VAL (~(uint64_t)0)
    struct rb_vm_struct vm; struct rb_thread_struct th; rb_env_t env; struct rb_class_cc_entries ccs;
    union iseq_inline_storage_entry is; enum fiber_status fs;
    int unit(int n) { return n / ID_ENTRY_UNIT; }
  C

  def setup
    @dir = Dir.mktmpdir
  end

  def teardown
    FileUtils.remove_entry(@dir)
  end

  def path(name) = File.join(@dir, name)

  def compile(name, source, *flags)
    File.write(path("#{name}.c"), source)
    out, status = Open3.capture2e("gcc", "-g", "-O1", "-w", "-fno-eliminate-unused-debug-types", *flags, "-c", "-o",
                                  path("#{name}.o"), path("#{name}.c"))
    assert status.success?, out
    path("#{name}.o")
  end

  def layout(*arguments)
    out, err, status = Open3.capture3(TOOL, "layout", *arguments)
    [out.scan(/^    \.(\w+) = (-?\d+|HD_ABSENT),/).to_h { |k, v| [k.to_sym, v == "HD_ABSENT" ? nil : v.to_i] }, err, status.exitstatus, out]
  end

  def probed(name, source, *flags)
    probe, = Open3.capture2(TOOL, "layout", "--probe")
    File.write(path("probe.h"), probe)
    compile(name, "#{source}\n#include \"probe.h\"\n", *flags)
  end

  def offsets(object)
    table, err, status = layout("--ruby", "9.8.7", object)
    assert_equal 0, status, err
    table
  end

  def test_members
    check_members(offsets(compile("a", SOURCE)))
  end

  def test_members_of_older_debug_information
    table = offsets(compile("a", SOURCE, "-gdwarf-4"))
    assert_equal [32, 40, 56], table.values_at(:vm_main_ractor, :vm_main_thread, :vm_objspace)
    assert_equal 16, table[:thread_self]
  end

  def check_members(table)
    assert_equal [32, 40, 56], table.values_at(:vm_main_ractor, :vm_main_thread, :vm_objspace)
    assert_equal [0, 16, 24], table.values_at(:thread_ec, :thread_self, :thread_size)
    assert_equal [67, 2, 69], table.values_at(:thread_status_bit, :thread_status_bits, :thread_to_kill_bit)
    assert_equal [0, 8, 16, 40], table.values_at(:env_iseq, :env_ep, :env_env, :env_size)
    assert_equal [16, 40, 8, 32], table.values_at(:ccs_entries, :ccs_entry_size, :ccs_entry_ci, :ccs_entry_cc)
    assert_equal [40, 8], table.values_at(:iseq_storage_size, :iseq_storage_once_value)
  end

  def test_what_is_not_there_is_absent_and_named
    table, err, = layout("--ruby", "9.8.7", compile("a", SOURCE))
    assert_nil table.fetch(:page_start)
    assert_nil table.fetch(:vm_at_exit)
    assert_nil table.fetch(:k_Qnil)
    assert_match(/^vm_at_exit: not found/, err)
    assert_match(/^page_start: not found/, err)
    assert_match(/^k_Qnil: not found/, err)
    refute_match(/^vm_objspace/, err)
    _, err, = layout("-q", "--ruby", "9.8.7", path("a.o"))
    refute_match(/not found/, err)
  end

  def test_constants
    table = offsets(probed("a", SOURCE))
    assert_equal [7, -2, 200], table.values_at(:k_FIBER_CREATED, :k_FIBER_RESUMED, :k_FIBER_SUSPENDED)
    assert_equal 0x123456789abcdef, table[:k_FL_TAINT]
    assert_equal 512, table[:k_ID_ENTRY_UNIT]
    assert_equal [14, -1], table.values_at(:k_HEAP_PAGE_ALIGN_LOG, :k_RESERVED_HASH_VAL)
    assert_nil offsets(compile("b", SOURCE))[:k_HEAP_PAGE_ALIGN_LOG], "a macro needs the probe"
  end

  def test_the_first_file_decides_and_disagreement_is_told
    first = compile("a", "struct rb_vm_struct { long a; void *objspace; } vm;")
    second = compile("b", "struct rb_vm_struct { void *objspace, *at_exit; } vm; struct heap_page { char c[12]; int flags; } page;")
    table, err, = layout("--ruby", "9.8.7", first, second)
    assert_equal 8, table[:vm_objspace]
    assert_nil table[:vm_at_exit], "the first file says that there is none"
    assert_equal 12, table[:page_flags]
    assert_match(/^vm_objspace: 8 in .*a\.o, but 0 in .*b\.o/, err)
    table, = layout("--ruby", "9.8.7", second, first)
    assert_equal [0, 8], table.values_at(:vm_objspace, :vm_at_exit)
  end

  def test_a_struct_declared_in_one_file_and_defined_in_another
    first = compile("a", "struct heap_page; struct heap_page *page; typedef struct x rb_proc_t; rb_proc_t *p;")
    second = compile("b", "struct heap_page { char c[12]; int flags; } page; typedef struct x { long l; int block; } rb_proc_t; rb_proc_t p;")
    table, = layout("--ruby", "9.8.7", first, second)
    assert_equal [12, 16, 8], table.values_at(:page_flags, :page_size, :proc_block)
  end

  def test_corrections
    object = compile("a", SOURCE)
    File.write(path("fix"), "# a remark\nvm_objspace 72 seen in the code\nvm_at_exit absent nothing\n")
    _, err, status = layout("--ruby", "9.8.7", "--corrections", path("fix"), object)
    assert_equal 2, status
    assert_match(/has that value already/, err)
    File.write(path("fix"), "# a remark\nvm_objspace 72 seen in the code\nthread_ec absent gone\n")
    table, _, status, text = layout("--ruby", "9.8.7", "--corrections", path("fix"), object)
    assert_equal [0, 72, nil], [status, table[:vm_objspace], table[:thread_ec]]
    assert_includes text, ".vm_objspace = 72, /* seen in the code */"
    assert_includes text, " * a remark\n"
    ["vm_objspace 72", "vm_objspace x y", "no_such_member 1 why", "vm_objspace 72 */", "# /*"].each do |line|
      File.write(path("fix"), "#{line}\n")
      assert_equal 2, layout("--ruby", "9.8.7", "--corrections", path("fix"), object)[2], line
    end
  end

  def test_output_is_a_table_that_compiles
    object = compile("a", SOURCE)
    _, err, status = layout("--ruby", "9.8.7", "--origin", "a \"test\"", "--build-id", "ab12", "-o", path("out.inc"), object)
    assert_equal 0, status, err
    assert_equal %w[a.c a.o out.inc], Dir.children(@dir).sort
    assert_equal "9.8.7 9.8.7 a \"test\" ab12 1 56 1\n", run_c(<<~C)
      #include <stdio.h>
      #include "#{path("out.inc")}"
      int main(void) { const struct hd_layout_release *only = ruby_9_8_7.releases;
                       printf("%s %s %s %s %d %d %d\\n", ruby_9_8_7.ruby, only->ruby, only->origin, only->build_ids[0], !only[1].ruby,
                              (int)ruby_9_8_7.vm_objspace, ruby_9_8_7.page_start == HD_ABSENT); return 0; }
    C
  end

  def run_c(main, *sources)
    File.write(path("main.c"), "#include \"ruby/layout.h\"\n#{main}")
    out, status = Open3.capture2e("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I#{ROOT}/include", "-iquote", "#{ROOT}/src",
                                  "-o", path("main"), path("main.c"), *sources)
    assert status.success?, out
    Open3.capture2(path("main")).first
  end

  def test_find
    out = run_c(<<~C, "#{ROOT}/src/ruby/layout.c", "#{ROOT}/src/base/error.c")
      #include <stdio.h>
      #include <string.h>
      int main(void) {
          for (const struct hd_layout *const *t = hd_layout_all(); *t; t++)
              for (const struct hd_layout_release *r = (*t)->releases; r->ruby; r++)
                  printf("%s %d %d %d %d %s\\n", r->ruby, hd_layout_find(r->ruby, NULL) == *t, hd_layout_find(r->ruby, "beef") == *t,
                         !*r->build_ids || (hd_layout_find("1.8.7", *r->build_ids) == *t && hd_layout_release(*t, "1.8.7", *r->build_ids) == r),
                         hd_layout_release(*t, r->ruby, NULL) == r, (*t)->releases->ruby);
          printf("%d %d %d\\n", !hd_layout_find("3.1", NULL), !hd_layout_find("3.1.99", "beef"), !hd_layout_find(NULL, NULL));
          const struct hd_layout *a = hd_layout_find("3.1.2", NULL), *b = hd_layout_find("3.1.7", NULL);
          const char *id = hd_layout_release(b, "3.1.7", NULL)->build_ids[0];
          printf("%d %d %d\\n", (int)a->vm_objspace, (int)b->vm_objspace, hd_layout_find("3.1.2", id) == b);
          return 0;
      }
    C
    *tables, none, values = out.lines(chomp: true)
    assert_operator tables.size, :>=, 3
    tables.each { |line| assert_match(/\A\d+\.\d+\.\d+ 1 1 1 1 \d+\.\d+\.\d+\z/, line) }
    by_table = tables.map(&:split).group_by(&:last)
    by_table.each { |first, rows| assert_equal by_age(rows.map(&:first)), rows.map(&:first), "a table is called by its oldest release: #{first}" }
    assert_equal by_age(by_table.keys), by_table.keys
    assert_equal tables.size, tables.map { |line| line.split.first }.uniq.size, "a release has one table"
    assert_equal "1 1 1", none
    assert_equal "1104 1112 1", values
  end

  def by_age(rubies) = rubies.sort_by { |ruby| Gem::Version.new(ruby) }

  # Two tables that say the same are one, and the words for people name just the releases that are listed.
  def test_tables_are_shared_and_named_by_their_releases
    tables = Dir[File.join(ROOT, "src/ruby/layouts/*.inc")].map { |file| [file, LayoutFile.new(File.read(file))] }
    tables.combination(2) { |(a, left), (b, right)| refute left == right && left.series == right.series, "#{a} and #{b} are the same" }
    tables.each do |file, table|
      assert_equal File.basename(file, ".inc"), table.name
      assert_equal table.text, table.with(table.releases).text, file
      assert_includes File.read(File.join(ROOT, "src/ruby/layout.c")), %(#include "ruby/layouts/#{table.name}.inc")
    end
  end

  # What a table does not name would be 0, not absent.
  def test_tables_have_every_name
    names = File.read(File.join(ROOT, "src/ruby/layout_fields.h")).scan(/^    (FIELD|CONST)\((\w+)/).map { |kind, name| kind == "CONST" ? "k_#{name}" : name }
    Dir[File.join(ROOT, "src/ruby/layouts/*.inc")].each { |file| assert_equal names, LayoutFile.new(File.read(file)).values.map(&:first), file }
  end

  def merge(ruby, object, *options)
    _, err, status = layout("-q", "--ruby", ruby, "--origin", "of #{ruby}", "-o", path("new.inc"), *options, object)
    assert_equal 0, status, err
    out, status = Open3.capture2e(RbConfig.ruby, File.join(ROOT, "tools/layouts/merge.rb"), path("new.inc"), path("tables"))
    assert status.success?, out
    File.basename(out.chomp)
  end

  def rubies(name) = File.read(path("tables/#{name}")).scan(/^        \{"([\d.]+)", "of \1"/).flatten

  def test_releases_with_the_same_values_share_a_table
    Dir.mkdir(path("tables"))
    one = compile("a", "struct rb_vm_struct { long a; void *objspace; } vm;")
    two = compile("b", "struct rb_vm_struct { long a, b; void *objspace; } vm;")
    assert_equal "ruby_9_8_2.inc", merge("9.8.2", one, "--build-id", "ab12")
    assert_equal "ruby_9_8_10.inc", merge("9.8.10", two)
    assert_equal "ruby_9_8_2.inc", merge("9.8.4", one)
    assert_equal "ruby_9_8_2.inc", merge("9.8.3", one)
    assert_equal "ruby_9_8_1.inc", merge("9.8.1", one), "called by its oldest one"
    assert_equal "ruby_9_9_0.inc", merge("9.9.0", one), "another series"
    assert_equal %w[ruby_9_8_1.inc ruby_9_8_10.inc ruby_9_9_0.inc], Dir.children(path("tables")).sort
    assert_equal %w[9.8.1 9.8.2 9.8.3 9.8.4], rubies("ruby_9_8_1.inc")
    assert_includes File.read(path("tables/ruby_9_8_1.inc")), %(    .ruby = "9.8.1 to 9.8.4",)
    # Made again, it moves to where it belongs now.
    assert_equal "ruby_9_8_1.inc", merge("9.8.1", two)
    assert_equal [%w[9.8.1 9.8.10], %w[9.8.2 9.8.3 9.8.4]], [rubies("ruby_9_8_1.inc"), rubies("ruby_9_8_2.inc")]
    assert_includes File.read(path("tables/ruby_9_8_1.inc")), %(    .ruby = "9.8.1, 9.8.10",)
    assert_includes File.read(path("tables/ruby_9_8_2.inc")), "static const struct hd_layout ruby_9_8_2 = {"
    assert_includes File.read(path("tables/ruby_9_8_2.inc")), %({"9.8.2", "of 9.8.2", (const char *const[]){"ab12", NULL}},)
    assert_equal "9.8.2 to 9.8.4 3\n", run_c(<<~C)
      #include <stdio.h>
      #include "#{path("tables/ruby_9_8_2.inc")}"
      int main(void) { int n = 0; while (ruby_9_8_2.releases[n].ruby) n++; printf("%s %d\\n", ruby_9_8_2.ruby, n); return 0; }
    C
  end

  def test_list
    out, status = Open3.capture2(TOOL, "layout", "--list")
    assert status.success?
    assert_match(/^3\.1\.7 +x86_64-linux-gnu +Debian/, out)
    assert_match(/^ +build-id \h{40}$/, out)
  end

  def test_list_as_json
    listed = IO.popen([TOOL, "layout", "--list"], &:read)
    tables = JSON.parse(IO.popen([TOOL, "layout", "--list", "--json"], &:read))["tables"]
    assert_equal listed.scan(/^(\d\S+)/).flatten, tables.map { |table| table["ruby"] }
    assert_equal listed.scan(/build-id (\h+)/).flatten, tables.flat_map { |table| table["build_ids"] }
  end

  def test_wrong_calls
    File.write(path("text"), "no object")
    File.write(path("empty.c"), "int x;")
    system("gcc", "-c", "-o", path("empty.o"), path("empty.c"), exception: true)
    object = compile("a", "int nothing_of_ruby;")
    { [] => 2, ["--no-such-option"] => 2, [object] => 2, ["--ruby", "1.2.3", path("missing.o")] => 4, ["--ruby", "1.2.3", path("text")] => 5,
      ["--ruby", "1.2.3", path("empty.o")] => 5, ["--ruby", "1.2.3", object] => 5, ["--build-id", "XY", object] => 2,
      ["--verified-with", object, object] => 2 }.each do |arguments, expected|
      _, err, status = layout(*arguments)
      assert_equal expected, status, "#{arguments}: #{err}"
      assert_match(/heap_dump layout/, err)
    end
  end

  # The library this Ruby runs from knows its release; a table for another one is refused.
  def test_verified_with
    library = File.readlines("/proc/self/maps").map { |line| line.split.last }.find { |file| file.match?(/libruby.*\.so/) }
    skip "this Ruby has no shared library" unless library
    object = compile("a", SOURCE)
    _, err, status, text = layout("--verified-with", library, object)
    assert_equal 0, status, err
    assert_includes text, ".ruby = \"#{RUBY_VERSION}\""
    assert_match(/\{"[\d.]+", "debug information", .*"\h{40}", NULL/, text)
    _, err, status = layout("--ruby", "1.2.3", "--verified-with", library, object)
    assert_equal 2, status
    assert_match(/is Ruby #{RUBY_VERSION}, not 1\.2\.3/, err)
  end

  def test_the_table_of_this_ruby_fits_it
    out, status = Open3.capture2e(RbConfig.ruby, File.join(ROOT, "tools/layouts/verify.rb"))
    skip out if status.exitstatus == 3 # there is no table for it
    assert status.success?, out
    assert_operator out[/(\d+) members and constants checked/, 1].to_i, :>, 130
  end

  # The comparison must be able to fail: 3.1.2's table does not fit another Ruby.
  def test_the_table_of_another_ruby_does_not
    other = RUBY_VERSION == "3.1.2" ? "3.1.7" : "3.1.2"
    table = Dir[File.join(ROOT, "src/ruby/layouts/*.inc")].find { |file| LayoutFile.new(File.read(file)).releases.any? { |one| one.ruby == other } }
    out, status = Open3.capture2e(RbConfig.ruby, File.join(ROOT, "tools/layouts/verify.rb"), table)
    refute status.success?, out
    assert_match(/^method/, out)
  end
end
