/* Libraries that are loaded when they are needed and not before. Must not know which. */
#ifndef HD_BASE_LIBRARY_H
#define HD_BASE_LIBRARY_H

#include <stdbool.h>

/* A function of a library that dlopen opened, into the pointer at `place`; false if it has none of that name. */
bool hd_library_find(void *library, const char *name, void *place);

#endif
