/* Ruby's transient heap: where the elements of young arrays, hashes, structs and objects lie in 2.6 to 3.2. */
#ifndef HD_RSS_TRANSIENT_H
#define HD_RSS_TRANSIENT_H

#include "ruby/vm.h"

/* Its address range; false if this Ruby has none, or nothing lies there now. */
bool hd_transient_find(struct hd_vm *vm, uint64_t *start, uint64_t *end);

#endif
