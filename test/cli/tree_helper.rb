# frozen_string_literal: true

# What the tests of `tree` and `flame` share: what is reached in a dump of ours, by an own reading of its lines, and
# dumps of shapes that real processes seldom have.
module TreeDumps
  # [objects, bytes] reached from the roots over references that keep alive.
  def reached_in(path)
    low, high, roots, sizes, references = read(path)
    seen, todo = {}, roots
    while (id = todo.pop)
      next if seen[id] || !sizes[id]

      seen[id] = true
      todo.concat(references[id])
    end
    raise "no heap" unless low < high

    [seen.size, seen.keys.sum { |id| sizes[id] }]
  end

  def read(path)
    lines = File.readlines(path, chomp: true)[0..-2].map { |line| JSON.parse(line[1..], max_nesting: 500) }
    low, high = lines.shift.fetch("heap")
    roots, sizes, references = [], {}, Hash.new { |all, id| all[id] = [] }
    lines.each do |line|
      id = line["id"]
      next if id == "_END_"

      owner = line["continues"] || id
      found = owner.is_a?(Integer) ? references[owner] : roots
      sizes[owner] = line["size"] if id.is_a?(Integer)
      if %w[weakmap weakkeymap].include?(line["type_name"])
        found << line["class"] if line["class"]
      else
        collect(line.except("id", "continues", "inlined"), low..high, found)
        found.concat(line["inlined"] || [])
      end
    end
    [low, high, roots, sizes, references]
  end

  def collect(value, heap, found)
    case value
    when Integer then found << value if heap.cover?(value)
    when Array then value.each { |element| collect(element, heap, found) }
    when Hash
      value.each do |key, element|
        found << Integer(key[/\A#<(\d+)>/, 1]) if key.match?(/\A#<\d+>/)
        collect(element, heap, found) unless key == "fix" || key.end_with?("_weak")
      end
    end
  end

  # A dump of one root and a chain below it: link(i, id of the next or nil) gives a line's fields.
  def chain(name, length)
    path = File.join(CliTest::FOLDER, name)
    first, step = 65_536, 40
    last = first + (step * length)
    File.open(path, "w") do |file|
      file.puts %([{"id":"_DUMP_","format":"heap_dump","version":1,"ruby":"3.1.7","heap":[4096,#{last}]})
      file.puts %(,{"id":"_ROOTS_","global_variables":{"\\\\$list":#{first}},"vm":[4096]})
      file.puts %(,{"id":4096,"bt":"T_CLASS","size":40,"name":"Node"})
      length.times do |i|
        following = i + 1 < length ? first + (step * (i + 1)) : nil
        file.puts %(,{"id":#{first + (step * i)},#{yield i, following || "null"}})
      end
      file.puts %(,{"id":"_END_","objects":#{length + 1},"references":#{length},"unreadable":0}), "]"
    end
    path
  end

  def list(length) = chain("list.json", length) { |_, link| %("bt":"T_OBJECT","class":4096,"size":40,"ivs":{"@next":#{link}}) }

  # Node → @children → Array → Node → …
  def levels(length)
    chain("levels.json", length) do |i, link|
      i.even? ? %("bt":"T_OBJECT","class":4096,"size":40,"ivs":{"@children":#{link}}) : %("bt":"T_ARRAY","size":48,"val":[#{link}])
    end
  end

  # Nothing in it repeats soon enough to be folded.
  def winding(length)
    chain("winding.json", length) { |i, link| %("bt":"T_OBJECT","class":4096,"size":40,"ivs":{"@v#{i % 7}":#{link}}) }
  end

  HOSTILE = "Evil;\\u001b[2J\\u202e \\n x 12"
  def hostile = chain("hostile.json", 3) { |_, link| %("bt":"T_OBJECT","class":4096,"size":40,"ivs":{"@#{HOSTILE}":#{link}}) }
end
