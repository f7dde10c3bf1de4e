# frozen_string_literal: true

# Where the scenes are run and compared, once for all tests: which Rubies, which scenes, how much may be wrong.
#
#   ORACLE_RUBIES="ruby=build/ext:lib" …    commands and where heap_dump is to be loaded from; else this Ruby, and those
#                                           of script/rubies that are there
#   ORACLE_KEEP=1                           leaves the files and prints where they are

require "minitest/autorun"
require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "compare"

module Oracle
  CHECKOUT = File.expand_path("../..", __dir__)
  OTHERS = %w[3.3 2.7 3.4].to_h { |version| ["#{CHECKOUT}/build/rubies/#{version}/bin/ruby", "build/ext-#{version}:lib"] }.freeze
  # command => load path
  RUBIES =
    if ENV["ORACLE_RUBIES"]
      ENV["ORACLE_RUBIES"].split.to_h { |pair| pair.split("=", 2) }
    else
      { RbConfig.ruby => "build/ext:lib", **OTHERS }.select { |command, _| File.executable?(command) }
    end
  # The least number of objects that a scene must have to prove anything.
  SCENES = { "every_type" => 30_000, "rails" => 95_000, "ractor" => 15_000 }.freeze
  # A part of all that may be wrong; everything else must be right to the last one.
  TOLERATED = { size: 0.01 }.freeze

  # The comparison of one scene in one Ruby, made once.
  def self.comparison(command, paths, scene, mode: nil)
    @made ||= {}
    @made[[command, scene, mode]] ||= begin
      folder = Dir.mktmpdir("heap_dump-oracle-")
      ENV["ORACLE_KEEP"] ? warn("#{scene}: #{folder}") : Minitest.after_run { FileUtils.rm_rf(folder) }
      arguments = paths.split(":").flat_map { |path| ["-I", File.expand_path(path, CHECKOUT)] }
      said, status = Open3.capture2e("timeout", "-s", "KILL", "120", command, *arguments, "#{__dir__}/witness.rb", folder, scene, *mode)
      raise "#{command} witness.rb #{scene} failed (#{status}):\n#{said}" unless status.success? && File.exist?("#{folder}/done.json")

      [folder, Compare.new(folder).run]
    rescue => e
      e
    end
    raise @made[[command, scene, mode]] if @made[[command, scene, mode]].is_a?(Exception)

    @made[[command, scene, mode]]
  end
end
