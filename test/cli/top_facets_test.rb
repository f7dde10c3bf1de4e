# frozen_string_literal: true

# `heap_dump top --by file|gem|method|shape` against sums over the dump's own lines, and what a group retains against a
# walk over the heap without its members.
require_relative "helper"

class TopFacetsTest < Minitest::Test
  include CliTest

  PROGRAM = <<~'RUBY'
    require "heap_dump"
    require "objspace"
    require "optparse"
    ObjectSpace.trace_object_allocations_start
    eval(<<~CODE, nil, "/srv/app/models/order.rb", 1)
      class Order
        def initialize(number) = (@number = number; @note = "note \#{number}, which is too long to be embedded")
        def self.all = $all ||= 50.times.map { |number| new(number) }
      end
    CODE
    eval("$gem = 30.times.map { |number| 'made in a gem, number ' + number.to_s * 9 }", nil,
         "/usr/lib/ruby/gems/3.1.0/gems/cake-1.2.3/lib/cake.rb", 7)
    Order.all
    GC.start
    HeapDump.dump("facets.json")
    File.open("facets_theirs.json", "w") { |file| ObjectSpace.dump_all(output: file) }
  RUBY

  RUBIES = { "native" => [RbConfig.ruby, EXTENSION],
             "3.3" => [File.join(ROOT, "build/rubies/3.3/bin/ruby"), File.join(ROOT, "build/ext-3.3")] }.freeze

  def self.dump(ruby)
    @dumps ||= {}
    @dumps[ruby] ||= begin
      program, extension = RUBIES.fetch(ruby)
      folder = File.join(FOLDER, "facets-#{ruby}")
      FileUtils.mkdir_p(folder)
      out, status = Open3.capture2e(program, "-I", File.join(ROOT, "lib"), "-I", extension, "-e", PROGRAM, chdir: folder)
      raise out unless status.success?

      File.join(folder, "facets.json")
    end
  end

  def dump(ruby = "native")
    skip "#{RUBIES[ruby]} is not there" unless RUBIES[ruby].all? { |path| File.exist?(path) }
    TopFacetsTest.dump(ruby)
  end

  def objects(ruby)
    File.readlines(dump(ruby), chomp: true).map { |line| line.sub(/\A[\[,]/, "") }.reject { |line| line == "]" }
        .map { |line| JSON.parse(line, max_nesting: 300) }.select { |line| line["bt"] && line["id"].is_a?(Integer) }
  end

  def rows(by, ruby = "native") = json("top", "--by", by, "--limit", 0, dump(ruby))["rows"].to_h { |row| [row[by], row] }

  RUBIES.each_key do |ruby|
    define_method("test_file_#{ruby}") do
      expected = objects(ruby).group_by { |line| line["file"] || line["filename"] || line.dig("iseq", "filename") }
      found = rows("file", ruby)
      ["/srv/app/models/order.rb", "/usr/lib/ruby/gems/3.1.0/gems/cake-1.2.3/lib/cake.rb"].each do |file|
        assert_equal expected[file].size, found[file]["count"], file
        assert_equal expected[file].sum { |line| line["size"] }, found[file]["size"], file
      end
      assert_equal objects(ruby).size, found.values.sum { |row| row["count"] }, "every object is in one group"
      assert_equal objects(ruby).sum { |line| line["size"] }, found.values.sum { |row| row["size"] }
    end
  end

  def test_gem
    found = rows("gem")
    assert_operator found["cake-1.2.3"]["count"], :>=, 30
    assert_operator found["(application)"]["count"], :>=, 100
    assert(found.keys.any? { |name| name.start_with?("optparse (stdlib)") })
  end

  def test_method
    found = rows("method")
    made = objects("native").select { |line| line["method"] == "initialize" && line["file"] == "/srv/app/models/order.rb" }
    assert_operator made.size, :>=, 50
    assert_operator found["initialize in /srv/app/models/order.rb"]["count"], :>=, made.size # and its code
  end

  def test_shape
    skip "shapes are there since 3.2" unless File.exist?(RUBIES["3.3"][0])
    shapes = objects("3.3").select { |line| line["shape"] }.group_by { |line| line["shape"] }
    found = rows("shape", "3.3")
    order = shapes.values.find { |group| group.any? { |line| line["ivs"]&.keys == %w[@number @note] } }
    row = found.find { |name,| name.include?("@number") && name.include?("@note") }&.last
    assert row, found.keys.first(20).inspect
    assert_equal order.size, row["count"]
  end

  # What goes if all objects of a file go: all that is reached now, less what is reached without them.
  def test_exact_retained
    file = "/srv/app/models/order.rb"
    all = objects("native")
    members = all.select { |line| (line["file"] || line["filename"] || line.dig("iseq", "filename")) == file }.map { |line| line["id"] }
    row = json("top", "--by", "file", "--exact", "--limit", 0, dump)["rows"].find { |found| found["file"] == file }
    with = reach(dump, [])
    without = reach(dump, members)
    sizes = all.to_h { |line| [line["id"], line["size"]] }
    assert_equal (with - without).sum { |id| sizes[id] }, row["retained"]
  end

  # Ids reached from the roots on ways that do not touch `gone`; weak references are not followed.
  def reach(file, gone)
    ids = objects("native").to_h { |line| [line["id"], true] }
    edges = Hash.new { |hash, id| hash[id] = [] }
    File.foreach(file) do |text|
      line = JSON.parse(text.sub(/\A[\[,]/, ""), max_nesting: 300) rescue next
      id = line["continues"] || line["id"]
      next if id == "_DUMP_"

      walk(line.reject { |key,| %w[id size slot_size bytesize capacity object_id continues offset klass_weak cref_weak subclasses].include?(key) }, ids, edges[id])
    end
    seen = gone.to_h { |id| [id, true] }
    todo = edges["_ROOTS_"].dup
    found = []
    while (id = todo.pop)
      next if seen[id]

      seen[id] = true
      found << id
      todo.concat(edges[id])
    end
    found
  end

  def walk(value, ids, out)
    case value
    when Integer then out << value if ids[value]
    when Array then value.each { |element| walk(element, ids, out) }
    when Hash
      return if value.keys == ["fix"]

      value.each { |key, element| (id = key[/\A#<(\d+)>\z/, 1]) && ids[id.to_i] && out << id.to_i; walk(element, ids, out) }
    end
  end

  # Whichever is asked for first, the dump is not read again for the others.
  def test_one_pass_for_all
    skip "strace is not installed" unless system("strace", "-V", out: File::NULL, err: File::NULL)
    copy = File.join(File.dirname(dump), "one_pass.json")
    FileUtils.cp(dump, copy)
    FileUtils.rm_f("#{copy}.idx")
    run_tool("summary", copy)
    %w[method file gem shape].each_with_index do |by, i|
      words = ["top", "--by", by, "--limit", 0]
      expected = run_tool(*words, "--no-index", copy)
      out, read = traced(*words, copy)
      assert_equal expected[0], out
      assert_equal i.zero?, read > File.size(copy) / 2, "by #{by} #{read} bytes were read"
    end
    # what several together retain is not among what is kept
    assert_equal run_tool("top", "--by", "gem", "--exact", "--no-index", copy), run_tool("top", "--by", "gem", "--exact", copy)
  end

  # [stdout, bytes read from files]
  def traced(*words)
    log = File.join(FOLDER, "top-strace")
    out, = Open3.capture2("strace", "-f", "-o", log, "-e", "trace=read,pread64", CliTest::TOOL, *words.map(&:to_s), err: File::NULL)
    [out.force_encoding("UTF-8"), File.readlines(log).sum { |line| line[/= (\d+)$/, 1].to_i }]
  end

  def test_object_space_and_pipes
    theirs = File.join(File.dirname(dump), "facets_theirs.json")
    found = json("top", "--by", "file", "--limit", 0, theirs)["rows"].find { |row| row["file"] == "/srv/app/models/order.rb" }
    expected = File.readlines(theirs, encoding: "UTF-8").count { |line| line.include?('"file":"/srv/app/models/order.rb"') }
    assert_equal expected, found["count"]
    out, err, status = run_tool("top", "--by", "gem", "-", stdin: File.binread(dump))
    assert_equal ["", 4], [out, status]
    assert_match(/standard input cannot be read again: give a file/, err)
    assert_next("top", text("top", "--by", "gem", dump))
  end
end
