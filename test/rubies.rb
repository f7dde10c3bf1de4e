# frozen_string_literal: true

# The Rubies that tests run with: this machine's own ("native"), those of script/rubies, and any that are installed somewhere,
# built from source, say, which the environment names:
#
#   export HEAP_DUMP_RUBIES="3.2=$HOME/.rbenv/versions/3.2.9 static=/opt/ruby-3.4.1"
#   make ext-others              builds the extension for these, too: build/ext-3.2, build/ext-static
#   test/run oracle outside      runs with these, too, whatever runs with each Ruby
#   ruby test/outside/agreement_test.rb -n /3.2/
#
# NAME=PREFIX by spaces: the Ruby is PREFIX/bin/ruby, the tests and the extension's folder are called by the name. A name that
# script/rubies has (3.3) takes its place. Not named, none of them is missed.
require "rbconfig"

module TestRubies
  ROOT = File.expand_path("..", __dir__)

  # What it is started by, where its extension is, the file that the layout table must fit, options that let a core's binaries
  # be found, and what stands before a program that is to run where that Ruby runs.
  Ruby = Struct.new(:name, :command, :extension, :library, :core_options, :run) do
    def there? = File.exist?(command)
    def extension? = File.exist?(File.join(extension, "heap_dump/heap_dump.so"))
    def to_a = [command, extension]
  end

  def self.native
    Ruby.new("native", RbConfig.ruby, File.join(ROOT, "build/ext"), Dir.glob("/usr/lib/*/libruby*.so.?.?").first, [], [])
  end

  def self.of_script(version)
    folder = File.join(ROOT, "build/rubies", version)
    library = Dir.glob(File.join(folder, "root/usr/lib/*/libruby-#{version}.so.#{version}")).first
    Ruby.new(version, File.join(folder, "bin/ruby"), File.join(ROOT, "build/ext-#{version}"), library,
             ["--sysroot", File.join(folder, "root")], [File.join(folder, "bin/run")])
  end

  # Ruby is in a library of its own, or in the program.
  def self.installed(name, prefix)
    command = File.join(prefix, "bin/ruby")
    abort "HEAP_DUMP_RUBIES: there is no #{command}" unless File.executable?(command)
    library = Dir.glob(File.join(prefix, "{lib,lib64,lib/*}/libruby*.so.?.?")).first || command
    Ruby.new(name, command, File.join(ROOT, "build/ext-#{name}"), library, [], ["env"])
  end

  NAMED = ENV.fetch("HEAP_DUMP_RUBIES", "").split.map { |pair| installed(*pair.split("=", 2)) }.freeze
  ALL = [native, *%w[2.7 3.3 3.4].map { |version| of_script(version) }, *NAMED].to_h { |ruby| [ruby.name, ruby] }.freeze
end
