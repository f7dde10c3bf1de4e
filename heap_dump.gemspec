# frozen_string_literal: true

require_relative "lib/heap_dump/version"

Gem::Specification.new do |spec|
  spec.name = "heap_dump"
  spec.version = HeapDump::VERSION
  spec.authors = ["the heap_dump authors"]
  spec.summary = "A complete dump of a Ruby heap, data and code, as JSON lines"
  spec.description = "Takes a dump of a running Ruby process: every object with its references by name, methods, " \
                     "procs with what they captured, and every thread's frames with their local variables."
  spec.license = "MIT"
  spec.required_ruby_version = ">= 2.7"
  spec.extensions = ["ext/heap_dump/extconf.rb"]
  spec.require_paths = ["lib"]
  spec.files = Dir.chdir(__dir__) do
    Dir["lib/**/*.rb", "ext/heap_dump/*.{c,h,rb}", "include/*.h", "src/{base,memory,ruby,dump,capture}/**/*.{c,h,inc}",
        "docs/format.md", "README.md", "CHANGELOG.md", "LICENSE"]
  end
end
