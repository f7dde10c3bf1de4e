# frozen_string_literal: true

# The process under test: builds a scene, writes what Ruby says about its own heap, and our dump of it, all of one
# standstill: the garbage collector is off and no other thread runs.
#
#   ruby witness.rb FOLDER SCENE [live|in_place]      SCENE is a file in scene/, its main file
#
# Leaves in FOLDER: before.jsonl and after.jsonl (ObjectSpace.dump_all right before and after), dump.json (ours),
# truth.jsonl (what reflection says, see truth.rb), done.json (versions). An object whose line is the same in
# before and after did not change while ours was written: those are compared. With `live` ours is made as users
# make it (garbage is collected, and unreachable objects are left out), with `in_place` without a fork.
# Must not know how the comparison is made.

require "json"
require "fiddle"
require "objspace"
require_relative "truth"

module Witness
  # What scenes say about themselves: [[kind, {…}], …]; see Truth#expected.
  EXPECTED = []
  # What must stay alive.
  KEPT = []
  # Up to 2.7 dump_all leaves what is left in the C library's buffer.
  FLUSH = (Fiddle::Function.new(Fiddle.dlopen(nil)["fflush"], [Fiddle::TYPE_VOIDP], Fiddle::TYPE_INT) if RUBY_VERSION < "3")

  module_function

  def keep(*objects)
    KEPT.concat(objects)
    objects.first
  end

  # In a frame of this method or block, of `holder` (a Thread, a Fiber or nil for the main thread) these are the
  # local variables.
  def expect_locals(holder, method, locals)
    EXPECTED << [:locals, { holder: holder, method: method, locals: locals }]
  end

  # This object's field in our dump has this value.
  def expect_field(object, field, value)
    EXPECTED << [:field, { object: object, field: field, value: value }]
  end

  # This field, as text or number in our dump, is this.
  def expect_text(object, field, text)
    EXPECTED << [:text, { object: object, field: field, text: text }]
  end

  # The global variable has this value.
  def expect_global(name, value)
    EXPECTED << [:global, { name: name, value: value }]
  end

  def dump_all(file)
    ObjectSpace.dump_all(output: file)
    file.flush
    FLUSH&.call(nil)
  end

  # Frames of the main thread are compared from this call outwards.
  def dump(path, options)
    inside = [path, :inside]
    expect_locals(nil, "dump", path: path, options: options, inside: inside)
    @backtrace = caller_locations(0).map { |frame| Truth.frame(frame) }
    @backtrace.first.delete(:line) # this frame goes on to the next line
    HeapDump.dump(path, **options)
  end

  def settle
    GC.start
    File.open(File::NULL, "wb") { |file| dump_all(file) } # what a first call loads and caches
    4.times { GC.start }
    GC.disable
  end

  def run(folder, scene, mode)
    live = mode == "live"
    $stdout.sync = true
    require_relative "scene/#{scene}"
    $VERBOSE = nil
    require "heap_dump"
    HeapDump.dump("#{folder}/warm.json", gc: false, fork: true) # as above
    File.unlink("#{folder}/warm.json")
    # Kept and written to from the start: a File made for the second dump (or its lock, made at the first write) could
    # lie where an older one was, and seem to be there in between.
    before, after, path = keep([File.open("#{folder}/before.jsonl", "wb"), File.open("#{folder}/after.jsonl", "wb"),
                                "#{folder}/dump.json"])
    [before, after].each do |file|
      file.write("\n")
      file.flush
      file.truncate(0)
      file.rewind
    end
    settle
    dump_all(before)
    options = live ? { gc: true, fork: true } : { gc: false, fork: mode != "in_place", all: true }
    GC.enable if live
    dump(path, options)
    GC.disable
    dump_all(after)
    Truth.new(main: @backtrace, expected: EXPECTED).write("#{folder}/truth.jsonl") unless live
    File.write("#{folder}/done.json", JSON.generate(ruby: RUBY_VERSION, pid: $$))
  end
end

if $0 == __FILE__
  folder, scene, mode = ARGV
  begin
    Witness.run(folder, scene, mode)
  rescue Exception => e # whatever it is: the scene's threads have no end of their own
    $stderr.puts e.full_message(highlight: false)
    exit!(1)
  end
  exit!(0)
end
