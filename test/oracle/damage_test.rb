# frozen_string_literal: true

# Proof that the proof can fail: a true dump is damaged in one place for each check, and each check must notice.

require_relative "oracle"

class DamageTest < Minitest::Test
  # check => [the first line of a known object that matches is changed, by this]
  DAMAGES = {
    type: [/"bt":"T_FLOAT"/, '"bt":"T_BIGNUM"'],
    class: [/(?<="bt":"T_RATIONAL","class":)\d+/, ->(id) { (id.to_i + 8).to_s }],
    size: [/(?<="bt":"T_STRING").*?(?<="size":)\d+/, ->(text) { "#{text}1" }],
    frozen: [/"bt":"T_COMPLEX".*\K,"frozen":true/, ""],
    fd: [/(?<="fd":)\d+/, "9999"],
    struct: [/"type_name":"time"/, '"type_name":"tame"'],
    imemo_type: [/"type_name":"cref"/, '"type_name":"crex"'],
    name: [/"bt":"T_MODULE".*?"name":"\K\w+/, "Wrong"],
    string: [/"bt":"T_STRING".*"val":"slice \K\d+/, "x"],
    string_bytes: [/"bt":"T_STRING".*"val_base64":"\K\w/, ->(letter) { letter == "A" ? "B" : "A" }],
    encoding: [/"encoding":"Windows-31J"/, '"encoding":"UTF-8"'],
    bytesize: [/"bt":"T_STRING".*"bytesize":\K\d+/, "123456789"],
    text: [/"bt":"T_BIGNUM".*"val":"\K10{30}(?=")/, "1"],
    float: [/"bt":"T_FLOAT".*"val":\K-?\d+\.[\de+-]+/, "7.25"],
    array_elements: [/"bt":"T_ARRAY".*"val":\["e0",\K1/, "3"],
    length: [/"bt":"T_ARRAY".*"val":\[0,\K1,(?=2,3,4,5)/, ""],
    hash_pairs: [/"bt":"T_HASH".*"val":\{"0":"v0","1":"v1","\K2/, "22"],
    hash_default: [/"default":":static"/, '"default":":dynamic"'],
    hash_default_proc: [/"default_proc":\d+,/, ""],
    hash_identity: [/"bt":"T_HASH","class".*\K"compare_by_identity":true,(?=.*"val":\{"#<)/, ""],
    members: [/"members":\{"left":":\Kl(?=")/, "r"],
    ivar_names: [/"bt":"T_OBJECT".*"ivs":\{"@v\K0/, "zero"],
    ivar_values: [/"bt":"T_OBJECT".*"ivs":\{"@x":\K1/, "2"],
    const_names: [/"consts":\{.*"\KCONSTANT(?=")/, "CONSTENT"],
    const_values: [/"consts":\{.*"Never":\K[^,}]+|"consts":\{.*"MIXED":":\Kmixed/, "max"],
    cvars: [/"cvars":\{"@@\K\w/, "Z"],
    method_names: [/"methods":\{.*"\Kguarded(?=")/, "gurded"],
    field: [/"generic_ivs":\{.*"@more":\K0(?=\D)/, "77"],
    proc_lambda: [/"type_name":"proc","is_lambda":\Kfalse/, "true"],
    proc_at: [/"type_name":"proc".*"line":\K\d+/, "99999"],
    proc_self: [/"type_name":"proc".*?"self":\K\d+/, ->(id) { (id.to_i + 8).to_s }],
    proc_locals: [/"type_name":"(VM\/)?env".*"locals":\{.*"\Kevaled(?=":)/, "elaved"],
    frames: [/"name":"recursion".*?"label":"recurse".*?"line":\K\d+/, "1"],
    frame_locals: [/"type_name":"VM\/thread","name":"sleep".*"number":\K42/, "43"],
    thread_name: [/"type_name":"VM\/thread","name":"\Kselect/, "selects"],
    thread_locals: [/"type_name":"VM\/thread".*"locals":\{"\Kfiber_local/, "fiber_lacol"],
    references: [/"bt":"T_CLASS".*"super":\K\d+/, "0"],
    extra: [/"bt":"T_ARRAY".*"val":\[\]\K(?=.*}$)/, ',"refs":[STRANGER]'],
    roots: [/"id":"_ROOTS_".*?"vm":\[\K\d+,/, ""],
    globals: [/"oracle_other":\K5|oracle_other":\K5/, "6"],
    allocation: [/"line":\K\d+(?=,"method":"make")/, "9999"],
    not_garbage: [/"bt":"T_CLASS"\K(?=.*"name":"EveryType::Values::LikeHash")/, ',"garbage":true']
  }.freeze

  def setup
    @folder, @true_one = Oracle.comparison(Oracle::RUBIES.first, "every_type")
  end

  def test_each_check_notices_its_damage
    lines = File.readlines("#{@folder}/dump.json", encoding: Encoding::UTF_8)
    taken = {}
    unhurt = DAMAGES.reject { |_, (pattern, by)| hurt(lines, taken, pattern, by) }
    assert_empty unhurt.keys, "nothing to damage was found"
    damaged = compare(lines)
    unnoticed = DAMAGES.keys.reject { |name| damaged.checks[name].wrong > @true_one.checks[name].wrong }
    assert_empty unnoticed, "damage was not noticed"
  end

  def test_a_missing_object_is_noticed
    lines = File.readlines("#{@folder}/dump.json", encoding: Encoding::UTF_8)
    at = lines.index { |line| line.include?('"bt":"T_STRING"') && stable?(line) }
    lines.delete_at(at)
    checks = compare(lines).checks
    assert_equal 1, checks[:present].wrong
    assert_operator checks[:lands].wrong, :<=, 1
  end

  def test_a_broken_file_is_noticed
    lines = File.readlines("#{@folder}/dump.json", encoding: Encoding::UTF_8)
    { no_end: lines[0...-2], id_twice: lines[0..-3] + [lines[-3]] + lines[-2..], text_after_end: lines + ["x\n"],
      inlined_left: lines.map { |line| line.sub(/,"inlined":\[/, ',"inlined":[1,') } }.each do |problem, broken|
      assert_includes compare(broken).reader.problems.keys, problem
    end
  end

  private

  def stable?(line) = @true_one.stable?(line[7, 20].to_i)

  def hurt(lines, taken, pattern, by)
    lines.each_with_index do |line, i|
      next if taken[i] || !(match = line.match(pattern)) || !(stable?(line) || line.start_with?(',{"id":"_ROOTS_"'))

      by = by.call(match[0]) if by.is_a?(Proc)
      by = by.sub("STRANGER") { @true_one.reader.ids.first.to_s }
      lines[i] = match.pre_match + by + match.post_match
      taken[i] = true unless line.start_with?(',{"id":"_ROOTS_"')
      return true
    end
    false
  end

  def compare(lines)
    Dir.mktmpdir("heap_dump-damage-") do |folder|
      %w[before.jsonl after.jsonl truth.jsonl done.json].each { |name| FileUtils.ln_s("#{@folder}/#{name}", "#{folder}/#{name}") }
      File.write("#{folder}/dump.json", lines.join)
      Compare.new(folder).run
    end
  end
end
