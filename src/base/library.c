/* See library.h. */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

bool hd_library_find(void *library, const char *name, void *place)
{
    void *function = dlsym(library, name);
    memcpy(place, &function, sizeof function);
    return function != NULL;
}
