/* See mongodb_library.h. */
#include "store/mongodb_library.h"

#include "base/library.h"

#include <dlfcn.h>

#define FILE_NAME "libmongoc-1.0.so.0"

struct hd_mongodb_library hd_mongoc;

bool hd_mongodb_library_load(struct hd_error *err)
{
    static void *library;
    if (library)
        return true;
    void *opened = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    bool found = opened != NULL;
#define FIND(name) found = found && hd_library_find(opened, "mongoc_" #name, &hd_mongoc.name);
    HD_MONGODB_FUNCTIONS(FIND)
#undef FIND
    if (found)
        library = opened;
    return found || hd_error_set(err, HD_ERROR_UNSUPPORTED, "MongoDB's C driver (%s) is not on this machine: install it (Debian: "
                                 "libmongoc-1.0-0)", FILE_NAME);
}
