# frozen_string_literal: true

# Why our dump has a reference that ObjectSpace.dump_all does not list for the same object: type of the object, field
# of our line, reason. Whatever is not in here is a mistake of ours.
#
# Each reason was read in Ruby's sources (gc.c: gc_mark_children and the types' mark functions). Must stay narrow: a
# row names a field, never a whole type.

module Explained
  SHARED = ->(item, _) { item.fields.key?("shared") }
  # dump_all's references of the object go to one of this kind
  TO_FIBER = ->(_, marks) { marks.call("DATA/fiber") }
  TO_ENV = ->(_, marks) { marks.call("IMEMO/env") }
  # since 4.0 most objects keep their variables in one of their own
  IN_FIELDS = ->(item, _) { item.fields.key?("fields") }
  # type, field, reason and, where it depends on the object, a condition
  ROWS = [
    [//, "class", "dump_all prints the class apart, not among the references"],
    [/\AT_ARRAY/, "val", "an array that shares its elements marks the array that owns them, not the elements", SHARED],
    [//, /\A(generic_ivs|ivs|cvars)\b/, "the object marks its fields, and these their values: they are skipped here", IN_FIELDS],
    [%r{\AT_DATA/mutex}, "held_by_thread", "a mutex marks nothing"],
    [/\AT_SYMBOL/, "str", "a symbol's text is kept by the table of symbols, not by the symbol"],
    [/\AT_(CLASS|MODULE|ICLASS)/, "methods", "a class marks the method entry, and that its code: the entry is skipped here"],
    [/\AT_(CLASS|MODULE|ICLASS)/, "attached", "a singleton class does not keep its object alive"],
    [/\AT_(CLASS|MODULE|ICLASS)/, "origin", "marked by the chain of superclasses, in which it stands further up"],
    [/\AT_ICLASS/, "includer", "an iclass does not mark the class that includes it"],
    [%r{\AT_IMEMO/iseq}, "local_iseq", "an iseq marks the one around it; the method's is that one's or further out"],
    [%r{\AT_IMEMO/constcache}, "cref_weak", "a constant cache does not mark the scope it holds for"],
    [%r{\AT_IMEMO/callcache}, /\A(klass|cme)/, "call caches are weak: they mark nothing"],
    [%r{\AT_DATA/mutex}, "held_by_fiber", "a mutex marks nothing"],
    [%r{\AT_DATA/(VM/thread|fiber)}, "frames.method_entry", "a block's method is found through the frames or envs around it, which mark it"],
    [%r{\AT_DATA/(VM/thread|fiber)}, "frames.locals", "variables that a block captured are marked by the env they moved to", TO_ENV],
    [%r{\AT_DATA/VM/thread}, /\A(frames|locals)/, "a thread that ever had fibers marks the one that runs, and that marks the stack", TO_FIBER]
  ].freeze

  # Types that mark themselves, for an env or a wrapper keeps its own address: says nothing, and is not written.
  SELF = %w[T_IMEMO/env T_IMEMO/VM/env T_IMEMO/ment T_IMEMO/iseq T_DATA/fiber T_DATA/VM/thread T_FILE].freeze

  # The reason, or nil. `marks` tells whether dump_all has a reference of the object to one of a kind.
  def self.reason(item, field, marks)
    row = ROWS.find { |types, fields, _, condition| fields === field && types.match?(item.type) && (!condition || condition.call(item, marks)) }
    row && row[2]
  end
end
