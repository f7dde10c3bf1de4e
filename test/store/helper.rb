# frozen_string_literal: true

# What the tests of `heap_dump export` share.
require_relative "../cli/helper"

module ExportTest
  include CliTest

  # A folder of the suite's own for what is exported.
  def folder
    @folder ||= Dir.mktmpdir("export", CliTest::FOLDER)
  end

  # Exports a dump to a file and returns the file's path.
  def export(name, dump, file, *words)
    path = File.join(folder, file)
    out, err, status = run_tool("export", "--to", "#{name}:#{path}", *words, dump)
    assert_equal 0, status, err + out
    path
  end
end
