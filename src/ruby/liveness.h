/* Which objects are live, traced from the roots. See liveness.c. */
#ifndef HD_RUBY_LIVENESS_H
#define HD_RUBY_LIVENESS_H

#include "ruby/roots.h"

/* Sets a bit in `bits` (see struct hd_page.live) for everything the roots reach; false if memory ran out. */
bool hd_liveness_trace(struct hd_vm *vm, const struct hd_roots *roots, struct hd_error *err);

#endif
