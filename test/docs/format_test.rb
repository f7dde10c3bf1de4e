# frozen_string_literal: true

# The documentation against a real dump: every field that occurs is described in docs/format.md, and the commands
# printed there and in README.md do what they say. Knows the documents' wording of examples, not the library.
require "minitest/autorun"
require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "set"
require "tmpdir"

class FormatDocumentationTest < Minitest::Test
  ROOT = File.expand_path("../..", __dir__)
  LIBRARIES = [File.join(ROOT, "lib"), ENV.fetch("HEAP_DUMP_EXT", File.join(ROOT, "build/ext"))].join(":")
  FORMAT = File.read(File.join(ROOT, "docs/format.md"))
  README = File.read(File.join(ROOT, "README.md"))

  # A bit of everything that has fields of its own.
  PROGRAM = <<~'RUBY'
    require "heap_dump"
    require "objspace"
    require "rational"
    ObjectSpace.trace_object_allocations_start
    Point = Struct.new(:x, :y)
    class Shop
      LIMIT = 3
      @@all = [2**80, 1.5e300, 3r, 2i, Point.new(1, "$x")]
      attr_accessor :name
      alias title name
      define_method(:later) { |a = 1, k: [name]| [a, k] }
      def initialize = (@name = "a" * 5_000)
      def each = [1, 2].each { |n| yield n }
      undef_method :dup
    end
    module Refined
      refine(String) { def shout = upcase }
    end
    $shops = { "$first" => Shop.new, :second => nil, 7 => ":colon", 1.5 => "\xff".b, nil => "\\", [1] => "long" * 10 }
    $hash = Hash.new { |h, k| h[k] = k }.tap { |h| h["key"] }
    $same = {}.compare_by_identity.merge!("k" => 1)
    $big = Array.new(70_000) { |n| n.to_s }
    $match = /(?<word>\w+)/.match("some words")
    $generic = String.new("with").tap { |s| s.instance_variable_set(:@note, Object.new.tap(&:object_id)) }
    $single = Object.new.tap { |o| def o.only = 1 }
    $enumerator = $shops.each_pair.lazy.map { |pair| pair }
    $external = [1, 2, 3].each.tap(&:next)
    $method = $single.method(:only)
    $unbound = Shop.instance_method(:title)
    $mutex = Mutex.new
    $queue = Thread::Queue.new << 1
    $fiber = Fiber.new { |local| Fiber.yield(local) }.tap { |f| f.resume("in a fiber") }
    $binding = binding
    $lambda = ->(x) { x + $shops.size }
    $thread = Thread.new { mine = "of the thread"; Thread.current[:mine] = mine; sleep }
    Thread.pass until $thread.stop?
    $file = File.open(__FILE__) if File.exist?(__FILE__)
    HeapDump.dump(ARGV.fetch(0), redact: ARGV[1] == "redact")
  RUBY

  def self.folder = @folder ||= Dir.mktmpdir("heap_dump-docs").tap { |dir| Minitest.after_run { FileUtils.rm_rf(dir) } }

  # Path of the dump, made once.
  def self.dump(kind = "plain")
    (@dumps ||= {})[kind] ||= begin
      FileUtils.mkdir_p(dir = File.join(folder, kind))
      File.write(program = File.join(folder, "program.rb"), PROGRAM)
      output, status = Open3.capture2e({ "RUBYLIB" => LIBRARIES }, RbConfig.ruby, program, "#{dir}/dump.json", kind)
      raise output unless status.success?

      "#{dir}/dump.json"
    end
  end

  def lines(path = self.class.dump)
    File.foreach(path).reject { |line| line == "]\n" }.map { |line| JSON.parse(line[1..]) }
  end

  def documented
    @documented ||= FORMAT.scan(/`([A-Za-z_0-9]+)`/).flatten.to_set + FORMAT.scan(/"([a-z_0-9]+)":/).flatten
  end

  # [bt or type_name, field], of records inside the line, too. Keys of maps are the program's own words.
  def fields(line)
    kind = [line["bt"], line["type_name"]].compact.join("/")
    kind = line["id"] if kind.empty? && line["id"].start_with?("_")
    records = [line, line["iseq"], line["def"], *line["frames"]].grep(Hash)
    records.flat_map(&:keys).map { |name| [kind, name] }
  end

  def test_every_field_is_documented
    found = lines.reject { |line| line["id"] == "_ROOTS_" || line.key?("continues") }.flat_map { |line| fields(line) }.uniq
    assert_operator found.size, :>, 40
    assert_empty found.reject { |_, name| documented.include?(name) }
  end

  def test_every_type_of_rubys_own_objects_is_documented
    found = lines.select { |line| line["bt"] == "T_IMEMO" }.map { |line| line["type_name"] }.uniq
    assert_operator found.size, :>, 5
    assert_empty found.reject { |name| FORMAT.include?("`#{name}`") }
  end

  def test_the_file_is_what_the_page_says
    text = File.read(self.class.dump)
    assert text.start_with?('[{"id":"_DUMP_","format":"heap_dump","version":1,')
    assert text.end_with?("}\n]\n")
    assert text.lines.all? { |line| line.bytesize <= 8 << 20 && (line == "]\n" || line.match?(/\A[\[,]\{"id":/)) }
    assert_equal "_ROOTS_", lines[1]["id"]
    assert_equal "_END_", lines.last["id"]
    assert_equal JSON.parse(text), lines
  end

  def test_redacted_dumps_say_so_and_keep_quiet
    path = self.class.dump("redact")
    text = File.read(path)
    assert_includes text.lines.first, '"redacted":true'
    ["of the thread", "in a fiber", "some words", '"inlined"'].each { |word| refute_includes text, word }
  end

  def pipelines(text)
    text.scan(/^(cat dump\.json \| .*?) \| mongoimport (.*)$/)
  end

  def test_the_mongodb_pipeline
    assert_equal 1, pipelines(README).size
    assert_equal pipelines(README), pipelines(FORMAT)
    output, status = Open3.capture2("sh", "-c", pipelines(README)[0][0], chdir: File.dirname(self.class.dump))
    assert status.success?
    documents = output.lines.reject { |line| line == "\n" }.map { |line| JSON.parse(line) }
    assert_equal lines.size, documents.size
    assert documents.all? { |document| document.keys.first == "_id" }
    assert_empty dollar_keys(documents)
  end

  def dollar_keys(value)
    case value
    when Array then value.flat_map { |element| dollar_keys(element) }
    when Hash then value.keys.select { |key| key.start_with?("$") } + value.values.flat_map { |element| dollar_keys(element) }
    else []
    end
  end

  def examples(text, language)
    text.scan(/^```#{language}\n(.*?)^```$/m).flatten
  end

  def test_the_commands_run
    commands = examples(FORMAT, "sh").flat_map(&:lines).select { |line| line.match?(/\A(sed|grep) .*dump\.json/) } +
               examples(README, "sh").flat_map(&:lines).select { |line| line.start_with?("sed ") }
    assert_equal 3, commands.size
    commands.each do |command|
      _, errors, status = Open3.capture3("bash", "-o", "pipefail", "-c", command, chdir: File.dirname(self.class.dump))
      assert status.success? && errors.empty?, "#{command}#{errors}"
    end
  end

  def test_the_ruby_example_finds_strings
    example = examples(FORMAT, "ruby").fetch(0)
    output, status = Open3.capture2(RbConfig.ruby, "-e", example, chdir: File.dirname(self.class.dump))
    assert status.success?
    assert_match(/\A\[\["/, output)
  end
end
