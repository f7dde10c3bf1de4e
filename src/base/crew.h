/*
 * The same work done by several threads at once.
 *
 * Owns the threads and that all of them have ended. Must not know what the work is: the hands take it from somewhere by
 * themselves, until nothing is left. With one hand no thread is made and malloc is not called, so that this may run in a raw
 * clone of a multithreaded process.
 */
#ifndef HD_BASE_CREW_H
#define HD_BASE_CREW_H

#include <stddef.h>

enum { HD_CREW_MAX = 8 };

/* As many hands as this process may have processors; at least 1, at most HD_CREW_MAX. */
int hd_crew_size(void);

/*
 * Calls run(hand) once for each of `count` hands of `size` bytes each, the first one in this thread, and returns when all have. A hand
 * for which there is no thread is not called: fewer are slower, not wrong.
 */
void hd_crew_run(void (*run)(void *hand), void *hands, size_t size, int count);

#endif
