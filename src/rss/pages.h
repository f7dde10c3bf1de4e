/*
 * Ruby's heap pages: how many slots of each size there are, how many are used, and how much of that is in memory.
 *
 * Owns the counting. Must not know where pages come from (ruby/heap.c) nor malloc.
 */
#ifndef HD_RSS_PAGES_H
#define HD_RSS_PAGES_H

#include "rss/ledger.h"
#include "rss/rss.h"

/* Address and bytes of a page's body, header and padding included. */
void hd_pages_body(const struct hd_vm *vm, const struct hd_page *page, uint64_t *start, uint64_t *end);

/* Fills rss->pools but for what is in memory. */
void hd_pages_count(struct hd_rss *rss, const struct hd_vm *vm);

/* Divides a page that this claim has whole. */
void hd_pages_divide(struct hd_rss *rss, const struct hd_vm *vm, const struct hd_page *page, struct hd_ledger *ledger);

#endif
