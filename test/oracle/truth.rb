# frozen_string_literal: true

# What Ruby's own reflection says about every object of the heap, one JSON object a line.
#
# Owns the encoding of a value for comparing: {"r": address} for an object of the heap, {"s": name} for a static
# Symbol, {"f": bits} for a Float immediate, else the JSON value. Runs inside the process under test. Must not
# call a method that an object's class may have overridden, and must not know our dump's format.

require "fiddle"
require "json"

class Truth
  KERNEL = %i[instance_variables instance_variable_get class frozen?].to_h { |name| [name, Kernel.instance_method(name)] }
  LIMIT = 4096
  ELEMENTS = 3000

  def self.method_of(mod, name)
    mod.instance_method(name)
  end

  def self.frame(location)
    { label: location.label, base: location.base_label, path: location.path, absolute: location.absolute_path, line: location.lineno }
  end

  # The VALUE: the object's address, or the immediate itself.
  def self.address(object)
    Fiddle.dlwrap(object)
  end

  def self.heap?(word)
    word > 4096 && (word & 7).zero?
  end

  def self.encode(object)
    word = address(object)
    if heap?(word) then { r: word }
    elsif Integer === object || nil.equal?(object) || true.equal?(object) || false.equal?(object) then object
    elsif Symbol === object then { s: object.to_s }
    elsif Float === object then { f: [object].pack("G").unpack1("H*") }
    else { u: word }
    end
  end

  def initialize(main:, expected:)
    @main = main
    @expected = expected
  end

  def write(path)
    $VERBOSE = nil
    Warning[:deprecated] = false
    File.open(path, "wb") do |file|
      @file = file
      @expected.each { |kind, what| expected(kind, what) }
      Thread.list.each { |thread| thread(thread) }
      objects = []
      ObjectSpace.each_object(BasicObject) { |object| objects << object }
      objects.reject! { |object| mine?(object) }
      objects.each { |object| object(object) }
      # Last, as it may run code of the process: a constant that its file does not define ends in a const_missing, and
      # that of Rails remembers things in modules.
      objects.each { |object| modul(object, Truth.address(object)) if Module === object }
    end
  end

  private

  def mine?(object)
    equal?(object) || @file.equal?(object) || @expected.equal?(object) # asks nothing of the object
  end

  def out(kind, id, what)
    @file << JSON.generate({ k: kind, id: id }.merge(what)) << "\n"
  rescue JSON::GeneratorError, EncodingError
    nil # a name that JSON cannot say
  end

  def encode(object)
    Truth.encode(object)
  end

  def encode_map(pairs)
    pairs.to_h { |name, value| [name, encode(value)] }
  end

  def expected(kind, what)
    case kind
    when :locals
      holder = what[:holder] || Thread.main
      out(:locals, Truth.address(holder), method: what[:method], locals: encode_map(what[:locals]))
    when :field then out(:field, Truth.address(what[:object]), field: what[:field], value: encode(what[:value]))
    when :global then out(:global, what[:name], value: encode(what[:value]))
    when :text then out(:text, Truth.address(what[:object]), field: what[:field], text: what[:text])
    end
  end

  def thread(thread)
    frames = thread == Thread.current ? @main : thread.backtrace_locations&.map { |frame| Truth.frame(frame) }
    keys = thread.keys.grep_v(/_LAST_ERROR__\z/) # Fiddle's, which we use meanwhile
    out(:thread, Truth.address(thread), frames: frames, main: thread == Thread.current, name: thread.name,
                                        locals: encode_map(keys.map { |key| [key.to_s, thread[key]] }),
                                        variables: encode_map(thread.thread_variables.map { |key| [key.to_s, thread.thread_variable_get(key)] }))
  end

  def object(object)
    id = Truth.address(object)
    variables(object, id)
    case object # Module#=== asks nobody
    when Module then nil # later, see write
    when String then string(object, id)
    when Array then array(object, id)
    when Hash then hash(object, id)
    when Struct then struct(object, id)
    when Proc then proc(object, id)
    when Integer then out(:text, id, field: "val", text: object.to_s)
    when Float then out(:float, id, val: [object].pack("G").unpack1("H*"))
    when Symbol then string(object.to_s, id)
    when Regexp then string(Regexp.instance_method(:source).bind_call(object), id)
    when MatchData then out(:field, id, field: "regexp", value: encode(object.regexp))
    else data(object, id)
    end
  end

  def data(object, id)
    return unless defined?(::Data) && ::Data.respond_to?(:define) && ::Data === object

    members = KERNEL[:class].bind_call(object).members
    get = Data.instance_method(:to_h).bind_call(object)
    out(:members, id, of: encode_map(members.map { |name| [name.to_s, get[name]] }))
  end

  def variables(object, id)
    return if BasicObject === object && !(Kernel === object) # has no instance_variables to ask

    names = KERNEL[:instance_variables].bind_call(object)
    of = names.to_h { |name| [name.to_s, encode(KERNEL[:instance_variable_get].bind_call(object, name))] }
    out(:ivars, id, of: of, module: Module === object, frozen: KERNEL[:frozen?].bind_call(object))
  end

  def string(string, id)
    string = string.b.force_encoding(string.encoding) unless string.instance_of?(String)
    out(:string, id, enc: string.encoding.name, n: string.bytesize, head: [string.byteslice(0, LIMIT)].pack("m0"))
  end

  def array(array, id)
    size = Array.instance_method(:size).bind_call(array)
    return out(:array, id, n: size) if size > ELEMENTS

    at = Array.instance_method(:at).bind(array)
    out(:array, id, n: size, of: Array.new(size) { |i| encode(at.call(i)) })
  end

  def hash(hash, id)
    pairs = []
    Hash.instance_method(:each_pair).bind_call(hash) { |key, value| pairs << [encode(key), encode(value)] } if hash_small?(hash)
    out(:hash, id, n: Hash.instance_method(:size).bind_call(hash), of: (pairs if hash_small?(hash)),
                   identity: Hash.instance_method(:compare_by_identity?).bind_call(hash),
                   proc: encode(Hash.instance_method(:default_proc).bind_call(hash)),
                   default: Hash.instance_method(:default_proc).bind_call(hash) ? nil : encode(default(hash)))
  end

  # Hash#default without calling an overridden one.
  def default(hash)
    Hash.instance_method(:default).bind_call(hash)
  end

  def hash_small?(hash)
    Hash.instance_method(:size).bind_call(hash) <= ELEMENTS
  end

  def struct(struct, id)
    names = KERNEL[:class].bind_call(struct).members
    values = Struct.instance_method(:to_a).bind_call(struct)
    out(:members, id, of: encode_map(names.map(&:to_s).zip(values)))
  rescue TypeError, NoMethodError
    nil # not initialized
  end

  def proc(proc, id)
    binding = Proc.instance_method(:binding).bind_call(proc)
    names = binding.local_variables
    out(:proc, id, lambda: Proc.instance_method(:lambda?).bind_call(proc), at: Proc.instance_method(:source_location).bind_call(proc),
                   self: encode(binding.receiver), locals: encode_map(names.map { |name| [name.to_s, binding.local_variable_get(name)] }))
  rescue ArgumentError
    nil # made of a Symbol or of C: has no binding
  end

  NAME = Module.instance_method(:name)
  LISTS = { public: Module.instance_method(:public_instance_methods), protected: Module.instance_method(:protected_instance_methods),
            private: Module.instance_method(:private_instance_methods) }.freeze
  CONSTANTS = Module.instance_method(:constants)
  CONST_GET = Module.instance_method(:const_get)
  AUTOLOAD = Module.instance_method(:autoload?)
  INSTANCE_METHOD = Module.instance_method(:instance_method)
  CVARS = Module.instance_method(:class_variables)
  CVAR_GET = Module.instance_method(:class_variable_get)
  SINGLETON = Module.instance_method(:singleton_class?)

  def modul(mod, id)
    out(:module, id, name: NAME.bind_call(mod), singleton: SINGLETON.bind_call(mod), methods: methods(mod), consts: constants(mod),
                     cvars: CVARS.bind_call(mod, false).to_h { |name| [name.to_s, encode(CVAR_GET.bind_call(mod, name))] })
  end

  def methods(mod)
    LISTS.values.flat_map { |list| list.bind_call(mod, false) }.uniq.to_h do |name|
      method = INSTANCE_METHOD.bind_call(mod, name)
      [name.to_s, method.owner.equal?(mod) ? method.source_location : false]
    end
  rescue NameError
    nil
  end

  def constants(mod)
    CONSTANTS.bind_call(mod, false).to_h do |name|
      [name.to_s, AUTOLOAD.bind_call(mod, name, false) ? { autoload: true } : encode(CONST_GET.bind_call(mod, name, false))]
    rescue NameError, LoadError
      [name.to_s, { autoload: true }] # one that its file does not define
    end
  end
end
