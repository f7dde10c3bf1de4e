/* See library.h. */
#include "web/library.h"

#include "base/library.h"

#define FILE_NAME "libmicrohttpd.so.12"

struct hd_web_library hd_mhd;

bool hd_web_library_load(struct hd_error *err)
{
#define FUNCTION(name) {"MHD_" #name, &hd_mhd.name},
    static const struct hd_library_function functions[] = {HD_WEB_FUNCTIONS(FUNCTION)};
#undef FUNCTION
    static bool loaded;
    loaded = loaded || hd_library_load(FILE_NAME, functions, sizeof functions / sizeof *functions);
    return loaded || hd_error_set(err, HD_ERROR_UNSUPPORTED, "serve needs libmicrohttpd (%s), which is not on this machine: install "
                                 "it (Debian: libmicrohttpd12); `heap_dump report` works without", FILE_NAME);
}
