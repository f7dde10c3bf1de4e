/*
 * What the table of a process's memory means, in sentences, the weightiest first.
 *
 * Owns the words and when each may be said: a sentence is there only if the numbers bear it out. Must not know where the numbers come
 * from.
 */
#ifndef HD_VIEW_MEMORY_FINDINGS_H
#define HD_VIEW_MEMORY_FINDINGS_H

#include "rss/rss.h"

enum { HD_FINDINGS_MAX = 16, HD_FINDING_TEXT = 600 };

/* What kind of thing was looked at: some advice fits only one that is alive. */
enum hd_findings_source { HD_FINDINGS_PROCESS, HD_FINDINGS_CORE, HD_FINDINGS_DUMP };

struct hd_finding {
    const char *key; /* "malloc_free", …; stays the same from release to release */
    uint64_t bytes;  /* what it is about */
    char text[HD_FINDING_TEXT];
};

struct hd_findings {
    struct hd_finding items[HD_FINDINGS_MAX];
    int count;
};

void hd_findings_make(struct hd_findings *findings, const struct hd_rss *rss, enum hd_findings_source source, const char *allocator);

/* Bytes that compaction could give back at best: pages less those that the used slots would need. */
uint64_t hd_findings_compactable(const struct hd_rss *rss);

#endif
