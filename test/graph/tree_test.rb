# frozen_string_literal: true

# The tree of small random heaps, against what removing an object and going everywhere says it retains. Runs the command
# line tool, HEAP_DUMP_TOOL or that of `make`. TREE_HEAPS is how many heaps are tried (25), TREE_SEED the first one's seed.
require_relative "../cli/helper"

class TreeOfRandomHeapsTest < Minitest::Test
  include CliTest

  HEAPS = Integer(ENV.fetch("TREE_HEAPS", "25"))
  SEED = Integer(ENV.fetch("TREE_SEED", "1"))
  FIRST, STEP, CLASSES = 65_536, 40, 3
  ALL = ["--depth", 0, "--min", 0, "--limit", 0].freeze

  Heap = Struct.new(:path, :sizes, :classes, :edges, :roots) do
    # Ids reached on ways that do not touch `without`.
    def reached(without = nil)
      seen, todo = {}, roots - [without]
      while (id = todo.pop)
        next if seen[id]

        seen[id] = true
        todo.concat(edges.fetch(id, []) - [without])
      end
      seen.keys
    end

    def bytes(ids) = ids.sum { |id| sizes[id] }
    def retained_by(id) = reached - reached(id)
  end

  def heap(seed)
    random = Random.new(seed)
    count = random.rand(5..60)
    ids = Array.new(count) { |i| FIRST + (STEP * i) }
    class_ids = Array.new(CLASSES) { |i| 4096 + (STEP * i) }
    sizes = (ids + class_ids).to_h { |id| [id, 40 + random.rand(200)] }
    classes = ids.to_h { |id| [id, class_ids.sample(random: random)] }
    references = ids.to_h { |id| [id, Array.new(random.rand(0..3)) { |i| ["@#{"abc"[i]}", ids.sample(random: random)] }] }
    roots = ids.sample(random.rand(1..3), random: random) + class_ids
    path = File.join(FOLDER, "random.json")
    File.write(path, lines(ids, class_ids, sizes, classes, references, roots).join("\n") << "\n")
    edges = ids.to_h { |id| [id, references[id].map(&:last) << classes[id]] }
    Heap.new(path, sizes, classes, edges, roots)
  end

  def lines(ids, class_ids, sizes, classes, references, roots)
    [%([{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,#{ids.last + STEP}]}),
     %(,{"id":"_ROOTS_","vm":#{roots.to_json}}),
     *class_ids.map { |id| %(,{"id":#{id},"bt":"T_CLASS","size":#{sizes[id]},"name":"Kind#{id}"}) },
     *ids.map { |id| %(,{"id":#{id},"bt":"T_OBJECT","class":#{classes[id]},"size":#{sizes[id]},"ivs":#{references[id].to_h.to_json}}) },
     %(,{"id":"_END_","objects":#{ids.size + class_ids.size},"references":0,"unreadable":0}), "]"]
  end

  def heaps = HEAPS.times.map { |i| heap(SEED + i).tap { |heap| yield heap, "TREE_SEED=#{SEED + i}" } }

  def test_the_whole
    heaps do |heap, seed|
      rows = json("tree", heap.path, "--no-index", *ALL)["rows"]
      reached = heap.reached
      assert_equal [heap.bytes(reached), reached.size], [rows.sum { |row| row["self"] }, rows.sum { |row| row["count"] }], seed
      # each class has as many members, whatever groups they are in
      kinds = reached.select { |id| heap.classes[id] }.group_by { |id| "Kind#{heap.classes[id]}" }.transform_values(&:size)
      found = rows.select { |row| row["sample"]["type"] == "T_OBJECT" }.group_by { |row| row["sample"]["class"] }
      assert_equal kinds, found.transform_values { |list| list.sum { |row| row["count"] } }, seed
    end
  end

  def test_from_an_object
    heaps do |heap, seed|
      heap.reached.sample(3, random: Random.new(SEED)).each do |id|
        retained = heap.retained_by(id)
        rows = json("tree", heap.path, id, "--no-index", *ALL)["rows"]
        assert_equal [heap.bytes(retained), retained.size, heap.bytes(retained)],
                     [rows[0]["retained"], rows.sum { |row| row["count"] }, rows.sum { |row| row["self"] }], "#{seed} #{id}"
      end
    end
  end

  # What is kept of the whole tree with the index says the same as the tree that is made from there on.
  def test_out_of_what_is_kept
    heaps do |heap, seed|
      2.times { json("tree", heap.path, *ALL) } # the first one leaves the index, the second one the tree in it
      heap.reached.sample(8, random: Random.new(SEED)).product([ALL, ["--min", 0, "--depth", 2, "--limit", 3]]) do |id, words|
        assert_equal json("tree", heap.path, id, "--no-index", *words), json("tree", heap.path, id, *words), "#{seed} #{id} #{words}"
      end
      FileUtils.rm_f("#{heap.path}.idx")
    end
  end

  # What is directly below the roots is what nothing else retains.
  def test_the_first_level
    heaps do |heap, seed|
      reached = heap.reached
      retained = reached.to_h { |id| [id, heap.retained_by(id)] }
      tops = reached.select { |id| retained.none? { |other, ids| other != id && ids.include?(id) } }
      result = json("tree", heap.path, "--no-index", "--depth", 1, "--min", 0, "--limit", 0)
      below = result["rows"].drop(1)
      assert_equal heap.bytes(reached), below.sum { |row| row["retained"] }, seed
      assert_equal tops.sum { |id| heap.bytes(retained[id]) }, below.sum { |row| row["retained"] }, seed
      below.each { |row| assert_includes tops, row["sample"]["id"], seed }
      assert_operator below.sum { |row| row["count"] }, :>=, tops.size
      assert_equal reached.size, below.sum { |row| row["count"] + row["deeper"]["objects"] }, seed
    end
  end

  def test_stacks
    heaps do |heap, seed|
      reached = heap.reached
      [[], ["--depth", 2], ["--min", "20%"], ["--min", "20%", "--depth", 3]].each do |words|
        { [] => heap.bytes(reached), ["--count"] => reached.size }.each do |unit, total|
          out, = run_tool("flame", heap.path, "--no-index", *words, *unit)
          assert_equal total, out.lines.sum { |line| Integer(line.split.last) }, "#{seed} #{words}"
        end
      end
    end
  end
end
