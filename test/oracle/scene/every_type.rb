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
