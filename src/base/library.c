/* See library.h. */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

bool hd_library_load(const char *file, const struct hd_library_function *functions, size_t count)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    bool found = library != NULL;
    for (size_t i = 0; found && i < count; i++) {
        void *function = dlsym(library, functions[i].name);
        memcpy(functions[i].place, &function, sizeof function);
        found = function != NULL;
    }
    return found;
}
