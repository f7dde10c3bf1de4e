# frozen_string_literal: true

# The programs that people open exports with: from the npm registry, in the versions of readers/package-lock.json, kept in
# build/readers.
require "digest"

module Readers
  SOURCE = File.join(__dir__, "readers")
  FOLDER = File.expand_path("../../build/readers", __dir__)
  INSTALL = %w[npm ci --no-audit --no-fund --ignore-scripts --prefer-offline].freeze

  module_function

  # Why they cannot be used here, or nil. Whatever else goes wrong is an error.
  def missing
    return "node and npm are not installed" unless system("command -v node npm >/dev/null")

    version = IO.popen(%w[node --version], &:read)
    "node #{version.strip} is too old: 18 or later is needed" if version[/\d+/].to_i < 18
  end

  def install
    @install ||= begin
      state = Digest::SHA256.hexdigest(Dir[File.join(SOURCE, "*")].sort.map { |file| File.binread(file) }.join)
      mark = File.join(FOLDER, "installed")
      unless File.exist?(mark) && File.read(mark) == state
        FileUtils.mkdir_p(FOLDER)
        FileUtils.cp(Dir[File.join(SOURCE, "*")], FOLDER)
        run(*INSTALL)
        run("node", "build.js", "devtools.ts", "devtools.mjs")
        File.write(mark, state)
      end
      true
    end
  end

  def run(*command)
    out, status = Open3.capture2e(*command, chdir: FOLDER)
    raise "#{command.join(" ")}: #{out}" unless status.success?
  end

  # What a reader writes about a file.
  def read(program, file)
    install
    run("node", "--max-old-space-size=4096", program, file, "#{file}.read")
    File.read("#{file}.read", encoding: "UTF-8")
  end
end
