/* See ledger.h. */
#define _GNU_SOURCE
#include "rss/ledger.h"

#include <stdlib.h>

void hd_ledger_deinit(struct hd_ledger *ledger)
{
    hd_buffer_deinit(&ledger->claims);
    ledger->claim_count = 0;
}

void hd_ledger_claim(struct hd_ledger *ledger, uint64_t start, uint64_t end, uint32_t kind, uint32_t value)
{
    const struct hd_claim claim = {start, end, kind, value};
    if (end <= start)
        return;
    hd_buffer_append(&ledger->claims, &claim, sizeof claim);
    ledger->claim_count += !ledger->claims.failed;
}

static int by_start(const void *left, const void *right)
{
    const struct hd_claim *a = left, *b = right;
    return a->start != b->start ? (a->start > b->start) - (a->start < b->start) : (a->end < b->end) - (a->end > b->end);
}

bool hd_ledger_settle(struct hd_ledger *ledger)
{
    struct hd_claim *claims = hd_ledger_claims(ledger);
    size_t kept = 0;
    if (ledger->claims.failed)
        return false;
    for (size_t i = 1; i < ledger->claim_count; i++)
        if (claims[i].start < claims[i - 1].start) {
            qsort(claims, ledger->claim_count, sizeof *claims, by_start);
            break;
        }
    uint64_t taken = 0;
    for (size_t i = 0; i < ledger->claim_count; i++) {
        struct hd_claim claim = claims[i];
        if (claim.start < taken)
            claim.start = taken;
        if (claim.start >= claim.end)
            continue;
        taken = claim.end;
        claims[kept++] = claim;
    }
    ledger->claim_count = ledger->settled = kept;
    ledger->claims.length = kept * sizeof *claims;
    return true;
}

/* The first claim that ends behind addr. */
static size_t claim_after(const struct hd_ledger *ledger, uint64_t addr)
{
    const struct hd_claim *claims = hd_ledger_claims(ledger);
    size_t low = 0, high = ledger->settled;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (claims[middle].end <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void hd_ledger_gaps(const struct hd_ledger *ledger, uint64_t start, uint64_t end, void (*each)(void *data, uint64_t start, uint64_t end),
                    void *data)
{
    size_t count = ledger->settled; /* each() may add some, and the list move */
    for (size_t i = claim_after(ledger, start); start < end; i++) {
        uint64_t to = i < count && hd_ledger_claims(ledger)[i].start < end ? hd_ledger_claims(ledger)[i].start : end;
        uint64_t next = i < count ? hd_ledger_claims(ledger)[i].end : end;
        if (to > start)
            each(data, start, to);
        start = next;
    }
}

struct rest {
    struct hd_ledger *ledger;
    uint32_t row;
};

static void rest_claim(void *data, uint64_t start, uint64_t end)
{
    struct rest *rest = data;
    hd_ledger_claim(rest->ledger, start, end, 0, rest->row);
}

void hd_ledger_claim_rest(struct hd_ledger *ledger, uint64_t start, uint64_t end, uint32_t row)
{
    struct rest rest = {ledger, row};
    hd_ledger_gaps(ledger, start, end, rest_claim, &rest);
}

uint64_t hd_ledger_add(struct hd_ledger *ledger, uint64_t start, uint64_t end, enum hd_rss_row row)
{
    uint64_t sum = 0;
    while (start < end) {
        struct hd_resident_mapping *mapping = hd_resident_at(ledger->resident, start);
        if (!mapping)
            break;
        uint64_t bytes = hd_resident_bytes(mapping, start, end), left = mapping->facts.rss - mapping->zeros - mapping->claimed;
        if (bytes > left)
            bytes = left;
        mapping->claimed += bytes;
        sum += bytes;
        start = mapping->facts.end;
    }
    ledger->rows[row] += sum;
    return sum;
}

/* An ELF file is mapped in several parts, one of which can be executed; a core may not have that one. */
static bool same_file(const struct hd_resident_mapping *a, const struct hd_resident_mapping *b)
{
    return a->facts.path_length == b->facts.path_length && !memcmp(a->facts.path, b->facts.path, a->facts.path_length);
}

static bool is_library(const struct hd_resident *resident, size_t number)
{
    const struct hd_resident_mapping *mapping = &resident->mappings[number];
    if (memmem(mapping->facts.path, mapping->facts.path_length, ".so", 3))
        return true;
    for (size_t i = number; i < resident->count && same_file(mapping, &resident->mappings[i]); i++)
        if (resident->mappings[i].facts.executable)
            return true;
    for (size_t i = number; i > 0 && same_file(mapping, &resident->mappings[i - 1]); i--)
        if (resident->mappings[i - 1].facts.executable)
            return true;
    return false;
}

uint64_t hd_ledger_close(struct hd_ledger *ledger, enum hd_rss_row rest)
{
    struct hd_resident *resident = ledger->resident;
    uint64_t sum = 0;
    for (size_t i = 0; i < resident->count; i++) {
        struct hd_resident_mapping *mapping = &resident->mappings[i];
        const struct hd_smaps_mapping *facts = &mapping->facts;
        uint64_t left = facts->rss - mapping->zeros - mapping->claimed;
        uint64_t own = facts->anonymous < left ? facts->anonymous : left;
        ledger->rows[HD_RSS_ZEROS] += mapping->zeros;
        switch (facts->kind) {
        case HD_SMAPS_FILE:
            if (is_library(resident, i)) {
                ledger->rows[HD_RSS_LIBRARIES_OWN] += own;
                ledger->rows[HD_RSS_LIBRARIES] += left - own;
            } else {
                ledger->rows[HD_RSS_FILES] += left;
            }
            break;
        case HD_SMAPS_STACK: ledger->rows[HD_RSS_MACHINE_STACKS] += left; break;
        case HD_SMAPS_CODE: ledger->rows[HD_RSS_JIT] += left; break;
        case HD_SMAPS_SHARED: ledger->rows[HD_RSS_SHARED] += left; break;
        case HD_SMAPS_KERNEL: ledger->rows[HD_RSS_KERNEL] += left; break;
        case HD_SMAPS_HEAP: ledger->rows[HD_RSS_MALLOC_UNKNOWN] += left; break;
        case HD_SMAPS_ANONYMOUS: ledger->rows[rest] += left; break;
        default: ledger->rows[HD_RSS_UNKNOWN] += left;
        }
    }
    for (int row = 0; row < HD_RSS_ROWS; row++)
        sum += ledger->rows[row];
    return sum;
}
