/* Sizes as people write them. */
#ifndef HD_BASE_UNITS_H
#define HD_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* 500, 500kB, 10MB, 1.5G; k, M, G are powers of 1000, KiB, MiB, GiB of 1024. False if the text is no size. */
bool hd_units_bytes(const char *text, uint64_t *bytes);

/* "0.5%" as a share, from 0 to 1. False if the text is no percentage from 0 to 100. */
bool hd_units_share(const char *text, double *share);

#endif
