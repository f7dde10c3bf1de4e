# How files are read (compression, pipes) and what the options print.

def gzip(data) = StringIO.new.then { |io| Zlib::GzipWriter.wrap(io) { |gz| gz.write(data) }; io.string }

def zstd(data)
  out, status = Open3.capture2("zstd", "-q", "-c", stdin_data: data, binmode: true)
  status.success? ? out : raise("zstd failed")
end

plain = text(GOOD)
halves = [plain.byteslice(0, 700), plain.byteslice(700..)]
valid = /: valid, 17 objects/
expect("plain", ["check", file(plain)], 0, valid, nil)
expect("no newline at the end", ["check", file(plain.chomp)], 0, valid, nil)
expect("standard input", ["check", "-"], 0, /\A-: valid, 17 objects/, nil, stdin: plain)
{ "gzip" => method(:gzip), "zstd" => method(:zstd) }.each do |name, pack|
  whole = pack.call(plain)
  # The name must not matter.
  expect(name, ["check", file(whole)], 0, valid, nil)
  expect("#{name}, standard input", ["check", "-"], 0, valid, nil, stdin: whole)
  expect("#{name}, two parts", ["check", file(halves.map(&pack).join)], 0, valid, nil)
  expect("#{name}, a part for each line", ["check", file(GOOD.map { |line| pack.call("#{line}\n") }.join)], 0, valid, nil)
  expect("#{name}, an empty part", ["check", file(pack.call(plain) + pack.call(""))], 0, valid, nil)
  [1, 4, whole.bytesize / 2].each do |short|
    expect("#{name}, #{short} bytes short", ["check", file(whole[0...-short])], 3, nil, /it is truncated: it ends after line \d+/)
  end
  expect("#{name}, whole parts but no end", ["check", file(pack.call(halves[0]))], 3, nil, /it is truncated/)
  expect("#{name}, junk behind it", ["check", file("#{whole}junk!".b)], 3, nil, /after line \d+: .*(not gzip|damaged)/)
  hurt = whole.dup
  middle = whole.bytesize / 2
  (middle..middle + 9).each { |at| hurt.setbyte(at, hurt.getbyte(at) ^ 0x5a) }
  expect("#{name}, damaged", ["check", file(hurt)], 3, nil, /damaged|line \d+/)
end
expect("nothing but the gzip magic", ["check", file("\x1f\x8b".b)], 3, nil, /it is truncated/)
expect("nothing but the zstd magic", ["check", file("\x28\xb5\x2f\xfd".b)], 3, nil, /it is truncated/)

# A long file: lines that cross every buffer, 8 MiB to the byte.
longest = ',{"id":100136,"bt":"T_STRING","size":40,"val":""}'
longest = longest.sub('""', %("#{"x" * ((8 << 20) - longest.bytesize)}"))
good("a line of 8 MiB") { |lines| insert(lines, '"_END_"', longest) }
many = [GOOD[0].sub("200000", "9000000"), ',{"id":"_ROOTS_","vm":[100000]}',
        *(0...20_000).map { |i| %(,{"id":#{100_000 + i * 40},"bt":"T_ARRAY","size":40,"val":[#{100_000 + (i * 7919 % 20_000) * 40},#{i % 99}]}) },
        ',{"id":"_END_","objects":20000,"references":20001}', "]"]
{ "plain" => :itself.to_proc, "gzip" => method(:gzip), "zstd" => method(:zstd) }.each do |name, pack|
  expect("20,000 objects, #{name}", ["check", file(pack.call(text(many)))], 0, /valid, 20,000 objects, 20,001 references/, nil)
end

# Options and exit statuses.
path = file(plain)
expect("--quiet", ["check", "--quiet", path], 0, nil, nil)
expect("-q, not valid", ["check", "-q", file("x", "x")], 3, nil, /line 1/)
out, _, status = run("check", "--json", path)
fields = JSON.parse(out)
objects, references = totals(GOOD)
outcome("--json", status.success? && fields.values_at("valid", "objects", "references", "lines", "bytes", "ruby", "file", "compression") ==
        [true, objects, references, GOOD.size, plain.bytesize, "3.1.7", path, "none"] ? nil : out)
out, err, status = run("check", "--json", file(text(GOOD[0..5]), "a\"b\n\xff.json".b))
fields = JSON.parse(out)
outcome("--json, not valid", status.exitstatus == 3 && err.empty? && fields["valid"] == false && fields["truncated"] == true &&
        fields["status"] == 3 && fields["error"].include?("truncated") && fields["file"].end_with?("a\"b\n\ufffd.json") ? nil : out + err)
out, _, status = run("check", "-j", File.join(FOLDER, "none"))
outcome("--json, no file", status.exitstatus == 4 && JSON.parse(out)["error"].include?("No such file") ? nil : out)
expect("no file", ["check"], 2, nil, /a file is missing; see `heap_dump check --help`/)
expect("two files", ["check", path, "second"], 2, nil, /one file at a time, but there is also second/)
expect("an unknown option", ["check", "--fast", path], 2, nil, /there is no option --fast/)
expect("an unknown letter", ["check", "-qz", path], 2, nil, /there is no option -z/)
expect("a file that is not there", ["check", File.join(FOLDER, "none")], 4, nil, /cannot open .*none: No such file/)
expect("a folder", ["check", FOLDER], 4, nil, /cannot read .*: Is a directory/)
expect("check --help", ["check", "--help"], 0, /\AUsage: heap_dump check/, nil)
expect("help check", ["help", "check"], 0, /\AUsage: heap_dump check/, nil)
expect("help", ["help"], 0, /check that a dump is whole/, nil)
expect("--help", ["--help"], 0, /check that a dump is whole/, nil)
expect("no command", [], 2, nil, /\AUsage: heap_dump COMMAND/)
expect("a misspelt command", ["chekc"], 2, nil, /no command chekc, did you mean `heap_dump check`\?/)
expect("an unknown command", ["frobnicate"], 2, nil, /no command frobnicate; `heap_dump help` lists them/)
expect("help for an unknown command", ["help", "chck"], 2, nil, /did you mean `heap_dump check`/)
expect("--version", ["--version"], 0, /\Aheap_dump \d+\.\d+\.\d+\n\z/, nil)
expect("version", ["version"], 0, /\Aheap_dump \d+\.\d+\.\d+\n.*simdjson.*zlib.*zstd/m, nil)
out, = run("version", "--json")
outcome("version --json", JSON.parse(out)["format"] == 1 ? nil : out)
expect("version with an argument", ["version", "x"], 2, nil, /it takes no arguments/)
pid = Process.spawn(TOOL, "help", out: "/dev/full", err: File.join(FOLDER, "err"))
Process.wait(pid)
outcome("standard output is full", $?.exitstatus == 4 && File.read(File.join(FOLDER, "err")).include?("No space left") ? nil : $?.to_s)
