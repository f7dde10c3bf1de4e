# Builds heap_dump.so: this folder's files and the part of the C library that reads a heap and writes a dump.
# What reads dumps, debug information or other processes belongs to the command line tool alone.
require "mkmf"

ROOT = File.expand_path("../..", __dir__)
TOOL_ONLY = %r{
  /base/spool |
  /dump/(input|json_reader|json_text|address_set|check|objspace_reader|range) |
  /ruby/(dwarf|layout_table|elf_identity) |
  /memory/(source_process|source_file|core|core_library|core_unpack) |
  /capture/(outside|room|copy|keeper|stop|inject|target)
}x

$CFLAGS << " -std=gnu11 -fvisibility=hidden -Wno-declaration-after-statement"
$INCFLAGS << " -I$(srcdir)/../../include"
# -iquote, not -I: src/ruby/ must not come before Ruby's own ruby/*.h.
$INCFLAGS << " -iquote $(srcdir)/../../src -iquote $(srcdir)"

%w[rb_obj_memsize_of rb_objspace_reachable_objects_from rb_objspace_reachable_objects_from_root
   rb_objspace_each_objects rb_objspace_data_type_name].each do |name|
  next if have_func(name)
  abort "heap_dump: this Ruby (#{RUBY_DESCRIPTION}) does not export #{name}, without which a heap cannot be walked"
end

{"zlib" => %w[z deflateInit2_ zlib.h], "zstd" => %w[zstd ZSTD_initStaticCCtx zstd.h]}.each do |name, (lib, func, header)|
  if have_header(header) && have_library(lib, func)
    $defs << "-DHD_HAVE_#{name.upcase}=1"
  else
    warn "heap_dump: #{header} not found, so there will be no compression by #{name}"
  end
end

own = Dir[File.join(__dir__, "*.c")].sort
library = %w[base memory ruby ruby/layouts dump capture].flat_map { |dir| Dir[File.join(ROOT, "src", dir, "*.c")].sort }
library.reject! { |path| path.match?(TOOL_ONLY) }
$srcs = own + library
$VPATH.concat(library.map { |path| "$(srcdir)/../../src/#{File.dirname(path).delete_prefix(File.join(ROOT, "src", ""))}" }.uniq)

twice = $srcs.group_by { |path| File.basename(path) }.select { |_, paths| paths.size > 1 }
abort "heap_dump: two source files of one name: #{twice.values.inspect}" unless twice.empty?

create_makefile("heap_dump/heap_dump")
