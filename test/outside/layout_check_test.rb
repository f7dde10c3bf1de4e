# frozen_string_literal: true

# A layout table that does not fit a Ruby is found out, and never used: by the library's build-id and release, by the code of
# exported functions, and by reading what must be true of every Ruby. Each kind of damage is tried.
require_relative "helper"

class LayoutCheckTest < Minitest::Test
  include OutsideTest

  DRIVER = File.join(ROOT, "build/test/outside/layout_driver")
  # Waits without the extension; nothing of ours is in it.
  WAITING = <<~'RUBY'
    require "set"
    Pair = Struct.new(:left, :right)
    class Thing
      def initialize(number)
        @number = number
        @name = "thing #{number}"
        @pair = Pair.new(number, { number: [number, "a text that is too long to lie in the slot of a string #{number}"] })
      end
    end
    $things = Array.new(2000) { |number| Thing.new(number) }
    $tables = Array.new(50) { |number| Array.new(20) { |i| ["key #{number} #{i}", i] }.to_h }
    $symbols = Array.new(50) { |number| "dynamic #{number} #{rand}".to_sym }
    $procs = $things.first(50).map { |thing| proc { thing } }
    $stdout.puts "ready"
    $stdout.flush
    $stdin.read
  RUBY

  # Members and constants on which the reading of nearly everything stands; a table in which one of them is wrong must be refused.
  # (Those that a release has not are left out by the driver.)
  REFUSED = %w[
    vm_objspace vm_at_exit objspace_count objspace_flags objspace_sorted objspace_sorted_data objspace_sorted_size
    page_start page_total page_slot_size page_body_header_page k_HEAP_PAGE_ALIGN_LOG
    class_super class_ext class_m_tbl classext_m_tbl classext_classpath classext_const classext_origin const_entry_value
    id_table_items id_item_size id_item_key id_item_val st_entries_bound st_entry_size st_entry_record
    symbols_last_id symbols_ids k_ID_SCOPE_SHIFT k_ID_ENTRY_UNIT
    shape_size shape_edge_name shape_next_iv shape_type shape_parent k_SHAPE_IVAR
    string_len string_len_common string_ptr string_embed k_RSTRING_NOEMBED
    array_len array_ptr k_RARRAY_EMBED_FLAG k_RHASH_ST_TABLE_FLAG data_type data_data data_type_name symbol_fstr
    k_Qnil k_Qfalse k_RUBY_FIXNUM_FLAG k_RUBY_SYMBOL_FLAG k_FL_USHIFT k_FL_SINGLETON k_IMEMO_MASK k_imemo_ment k_imemo_iseq
    ment_called_id ment_def ment_owner ment_defined_class def_iseqptr def_original_id
    iseq_body iseq_body_encoded iseq_body_label iseq_body_local_table env_env env_iseq
    thread_self thread_ec ec_cfp ec_vm_stack ec_vm_stack_size cfp_size cfp_iseq cfp_sp cfp_pc cfp_ep
  ].freeze

  def library(ruby) = RUBIES[ruby].library

  def waiting(ruby, *wrap, options: [], program: WAITING)
    found = RUBIES.fetch(ruby)
    command = wrap.empty? ? [found.command] : [*found.run, *wrap, "ruby"]
    input, output, wait = Open3.popen2(*command, *options, "-e", program, pgroup: true)
    assert_equal "ready\n", output.gets
    yield wait.pid
  ensure
    Process.kill(:KILL, -wait.pid)
    input.close
    wait.value
  end

  def check(what)
    out, err, status = Open3.capture3(TOOL, "layout", "--check", what.to_s, "--json")
    [out.empty? ? nil : JSON.parse(out), err, status.exitstatus]
  end

  # Another file with something in it replaced, of the same length.
  def changed(file, from, to)
    bytes = File.binread(file)
    assert_includes bytes, from
    copy = File.join(Dir.mktmpdir("changed", FOLDER), File.basename(file))
    File.binwrite(copy, bytes.gsub(from) { to })
    copy
  end

  def other_build_id(file)
    id = check(file)[0].fetch("build_id")
    changed(file, [id].pack("H*"), [id.tr("0-9a-f", "1-9a-f0")].pack("H*"))
  end

  RUBIES.each_key do |ruby|
    define_method("test_the_table_fits_#{ruby}") do
      need(ruby, extension: false)
      skip "Ruby #{ruby} has no libruby" unless library(ruby)
      found, err, status = check(library(ruby))
      expected = [[0, "fits", "build_id", nil]]
      expected << [0, "not contradicted", "release", nil] if TestRubies::NAMED.map(&:name).include?(ruby) # somebody's own build
      assert_includes expected, [status, *found.values_at("verdict", "chosen_by", "self_check")], err
      assert_equal %w[objspace->flags objspace->profile.count vm->at_exit vm->objspace], found["code"].map { |row| row["member"] }.sort
      assert(found["code"].none? { |row| row["differs"] })
      waiting(ruby) do |pid|
        found, err, status = check(pid)
        assert_equal [0, "fits", true, pid], [status, *found.values_at("verdict", "self_check", "pid")], err
      end
      found, err, status = check(other_build_id(library(ruby)))
      assert_equal 0, status, err
      assert_equal [0, "not contradicted", "release"], [status, *found.values_at("verdict", "chosen_by")], err
    end

    # Every member moved, every constant changed, one at a time.
    define_method("test_wrong_tables_are_refused_#{ruby}") do
      need(ruby, extension: false)
      waiting(ruby) do |pid|
        out, status = Open3.capture2e(DRIVER, pid.to_s)
        assert status.success?, out
        results = out.lines.to_h { |line| line.split(" ", 2) }
        assert_equal "accepted\n", results.delete("-"), "the true table"
        refused, accepted = results.partition { |_, result| result.start_with?("refused") }.map(&:to_h)
        assert_empty REFUSED & accepted.keys, "wrong and not noticed"
        assert_empty refused.reject { |_, result| result.start_with?("refused self-check: ") }
        assert_operator refused.size, :>=, REFUSED.count { |name| results.key?(name) }
        puts "#{ruby}: #{refused.size} of #{results.size} wrong tables refused"
      end
    end
  end

  # Builds of one release differ in the size of jmp_buf, which lies in a fiber before the members that count.
  RUBIES.each_key do |ruby|
    define_method("test_the_size_of_jmp_buf_is_found_out_#{ruby}") do
      need(ruby, extension: false)
      waiting(ruby) do |pid|
        usual, found = Open3.capture2e(DRIVER, pid.to_s, "0")[0].lines
        assert_match(/\A\d+ \d+\n\z/, usual)
        difference = found.to_i - usual.to_i
        assert_includes [0, 160, -160], difference
        assert_equal 8 * difference, found.split.last.to_i - usual.split.last.to_i
        # Whichever the table were of, what is found is the same.
        (difference.zero? ? [160, -160] : [difference]).each { |more| assert_equal found, Open3.capture2e(DRIVER, pid.to_s, more.to_s)[0].lines.last }
      end
    end
  end

  # Heaps most of whose objects are of an odd kind are no proof against the table.
  ODD = {
    # No garbage was ever collected.
    just_begun: ["", ["--disable-gems"]],
    plain: ['$kept = Array.new(300_000) { Object.new }', ["--disable-gems"]],
    # Pages that were emptied are kept without slots since 3.4.
    emptied: ["Array.new(300_000) { |i| [i] * 12 }; 4.times { GC.start }", []],
    # Then Kernel's methods are not in Kernel's table. (4.0 does that itself, once there is a Ractor.)
    kernel_prepended: ['Kernel.prepend(Module.new { def require(*); super; end })', []],
    plain_with_gems: ['$kept = Array.new(1_000_000) { Object.new }', []],
    # A method in C that calls back hands on a block that is a function, and the environment of its own frame has no code.
    frames_of_c: ['class Rows; include Enumerable; def each(&block) = ($kept << block; block.call(1)); end; $kept = []; 3000.times { Rows.new.map { |row| row } }', []]
  }.freeze

  RUBIES.each_key do |ruby|
    ODD.each do |name, (program, options)|
      define_method("test_odd_heaps_are_accepted_#{name}_#{ruby}") do
        need(ruby, extension: false)
        skip "its methods without end came with 3.0" if ruby == "2.7" && name == :frames_of_c
        waiting(ruby, options: options, program: "#{program}; $stdout.puts 'ready'; $stdout.flush; $stdin.read") do |pid|
          found, err, status = check(pid)
          assert_equal [0, true], [status, found["fits"]], err
        end
      end
    end
  end

  def test_a_table_of_another_release_is_refused
    skip "Ruby 3.4 is not there: script/rubies gets it" unless library("3.4")
    file = changed(other_build_id(library("3.4")), "3.4.11\0", "3.3.14\0")
    found, err, status = check(file)
    assert_equal [5, "does not fit", false], [status, *found.values_at("verdict", "fits")], err
    assert_match(/\Aheap_dump layout: the layout table of Ruby 3\.3\.\S.* does not fit this build: the code of rb_gc_get_objspace has vm->objspace at \d+, not at \d+/, err)
    assert_equal 1, err.lines.size
    # A process of it is no better, and a dump is not even begun.
    waiting("3.4", "env", "LD_LIBRARY_PATH=#{File.dirname(file)}", options: ["--disable-gems"]) do |pid|
      found, err, status = check(pid)
      assert_equal [5, "does not fit", nil], [status, *found.values_at("verdict", "self_check")], err
      err, status = refused("--pid", pid)
      assert_equal 5, status
      assert_match(/vm->objspace at 1296, not at 1304/, err)
    end
  end

  def test_a_release_without_a_table
    skip "Ruby 3.4 is not there: script/rubies gets it" unless library("3.4")
    found, err, status = check(changed(other_build_id(library("3.4")), "3.4.11\0", "3.4.99\0"))
    assert_equal [5, "no table", nil], [status, *found.values_at("verdict", "table")], err
    assert_match(/no layout table for Ruby 3\.4\.99.*docs\/layouts\.md/, err)
  end

  def test_what_is_no_ruby
    short = File.join(FOLDER, "short")
    File.binwrite(short, File.binread(library("native") || RbConfig.ruby, 5000))
    gone = spawn("true").tap { |pid| Process.wait(pid) }
    { "/bin/ls" => 5, __FILE__ => 5, short => 5, File.join(FOLDER, "missing") => 4, FOLDER => 5, gone => 7, Process.pid.to_s * 4 => 4, "" => 4 }.each do |what, expected|
      found, err, status = check(what)
      assert_equal [expected, nil], [status, found], "#{what}: #{err}"
      assert_equal 1, err.lines.size, err
    end
    _, err, status = Open3.capture3(TOOL, "layout", "--json", "x")
    assert_equal 2, status.exitstatus, err
  end

  # A damaged library is looked at like any other: it ends in a sentence.
  def test_damaged_libraries
    file = library("native") || skip("there is no libruby")
    bytes = File.binread(file)
    random = Random.new(7)
    damaged = File.join(FOLDER, "damaged.so")
    20.times do
      broken = bytes.dup
      30.times { broken.setbyte(random.rand(random.rand(2).zero? ? 4096 : broken.bytesize), random.rand(256)) }
      File.binwrite(damaged, broken)
      _, err, status = check(damaged)
      assert_includes [0, 4, 5], status, err
      assert_operator err.lines.size, :<=, 1
    end
  end
end
