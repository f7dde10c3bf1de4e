/* Which objects are live, traced from the roots. See liveness.c. */
#ifndef HD_RUBY_LIVENESS_H
#define HD_RUBY_LIVENESS_H

#include "ruby/roots.h"

/* Sets page->traced for everything the roots reach; `heartbeat` grows meanwhile. False if memory ran out. */
bool hd_liveness_trace(struct hd_vm *vm, const struct hd_roots *roots, _Atomic uint64_t *heartbeat, struct hd_error *err);

#endif
