# frozen_string_literal: true

# pprof profiles and speedscope files, read back by the real `go tool pprof` and by speedscope in a real browser.
require_relative "helper"
require_relative "readers"
require_relative "../cli/tree_helper"
require "base64"

class StacksTest < Minitest::Test
  include ExportTest
  include TreeDumps

  # A process that traces allocations: lines 4 to 6 make objects that are kept.
  TRACED = <<~RUBY
    require "heap_dump"
    require "objspace"
    ObjectSpace.trace_object_allocations_start
    def keep(i) = ["a text that is too long to be embedded, number \#{i}",
                   { i => Object.new }]
    $kept = Array.new(500) { |i| keep(i) }
    HeapDump.dump("traced.json")
  RUBY

  def traced
    @traced ||= begin
      script = File.join(folder, "traced.rb")
      File.write(script, TRACED)
      out, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-I", EXTENSION, script, chdir: folder)
      assert status.success?, out
      File.join(folder, "traced.json")
    end
  end

  def pprof(path, *words)
    skip "go is not installed" unless system("command -v go >/dev/null")
    out, err, status = Open3.capture3({ "PPROF_TMPDIR" => folder }, "go", "tool", "pprof", *words, path)
    assert status.success?, err
    out.force_encoding("UTF-8")
  end

  # {name => [flat, cum]}, in bytes or objects.
  def pprof_top(path, type, *words)
    unit = type.end_with?("objects") ? [] : ["-unit=B"]
    pprof(path, "-top", "-sample_index=#{type}", "-nodecount=100000000", "-nodefraction=0", "-edgefraction=0", *unit, *words)
      .lines.filter_map { |line| line.match(/\A +(\d+)B? +[\d.]+% +[\d.]+% +(\d+)B? +[\d.]+%  (.*)\n\z/)&.captures }
      .to_h { |flat, cum, name| [name, [flat.to_i, cum.to_i]] }
  end

  def top(dump) = json("top", "--limit", "0", dump)["rows"].to_h { |row| [row["class"], row] }

  def test_retained_by_class_is_what_top_says
    [ours, object_space].each do |dump|
      path = export("pprof", dump, "x.pb.gz")
      rows = top(dump).select { |_, row| row["retained"].positive? }
      retained = pprof_top(path, "class_retained").transform_values(&:first)
      assert_equal rows.transform_values { |row| row["retained"] }, retained
      bytes = pprof_top(path, "bytes").transform_values(&:first)
      assert_equal top(dump).transform_values { |row| row["size"] }.select { |_, size| size.positive? }, bytes
      counts = pprof_top(path, "objects").transform_values(&:first)
      assert_equal top(dump).transform_values { |row| row["count"] }, counts
    end
  end

  def test_retained_by_path_is_what_flame_says
    path = export("pprof", ours, "x.pb.gz")
    stacks, = run_tool("flame", ours)
    %w[retained retained_objects].each do |type|
      stacks, = run_tool("flame", "--count", ours) if type == "retained_objects"
      lines = stacks.lines.map { |line| line.split }.map { |frames, number| [frames.split(";"), number.to_i] }
      flat, cum = Hash.new(0), Hash.new(0)
      lines.each do |frames, number|
        flat[frames.last] += number
        frames.uniq.each { |frame| cum[frame] += number }
      end
      shown = pprof_top(path, type).transform_keys { |name| name.gsub(" → ", "→").tr(" ;", "_,") }
      assert_equal cum, shown.transform_values(&:last)
      assert_equal flat, shown.transform_values(&:first).reject { |_, number| number.zero? }
    end
    tree = pprof(path, "-tree", "-focus=Shop::Store$", "-unit=B")
    assert_match(/\| +ivs\.@orders → Array$/, tree)
  end

  def test_places_of_allocation
    path = export("pprof", traced, "x.pb.gz")
    script = File.join(folder, "traced.rb")
    lines = File.readlines(traced, chomp: true)[2..-3].map { |line| JSON.parse(line[1..], max_nesting: 200) }
    made = lines.select { |object| object["file"] == script }.group_by { |object| object["line"] }
    assert_operator made.size, :>=, 3
    bytes = pprof_top(path, "bytes", "-lines")
    objects = pprof_top(path, "objects", "-lines")
    made.each do |line, all|
      here = bytes.select { |name,| name.end_with?(" #{script}:#{line}") }
      assert_equal all.sum { |object| object["size"] }, here.values.sum(&:last), "line #{line}"
      assert_equal all.size, objects.values_at(*here.keys).sum(&:last)
    end
    assert_includes bytes.keys, "keep #{script}:4"
    retained = site_retained(traced, lines)
    assert_equal retained, pprof_top(path, "site_retained", "-lines").transform_values(&:first)
    listing = pprof(path, "-sample_index=objects", "-list=keep")
    assert_match(/ 1000 +4:def keep/, listing)
  end

  # By "METHOD FILE:LINE": what the objects of a line retain, less those that another one of the line dominates.
  def site_retained(dump, lines)
    rows = IO.popen([File.join(ROOT, "build/test/graph/print_graph"), "-d", dump], &:readlines).grep(/\Adominator/)
             .to_h { |row| row.split("\t").drop(1).map(&:to_i).then { |id, parent, retained| [id, [parent, retained]] } }
    site = lines.select { |object| object["file"] }
                .to_h { |object| [object["id"], "#{object["method"] || "(no method)"} #{object["file"]}:#{object["line"]}"] }
    site.each_with_object(Hash.new(0)) do |(id, name), all|
      at = rows[id]&.first
      at = rows[at].first while at&.positive? && site[at] != name
      all[name] += rows[id].last if at&.zero?
    end
  end

  def test_hostile_names_do_not_break_profiles
    shown = pprof_top(export("pprof", hostile, "x.pb.gz"), "retained")
    assert_equal 40, shown.fetch("global_variables.$list → Node").first
    assert_equal 80, shown.fetch("ivs.@Evil;?[2J??? ? x 12 → Node").first
  end

  def test_a_profile_is_valid_and_plain_where_the_name_is
    plain = export("pprof", ours, "x.pb")
    refute_equal "\x1f\x8b".b, File.binread(plain, 2)
    raw = pprof(plain, "-raw")
    assert_match(/^Time: 20\d\d-/, raw)
    assert_match(/^1: 0x0\/0x0\/0x0 .*ours\.json/, raw)
    assert_equal raw.lines.sort, pprof(export("pprof", ours, "x.pb.gz"), "-raw").lines.sort
    _, err, status = run_tool("export", "--to", "pprof:#{folder}/x.pb.zst", ours)
    assert_equal [2, "heap_dump export: the readers of pprof take .gz, but not .zst\n"], [status, err]
  end

  # --- speedscope ---

  def speedscope(dump, *words) = export("speedscope", dump, "x.speedscope.json", *words)

  # {frames => weight} of a profile's events, read as strictly as the format allows.
  def events(file, profile)
    names = file["shared"]["frames"].map { |frame| frame["name"] }
    stack, at = [], 0
    found = profile["events"].each_with_object(Hash.new(0)) do |event, all|
      all[stack.map { |frame| names.fetch(frame) }] += event["at"] - at
      assert_operator event["at"], :>=, at
      at = event["at"]
      event["type"] == "O" ? stack.push(event["frame"]) : assert_equal(stack.pop, event["frame"])
    end
    assert_empty stack
    assert_equal profile["endValue"], at
    found.reject { |_, weight| weight.zero? }
  end

  def flame(dump, *words)
    run_tool("flame", *words, dump)[0].lines.map(&:split).each_with_object(Hash.new(0)) do |(frames, number), all|
      all[frames.split(";")] += number.to_i
    end
  end

  def test_speedscope_holds_the_flame
    [ours, object_space, list(50_000), winding(3000), hostile].each do |dump|
      file = JSON.parse(File.read(speedscope(dump)))
      [[], ["--count"]].each_with_index do |words, i|
        found = events(file, file["profiles"][i]).transform_keys do |frames|
          frames.map { |name| name.gsub(" → ", "→").tr(" ;", "_,").gsub(/[\u0000-\u001f\u007f]/, "?").gsub("\u202e", "???") }
        end
        assert_equal flame(dump, *words), found
      end
    end
    small = JSON.parse(File.read(speedscope(ours, "--min", "1%", "--depth", "4")))
    assert_equal flame(ours).values.sum, small["profiles"][0]["endValue"]
    assert_includes small["shared"]["frames"].map { |frame| frame["name"] }, "(smaller)"
  end

  def test_speedscope_files_fit_the_schema
    skip Readers.missing if Readers.missing
    answer = Readers.read("schema.js", speedscope(ours))
    assert_equal "valid", answer
    broken = File.join(folder, "broken.json")
    File.write(broken, File.read(speedscope(ours)).sub('"startValue":0,', ""))
    refute_equal "valid", Readers.read("schema.js", broken)
  end

  # Its importer is part of the page: what its table of frames shows.
  def test_speedscope_imports_it
    skip Readers.missing if Readers.missing
    browser = %w[chromium chromium-browser google-chrome].find { |name| system("command -v #{name} >/dev/null") }
    skip "chromium is not installed" unless browser
    Readers.install
    path = speedscope(ours)
    script = File.join(folder, "load.js")
    File.write(script, "speedscope.loadFileFromBase64('x.json', #{Base64.strict_encode64(File.binread(path)).dump})")
    page = "file://#{Readers::FOLDER}/node_modules/speedscope/dist/release/index.html#view=sandwich&localProfilePath=#{script}"
    out, = Open3.capture3("timeout", "60", browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader",
                          "--user-data-dir=#{folder}/browser", "--virtual-time-budget=20000", "--window-size=1600,1200",
                          "--allow-file-access-from-files", "--dump-dom", page)
    shown = out.force_encoding("UTF-8").gsub(/<[^>]*>/, "\n").gsub("&lt;", "<").gsub("&gt;", ">").lines.map(&:strip).reject(&:empty?)
    assert_includes shown.join("\n"), "bytes retained"
    own = Hash.new(0)
    file = JSON.parse(File.read(path))
    events(file, file["profiles"][0]).each { |frames, weight| own[frames.last] += weight }
    own.sort_by { |_, weight| -weight }.first(10).each do |name, weight|
      at = shown.index(name)
      assert at, "#{name} is not shown"
      assert_match(/\A#{Regexp.escape(format("%.2f", weight / 1024.0))} KB/, shown[at - 1])
    end
  end
end
