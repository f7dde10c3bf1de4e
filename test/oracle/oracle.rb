# frozen_string_literal: true

# Where the scenes are run and compared, once for all tests: which scenes, how much may be wrong. The Rubies are those of
# test/rubies.rb that are there; ORACLE_KEEP=1 leaves the files and prints where they are.

require "minitest/autorun"
require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../rubies"
require_relative "compare"

module Oracle
  CHECKOUT = File.expand_path("../..", __dir__)
  RUBIES = TestRubies::ALL.values.select(&:there?)
  # The least number of objects that a scene must have to prove anything.
  SCENES = { "every_type" => 30_000, "rails" => 95_000, "ractor" => 15_000 }.freeze
  # A part of all that may be wrong; everything else must be right to the last one.
  TOLERATED = { size: 0.01 }.freeze

  # The comparison of one scene in one Ruby, made once.
  def self.comparison(ruby, scene, mode: nil)
    @made ||= {}
    @made[[ruby.name, scene, mode]] ||= begin
      folder = Dir.mktmpdir("heap_dump-oracle-")
      ENV["ORACLE_KEEP"] ? warn("#{scene}: #{folder}") : Minitest.after_run { FileUtils.rm_rf(folder) }
      arguments = ["-I", ruby.extension, "-I", File.join(CHECKOUT, "lib")]
      said, status = Open3.capture2e("timeout", "-s", "KILL", "120", ruby.command, *arguments, "#{__dir__}/witness.rb", folder, scene, *mode)
      raise "#{ruby.command} witness.rb #{scene} failed (#{status}):\n#{said}" unless status.success? && File.exist?("#{folder}/done.json")

      [folder, Compare.new(folder).run]
    rescue => e
      e
    end
    raise @made[[ruby.name, scene, mode]] if @made[[ruby.name, scene, mode]].is_a?(Exception)

    @made[[ruby.name, scene, mode]]
  end
end
