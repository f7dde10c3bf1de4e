# frozen_string_literal: true

# The line that says how far long work is: only on a terminal, only when it takes long, and gone before the answer.
require_relative "helper"

class ProgressTest < Minitest::Test
  include CliTest

  def setup
    @folder = Dir.mktmpdir("progress", CliTest::FOLDER)
    @pipe = File.join(@folder, "dump")
    File.mkfifo(@pipe)
  end

  # What stands on the terminal when the dump comes through a pipe and takes that many seconds; [bytes written, last state of each line].
  def shown(seconds, command = "#{TOOL} top #{@pipe}")
    writer = Thread.new do
      File.open(@pipe, "w") do |file|
        bytes = File.binread(ours)
        file.write(bytes.byteslice(0, bytes.bytesize / 2))
        sleep seconds
        file.write(bytes.byteslice(bytes.bytesize / 2..))
      end
    end
    written = IO.popen([{ "TERM" => "xterm" }, "script", "-qec", command, "/dev/null"], &:read).force_encoding("UTF-8")
    writer.join
    [written, written.split("\n").map { |line| line.chomp("\r").split("\r").last.to_s.gsub(/\e\[(?:K|\d*m)/, "") }]
  end

  def test_long_work
    written, lines = shown(1.6)
    assert_match(/\rreading the dump …\e\[K/, written)
    assert_equal run_tool("top", ours).first.lines.first.chomp, lines.first
    refute_match(/reading the dump/, lines.join("\n"))
  end

  def test_short_work_says_nothing
    refute_match(/reading the dump/, shown(0).first)
  end

  def test_no_terminal
    refute_match(/reading the dump/, shown(1.3, "#{TOOL} top #{@pipe} 2>#{@folder}/complaints").first)
    assert_empty File.read("#{@folder}/complaints")
  end
end
