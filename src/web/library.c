/* See library.h. */
#include "web/library.h"

#include "base/library.h"

#include <dlfcn.h>

#define FILE_NAME "libmicrohttpd.so.12"

struct hd_web_library hd_mhd;

bool hd_web_library_load(struct hd_error *err)
{
    static void *library;
    if (library)
        return true;
    void *opened = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    bool found = opened != NULL;
#define FIND(name) found = found && hd_library_find(opened, "MHD_" #name, &hd_mhd.name);
    HD_WEB_FUNCTIONS(FIND)
#undef FIND
    if (found)
        library = opened;
    return found || hd_error_set(err, HD_ERROR_UNSUPPORTED, "serve needs libmicrohttpd (%s), which is not on this machine: install "
                                 "it (Debian: libmicrohttpd12); `heap_dump report` works without", FILE_NAME);
}
