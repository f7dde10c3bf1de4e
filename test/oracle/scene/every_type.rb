# frozen_string_literal: true

# Every builtin type and every hard case, one file for each kind.

require "socket"
require "set"
require "delegate"
require "forwardable"
require "singleton"
require "tempfile"
require "bigdecimal" rescue nil
require "stringio"
require "strscan"
require "digest"
require "zlib"
require "monitor"
require "weakref"
require "ostruct"

require_relative "every_type/values"
require_relative "every_type/objects"
require_relative "every_type/code"
require_relative "every_type/threads"

# From here on Ruby knows where an object was made; only for these, for it slows everything down.
ObjectSpace.trace_object_allocations_start

module EveryType
  module Traced
    def self.make
      Array.new(50) { |i| [i, "traced #{i}", Object.new, { i => i.to_s }] }
    end
    KEPT = make
    Witness.keep(eval('+"made by eval"', nil, "no such file.rb", 7))
  end
end
