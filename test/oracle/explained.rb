# frozen_string_literal: true

# Why our dump has a reference that ObjectSpace.dump_all does not list for the same object: type of the object, field
# of our line, reason. Whatever is not in here is a mistake of ours.
#
# Each reason was read in Ruby's sources (gc.c: gc_mark_children and the types' mark functions). Must stay narrow: a
# row names a field, never a whole type.

module Explained
  ROWS = [
    [//, "class", "dump_all prints the class apart, not among the references"],
    [/\AT_(CLASS|MODULE|ICLASS)/, "attached", "a singleton class does not keep its object alive (3.1: the other way round, by a hidden variable)"],
    [/\AT_(CLASS|MODULE|ICLASS)/, "includer", "an iclass does not mark the class that includes it"],
    [/\AT_(CLASS|MODULE|ICLASS)/, "origin", "marked by its place in the chain of superclasses, not by the class"],
    [%r{\AT_IMEMO/callcache}, "klass", "call caches are weak: not marked"],
    [%r{\AT_IMEMO/callcache}, "cme", "call caches are weak: not marked"],
    [%r{\AT_DATA/VM/thread|\AT_DATA/thread}, /\Aframes/, "a thread's stack is marked conservatively through its fiber"]
  ].freeze

  # The reason, or nil.
  def self.reason(type, field)
    row = ROWS.find { |types, fields, _| types.match?(type) && fields === field }
    row && row[2]
  end
end
