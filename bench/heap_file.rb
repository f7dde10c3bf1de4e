# frozen_string_literal: true

# Writes files for bench/analyse, in the form of ObjectSpace.dump_all: the workload of workload.rb as Ruby itself dumps
# it, or a heap of a hard shape that no program needs to hold in memory.
#
#   ruby bench/heap_file.rb workload|chain|array|star N FILE [LATER [FINAL]]
#
# LATER, FINAL: of the workload, the same process a while after, each time when some objects have gone and others have come.
require "objspace"
require_relative "workload"

module HeapFile
  BASE = 0x7f00_0000_0000
  SLOT = 40
  CLASS = BASE - SLOT

  module_function

  def write(shape, count, path, *later)
    return workload(count, path, *later) if shape == "workload"

    File.open(path, "w") do |file|
      file << %({"type":"ROOT", "root":"vm", "references":["#{address(0)}", "0x#{CLASS.to_s(16)}"]}\n)
      file << %({"address":"0x#{CLASS.to_s(16)}", "type":"CLASS", "name":"Link", "memsize":600}\n)
      send(shape, count, file)
    end
  end

  def workload(count, path, *later)
    Workload.build(count)
    dump(path)
    later.each_with_index do |name, time|
      live_on(count / 1000, count * (time + 1))
      dump(name)
    end
  end

  def live_on(rounds, from)
    Workload::KEPT[:manifests].shift(rounds)
    rounds.times { |index| Workload.grow(from + index) }
    GC.start
  end

  def dump(path) = File.open(path, "w") { |file| ObjectSpace.dump_all(output: file) }

  def address(index) = "0x#{(BASE + index * SLOT).to_s(16)}"

  def object(index, type, references, memsize: SLOT)
    list = references.empty? ? "" : %(, "references":[#{references.map { |to| %("#{address(to)}") }.join(", ")}])
    %({"address":"#{address(index)}", "type":"#{type}", "class":"0x#{CLASS.to_s(16)}"#{list}, "memsize":#{memsize}}\n)
  end

  # A list: each link refers to the next.
  def chain(count, file)
    count.times { |index| file << object(index, "OBJECT", index + 1 < count ? [index + 1] : []) }
  end

  # One array of all the others.
  def array(count, file)
    file << %({"address":"#{address(0)}", "type":"ARRAY", "class":"0x#{CLASS.to_s(16)}", "length":#{count}, "references":[)
    count.times { |index| file << (index.zero? ? "" : ", ") << '"' << address(index + 1) << '"' }
    file << %(], "memsize":#{SLOT + 8 * count}}\n)
    count.times { |index| file << object(index + 1, "STRING", []) }
  end

  # An array of all, each of which refers to the same one.
  def star(count, file)
    file << %({"address":"#{address(0)}", "type":"ARRAY", "class":"0x#{CLASS.to_s(16)}", "length":#{count}, "references":[)
    count.times { |index| file << (index.zero? ? "" : ", ") << '"' << address(index + 2) << '"' }
    file << %(], "memsize":#{SLOT + 8 * count}}\n) << object(1, "STRING", [])
    count.times { |index| file << object(index + 2, "OBJECT", [1]) }
  end
end

HeapFile.write(ARGV.fetch(0), Integer(ARGV.fetch(1)), *ARGV.drop(2)) if $PROGRAM_NAME == __FILE__
