# The rules of FORMAT.md, each broken once.

outcome("good.json has the totals an independent count gives",
        close(GOOD) == GOOD ? nil : "the independent count is #{totals(GOOD)}")
good("good.json") { nil }
good("no newline behind ]") { nil }
good("an array that goes on") { |lines| insert(lines, '"_END_"', *big_array) }
good("a hash that goes on, with string keys") do |lines|
  insert(lines, '"_END_"', ',{"id":100136,"bt":"T_HASH","size":9,"val":{"a":1,"#<100000>":"b"},"inlined":[100064,100064]}',
         ',{"id":"100136+1","continues":100136,"offset":2,"val":{"c":"d","#<100008>":100000},"inlined":[100064,100064]}',
         ',{"id":"100136+2","continues":100136,"offset":4,"val":{"12":1}}')
end
good("roots that go on") do |lines|
  insert(lines, 100_000, ',{"id":"_ROOTS_+1","continues":"_ROOTS_","offset":2,"stack_and_registers":[100000]}')
end
good("an object after the heap's first and at its last address") do |lines|
  insert(lines, '"_END_"', ',{"id":200000,"bt":"T_STRING","size":40,"val":"x"}')
end
good("every builtin type") do |lines|
  types = %w[T_OBJECT T_CLASS T_MODULE T_ICLASS T_FLOAT T_STRING T_REGEXP T_ARRAY T_HASH T_STRUCT T_BIGNUM T_FILE T_DATA
             T_MATCH T_COMPLEX T_RATIONAL T_SYMBOL T_IMEMO T_NODE T_ZOMBIE]
  insert(lines, '"_END_"', *types.each_with_index.map { |bt, i| %(,{"id":#{100_200 + i * 8},"bt":"#{bt}","size":40}) })
end
good("a redacted dump without contents") do
  [GOOD[0].sub('"pid"', '"redacted":true,"pid"'), ',{"id":"_ROOTS_","vm":[100000]}',
   ',{"id":100000,"bt":"T_STRING","size":40,"val_hash":"x"}', ',{"id":100008,"bt":"T_ARRAY","size":40,"val":[":a",100000]}',
   ',{"id":"_END_"}', "]"]
end
good("a hash of 5,000 keys") do |lines|
  insert(lines, '"_END_"', %(,{"id":100136,"bt":"T_HASH","size":9,"val":{#{(0...5000).map { |i| %("#{i}":100000) }.join(",")}}}))
end

# The frame of the file.
bad("line 1 has no [", "line 1: it does not begin with \\[") { |l| l[0][0] = ","; l }
bad("a line has no ,", "line 4.*: it does not begin with ,") { |l| l[3][0] = "["; l }
bad("an empty line", "line 4: it is empty") { |l| l.insert(3, "") }
bad("dump_all's output", "line 1: it begins with \\{ as the output of ObjectSpace.dump_all does, so this is no dump") { |l| l[0] = '{"address":"0x7f"}'; l }
bad("no ] at all", "it is truncated: .*17 objects without the closing \\]") { |l| l[0..-2] }
bad("] before _END_", "line 20: the array is closed, but there was no _END_") { |l| l.delete_at(-2); l }
bad("something behind ]", "line 22: something follows the closing \\]") { |l| l << ",{}" }
bad("an object behind _END_", "line 21: _END_ is not followed by") { |l| l.insert(-2, ',{"id":100136,"bt":"T_NODE"}') }
bad("cut behind a line", "it is truncated: it ends after line 6 and 4 objects without _END_") { |l| l[0..5] }
lines = GOOD.join("\n")
(1...lines.bytesize).step(97) do |size|
  next if size <= GOOD[0].bytesize
  expect("cut at byte #{size}", ["check", file(lines.byteslice(0, size))], 3, nil, /: it is truncated: it ends after line \d+ and \d+ objects/)
end
expect("an empty file", ["check", file("")], 3, nil, /dump\.json: it is empty/)
expect("a file of noise", ["check", file("\x00\xff\n\x01" * 99)], 3, nil, /line 1: it does not begin with \[/)

# JSON.
bad("a brace too few", "line 6: it is not valid JSON") { |l| l[5].chop!; l }
bad("two documents in a line", "line 6: it is not valid JSON") { |l| l[5] << "{}"; l }
bad("a comma too many", "line 6: it is not valid JSON") { |l| l[5].sub!("}", ",}"); l }
bad("bytes that are no UTF-8", "line 6: it is not valid UTF-8") { |l| l[5] = l[5].b.sub("cmd".b, "c\xffd".b); l }
bad("a raw control character", "line 6: a string has a control character") { |l| l[5].sub!("cmd", "c\td"); l }
bad("an unknown escape", "line 6: a string has an escape") { |l| l[5].sub!("cmd", "c\\xd"); l }
bad("half a surrogate pair, low", "line 6: a string has (half of a surrogate pair|an escape)") { |l| l[5].sub!("cmd", "\\udc00"); l }
bad("half a surrogate pair, high", "line 6: a string has (half of a surrogate pair|an escape)") { |l| l[5].sub!("cmd", "\\uD800x"); l }
bad("half a surrogate pair in a key", "line 6: a string has (half of a surrogate pair|an escape)") { |l| l[5].sub!('"val"', '"\\uDc00"'); l }
bad("a number too big", "line 6: a number is malformed or too big") { |l| l[5].sub!("40", "4" * 40); l }
bad("id is not first", 'line 6: it does not begin with \{"id":') { |l| l[5].sub!('{"id":100024,', '{"bt":"T_STRING","id":100024,'); l }
bad("nested too deeply", "line 6 \\(id 100024\\): it is nested too deeply") { |l| l[5].sub!('"cmd"', "[" * 100 + "]" * 100); l }
bad("nested far too deeply", "line 6: it is nested too deeply") { |l| l[5].sub!('"cmd"', "[" * 100_000 + "]" * 100_000); l }
bad("a line over 8 MiB", "after line 5: line 6 is longer than 8 MiB") { |l| l[5].sub!("cmd", "x" * (8 << 20)); l }
swap("a duplicate field", 100_024, '"size"', '"bt":"T_STRING","size"', 'the key "bt" appears twice')
swap("a duplicate id", 100_024, '"size"', '"id":100024,"size"', 'the key "id" appears twice')
swap("a duplicate key in a map", 100_000, '"@b"', '"@a"', 'the key "@a" appears twice')
swap("a duplicate key by escapes", 100_000, '"@b"', '"\u0040a"', 'the key "@a" appears twice')
swap("a duplicate hash key", 100_016, '"-3":', '"12":', 'the key "12" appears twice')
bad("a duplicate among 5,000 keys", 'the key "77" appears twice') do |l|
  insert(l, '"_END_"', %(,{"id":100136,"bt":"T_HASH","size":9,"val":{#{(0...5000).map { |i| %("#{i}":1) }.join(",")},"77":2}}))
end

# _DUMP_, _ROOTS_, _END_.
bad("no _DUMP_", "line 1.*: the first line is not _DUMP_") { |l| l.shift; l[0][0] = "["; l }
bad("_DUMP_ twice", "line 2: _DUMP_ appears twice") { |l| l.insert(1, l[0].sub("[", ",")) }
bad("another format", 'line 1: its format is not "heap_dump"') { |l| l[0].sub!("heap_dump", "other"); l }
bad("another version", "line 1: its version is not 1") { |l| l[0].sub!('"version":1', '"version":2'); l }
bad("no version", "line 1: its version is not 1") { |l| l[0].sub!('"version":1,', ""); l }
bad("no heap", "line 1: `heap` is not \\[LO,HI\\]") { |l| l[0].sub!('"heap"', '"heep"'); l }
bad("heap upside down", "line 1: `heap` is not") { |l| l[0].sub!("[100000,200000]", "[200000,100000]"); l }
bad("heap of three", "line 1: `heap` is not") { |l| l[0].sub!("[100000,200000]", "[100000,200000,1]"); l }
bad("heap of one", "line 1: `heap` is not") { |l| l[0].sub!("[100000,200000]", "[100000]"); l }
bad("heap beyond 2^53", "line 1: `heap` is not") { |l| l[0].sub!("200000]", "#{2**53}]"); l }
bad("a $-key in _DUMP_", 'line 1: the key "\$pid" begins with \$') { |l| l[0].sub!('"pid"', '"$pid"'); l }
bad("no _ROOTS_", "_END_ comes, but there was no _ROOTS_") { |l| l.delete_at(1); l }
bad("_ROOTS_ twice", "line 3: _ROOTS_ appears twice") { |l| l.insert(2, l[1]) }
bad("an unknown named line", 'line 3: its id "_ROOT_" is none') { |l| l.insert(2, ',{"id":"_ROOT_"}') }
bad("wrong objects", "line 20: _END_ says 18 objects, but there are 17") { |l| l[-2].sub!('"objects":17', '"objects":18'); l }
bad("wrong references", "line 20: _END_ says \\d+1 references, but there are \\d+") { |l| l[-2].sub!(/"references":(\d+)/, '"references":\11'); l }
bad("_END_ without totals", "line 20: _END_ does not say how many") { |l| l[-2].sub!('"references"', '"refs"'); l }

# Ids and references.
bad("an id twice", "line 7 \\(id 100024\\): its id was already on an earlier line") { |l| l[6].sub!("100032", "100024"); l }
bad("an id below the heap", "line 6 \\(id 99992\\): its id is outside the heap \\[100000,200000\\]") { |l| l[5].sub!("100024", "99992"); l }
bad("an id above the heap", "its id is outside the heap") { |l| l[5].sub!("100024", "200008"); l }
bad("an id that is no address", "its id is not an address below 2\\^53") { |l| l[5].sub!("100024", "1.5"); l }
bad("a negative id", "its id is not an address") { |l| l[5].sub!("100024", "-100024"); l }
bad("an id of 2^53", "its id is not an address") { |l| l[5].sub!("100024", (2**53).to_s); l }
bad("an odd id", "line 6 \\(id 100025\\): its id is not a multiple of 4") { |l| l[5].sub!("100024", "100025"); l }
swap("no bt", 100_024, '"bt":"T_STRING",', "", "an object without `bt`")
swap("an unknown bt", 100_024, "T_STRING", "T_STRINGS", 'its bt "T_STRINGS" is no builtin type')
swap("bt is a number", 100_024, '"T_STRING"', "5", "an object without `bt`")
{ "ivs" => [100_000, '"@a":100008', '"@a":150000', "ivs.@a"],
  "val" => [100_008, "100016", "150000", "val\\[1\\]"],
  "a hash value" => [100_016, '"key":100000', '"key":150000', "val.key"],
  "a hash key" => [100_016, "#<100008>", "#<150000>", "val.#<150000> \\(the key\\)"],
  "a hash value with the key fix" => [100_016, '"fix":100000', '"fix":150000', "val.fix"],
  "class" => [100_000, '"class":100104', '"class":150000', "class"],
  "refs" => [100_112, "[100104,", "[150000,", "refs\\[0\\]"],
  "a nested id" => [100_120, '"iseq":{"id":100112', '"iseq":{"id":150000', "frames\\[0\\].iseq.id"],
  "a local variable named fix" => [100_120, '"fix":100000', '"fix":150000', "frames\\[0\\].locals.fix"],
  "a stack" => [100_120, ",100008]", ",150000]", "frames\\[0\\].stack\\[1\\]"],
  "methods" => [100_104, '"build":100112', '"build":150000', "methods.build"],
  "inlined" => [100_128, "[100064,", "[150000,", "members.a"] }.each do |what, (id, from, to, path)|
  swap("a reference to nothing: #{what}", id, from, to,
       "line \\d+ \\(id #{id}\\): #{path} refers to 150000, which is on no line \\(there are 1 such ids\\)", totals: true)
end
bad("a root that is nothing", "line 2 \\(id 0\\)?.*vm\\[0\\] refers to 150000, which is on no line", totals: true) { |l| l[1].sub!('"vm":[]', '"vm":[150000]'); l }
swap("a reference off the grid", 100_112, "[100104,", "[100105,", "refs\\[0\\] refers to 100105, where no object can be")
expect("a reference to nothing, on standard input", ["check", "-"], 3, nil, /1 ids that are referred to are on no line, the first is 150000/,
       stdin: text(close(GOOD.map { |l| l.sub("[100104,100104]", "[150000,100104]") })))

# Inlined strings and names.
swap("an inlined id too few", 100_128, "[100064,100064]", "[100064]", "it writes out 2 strings but `inlined` has 1 ids")
swap("an inlined id too many", 100_128, "[100064,100064]", "[100064,100064,100064]", "it writes out 2 strings but `inlined` has 3 ids")
swap("no inlined", 100_128, ',"inlined":[100064,100064]', "", "it writes out 2 strings but `inlined` has 0 ids")
swap("inlined outside the heap", 100_128, "[100064,", "[99,", "`inlined`\\[0\\] is not an id inside the heap")
swap("inlined is no array", 100_128, "[100064,100064]", "100064", "`inlined` is not an array")
swap("a symbol lost its colon", 100_000, '":sym"', '"sym"', "it writes out 5 strings but `inlined` has 4 ids")
swap("a text lost its escape", 100_000, '"\\\\:no sym"', '":no sym"', "it writes out 3 strings but `inlined` has 4 ids")
swap("a \\ that escapes nothing", 100_000, '"text"', '"\\\\text"', 'the value "\\\\text" begins with a \\\\ that escapes nothing')
swap("an inlined id of no string, earlier", 100_128, "[100064,", "[100104,", "members.a is an inlined string, but its id 100104 is not that of a T_STRING")
bad("an inlined id of no string, later", "line \\d+ \\(id 100128\\): it is a T_STRUCT, but an earlier line inlined it") { |l| l[1].sub!("[100024]", "[100128]"); l }
swap("a $-key", 100_104, '"\\\\$x"', '"$x"', 'the key "\$x" begins with \$')
swap("a $-key in a record", 100_120, '"method"', '"$method"', 'the key "\$method" begins with \$')
swap("a $-key in a hash", 100_016, '"\\\\$c"', '"$c"', 'the key "\$c" begins with \$')
swap("a $-key of a line", 100_120, '"name"', '"$name"', 'the key "\$name" begins with \$')
swap("a name with a \\ that escapes nothing", 100_104, '"PORT"', '"\\\\PORT"', "begins with a \\\\ that escapes nothing")
swap("a hash key with a \\ that escapes nothing", 100_016, '"key"', '"\\\\key"', "begins with a \\\\ that escapes nothing")
swap("a string key that begins with #", 100_016, '"\\\\#b"', '"#b"', 'begins with # but is not "#<ID>"')
swap("an unknown key with #", 100_016, "#<nil>", "#<null>", "is neither the id of an object nor nil")
swap("a key with an id outside the heap", 100_016, "#<100008>", "#<8>", "names an object outside the heap")
swap("a string key that begins with -", 100_016, '"\\\\-d"', '"-d"', "begins like an integer but is none")
swap("a string key that begins with a digit", 100_016, '"\\\\9"', '"9a"', "begins like an integer but is none")
swap("an array where a value belongs", 100_000, "1.5", "[1.5]", "an array stands where a value belongs")
swap("a hash where a value belongs", 100_000, "1.5", '{"a":1}', 'an object with the key "a" stands where a value belongs')
swap("an empty hash where a value belongs", 100_000, "1.5", "{}", "an empty object stands where a value belongs")
swap("a fix that is no integer", 100_000, '{"fix":150001}', '{"fix":"1"}', 'an object with the key "fix" stands where')
swap("a float that is no float", 100_000, '"NaN"', '"1"', 'an object with the key "float" stands where')
swap("an undef that is false", 100_000, '"undef":true', '"undef":false', 'an object with the key "undef" stands where')

# Redaction.
bad("a redacted dump with an inlined string", "it is redacted, but global_variables.\\\\\\$0 is an inlined string") { |l| l[0].sub!('"pid"', '"redacted":true,"pid"'); l }
%w[T_STRING T_SYMBOL T_REGEXP T_BIGNUM].each do |bt|
  bad("a redacted dump with the contents of a #{bt}", "it is redacted, but this line has contents") do |l|
    [l[0].sub('"pid"', '"redacted":true,"pid"'), ',{"id":"_ROOTS_"}', %(,{"id":100000,"bt":"#{bt}","val":"x"}), ',{"id":"_END_"}', "]"]
  end
end
bad("a redacted dump with a path", "it is redacted, but this line has contents") do |l|
  [l[0].sub('"pid"', '"redacted":true,"pid"'), ',{"id":"_ROOTS_"}', ',{"id":100000,"bt":"T_FILE","path":"x"}', ',{"id":"_END_"}', "]"]
end

# Continuations.
bad("a wrong offset", "its offset is 65535, but 65536 elements of `val` were written before it") { |l| insert(l, '"_END_"', *big_array(offset: 65_535)) }
bad("no offset", "a continuation without `offset`") { |l| insert(l, '"_END_"', *big_array.map { |x| x.sub('"offset":65536,', "") }) }
bad("continues another", 'its `continues` is not that of its id "100136\+1"') { |l| insert(l, '"_END_"', *big_array(continues: 100_000)) }
bad("a part left out", '"100136\+2" does not directly follow') { |l| insert(l, '"_END_"', *big_array(id: "100136+2")) }
bad("a continuation elsewhere", '"100136\+1" does not directly follow') { |l| first, second = big_array; insert(l, 100_128, first); insert(l, '"_END_"', second) }
bad("a continuation of nothing", "a continuation with nothing that goes on") { |l| insert(l, '"_END_"', *big_array.map { |x| x.sub(/("offset":65536),"val":.*\]/, '\1') }) }
bad("another field goes on", "it goes on with `refs`, which the object does not have") { |l| insert(l, '"_END_"', *big_array.each_with_index.map { |x, i| i == 1 ? x.sub("val", "refs") : x }) }
bad("too many elements in a line", "`val` has 65537 elements; more than 65536 must go on") { |l| insert(l, '"_END_"', %(,{"id":100136,"bt":"T_ARRAY","val":[#{elements(0..65_536)}]})) }
bad("a reference to nothing in a continuation", "val\\[0\\] refers to 150000", totals: true) { |l| insert(l, '"_END_"', *big_array.map { |x| x.sub(/65536,"val":\[0/, '65536,"val":[150000') }) }
bad("a malformed continuation id", 'its id "100136\+x" is none') { |l| insert(l, '"_END_"', *big_array(id: "100136+x")) }
