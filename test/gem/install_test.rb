# frozen_string_literal: true

# The gem as a user gets it: built, installed from the file into a folder of its own, and used from there, with no word
# of the checkout on the load path.

require_relative "helper"

class InstallTest < Minitest::Test
  include GemTest

  GEM = [RbConfig.ruby, "-S", "gem"].freeze # of this Ruby, whatever other one PATH leads to

  def test_build_install_use
    copy = file("source")
    FileUtils.mkdir(copy)
    files = Dir.glob("{lib,ext,src,include,docs}/**/*", base: ROOT) + Dir.glob("*", base: ROOT)
    files.select { |name| File.file?(File.join(ROOT, name)) && !name.end_with?(".so", ".o") }.each do |name|
      FileUtils.mkdir_p(File.join(copy, File.dirname(name)))
      FileUtils.cp(File.join(ROOT, name), File.join(copy, name))
    end
    execute(*GEM, "build", "heap_dump.gemspec", chdir: copy)
    gem = Dir[File.join(copy, "heap_dump-*.gem")].first
    home = file("home")
    execute(*GEM, "install", "--local", "--no-document", "--install-dir", home, gem, chdir: @folder)
    said = execute(RbConfig.ruby, "-e", <<~RUBY, chdir: @folder, env: { "GEM_PATH" => home, "GEM_HOME" => home })
      require "heap_dump"
      puts $LOADED_FEATURES.grep(/heap_dump\\.so/)
      result = HeapDump.dump
      puts result.path, result.inspect, HeapDump.count_objects(["HeapDump"]).keys.join(" ")
    RUBY
    assert_match(%r{^#{Regexp.escape(home)}/.*/heap_dump\.so$}, said)
    assert_match(/^#<HeapDump::Result dump\.json: [\d,]+ objects, [\d.]+ MB in [\d.]+ m?s, process held up for /, said)
    assert_match(/^total_slots free_slots basic_types user_types$/, said)
    assert_whole("dump.json")
  end

  private

  def execute(*command, env: {}, **options)
    out, status = Open3.capture2e({ "RUBYLIB" => nil, "RUBYOPT" => nil }.merge(env), *command, **options)
    assert status.success?, "#{command.first(3).join(" ")}: #{out}"
    out
  end
end
