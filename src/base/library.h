/* Libraries that are loaded when they are needed and not before. Must not know which. */
#ifndef HD_BASE_LIBRARY_H
#define HD_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* A function, and the pointer that is to lead to it. */
struct hd_library_function {
    const char *name;
    void *place;
};

/* Loads the library called `file` for as long as the process lives and finds its functions; false if it is not there or has not all of them. */
bool hd_library_load(const char *file, const struct hd_library_function *functions, size_t count);

#endif
