# frozen_string_literal: true

# Dumps that nobody's Ruby would write: `ruby hostile_dump.rb FOLDER` writes hostile.json, in which everything that can be
# a text is one that would do harm if it were taken for markup, a formula, an address or a direction of writing; long.json, in
# ObjectSpace's format, with names of 10 MB; and many.json, with 50,000 classes.
require "json"

class Dump
  FIRST = 0x7f00_0000_0000

  def initialize(path)
    @file = File.open(path, "w")
    @next = FIRST
    @objects = 0
    @references = 0
    yield self
  end

  def id = @next += 40

  # How many integers in it are addresses.
  def references(value)
    case value
    when Hash then value.values.sum { |one| references(one) }
    when Array then value.sum { |one| references(one) }
    else value.is_a?(Integer) && value >= FIRST ? 1 : 0
    end
  end

  def line(object)
    @file << (@started ? "," : "[") << JSON.generate(object) << "\n"
    @started = true
  end

  def object(id, type, **fields)
    @objects += 1
    @references += references(fields)
    line({ id: id, bt: type, size: fields.delete(:size) || 40, **fields })
    id
  end

  def head(command) = line({ id: "_DUMP_", format: "heap_dump", version: 1, ruby: "3.1.2", description: command, platform: "x86_64-linux", pid: 4242,
                             time: command, source: "self", heap: [FIRST, FIRST + 1_000_000_000], cmdline: [command], size_pools: [{ slot_size: 40, pages: 1, slots: 400 }] })

  # A name of a map, and a key of a Hash, as the format escapes them.
  def name(text) = text.start_with?("$", "\\") ? "\\#{text}" : text
  def key(text) = text.start_with?("$", "\\", ":", "#", "-", *("0".."9")) ? "\\#{text}" : text

  def roots(fields)
    @references += references(fields)
    line({ id: "_ROOTS_", **fields })
  end

  def finish
    line({ id: "_END_", objects: @objects, references: @references, unreadable: 0 })
    @file << "]\n"
    @file.close
  end
end

NASTY = [
  "<img src=x onerror=window.pwned=1>", "<script>window.pwned=1</script>", "\"><svg onload=window.pwned=1>", "'-window.pwned=1-'",
  "</script><script>window.pwned=1</script>", "<!--", "]]>", "&lt;b&gt;", "javascript:window.pwned=1", "{{constructor.constructor('window.pwned=1')()}}",
  "\u202Eevil\u202C reversed", "\u2066isolate\u2069 \u200Bzero\u200Dwidth\uFEFF", "a\u0000b\u001B[31mred\u0007", "line\nbreak\r\ttab\u2028sep",
  "Z\u0351\u0352\u0353\u0354\u0355\u0356\u0357\u0358\u0359\u035A\u035B\u035C\u035D\u035E\u035F\u0360\u0361algo", "\u05E9\u05DC\u05D5\u05DD Klasse \u0645\u0631\u062D\u0628\u0627",
  "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "__proto__", "constructor", "toString", "hasOwnProperty", "-->", "%00%0a../../etc/passwd",
  "#/overview?dump=1&id=0x1", "*", "[a-z]", "?", "\\", "\u{1F4A9}" * 40, " ", "", "x" * 3000
].freeze

folder = ARGV.fetch(0)

Dump.new("#{folder}/hostile.json") do |dump|
  dump.head("ruby #{NASTY.first} #{NASTY[10]}")
  klass = dump.id
  classes = NASTY.map { |name| [dump.id, name] }
  long = [dump.id, "Long#{"<b>" * 3}" + "W" * 1_000_000]
  strings = NASTY.map { |text| [dump.id, text] }
  copies = NASTY.flat_map { |text| Array.new(3) { [dump.id, text] } }
  objects = (classes + [long]).map { |id, _| [dump.id, id] }
  bytes, holder, hash, thread, iseq, callback = Array.new(6) { dump.id }
  dump.roots({ vm: [klass, holder, *classes.map(&:first), long.first], threads: [thread],
              global_variables: NASTY.first(8).each_with_index.to_h { |text, at| ["\\$#{text}", objects[at].first] } })
  dump.object(klass, "T_CLASS", name: "Class", size: 500, class: klass)
  (classes + [long]).each { |id, name| dump.object(id, "T_CLASS", class: klass, name: name, size: 500, ivs: { "@#{name[0, 300]}": holder }) }
  strings.each { |id, text| dump.object(id, "T_STRING", encoding: "UTF-8", bytesize: text.bytesize, size: 40 + text.bytesize, val: text) }
  copies.each { |id, text| dump.object(id, "T_STRING", encoding: "UTF-8", bytesize: text.bytesize, size: 40 + text.bytesize, val: text) }
  objects.each_with_index do |(id, of), at|
    held = copies.each_slice(objects.size).map { |slice| slice[at]&.first }.compact
    dump.object(id, "T_OBJECT", class: of, size: 4000 + (at * 100),
                ivs: NASTY.each_with_index.to_h { |text, n| ["@#{text}", n.zero? ? strings[at % strings.size].first : held[n - 1] || n] })
  end
  dump.object(bytes, "T_STRING", encoding: "ASCII-8BIT", bytesize: 768, size: 808, val_base64: [(0..255).to_a.pack("C*") * 3].pack("m0"))
  dump.object(holder, "T_ARRAY", size: 9000, capacity: 4096, val: [*objects.map(&:first), bytes, hash, callback])
  keys = NASTY.reject { |text| text.bytesize > 23 }
  dump.object(hash, "T_HASH", size: 8000, capacity: 512, inlined: keys.map { |text| strings[NASTY.index(text)].first },
              val: keys.each_with_index.to_h { |text, at| [dump.key(text), strings[at].first] })
  dump.object(iseq, "T_IMEMO", type_name: "iseq", size: 500, name: NASTY[0], filename: "/app/#{NASTY[2]}.rb", line: 13, type: "method")
  dump.object(callback, "T_DATA", type_name: "proc", size: 80, self: objects.first.first, iseq: { id: iseq, name: NASTY[0], filename: "/app/#{NASTY[2]}.rb", line: 13, type: "block" })
  dump.object(thread, "T_DATA", type_name: "VM/thread", size: 5000, name: NASTY[1], status: NASTY[0], locals: { NASTY[2] => holder },
              frames: NASTY.map { |text| { method: text, file: text, line: 3, self: objects.first.first, iseq: { id: iseq, name: text }, locals: { dump.name(text) => strings[1].first } } })
  dump.finish
end

File.open("#{folder}/long.json", "w") do |file|
  name = "<script>window.pwned=1</script>\u202E#{"long " * 2_000_000}end"
  file.puts JSON.generate(type: "ROOT", root: "vm", references: ["0x1000"]),
            JSON.generate(address: "0x1000", type: "CLASS", class: "0x1000", name: name, references: ["0x2000", "0x3000"], memsize: 500),
            JSON.generate(address: "0x2000", type: "OBJECT", class: "0x1000", references: ["0x3000"], memsize: 40),
            JSON.generate(address: "0x3000", type: "STRING", class: "0x1000", value: name, bytesize: name.bytesize, encoding: "UTF-8", memsize: name.bytesize)
end

Dump.new("#{folder}/many.json") do |dump|
  dump.head("ruby many.rb")
  klass = dump.id
  classes = Array.new(50_000) { dump.id }
  dump.roots({ vm: [klass], classes: [] })
  dump.object(klass, "T_CLASS", name: "Class", size: 500, class: klass, consts: classes.each_with_index.to_h { |id, at| ["C#{at}", id] })
  classes.each_with_index { |id, at| dump.object(id, "T_CLASS", class: klass, name: format("Many::Class%05d", at), size: 400, ivs: { "@one": id + 4_000_000 }) }
  classes.each_with_index { |id, at| dump.object(id + 4_000_000, "T_OBJECT", class: id, size: 40 + (at % 977), ivs: {}) }
  dump.finish
end
