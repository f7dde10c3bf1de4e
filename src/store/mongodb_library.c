/* See mongodb_library.h. */
#include "store/mongodb_library.h"

#include "base/library.h"

#define FILE_NAME "libmongoc-1.0.so.0"

struct hd_mongodb_library hd_mongoc;

bool hd_mongodb_library_load(struct hd_error *err)
{
#define FUNCTION(name) {"mongoc_" #name, &hd_mongoc.name},
    static const struct hd_library_function functions[] = {HD_MONGODB_FUNCTIONS(FUNCTION)};
#undef FUNCTION
    static bool loaded;
    loaded = loaded || hd_library_load(FILE_NAME, functions, sizeof functions / sizeof *functions);
    return loaded || hd_error_set(err, HD_ERROR_UNSUPPORTED, "MongoDB's C driver (%s) is not on this machine: install it (Debian: "
                                 "libmongoc-1.0-0)", FILE_NAME);
}
