/*
 * Puts every byte that is in memory into one row.
 *
 * Owns the rows' sums and the claims on address space. Must not know who claims what, nor why. Invariant: the rows add up to what the
 * kernel says is in memory, whatever is claimed; a claim on what another has already got counts nothing.
 */
#ifndef HD_RSS_LEDGER_H
#define HD_RSS_LEDGER_H

#include "rss/resident.h"
#include "rss/rows.h"

struct hd_claim {
    uint64_t start, end;
    uint32_t kind;   /* 0: all of it goes to `value`, a row; others mean something to their caller, who divides it */
    uint32_t value;
};

struct hd_ledger {
    struct hd_resident *resident;
    uint64_t rows[HD_RSS_ROWS];
    struct hd_buffer claims; /* struct hd_claim; sorted and disjoint after hd_ledger_settle */
    size_t claim_count;
    size_t settled; /* that many of them are sorted and disjoint; those behind came later */
};

static inline struct hd_claim *hd_ledger_claims(const struct hd_ledger *ledger)
{
    return (struct hd_claim *)(void *)ledger->claims.data;
}

void hd_ledger_deinit(struct hd_ledger *ledger);

void hd_ledger_claim(struct hd_ledger *ledger, uint64_t start, uint64_t end, uint32_t kind, uint32_t value);

/* Sorts the claims; where two overlap, the one that begins first keeps it all. False if memory ran out. */
bool hd_ledger_settle(struct hd_ledger *ledger);

/* What nobody has claimed of [start, end); then settle again. */
void hd_ledger_claim_rest(struct hd_ledger *ledger, uint64_t start, uint64_t end, uint32_t row);

/* Goes through the pieces of [start, end) that no claim touches. */
void hd_ledger_gaps(const struct hd_ledger *ledger, uint64_t start, uint64_t end, void (*each)(void *data, uint64_t start, uint64_t end),
                    void *data);

/* Counts the bytes of [start, end) that are in memory, and returns how many. Only for claims that are settled, or parts of one. */
uint64_t hd_ledger_add(struct hd_ledger *ledger, uint64_t start, uint64_t end, enum hd_rss_row row);

/*
 * After all claims: what is left of each mapping, by its kind; what is left of anonymous memory goes to `rest`. Returns the sum of all
 * rows.
 */
uint64_t hd_ledger_close(struct hd_ledger *ledger, enum hd_rss_row rest);

#endif
