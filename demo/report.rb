# frozen_string_literal: true

# Reads a dump line by line and says in one screen what is in it. Keeps counts, not objects: a class is known by
# its id until the line that names it has passed. Knows the format (docs/format.md), nothing of the shop.
#
#   ruby demo/report.rb build/demo/dump.json
require "json"

class Report
  UNITS = %w[B KB MB GB].freeze
  BIG = 200 # elements that make a collection worth a line

  def self.bytes(count)
    unit = 0
    value = count.to_f
    (value /= 1000) && unit += 1 while value >= 1000 && unit < UNITS.size - 1
    unit.zero? ? "#{count} B" : format("%.1f %s", value, UNITS[unit])
  end

  def self.number(count) = count.to_s.gsub(/(?<=\d)(?=(\d{3})+\z)/, ",")

  Sum = Struct.new(:count, :bytes)

  def initialize(path)
    @path = path
    @types = Hash.new { |hash, type| hash[type] = Sum.new(0, 0) }
    @classes = Hash.new { |hash, id| hash[id] = Sum.new(0, 0) }
    @class_names = {}
    @attached = {} # singleton class => what it belongs to
    @procs = Hash.new(0)
    @collections = {}
    @holders = {}
    @code = Hash.new(0)
    each_line { |line| count(line) }
    @collections = @collections.select { |_, (_, size)| size >= BIG }
    find_holders
  end

  # `result` and `held` are what the one who took the dump can tell besides; both may be nil. The classes of
  # `namespace` get a table of their own.
  def print(result = nil, held = nil, width: 100, namespace: nil)
    @width = width
    heading(result)
    columns(namespace)
    largest_collections
    blocks
    puts "", "Code    #{Report.number(@code["iseq"])} instruction sequences, #{Report.number(@code["ment"])} method entries, " \
             "#{Report.number(@code["proc"])} procs; #{@code["threads"]} threads with #{@code["frames"]} frames and " \
             "#{@code["locals"]} local variables"
    timing(result, held)
  end

  private

  def each_line
    File.foreach(@path) do |text|
      text = text.byteslice(1, text.bytesize).chomp
      yield JSON.parse(text), text unless text.empty?
    end
  end

  def count(line)
    return if line["id"].is_a?(String) && !line.key?("bt") && !continued(line)

    size = line["size"].to_i
    type = @types[line["bt"]]
    type.count += 1
    type.bytes += size
    of_class = @classes[line["class"] || line["type_name"] || line["bt"]]
    of_class.count += 1
    of_class.bytes += size
    details(line)
  end

  # A continuation line adds elements to the object of the lines before it and is no object itself.
  def continued(line)
    id = line["continues"]
    @collections[id][1] += line["val"].size if id && @collections.key?(id) && line["val"]
    false
  end

  def details(line)
    case line["bt"]
    when "T_CLASS", "T_MODULE"
      @class_names[line["id"]] = line["name"]
      @attached[line["id"]] = line["attached"] if line["attached"]
    when "T_ARRAY", "T_HASH" then @collections[line["id"]] = [line["bt"], line["val"].size] if line["class"] # not Ruby's own
    when "T_IMEMO" then @code[line["type_name"]] += 1
    when "T_DATA" then data(line)
    end
  end

  def data(line)
    case line["type_name"]
    when "proc"
      @code["proc"] += 1
      iseq = line["iseq"]
      @procs["#{iseq["filename"]}:#{iseq["line"]}"] += 1 if iseq.is_a?(Hash) && iseq["filename"]
    when "VM/thread"
      @code["threads"] += 1
      (line["frames"] || []).each do |frame|
        @code["frames"] += 1
        @code["locals"] += (frame["locals"] || {}).size
      end
    end
  end

  # Second pass: who holds the big collections, and by what name. Only lines that mention one are parsed.
  def find_holders
    return if @collections.empty?

    pattern = Regexp.union(@collections.keys.map(&:to_s))
    File.foreach(@path) do |text|
      next unless pattern.match?(text, 20)

      line = JSON.parse(text.byteslice(1, text.bytesize).chomp)
      visit(line, line, []) { |id, path| note_holder(id, line, path) }
    end
  end

  def visit(value, line, path, &block)
    case value
    when Integer then yield value, path if @collections.key?(value) && value != line["id"]
    when Array then value.each_with_index { |element, index| visit(element, line, path + [index], &block) }
    when Hash then value.each { |name, element| visit(element, line, path + [name], &block) unless name == "id" }
    end
  end

  # A named place says more than a number in an array or a temporary on a stack; the first good one stays.
  def note_holder(id, line, path)
    rank = if line["id"] == "_ROOTS_" || path.include?("stack") || path[0] == "refs" || path[0] == "inlined" then 0
           elsif line["type_name"] == "VM/thread" && path[0] == "locals" then 4 # its fiber has the same
           elsif path[0] == "consts" || path[0] == "cvars" || path[0] == "locals" then 3
           elsif path[0] == "ivs" then 2
           else 1
           end
    return if @holders[id] && @holders[id][0] >= rank

    @holders[id] = [rank, holder_name(line, path)]
  end

  def holder_name(line, path)
    last = path.last.to_s.delete_prefix("\\")
    owner = line["name"].is_a?(String) ? line["name"] : class_name(line["class"] || line["type_name"] || line["id"])
    case path[0]
    when "consts" then "#{owner}::#{last}"
    when "locals" then "#{owner} [:#{last}]"
    when "ivs", "cvars", "global_variables" then "#{owner} #{last}"
    else "#{owner} #{path.first(3).join(" ")}"
    end
  end

  def class_name(key)
    return key.to_s unless key.is_a?(Integer)

    @class_names[key] || (@class_names.key?(@attached[key]) ? "(singleton classes)" : "(anonymous)")
  end

  def short(path) = path.delete_prefix("#{Dir.pwd}/")

  def heading(result)
    puts "", "=" * @width
    puts "#{short(@path)}   #{Report.bytes(File.size(@path))}   #{Report.number(@types.sum { |_, sum| sum.count })} objects, " \
         "#{Report.bytes(@types.sum { |_, sum| sum.bytes })} in memory"
    puts result["inspect"].gsub("#{Dir.pwd}/", "") if result && result["inspect"]
    puts "=" * @width
  end

  def columns(namespace)
    by_name = Hash.new { |hash, name| hash[name] = Sum.new(0, 0) }
    @classes.each do |key, sum|
      by_name[class_name(key)].count += sum.count
      by_name[class_name(key)].bytes += sum.bytes
    end
    left = table("By type", @types, 22)
    right = table("By class", by_name, namespace ? 7 : 22)
    if namespace
      own = by_name.select { |name, _| name == namespace || name.start_with?("#{namespace}::") }
      right += ["", *table("Of #{namespace}", own, 13)]
    end
    [left.size, right.size].max.times do |row|
      puts format("%-#{@width / 2 - 2}s    %s", left[row], right[row]).rstrip
    end
  end

  def table(title, sums, rows)
    half = @width / 2 - 2
    biggest = sums.sort_by { |_, sum| -sum.bytes }.first(rows)
    ["#{title.ljust(half - 22)}#{"objects".rjust(10)}#{"bytes".rjust(12)}"] +
      biggest.map do |name, sum|
        shown = name.size > half - 23 ? "#{name[0, half - 24]}…" : name
        "#{shown.ljust(half - 22)}#{Report.number(sum.count).rjust(10)}#{Report.bytes(sum.bytes).rjust(12)}"
      end
  end

  def largest_collections
    return if @collections.empty?

    puts "", "Largest collections#{"elements".rjust(@width - 19)}"
    @collections.sort_by { |_, (_, size)| -size }.first(8).each do |id, (type, size)|
      kind = type == "T_HASH" ? "Hash" : "Array"
      holder = @holders[id] ? @holders[id][1] : "(held by the VM)"
      puts "  #{kind.ljust(6)}#{holder[0, @width - 25].ljust(@width - 24)}#{Report.number(size).rjust(16)}"
    end
  end

  def blocks
    return if @procs.empty?

    puts "", "Procs by place#{"procs".rjust(@width - 14)}"
    @procs.sort_by { |_, count| -count }.first(4).each do |place, count|
      place = short(place)
      shown = place.size > @width - 20 ? "…#{place[-(@width - 21)..]}" : place
      puts "  #{shown.ljust(@width - 18)}#{Report.number(count).rjust(16)}"
    end
  end

  def timing(result, held)
    return unless result

    milliseconds = result.transform_values { |value| value.is_a?(Numeric) ? value * 1000 : value }
    puts "", format("Time    %.0f ms in all; it held the application up for %.0f ms to collect garbage, %.1f ms for the snapshot",
                    *milliseconds.values_at("seconds", "gc_seconds", "pause"))
    return unless held

    puts format("        longest answer another client got: %.1f ms before the dump, %.1f ms while it was taken",
                held[:quiet] * 1000, held[:during] * 1000)
  end
end

Report.new(ARGV.fetch(0)).print if $PROGRAM_NAME == __FILE__
