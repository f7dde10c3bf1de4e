# frozen_string_literal: true

# The commands that docs/analysing.md and the README show must exist, with the options they show.
require "minitest/autorun"
require "open3"

class AnalysingTest < Minitest::Test
  ROOT = File.expand_path("../..", __dir__)
  TOOL = File.join(ROOT, "build/heap_dump")

  # [[page, command line]], from code blocks, code spans and shell blocks.
  def commands
    %w[docs/analysing.md README.md].flat_map do |page|
      File.read(File.join(ROOT, page), encoding: "UTF-8").scan(%r{(?:^\$ |^    |`|^|\| )(?:build/)?(heap_dump [a-z]+(?: [^`\n]*)?)})
          .map { |found| [page, found[0].sub(/\s+(#|[|>]).*/, "").strip] }
    end
  end

  def test_commands_and_options_exist
    known = IO.popen([TOOL, "help"], &:read).scan(/^  (\w+)  /).flatten
    shown = commands.select { |_, line| line.match?(/\Aheap_dump [a-z]+ .*(dump|\.json)|\Aheap_dump [a-z]+\z/) }
    assert_operator shown.size, :>, 15
    shown.each do |page, line|
      command = line.split[1]
      assert_includes known, command, "#{page}: #{line}"
      help = IO.popen([TOOL, command, "--help"], &:read)
      line.scan(/ (--[a-z-]+)/).flatten.each { |option| assert_match(/#{option}\b/, help, "#{page}: #{line}") }
    end
  end
end
