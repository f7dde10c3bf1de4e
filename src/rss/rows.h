/*
 * The rows of the table that says where memory is. Every byte that is in memory is in exactly one of them.
 *
 * X(name, key in JSON, group). A row's words for people are the command's (cli/memory_text.c); docs/memory.md says what each counts.
 */
#ifndef HD_RSS_ROWS_H
#define HD_RSS_ROWS_H

#define HD_RSS_ROW_LIST(X) \
    X(SLOTS_USED,      "slots_used",       RUBY) \
    X(SLOTS_FREE,      "slots_free",       RUBY) \
    X(PAGES_REST,      "heap_pages_rest",  RUBY) \
    X(TRANSIENT,       "transient_heap",   RUBY) \
    X(STRINGS,         "strings",          OBJECTS) \
    X(ARRAYS,          "arrays",           OBJECTS) \
    X(HASHES,          "hashes",           OBJECTS) \
    X(INSTANCES,       "instances",        OBJECTS) \
    X(DATA,            "data",             OBJECTS) \
    X(OTHERS,          "others",           OBJECTS) \
    X(CLASSES,         "classes",          CODE) \
    X(ISEQS,           "iseqs",            CODE) \
    X(JIT,             "jit",              CODE) \
    X(VM_STACKS,       "vm_stacks",        STACKS) \
    X(MACHINE_STACKS,  "machine_stacks",   STACKS) \
    X(COLLECTOR,       "collector",        NATIVE) \
    X(MALLOC_USED,     "malloc_used",      NATIVE) \
    X(MALLOC_UNKNOWN,  "malloc_unknown",   MALLOC) \
    X(MALLOC_FREE,     "malloc_free",      FREE) \
    X(MALLOC_FAST,     "malloc_fastbins",  FREE) \
    X(MALLOC_CACHED,   "malloc_cached",    FREE) \
    X(MALLOC_TOP,      "malloc_top",       FREE) \
    X(MALLOC_REST,     "malloc_overhead",  FREE) \
    X(LIBRARIES,       "libraries",        FILES) \
    X(LIBRARIES_OWN,   "libraries_own",    FILES) \
    X(FILES,           "files",            FILES) \
    X(SHARED,          "shared_memory",    FILES) \
    X(KERNEL,          "kernel",           REST) \
    X(ZEROS,           "zeros",            REST) \
    X(UNKNOWN,         "unknown",          REST)

#define HD_RSS_GROUP_LIST(X) X(RUBY) X(OBJECTS) X(CODE) X(STACKS) X(NATIVE) X(FREE) X(MALLOC) X(FILES) X(REST)

enum hd_rss_row {
#define HD_RSS_ROW_ENUM(name, key, group) HD_RSS_##name,
    HD_RSS_ROW_LIST(HD_RSS_ROW_ENUM)
#undef HD_RSS_ROW_ENUM
    HD_RSS_ROWS
};

enum hd_rss_group {
#define HD_RSS_GROUP_ENUM(name) HD_RSS_IN_##name,
    HD_RSS_GROUP_LIST(HD_RSS_GROUP_ENUM)
#undef HD_RSS_GROUP_ENUM
    HD_RSS_GROUPS
};

#endif
