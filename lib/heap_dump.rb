# frozen_string_literal: true

require "heap_dump/version"
require "heap_dump/heap_dump"

# Takes a complete dump of this process's heap, data and code: every object with its references by name, every
# method, every thread's frames with their local variables.
module HeapDump
  # What a dump was: where it is, how big, how long it took.
  class Result
    # @return [String] the file, as it was named
    attr_reader :path
    # @return [Integer] objects in the dump
    attr_reader :objects
    # @return [Integer] references between them
    attr_reader :references
    # @return [Integer] places that could not be read, or led to no object
    attr_reader :unreadable
    # @return [Integer] size of the file
    attr_reader :bytes
    # @return [Integer] size before compression
    attr_reader :plain_bytes
    # @return [Float] from the call to the finished file, the garbage collection included
    attr_reader :seconds
    # @return [Float] how long all threads of the process were held up, the garbage collection not included
    attr_reader :pause
    # @return [Float] how long the garbage collection took, which holds them up as well
    attr_reader :gc_seconds

    # @api private
    def initialize(path, objects, references, unreadable, bytes, plain_bytes, seconds, pause, gc_seconds, unnamed)
      @path = path
      @objects = objects
      @references = references
      @unreadable = unreadable
      @bytes = bytes
      @plain_bytes = plain_bytes
      @seconds = seconds
      @pause = pause
      @gc_seconds = gc_seconds
      @unnamed = unnamed
      freeze
    end

    # @return [Boolean] whether this Ruby is unknown to heap_dump, so that references have no names
    def unnamed?
      @unnamed
    end

    def to_s
      "#{path}: #{group(objects)} objects, #{human_bytes} in #{human_seconds(seconds)}, " \
        "process held up for #{human_seconds(pause)} (GC #{human_seconds(gc_seconds)})"
    end

    def inspect
      "#<#{self.class} #{self}>"
    end

    private

    def group(number)
      number.to_s.reverse.scan(/\d{1,3}/).join(",").reverse
    end

    def human_bytes
      return "#{bytes} bytes" if bytes < 1000

      units = %w[kB MB GB TB]
      size = bytes / 1000.0
      size /= 1000 while size >= 999.95 && units.size > 1 && units.shift
      format("%.1f %s", size, units.first)
    end

    def human_seconds(seconds)
      return format("%.2f s", seconds) if seconds >= 0.1

      milliseconds = seconds * 1000
      format(milliseconds < 10 ? "%.1f ms" : "%.0f ms", milliseconds)
    end
  end

  class << self
    # Writes a dump of this process.
    #
    # The dump shows one moment. A copy-on-write clone of the process writes it while the process goes on; only the
    # calling thread waits. The file appears under its name when it is whole (mode 0600); until then, and after
    # any failure, an earlier file of that name stays as it was. The file is never reached through a symbolic link.
    #
    # @param path [String, #to_path] ".gz" or ".zst" at its end compresses
    # @param gc [Boolean] collect garbage first; without, the writer traces what is alive, which takes it longer
    # @param fork [Boolean] false: no clone; the whole process stands still until the dump is written
    # @param redact [Boolean] no contents of strings and the like, only hashes of them
    # @param string_limit [Integer] bytes of a string's contents to write, the rest is left out (1 MiB at most)
    # @param all [Boolean] also write objects that are unreachable, marked as garbage
    # @return [Result]
    # @raise [SystemCallError] the file could not be written (Errno::ENOSPC, Errno::EACCES, …)
    # @raise [HeapDump::Error] the clone could not be started, or failed, or was killed
    # @raise [HeapDump::UnsupportedError] a part that is needed was not built in
    def dump(path = "dump.json", gc: true, fork: true, redact: false, string_limit: 4096, all: false)
      unless string_limit.is_a?(Integer) && string_limit.between?(0, 2**62)
        raise ArgumentError, "string_limit must be an Integer of at least 0, not #{string_limit.inspect}"
      end

      path = path.respond_to?(:to_path) ? path.to_path : path
      Result.new(path, *native_dump(path, gc, fork, redact, string_limit, all))
    end

    # Counts the objects in the heap as it is (no garbage collection), without allocating anything per object.
    #
    # @example
    #   HeapDump.count_objects([Rack, "Puma::Client"])
    #   # => {total_slots: 65_000, free_slots: 1_200, basic_types: {T_STRING: 30_112, …},
    #   #     user_types: {"Rack::Request": 12, …, "Puma::Client": 3}}
    #
    # @param names [Array<Module, String, Symbol>, Module, String, Symbol] classes, or namespaces, which stand for
    #   every class in them
    # @return [Hash] the keys of user_types are Symbols, the most numerous class first
    def count_objects(names = [])
      names = names.is_a?(Array) ? names : [names]
      names.each do |name|
        next if name.is_a?(Module) || name.is_a?(String) || name.is_a?(Symbol)

        raise TypeError, "a class, a module, or the name of one was expected, not #{name.inspect}"
      end
      native_count_objects(names)
    end
  end
end
