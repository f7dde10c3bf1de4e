# frozen_string_literal: true

# The C functions of heap_dump.h: from a C host that embeds Ruby, and what else the extension exports (nothing).

require_relative "helper"

class ExportsTest < Minitest::Test
  include GemTest

  def setup
    super
    skip "the installed gem is tested elsewhere" unless SHARED_OBJECT
  end

  def test_c_host
    build
    out, err, status = Open3.capture3(file("host"), SHARED_OBJECT, chdir: @folder)
    assert status.success?, "#{status}\n#{out}#{err}"
    assert_match(/^dump 0$/, out)
    assert_match(/^default 0$/, out)
    assert_match(/^folder #{Errno::EISDIR::Errno}$/, out)
    assert_match(/^missing #{Errno::ENOENT::Errno}$/, out)
    assert_match(/^print 0$/, out)
    assert_match(/^ +\d+  total_slots$/, out)
    assert_match(/^ +\d+  T_STRING$/, out)
    assert_match(/^ +2  Shop::Cart$/, out)
    assert_match(/^returned \{:"Shop::Cart"=>2\}$|^returned \{"Shop::Cart": 2\}$/, out)
    assert_match(/^alive 2$/, out)
    assert_match(/^heap_dump: cannot write \.: Is a directory$/, err)
    assert_whole("dump.json")
    assert_whole(nil, IO.popen(["gzip", "-dc", file("host.json.gz")], &:read).force_encoding("UTF-8"))
  end

  def test_nothing_else_is_exported
    symbols = IO.popen(["nm", "-D", "--defined-only", SHARED_OBJECT], &:readlines).map { |line| line.split.last }
    symbols.reject! { |name| name.start_with?("_") } # of the linker
    assert_equal %w[Init_heap_dump heapdump_count_objects_print heapdump_count_objects_return heapdump_dump], symbols.sort
  end

  def test_the_header_is_plain_c_and_cxx
    %w[c c++].each do |language|
      next if language == "c++" && !system("gcc -print-prog-name=cc1plus | grep -q /") # the other Ruby's root has no C++
      source = "#include \"heap_dump.h\"\nint main(void) { return heapdump_dump == 0; }\n"
      _, err, status = Open3.capture3("gcc", "-x", language, "-std=#{language == "c" ? "c99" : "c++11"}", "-Wall", "-Werror",
                                      "-fsyntax-only", "-I", File.join(ROOT, "include"), "-Wno-address", "-", stdin_data: source)
      assert status.success?, err
    end
  end

  private

  def build
    config = RbConfig::CONFIG
    includes = [config["rubyhdrdir"], config["rubyarchhdrdir"]].flat_map { |dir| ["-I", dir] }
    libraries = "-L#{config["libdir"]} #{config["LIBRUBYARG_SHARED"]} #{config["LIBS"]}".split
    _, err, status = Open3.capture3("gcc", "-o", file("host"), File.join(__dir__, "host.c"), *includes,
                                    *libraries, "-Wl,-rpath,#{config["libdir"]}", "-ldl")
    assert status.success?, err
  end
end
