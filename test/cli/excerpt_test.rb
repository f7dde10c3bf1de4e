# frozen_string_literal: true

# What is asked of one object is answered from a small part of the index. It must be what the whole graph answers.
require_relative "helper"

class ExcerptTest < Minitest::Test
  include CliTest

  EACH = Integer(ENV.fetch("EXCERPT_EACH", "1")) # objects of each type
  MORE = 12 * EACH

  # Some of each type, some that retain most, some of the others; always the same.
  def ids(dump)
    random = Random.new(1)
    objects = json("find", dump, "--limit", "0").fetch("objects")
    some = objects.group_by { |object| object["type"] }.values.flat_map { |list| list.sample(EACH, random: random) }
    (some + objects.first(MORE) + objects.sample(MORE, random: random)).map { |object| object["id"] }.uniq
  end

  def assert_alike(dump)
    text("index", dump)
    ids(dump).each_with_index do |id, number|
      [%w[show], %w[path], %w[tree], %w[path --all 4], %w[path --all 30 --exclude-weak]].each_with_index do |(command, *options), turn|
        words = [command, dump, id, *options, *("--json" if (number + turn).odd?)]
        assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
      end
    end
  end

  def test_our_dumps = assert_alike(ours)
  def test_dumps_of_object_space = assert_alike(object_space)

  # Of an object with very many references or referrers only the first ones are looked at, if no more are shown.
  def test_very_many_neighbours
    path = File.join(FOLDER, "neighbours.json")
    lines = (0...5000).map { |i| %(,{"id":#{8192 + 40 * i},"bt":"T_ARRAY","size":40,"val":[4136,4136]}) }
    File.write(path, <<~DUMP)
      [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.2","heap":[4096,999999]}
      ,{"id":"_ROOTS_","global_variables":{"\\\\$list":4096}}
      ,{"id":4096,"bt":"T_ARRAY","size":40,"val":[4096,#{(0...5000).map { |i| 8192 + 40 * i }.join(",")},4136]}
      ,{"id":4136,"bt":"T_STRING","size":40,"val":"shared"}
      #{lines.join("\n")}
      ,{"id":"_END_","objects":5002,"references":15003,"unreadable":0}
      ]
    DUMP
    text("index", path)
    [4096, 4136, 8192].product([[], %w[--limit 3], %w[--limit 2000], %w[--limit 2001], %w[--limit 0]], [[], %w[--json]]).each do |id, limit, json|
      words = ["show", path, id, *limit, *json]
      assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
    end
    assert_equal 10_001, json("show", path, 4136)["referrer_count"]
  end

  # Threads are cut out with what they refer to.
  def test_threads
    [ours, object_space].each do |dump|
      text("index", dump)
      [%w[--limit 3], %w[--limit 0], %w[--brief], %w[--limit 31 --json], %w[--limit 9999]].each do |words|
        assert_equal run_tool("threads", *words, dump, "--no-index"), run_tool("threads", *words, dump), words.inspect
      end
    end
    refute_empty json("threads", ours, "--limit", "77").fetch("threads")
  end

  # What only garbage refers to, what a weak reference leads to, and neither.
  def test_no_root_leads_there
    [%("refs_weak":[4176],), ""].each_with_index do |weak, number|
      path = File.join(FOLDER, "nobody-#{number}.json")
      File.write(path, <<~DUMP)
        [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.2","heap":[4096,9999]}
        ,{"id":"_ROOTS_","vm":[4096]}
        ,{"id":4096,"bt":"T_ARRAY","size":40,#{weak}"val":[]}
        ,{"id":4136,"bt":"T_ARRAY","size":40,"val":[4176]}
        ,{"id":4176,"bt":"T_ARRAY","size":40,"val":[4216]}
        ,{"id":4216,"bt":"T_STRING","size":40,"val":"held by nobody"}
        ,{"id":"_END_","objects":4,"references":3,"unreadable":0}
        ]
      DUMP
      text("index", path)
      [4136, 4176, 4216].product(["path", "path --all 3", "path --exclude-weak", "path --all 3 --exclude-weak", "show", "tree"], [[], %w[--json]]).each do |id, command, json|
        words = [*command.split, path, id, *json]
        assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
      end
    end
  end

  QUERIES = [%w[--class String], %w[--class S*], %w[--class *], %w[--class String --min-size 41], %w[--class Nobody], %w[--type string],
             %w[--type T_IMEMO], %w[--type iseq], %w[--type proc --min-retained 1], %w[--type class --class Class], %w[--min-size 1k],
             %w[--min-retained 10k], %w[--class Shop::Order], %w[--name Shop*], %w[--value order], [], %w[--type nothing]].freeze

  # What several objects have in common is found in a few columns; what is said of those shown is cut out, too.
  def test_what_is_found
    [ours, object_space].each do |dump|
      text("index", dump)
      QUERIES.each_with_index do |query, number|
        [%w[--limit 3], [], %w[--limit 0]].each_with_index do |limit, turn|
          words = ["find", dump, *query, *limit, *("--json" if (number + turn).odd?)]
          assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
        end
      end
    end
  end

  # Of classes that nothing, or only weak references lead to, few objects and many.
  def test_paths_of_classes_without_a_path
    path = File.join(FOLDER, "weak-classes.json")
    File.write(path, weak_classes(9000))
    text("index", path)
    %w[Held Weak Few Lost].product([[], %w[--exclude-weak], %w[--limit 0]], [[], %w[--json]]).each do |name, options, json|
      words = ["path", path, name, *options, *json]
      assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
    end
    results = %w[Held Weak Few Lost].map { |name| json("path", path, name) }
    assert_equal [false, true, true, false], (results.map { |result| result["weak"] })
    assert_equal [true, true, true, false], (results.map { |result| result["reached"].positive? })
    assert_equal [false] * 4, (%w[Held Weak Few Lost].map { |name| json("path", path, name, "--exclude-weak")["weak"] })
  end

  # A list that only a weak reference leads to, and an array with many objects that refer to one: what has to be remembered is in proportion to them.
  def test_long_lists_and_many_referrers
    path = File.join(FOLDER, "weak-list.json")
    File.write(path, weak_list(50_000))
    words = ["path", path, "Node"]
    assert_equal [50_000, true], within(500, *words, "--no-index", "--json").values_at("reached", "weak")
    text("index", path)
    assert_equal [50_000, true], within(500, *words, "--json").values_at("reached", "weak")
    File.write(path, star(30_000))
    text("index", path)
    [[], %w[--no-index]].each { |more| assert_equal 30_000, within(500, "path", path, "4136", "--all", "100000", "--json", *more)["paths"].size }
  end

  # Of a process that may use so many megabytes of memory.
  def within(megabytes, *words)
    out, err, status = Open3.capture3(TOOL, *words.map(&:to_s), rlimit_as: megabytes << 20)
    assert_equal ["", true], [err, status.success?]
    JSON.parse(out)
  end

  def weak_list(count)
    links = Array.new(count) do |i|
      %(,{"id":#{8192 + i * 40},"bt":"T_OBJECT","class":4136,"size":40,"ivs":{"@next":#{i + 1 < count ? 8192 + (i + 1) * 40 : "null"}}})
    end
    dump(%(,{"id":4096,"bt":"T_ARRAY","size":40,"refs_weak":[8192],"val":[]}\n,{"id":4136,"bt":"T_CLASS","size":40,"name":"Node"}\n#{links.join("\n")}), count)
  end

  def star(count)
    ids = Array.new(count) { |i| 8192 + i * 40 }
    all = ids.map { |id| %(,{"id":#{id},"bt":"T_ARRAY","size":40,"val":[4136]}) }
    dump(%(,{"id":4096,"bt":"T_ARRAY","size":40,"val":[#{ids.join(",")}]}\n,{"id":4136,"bt":"T_ARRAY","size":40,"val":[]}\n#{all.join("\n")}), count)
  end

  def dump(lines, count)
    <<~DUMP
      [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,#{8192 + count * 40}]}
      ,{"id":"_ROOTS_","vm":[4096]}
      #{lines}
      ,{"id":"_END_","objects":#{count + 2},"references":1,"unreadable":0}
      ]
    DUMP
  end

  # Two thirds in a tree below the root, some of them with weak references to the next ones, which refer to each other; the last ones refer to all of these.
  def weak_classes(count)
    random = Random.new(7)
    classes = %w[Held Weak Few Lost].each_with_index.to_h { |name, i| [name, 4096 + i * 40] }
    ids = Array.new(count) { |i| 8192 + i * 40 }
    held, weak, lost = ids.each_slice(count / 3).to_a.then { |a, b, c| [a + b.first(a.size / 2), b.drop(a.size / 2), c] }
    lines = classes.map { |name, id| %({"id":#{id},"bt":"T_CLASS","size":600,"name":"#{name}"}) }
    object = lambda do |id, name, to, more = ""|
      ivs = to.each_with_index.map { |other, i| %("@a#{i}":#{other}) }.join(",")
      lines << %({"id":#{id},"bt":"T_OBJECT","class":#{classes[name]},"size":40,#{more}"ivs":{#{ivs}}})
    end
    held.each_with_index do |id, i|
      object.(id, "Held", held[i * 4 + 1, 4] || [], (i % 9).zero? ? %("refs_weak":[#{weak.sample(random: random)}],) : "")
    end
    weak.each_with_index { |id, i| object.(id, (i % 100).zero? ? "Few" : "Weak", weak.sample(random.rand(3), random: random)) }
    lost.each { |id| object.(id, "Lost", ids.sample(2, random: random)) }
    <<~DUMP
      [{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,#{ids.last + 40}]}
      ,{"id":"_ROOTS_","vm":[#{[*classes.values, held[0]].join(",")}]}
      ,#{lines.join("\n,")}
      ,{"id":"_END_","objects":#{lines.size},"references":1,"unreadable":0}
      ]
    DUMP
  end

  def test_paths_of_classes
    [ours, object_space].each do |dump|
      text("index", dump)
      classes = json("top", dump, "--limit", "0").fetch("rows").map { |row| row["class"] }
      classes.sample(30 * EACH, random: Random.new(1)).each_with_index do |name, number|
        words = ["path", dump, name, *("--json" if number.odd?), *("--exclude-weak" if number % 3 == 2), *(%w[--limit 0] if number % 4 > 1)]
        assert_equal run_tool(*words, "--no-index"), run_tool(*words), words.inspect
      end
    end
  end

  # Damage that only some commands come across: they answer all the same, from the dump.
  def test_a_damaged_index
    text("index", ours)
    index = "#{ours}.idx"
    sound = File.binread(index)
    commands = [["show", ours, facts[:orders]], ["path", ours, facts[:order]], ["path", ours, facts[:shared], "--all", "9"], ["tree", ours, facts[:app]], ["path", ours, "String"],
                ["find", ours, "--class", "S*"], ["find", ours, "--value", "order 7"], ["find", ours, "--type", "string"], ["threads", ours, "--limit", "5"], ["summary", ours], ["top", ours]]
    expected = commands.map { |words| run_tool(*words, "--no-index") }
    random = Random.new(2)
    (20 * EACH).times do
      commands.zip(expected) do |words, answer|
        at = random.rand(4096...sound.bytesize)
        File.binwrite(index, sound.dup.tap { |bytes| bytes.setbyte(at, bytes.getbyte(at) ^ 1 << random.rand(8)) })
        assert_equal answer, run_tool(*words), "#{words.inspect} with byte #{at} changed"
      end
    end
  ensure
    FileUtils.rm_f(index)
  end

  def test_ids_of_no_object
    text("index", ours)
    ["12345", "0x1", "@0", "@99999999", "@4294967297", "order"].each do |id|
      (id == "order" ? %w[show tree flame] : %w[show path tree flame]).each do |command| # a word is a class to `path`
        out = run_tool(command, ours, id)
        assert_equal run_tool(command, ours, id, "--no-index"), out
        assert_equal 2, out.last, id
      end
    end
    assert_equal run_tool("show", ours, "@11", "--no-index"), run_tool("show", ours, "@11")
  end
end
