# frozen_string_literal: true

# Compares our dump with what the process itself said at the same standstill (see witness.rb), object by object.
#
# Owns the checks and their counts. Believes ObjectSpace.dump_all and reflection; believes nothing of ours. Knows
# the two formats only by DumpReader and by Ruby's documentation.
#
#   ruby compare.rb FOLDER      prints the counts of each check and examples of what is wrong; exit 1 if anything is

require "json"
require_relative "dump_reader"
require_relative "explained"
require_relative "compare_truth"

class Compare
  # What one check found: how many were looked at, and of what type the wrong ones are.
  class Check
    attr_reader :total, :bad, :examples

    def initialize
      @total = 0
      @bad = Hash.new(0)
      @examples = Hash.new { |all, type| all[type] = [] }
    end

    def add(good, type)
      @total += 1
      return true if good

      @bad[type] += 1
      @examples[type] << yield if @examples[type].size < 3 && block_given?
      false
    end

    def wrong = @bad.values.sum
    def percent = @total.zero? ? 100.0 : 100.0 * (@total - wrong) / @total
  end

  LENGTHS = { "ARRAY" => "length", "HASH" => "size" }.freeze

  attr_reader :checks, :reader, :stable, :changed, :explained, :reference_types, :garbage, :unreached

  def initialize(folder)
    @folder = folder
    @ruby = JSON.parse(File.read("#{folder}/done.json"))["ruby"]
    @checks = Hash.new { |all, name| all[name] = Check.new }
    @explained = Hash.new(0)
    @reference_types = Hash.new(0)
    @reader = DumpReader.new("#{folder}/dump.json")
    load_dump_all
  end

  def run
    truth = File.exist?("#{@folder}/truth.jsonl") ? CompareTruth.new(self, "#{@folder}/truth.jsonl") : nil
    targets = {}
    garbage = []
    @reader.each do |item|
      line = @stable[item.id]
      object(item, JSON.parse(line), targets) if line && truth
      item.refs.each { |_, _, id| targets[id] ||= item.type }
      truth&.object(item)
      garbage << item.id if item["garbage"]
    end
    @stable.each { |id, line| check(:present, @reader.include?(id), kind(line)) { line[0, 300] } }
    targets.each { |id, from| check(:lands, @reader.include?(id), from) { [id, @stable[id]&.slice(0, 200)] } }
    reached = reachable
    garbage.each { |id| check(:not_garbage, !reached.key?(id), @stable[id] ? kind(@stable[id]) : "changed") { [id, @stable[id]&.slice(0, 200)] } }
    @garbage = garbage.size
    @unreached = @stable.size - @stable.count { |id, _| reached.key?(id) }
    roots if truth
    truth&.finish
    @reader.problems.each { |problem, list| list.each { |what| check(:format, false, problem) { what } } }
    self
  end

  def check(name, good, type, &) = @checks[name].add(good, type, &)

  # The stable object's line in dump_all, or nil.
  def stable?(id) = @stable.key?(id)

  private

  # Objects whose lines are the same before and after ours was written, by id; the roots that are in both.
  def load_dump_all
    flags = File.exist?("#{@folder}/truth.jsonl") ? nil : /, "(flags|memsize|references)":.*/ # a collection ran in between
    @roots = {}
    before = @before = lines("before.jsonl") { |line| @roots[line["root"]] = line["references"] }
    after_roots = {}
    after = lines("after.jsonl") { |line| after_roots[line["root"]] = line["references"] }
    @roots.each { |category, list| @roots[category] = list & after_roots.fetch(category, []) }
    @stable = before.select { |id, line| line == after[id] || (flags && after[id] && line.sub(flags, "") == after[id].sub(flags, "")) }
    @changed = before.filter_map { |id, line| kind(line) if after[id] && !@stable[id] }.tally
  end

  def lines(name)
    objects = {}
    File.foreach("#{@folder}/#{name}", encoding: Encoding::UTF_8) do |line|
      line.scrub! unless line.valid_encoding?
      if line.start_with?('{"type":"ROOT"') then yield JSON.parse(line)
      elsif !line.include?('"type":"SHAPE"') then objects[line[14, 16].to_i(16)] = line
      end
    end
    objects
  end

  def kind(line) = line[/"type":"(\w+)"/, 1] + (line[/"(?:imemo_type|struct)":"([^"]+)"/] ? "/#{$1}" : "")

  def object(ours, theirs, targets)
    type = ours.type
    check(:type, ours.bt == "T_#{theirs["type"]}", type) { [ours.id, theirs["type"]] }
    check(:class, ours["class"] == address(theirs["class"]), type) { [ours.id, ours["class"], theirs["class"]] } if theirs["class"] && ours.bt != "T_IMEMO"
    kinds(ours, theirs, type)
    contents(ours, theirs, type)
    references(ours, theirs, type)
    allocation(ours, theirs, type) if theirs["generation"]
    check(:size, ours["size"] == (theirs["memsize"] || 0), type) { [ours.id, ours["size"], theirs["memsize"]] }
    check(:slot_size, ours["slot_size"] == theirs["slot_size"], type) { [ours.id, ours["slot_size"], theirs["slot_size"]] } if theirs["slot_size"]
    check(:frozen, !!ours["frozen"] == !!theirs["frozen"], type) { [ours.id, ours["frozen"], theirs["frozen"]] } unless ours.bt == "T_IMEMO"
  end

  def allocation(ours, theirs, type)
    %w[file line method generation].each do |name|
      key = type == "T_IMEMO/iseq" && name == "line" ? "allocation_line" : name # an iseq has a line of its own
      # line 0: unknown, as of what C made
      mine, their = [ours[key], theirs[name]].map { |value| value unless name == "line" && value == 0 }
      check(:allocation, mine == their, "#{type} #{name}") { [ours.id, name, mine, their] }
    end
  end

  def kinds(ours, theirs, type)
    case theirs["type"]
    when "IMEMO" then check(:imemo_type, ours["type_name"]&.delete_prefix("VM/") == theirs["imemo_type"], type) { [ours.id, ours["type_name"], theirs["imemo_type"]] }
    when "DATA" then check(:struct, ours["type_name"] == theirs["struct"], type) { [ours.id, ours["type_name"], theirs["struct"]] }
    when "CLASS", "MODULE"
      check(:name, ours["name"] == theirs["name"], type) { [ours.id, ours["name"], theirs["name"]] } if named?(ours, theirs)
    when "FILE" then check(:fd, ours["fd"] == theirs["fd"], type) { [ours.id, ours["fd"], theirs["fd"]] }
    end
  end

  def contents(ours, theirs, type)
    case theirs["type"]
    when "STRING", "SYMBOL"
      check(:bytesize, ours["bytesize"] == theirs["bytesize"], type) { [ours.id, ours["bytesize"], theirs["bytesize"]] } if theirs["bytesize"] && ours.bt == "T_STRING"
      check(:string, same_text?(ours, theirs["value"]), type) { [ours.id, ours["val"], theirs["value"]] } if theirs["value"] && !garbled?(ours)
      check(:encoding, ours["encoding"] == (theirs["encoding"] || "ASCII-8BIT"), type) { [ours.id, ours["encoding"], theirs["encoding"]] } if ours.bt == "T_STRING"
      check(:fstring, !!ours["fstring"] == !!theirs["fstring"], type) { [ours.id, ours["fstring"]] }
      check(:shared, ours.fields.key?("shared") == !!theirs["shared"], type) { [ours.id, ours["shared"], theirs["shared"]] } if ours.bt == "T_STRING"
    when "ARRAY", "HASH"
      count = theirs[LENGTHS[theirs["type"]]]
      check(:length, (ours["val"] || []).size == count, type) { [ours.id, ours["val"]&.size, count] }
    end
  end

  # Up to 2.7 dump_all calls a singleton class by the class of what it belongs to, and an anonymous one by its address.
  def named?(ours, theirs)
    theirs["name"] && (@ruby >= "3" || (!ours["singleton"] && !theirs["name"].start_with?("#<")))
  end

  # Up to 2.7 dump_all writes control characters wrongly: "\x1f" as "1\\u007f".
  def garbled?(ours)
    @ruby < "3" && ours["val"].to_s.match?(/[\u0000-\u001f\u007f]/)
  end

  def same_text?(ours, value)
    return ours["val_base64"].unpack1("m") == value.b if ours["val_base64"]

    ours["truncated"] ? value.start_with?(ours["val"]) : ours["val"] == value
  end

  def references(ours, theirs, type)
    wanted = (theirs["references"] || []).map { |text| text.to_i(16) }.uniq
    have = ours.refs.to_h { |field, _, id| [id, field] }
    needed = Explained::SELF.include?(type) ? wanted - [ours.id] : wanted
    @reference_types[type] += needed.size
    needed.each { |id| check(:references, have.key?(id), type) { [ours.id, "misses #{id}", @stable[id]&.slice(0, 200)] } }
    # dump_all leaves out whatever is the same object as the class; of an imemo (up to 3.2) it takes another word for
    # the class, so that a reference is missing among its references.
    wanted << address(theirs["class"]) if theirs["class"]
    marks = ->(kind) { wanted.any? { |id, _| @before[id] && kind(@before[id]) == kind } }
    wanted = wanted.to_h { |id| [id, true] }
    ours.refs.each do |field, key, id|
      next if wanted.key?(id) && field != "class"

      reason = Explained.reason(ours, field, marks)
      @explained[[type, field]] += 1 if reason
      check(:extra, reason, "#{type} #{field}") { [ours.id, key, id, @stable[id]&.slice(0, 120)] }
    end
  end

  # Every object that Ruby's roots lead to, by Ruby's own references: none of them is garbage. The machine's stack is
  # left out, for what it still happens to hold of calls that have returned is another thing at each call; and so is
  # what changed meanwhile.
  def reachable
    reached = {}
    waiting = @roots.except("machine_context").values.flatten.map { |text| text.to_i(16) }
    while (id = waiting.pop)
      next if reached.key?(id)

      reached[id] = true
      line = @stable[id] or next
      # the class and the like are references, too
      line[26..].scan(/"0x(\h+)"/) { waiting << $1.to_i(16) }
    end
    reached
  end

  def roots
    have = (@reader.roots&.refs || []).to_h { |_, _, id| [id, true] }
    @roots.each do |category, list|
      list.each { |id| check(category == "machine_context" ? :roots_of_stack : :roots, have.key?(id.to_i(16)), category) { [id, @stable[id.to_i(16)]&.slice(0, 200)] } }
    end
  end

  def address(text) = text && text.to_i(16)
end

if $0 == __FILE__
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  compare = Compare.new(ARGV[0]).run
  puts "#{compare.stable.size} objects compared, changed meanwhile: #{compare.changed}, #{compare.reader.ids.size} in ours"
  puts "#{compare.garbage} marked as garbage; Ruby's roots and references do not lead to #{compare.unreached}"
  compare.checks.each do |name, check|
    puts format("%-16s %9d of %9d  %.3f %%", name, check.total - check.wrong, check.total, check.percent)
    check.bad.sort_by { |_, n| -n }.first(ENV.fetch("ALL", 12).to_i).each do |type, n|
      puts "    #{n} #{type}"
      check.examples[type].each { |example| puts "        #{example.inspect[0, 400]}" }
    end
  end
  puts "extra, explained: #{compare.explained.sort_by { |_, n| -n }.map { |(type, field), n| "#{n} #{type} #{field}" }.join(", ")}"
  puts format("%.1f s", Process.clock_gettime(Process::CLOCK_MONOTONIC) - start)
  exit(compare.checks.all? { |_, check| check.wrong.zero? })
end
