/*
 * heap_dump: a complete dump of a Ruby heap.
 *
 * The C functions a debugger or a C host calls inside a Ruby process that has loaded the extension
 * (heap_dump.so). They must run on a thread that holds Ruby's global lock, outside garbage collection:
 * README.md says when that is safe from gdb. None of them raises a Ruby exception.
 */
#ifndef HEAP_DUMP_H
#define HEAP_DUMP_H

#ifdef __cplusplus
extern "C" {
#endif

#define HEAP_DUMP_VERSION "0.1.0"

/*
 * Collects garbage, then writes a dump of this process to `path` ("dump.json" in the current directory if 0);
 * a name ending in .zst or .gz is written compressed.
 * Returns 0, or an errno value (EIO where the cause is not a system call); the sentence goes to stderr.
 */
int heapdump_dump(const char *path);

/*
 * Prints a table of live objects to stdout: slots, objects by builtin type, and objects by class for each
 * class or namespace named. The arguments are C strings, the last one an empty string "" (a NULL ends them too).
 * Returns 0 or an errno value.
 */
int heapdump_count_objects_print(const char *name, ...);

/*
 * The same counts as a Ruby Hash (a VALUE, as HeapDump.count_objects returns it); Qnil on failure.
 */
unsigned long heapdump_count_objects_return(const char *name, ...);

#ifdef __cplusplus
}
#endif

#endif
