# frozen_string_literal: true

# Help, manual page and completions are made from the tables that read the command line; here real tools read them.
require_relative "helper"

class HelpTest < Minitest::Test
  include CliTest

  def commands = run_tool("help")[0].scan(/^  (\w+)  /).flatten
  def help(command) = run_tool(command, "--help")[0]

  # [letter or nil, long name, argument or nil]
  def options(command)
    help(command).scan(/^ +(?:-(\w), )?--([a-z-]+)(?: ([A-Z|a-z]+))?/)
  end

  def share(name) = File.join(ROOT, "build/share", name)

  def test_every_command_says_what_it_does
    assert_operator commands.size, :>=, 11
    commands.each do |command|
      text, complaint, status = run_tool(command, "--help")
      assert_equal [0, ""], [status, complaint], command
      assert_match(/\AUsage: heap_dump #{command}\b/, text)
      assert_match(/^  -h, --help +this help$/, text)
      assert_equal text, run_tool("help", command)[0] unless command == "help"
      long = text.lines.select { |line| line.chomp.length > 100 }
      assert_empty long, command
    end
  end

  def test_options_in_the_help_are_taken
    commands.each do |command|
      options(command).each do |letter, name, argument|
        value = argument&.match?(/\A[a-z|]+\z/) ? argument.split("|").last : ("1" if argument)
        next if %w[list probe verified-with].include?(name) # do something at once

        words = [command, "--#{name}", *value, "--help"]
        assert_equal 0, run_tool(*words)[2], words.join(" ")
        assert_equal 0, run_tool(command, "-#{letter}", *value, "--help")[2], words.join(" ") if letter
      end
    end
  end

  def test_values_that_are_no_choice
    assert_match(/--by takes class, type, file, gem, shape or method, not colour; see/, run_tool("top", "--by", "colour", "x")[1])
    assert_equal 2, run_tool("top", "--sort", "", "x")[2]
    assert_equal 2, run_tool("top", "--limit", "-1", "x")[2]
    assert_equal 2, run_tool("top", "--limit", "1x", "x")[2]
    assert_equal 2, run_tool("find", "--min-size", "1e400", "x")[2]
    assert_equal 2, run_tool("find", "--min-size", "nan", "x")[2]
  end

  def test_manual
    text = File.read(share("heap_dump.1"))
    refute_match(/@COMMANDS@/, text)
    commands.each { |command| assert_match(/^\.Ss heap_dump #{command}\b/, text) }
    skip "mandoc is not installed" unless system("command -v mandoc >/dev/null")
    complaints = IO.popen(["mandoc", "-Tlint", "-W", "warning", share("heap_dump.1")], &:read)
    assert_empty complaints
    shown = IO.popen(["mandoc", "-Tutf8", share("heap_dump.1")], &:read).gsub(/.\x08/, "")
    assert_match(/heap_dump path \[options\] FILE\|- ID\|CLASS/, shown)
    assert_match(/--fail-above 10MB before\.json after\.json/, shown)
  end

  # What bash offers behind these words.
  def complete(*words)
    script = "source #{share("heap_dump.bash")}; COMP_WORDS=(#{words.map { |word| "'#{word}'" }.join(" ")}); " \
             "COMP_CWORD=#{words.size - 1}; _heap_dump 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\""
    IO.popen(["bash", "-c", script], &:read).split("\n").reject(&:empty?)
  end

  def test_bash
    assert_equal commands.sort, (complete("heap_dump", "") - %w[--help --version]).sort
    assert_equal %w[path], complete("heap_dump", "pa")
    commands.each do |command|
      offered = complete("heap_dump", command, "--").sort
      assert_equal options(command).map { |_, name,| "--#{name}" }.sort, offered
    end
    assert_equal %w[class type file gem shape method], complete("heap_dump", "top", "--by", "")
    assert_equal %w[retained], complete("heap_dump", "top", "-s", "r")
    assert_empty complete("heap_dump", "top", "--limit", "")
    assert_equal %w[path], complete("heap_dump", "help", "pat")
    Dir.chdir(ROOT) { assert_includes complete("heap_dump", "top", "REA"), "README.md" }
  end

  def test_zsh
    skip "zsh is not installed" unless system("command -v zsh >/dev/null")
    assert system("zsh", "-n", share("_heap_dump"))
    # _arguments and _describe are stood in for: what they are given is what is offered.
    script = "compdef() { : }; _describe() { print -l ${(P)4} }; _files() { : }; _arguments() { print -l -- $@ }\n" \
             "words=(heap_dump top ''); CURRENT=3; source #{share("_heap_dump")}"
    offered = IO.popen(["zsh", "-f", "-c", script], &:read)
    options("top").each { |_, name,| assert_match(/--#{name}\b/, offered) }
    assert_match(/:by:\(class type file gem shape method\)/, offered)
    names = script.sub("words=(heap_dump top ''); CURRENT=3", "words=(heap_dump ''); CURRENT=2")
    shown = IO.popen(["zsh", "-f", "-c", names], &:read)
    commands.each { |command| assert_match(/^#{command}:/, shown) }
  end
end
