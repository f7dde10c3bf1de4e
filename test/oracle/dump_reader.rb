# frozen_string_literal: true

# Reads a dump: an independent reading of docs/format.md, so that the tests do not believe the writer.
#
# Owns the grammar of values, names and inlined strings. Must not share anything with the library, and must not
# know what Ruby would say about an object. Invariant: whatever breaks a rule of the format is noted in
# `problems`, never passed over.

require "json"

class DumpReader
  # A reference in a value position. `text` is what an inlined string said; nil for others.
  Ref = Struct.new(:id, :text)
  # A static Symbol; a Symbol of the reader's own would be one that the garbage collector keeps for ever.
  Sym = Struct.new(:name)
  UNDEF = :undef

  # One object: `fields` is the parsed line in which values are Ref, Sym, Integer, Float, true, false, nil or UNDEF
  # and a Hash's `val` is a list of pairs. `refs` is a list of [field, key, id]: ["ivs", "@a", 7031…].
  Item = Struct.new(:id, :bt, :fields, :refs) do
    def [](name) = fields[name]
    def type = fields["type_name"] ? "#{bt}/#{fields["type_name"]}" : bt
  end

  LISTS = %w[stack].freeze
  MAPS = %w[ivs generic_ivs cvars consts members locals global_variables].freeze
  NOT_REFERENCES = %w[id continues fix inlined].freeze
  # Maps whose keys are names, with ids below them: the key is no part of the field's name.
  NAMED = %w[methods].freeze

  attr_reader :path, :head, :roots, :tail, :problems

  def initialize(path)
    @path = path
    @problems = Hash.new { |all, kind| all[kind] = [] }
    @offsets = {}
    @count = 0
    read_ends
  end

  def each
    return enum_for(:each) unless block_given?

    whole = nil
    each_line do |line, offset|
      id = line["id"]
      if line.key?("continues")
        continue(whole, line)
        next
      end
      yield whole if whole
      whole = nil
      if id.is_a?(Integer)
        note(:id_twice, id) if @offsets.key?(id)
        @offsets[id] = offset
        whole = item(line)
      elsif id != "_END_"
        note(:line_without_object, id)
      end
    end
    yield whole if whole
  end

  # The ids seen; complete after `each` ran.
  def ids = @offsets.keys
  def include?(id) = @offsets.key?(id)

  # One object by its id, read again from the file.
  def [](id)
    offset = @offsets[id] or return nil
    File.open(@path, "rb") do |file|
      file.seek(offset)
      found = item(parse(file.gets))
      while (line = file.gets) && (line = parse(line)) && line["continues"] == id
        continue(found, line)
      end
      found
    end
  end

  private

  def note(kind, what) = @problems[kind] << what

  def parse(line)
    line = line.byteslice(1, line.bytesize - 1).force_encoding(Encoding::UTF_8)
    raise "not UTF-8: #{line[0, 200].inspect}" unless line.valid_encoding?

    line.start_with?("{") ? JSON.parse(line, max_nesting: 100) : nil
  end

  # _DUMP_ and _ROOTS_ with what continues it.
  def read_ends
    File.open(@path, "rb") do |file|
      first = file.gets or raise "#{@path} is empty"
      first.start_with?("[") or raise "#{@path} does not begin with ["
      @head = parse(first)
      @head["id"] == "_DUMP_" or raise "#{@path} does not begin with _DUMP_"
      @low, @high = @head.fetch("heap")
      @body = file.pos
      while (text = file.gets)
        line = parse(text)
        break unless line && (line["id"] == "_ROOTS_" || line["continues"] == "_ROOTS_")

        if line["id"] == "_ROOTS_" then @roots = item(line) else continue(@roots, line) end
        @body = file.pos
      end
    end
    @roots or note(:no_roots, @path)
  end

  def each_line
    ended = false
    File.open(@path, "rb") do |file|
      file.seek(@body)
      offset = @body
      while (text = file.gets)
        if text.start_with?("]")
          note(:text_after_end, text) unless text == "]\n" && file.eof?
          ended = true
          break
        end
        text.start_with?(",") or note(:line_without_comma, text[0, 80])
        note(:line_too_long, text[0, 80]) if text.bytesize > 8 << 20
        line = parse(text)
        line.first&.first == "id" or note(:id_not_first, text[0, 80])
        @tail = line if line["id"] == "_END_"
        yield line, offset
        offset += text.bytesize
      end
    end
    note(:no_end, @path) unless ended && @tail
  end

  def continue(whole, line)
    return note(:continues_nothing, line["continues"]) unless whole && line["continues"] == whole.id

    line.delete("id")
    line.delete("continues")
    offset = line.delete("offset")
    part = item(line, bt: whole.bt, id: whole.id)
    part.fields.each do |name, value|
      had = whole.fields[name]
      next if name == "inlined"

      if had.is_a?(Array) then
        note(:offset_wrong, whole.id) if offset && offset != had.size && name == "val"
        had.concat(value)
      elsif had.is_a?(Hash) then had.merge!(value)
      else whole.fields[name] = value
      end
    end
    whole.refs.concat(part.refs)
  end

  # --- one line ---------------------------------------------------------------------------------------------

  def item(line, bt: line["bt"], id: line["id"])
    @inlined = line["inlined"] || []
    @taken = 0
    @id = id
    @refs = []
    line.each_key do |name|
      next if NOT_REFERENCES.include?(name)

      line[name] = field(name, line[name], bt)
    end
    note(:inlined_left, id) if @taken != @inlined.size
    Item.new(id, bt, line, @refs)
  end

  def field(name, content, bt)
    if name == "val"
      case bt
      when "T_ARRAY" then return list(name, content)
      when "T_HASH" then return pairs(content)
      else return content if content.is_a?(String)
      end
    elsif name == "generic_ivs" || MAPS.include?(name) then return map(name, content)
    elsif LISTS.include?(name) && content.is_a?(Array) then return list(name, content)
    end
    other(name, nil, content)
  end

  def list(name, content)
    content.each_with_index { |value, i| content[i] = value(name, i, value) }
  end

  def map(name, content)
    return note(:map_expected, [@id, name]) unless content.is_a?(Hash)

    content.each_with_object({}) do |(key, value), to|
      key = unescape(key)
      note(:key_twice, [@id, key]) if to.key?(key)
      to[key] = value(name, key, value)
    end
  end

  def pairs(content)
    content.map do |key, value|
      key = hash_key(key)
      [key, value("val", key, value)]
    end
  end

  def unescape(key) = key.start_with?("\\") ? key[1..] : key

  def hash_key(key)
    case key
    when /\A:/ then Sym.new(key[1..])
    when /\A\\/ then inlined("key", nil, key[1..])
    when /\A#<(\d+)>\z/ then referred("key", nil, $1.to_i)
    when /\A-?\d+\z/ then key.to_i
    when /\A#<(?:float )?(.+)>\z/ then immediate_key($1)
    else inlined("key", nil, key)
    end
  end

  # nil, true, false and floats that are no objects of the heap.
  def immediate_key(text)
    case text
    when "nil", "null" then nil
    when "true" then true
    when "false" then false
    when "NaN" then Float::NAN
    when "Infinity" then Float::INFINITY
    when "-Infinity" then -Float::INFINITY
    else Float(text, exception: false) || note(:strange_key, [@id, text])
    end
  end

  def value(name, key, value)
    case value
    when Integer then heap?(value) ? referred(name, key, value) : value
    when String then string(name, key, value)
    when Hash then special(value)
    when Array then note(:strange_value, [@id, name, key, value])
    else value
    end
  end

  def string(name, key, text)
    case text[0]
    when ":" then Sym.new(text[1..])
    when "\\" then inlined(name, key, text[1..])
    else inlined(name, key, text)
    end
  end

  def special(value)
    return note(:strange_value, [@id, value]) unless value.size == 1

    kind, content = value.first
    case kind
    when "fix" then content
    when "undef" then UNDEF
    when "float" then { "NaN" => Float::NAN, "Infinity" => Float::INFINITY, "-Infinity" => -Float::INFINITY }.fetch(content)
    else note(:strange_value, [@id, value])
    end
  end

  def inlined(name, key, text)
    id = @inlined[@taken]
    @taken += 1
    note(:inlined_missing, @id) unless id.is_a?(Integer)
    @refs << [name, key, id]
    Ref.new(id, text)
  end

  def referred(name, key, id)
    @refs << [name, key, id]
    Ref.new(id, nil)
  end

  def heap?(number) = number >= @low && number <= @high

  # Anything that is not a value position: integers in the heap are references, strings are descriptions.
  def other(path, key, content)
    case content
    when Integer then @refs << [path, key, content] if heap?(content)
    when Array
      content.each_with_index { |part, i| other(path, i, part) }
    when Hash
      content.each do |name, part|
        next if name == "fix" || name == "continues"

        content[name] = inner(NAMED.include?(path) ? path : "#{path}.#{name}", name, part)
      end
    end
    content
  end

  def inner(path, name, part)
    if MAPS.include?(name) && part.is_a?(Hash)
      map(path, part)
    elsif LISTS.include?(name) && part.is_a?(Array)
      list(path, part)
    else
      other(path, name, part)
    end
  end
end
