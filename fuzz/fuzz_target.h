/* What a fuzz target and its driver agree on: libFuzzer's entry point. */
#ifndef HD_FUZZ_TARGET_H
#define HD_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
