# frozen_string_literal: true

# Compares objects of our dump with what reflection said about them (truth.rb): instance variables, contents,
# constants, methods, captured variables, frames and their local variables.
#
# Must not know ObjectSpace.dump_all. What needs a second object (an env's parent, a method's code) is put off until
# all have been read.

require "json"
require_relative "dump_reader"
require_relative "compare_frames"

class CompareTruth
  IVARS = { "T_OBJECT" => "ivs", "T_CLASS" => "ivs", "T_MODULE" => "ivs" }.freeze
  # Names that Ruby keeps for itself begin otherwise.
  OWN_NAME = /\A@/

  def initialize(compare, path)
    @compare = compare
    @heap = compare.reader.head.fetch("heap")
    @truth = Hash.new { |all, id| all[id] = [] }
    File.foreach(path, encoding: Encoding::UTF_8) do |line|
      record = JSON.parse(line)
      @truth[record["id"]] << record
    end
    @truth.default_proc = nil
    @envs = {}  # id => [names and values, id of the env around it]
    @code = {}  # iseq or proc => [file, line]
    @origins = {} # iclass => methods
    @later = []
    @frames = CompareFrames.new(self)
  end

  # What `truth.rb` would have written for one of our values.
  def self.encode(value)
    case value
    when DumpReader::Ref then { "r" => value.id }
    when DumpReader::Sym then { "s" => value.name }
    when Float then { "f" => [value].pack("G").unpack1("H*") }
    when :undef then { "undef" => true }
    else value
    end
  end

  def self.encode_map(map) = (map || {}).transform_values { |value| encode(value) }

  def object(item)
    remember(item)
    @truth[item.id]&.each do |record|
      known = %w[thread locals].include?(record["k"]) || @compare.stable?(item.id)
      send(record["k"], item, record) if known
    end
  end

  def finish
    @later.each(&:call)
    globals
    @frames.finish
    missing = @truth.select { |id, records| @compare.stable?(id) && !@compare.reader.include?(id) && records.any? }
    missing.each { |id, records| check(:truth_present, false, records.first["k"]) { id } }
  end

  def check(name, good, type, &) = @compare.check(name, good, type, &)

  # All local variables of an env and those around it.
  def env_locals(id)
    locals = {}
    while id && (own, id = @envs[id])
      locals = own.merge(locals)
    end
    locals
  end

  # The pairs of a Hash by a reference to it.
  def pairs_of(reference) = reference && @compare.reader[reference.id]&.fields&.fetch("val", nil)

  private

  def remember(item)
    case item.type
    when "T_IMEMO/VM/env", "T_IMEMO/env"
      around = item["parent"] || item.refs.find { |field, _, _| %w[parent envval prev].include?(field) }&.last
      @envs[item.id] = [CompareTruth.encode_map(item["locals"]), around]
    when "T_IMEMO/iseq" then @code[item.id] = [item["filename"], item["line"]]
    when "T_DATA/proc" then @code[item.id] = item["iseq"].is_a?(Hash) ? item["iseq"]["id"] : item["iseq"]
    when /\AT_ICLASS/ then @origins[item.id] = item["methods"] || {}
    end
  end

  # A block parameter becomes a Proc only when somebody asks for it; until then there is nothing.
  def made_by_asking?(ours, theirs) = ours.nil? && theirs.is_a?(Hash) && theirs["r"] && !@compare.stable?(theirs["r"])

  def globals
    ours = CompareTruth.encode_map(@compare.reader.roots&.fields&.fetch("global_variables", nil))
    @truth.each do |name, records|
      next unless records.first["k"] == "global"

      value = records.last["value"]
      check(:globals, ours[name] == value, "_ROOTS_") { [name, ours[name], value] }
    end
  end

  # --- one method for each kind of record -------------------------------------------------------------------

  def ivars(item, record)
    field = IVARS.fetch(item.bt, "generic_ivs")
    ours = CompareTruth.encode_map(item[field]).select { |name, _| OWN_NAME.match?(name) }
    theirs = record["of"]
    check(:ivar_names, ours.keys.sort == theirs.keys.sort, item.type) { [item.id, ours.keys - theirs.keys, theirs.keys - ours.keys] } if ours.any? || theirs.any?
    theirs.each { |name, value| check(:ivar_values, ours[name] == value, item.type) { [item.id, name, ours[name], value] } }
  end

  def string(item, record)
    head = record["head"].unpack1("m")
    text = item["val_base64"]&.unpack1("m") || item["val"]
    return check(:string_bytes, false, item.type) { [item.id, "no val"] } unless text

    cut = item["truncated"] || item.bt == "T_SYMBOL" || record["n"] > head.bytesize
    shown = [text.bytesize, head.bytesize].min
    same = text.b[0, shown] == head[0, shown] && (cut || text.bytesize == record["n"]) && shown >= [record["n"], 4080].min
    check(:string_bytes, same, "#{item.type} #{record["enc"]}") { [item.id, text[0, 60], head[0, 60], record["n"]] }
    check(:string_length, item["bytesize"] == record["n"], item.type) { [item.id, item["bytesize"], record["n"]] } if item.bt == "T_STRING"
    check(:string_encoding, item["encoding"] == record["enc"], item.type) { [item.id, item["encoding"], record["enc"]] } unless item.bt == "T_REGEXP" && !item["encoding"]
  end

  def array(item, record)
    ours = item["val"] || []
    check(:array_length, ours.size == record["n"], item.type) { [item.id, ours.size, record["n"]] }
    return unless record["of"]

    ours = ours.map { |value| CompareTruth.encode(value) }
    check(:array_elements, ours == record["of"], item.type) { [item.id, ours.zip(record["of"]).reject { |a, b| a == b }.first(2)] }
  end

  def hash(item, record)
    ours = (item["val"] || []).map { |pair| pair.map { |value| CompareTruth.encode(value) } }
    check(:hash_pairs, ours == record["of"], item.type) { [item.id, ours - record["of"], record["of"] - ours] } if record["of"]
    check(:hash_identity, !!item["compare_by_identity"] == record["identity"], item.type) { item.id }
    check(:hash_default_proc, reference(item["default_proc"]) == record["proc"], item.type) { [item.id, item["default_proc"], record["proc"]] }
    check(:hash_default, reference(item["default"]) == record["default"], item.type) { [item.id, item["default"], record["default"]] }
  end

  # Outside of the places where strings are inlined a reference is an id; all else is written as any value.
  def reference(value)
    case value
    when Integer then value.between?(*@heap) ? { "r" => value } : value
    when Hash then value["fix"] || value
    when /\A:/ then { "s" => value[1..] }
    else CompareTruth.encode(value)
    end
  end

  def members(item, record)
    ours = CompareTruth.encode_map(item["members"])
    check(:members, ours == record["of"], item.type) { [item.id, ours, record["of"]] }
  end

  def float(item, record)
    ours = item["val"]
    ours = { "NaN" => Float::NAN, "Infinity" => Float::INFINITY, "-Infinity" => -Float::INFINITY }[ours["float"]] if ours.is_a?(Hash)
    check(:float, ours && [ours.to_f].pack("G").unpack1("H*") == record["val"], item.type) { [item.id, ours, record["val"]] }
  end

  def text(item, record)
    ours = item[record["field"]] || (item["val_hex"] && item["val_hex"].to_i(16)) # of long bignums
    check(:text, ours.to_s == record["text"].to_s, "#{item.type} #{record["field"]}") { [item.id, ours, record["text"]] }
  end

  def field(item, record)
    name = record["field"]
    ours = name.start_with?("@") ? CompareTruth.encode((item[IVARS.fetch(item.bt, "generic_ivs")] || {})[name]) : reference(item[name])
    check(:field, ours == record["value"], "#{item.type} #{name}") { [item.id, ours, record["value"]] }
  end

  def proc(item, record)
    type = item.type
    return unless item["iseq"] # made of a Method: Ruby shows the method's receiver and no variables

    check(:proc_lambda, item["is_lambda"] == record["lambda"], type) { [item.id, item["is_lambda"], record["lambda"]] }
    check(:proc_self, reference(item["self"]) == record["self"], type) { [item.id, item["self"], record["self"]] }
    iseq = item["iseq"]
    check(:proc_at, [iseq["filename"], iseq["line"]] == record["at"], type) { [item.id, iseq, record["at"]] } if iseq.is_a?(Hash)
    @later << lambda do
      ours = env_locals(item["envval"])
      theirs = record["locals"]
      wrong = theirs.reject { |name, value| ours.key?(name) && (ours[name] == value || made_by_asking?(ours[name], value)) }
      check(:proc_locals, wrong.empty?, type) { [item.id, record["at"], wrong, ours] }
    end
  end

  def module(item, record)
    name = record["name"]
    check(:module_name, item["name"] == name, item.type) { [item.id, item["name"], name] } if name
    consts = CompareTruth.encode_map(item["consts"])
    record["consts"].each do |constant, value|
      autoload = value.is_a?(Hash) && value["autoload"]
      check(:const_names, consts.key?(constant), item.type) { [item.id, name, constant] }
      check(:const_values, consts[constant] == value, item.type) { [item.id, name, constant, consts[constant], value] } unless autoload
    end
    cvars = CompareTruth.encode_map(item["cvars"])
    check(:cvars, cvars == record["cvars"], item.type) { [item.id, name, cvars, record["cvars"]] }
    @later << -> { methods(item, record) } if record["methods"]
  end

  # A module with something prepended keeps its methods in its origin.
  def methods(item, record)
    ours = (item["methods"] || {}).merge(@origins[item["origin"]] || {})
    record["methods"].each do |method, at|
      check(:method_names, ours.key?(method), item.type) { [item.id, record["name"], method] }
      next unless at && ours[method].is_a?(Integer)

      code = @code[ours[method]]
      code = @code[code] if code.is_a?(Integer) # a proc's
      check(:method_at, code == at, item.type) { [item.id, record["name"], method, ours[method], code, at] }
    end
  end

  def thread(item, record) = @frames.thread(item, record)
  def locals(item, record) = @frames.locals(item, record)
end
