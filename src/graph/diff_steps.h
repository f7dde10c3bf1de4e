/*
 * The addresses of a dump's objects as one byte for each: how far it is from the one before, in words of 8 bytes.
 *
 * Owns that form, made of a column of addresses and walked. Must not know what an object is. A comparison of two dumps reads the addresses of
 * all objects, and nothing else of most; so it reads an eighth of what they take as numbers, and sees of 8 objects at once that they lie where
 * they lay.
 * Where a step fits in no byte, it is 0 and the address stands among the jumps. Each stretch of objects begins anew, so that
 * a walk can begin in the middle.
 * Whatever the numbers are, a walk stays within them and ends; only of those that hd_diff_steps_make made it is sure that addresses rise.
 */
#ifndef HD_GRAPH_DIFF_STEPS_H
#define HD_GRAPH_DIFF_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HD_DIFF_STRETCH = 1 << 10, HD_DIFF_AT_ONCE = 8 }; /* objects */

struct hd_diff_stretch {
    uint64_t address; /* of its first object */
    uint64_t jump;    /* how many jumps lead to that one and those before it */
};

struct hd_diff_steps {
    const uint8_t *step;                   /* [count], that from the object before to each */
    const struct hd_diff_stretch *stretch; /* [hd_diff_stretches(count)] */
    const uint64_t *jump;                  /* [jump_count] */
    uint32_t count, jump_count;
};

static inline uint32_t hd_diff_stretches(uint32_t count)
{
    return count / HD_DIFF_STRETCH + (count % HD_DIFF_STRETCH != 0);
}

/* Arrays to be freed; NULL if memory ran out. */
struct hd_diff_steps_made {
    uint8_t *step;
    struct hd_diff_stretch *stretch;
    uint64_t *jump;
};

/* Of addresses that rise; *made is to be freed whether it succeeds or not. False: memory ran out. */
bool hd_diff_steps_make(struct hd_diff_steps *steps, struct hd_diff_steps_made *made, const uint64_t *address, uint32_t count);

/* Of an object there is. */
uint64_t hd_diff_steps_address(const struct hd_diff_steps *steps, uint32_t number);

/* The first object from `low` on whose address is not lower; `count` if there is none. */
uint32_t hd_diff_steps_place(const struct hd_diff_steps *steps, uint32_t low, uint64_t address);

/* ---- a walk ---- */

struct hd_diff_walk {
    uint64_t address;
    uint64_t jump; /* the next one */
    uint32_t at;   /* the object; from `count` on there is no address */
};

struct hd_diff_walk hd_diff_walk_from(const struct hd_diff_steps *steps, uint32_t number);

static inline void hd_diff_walk_on(const struct hd_diff_steps *steps, struct hd_diff_walk *walk)
{
    if (++walk->at >= steps->count)
        return;
    uint8_t step = steps->step[walk->at];
    if (step)
        walk->address += (uint64_t)step * 8;
    else
        walk->address = walk->jump < steps->jump_count ? steps->jump[walk->jump++] : UINT64_MAX;
}

/* Whether the next objects of both are as far from these as each other, without a jump; there must be so many more. */
static inline bool hd_diff_walks_agree(const uint8_t *one, const uint8_t *other, uint64_t *steps)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t their;
    memcpy(steps, one, sizeof *steps);
    memcpy(&their, other, sizeof their);
    return *steps == their && !((*steps - ones) & ~*steps & ones << 7);
}

/* As far as HD_DIFF_AT_ONCE steps lead together. */
static inline uint64_t hd_diff_steps_sum(uint64_t steps)
{
    const uint64_t even = 0x00FF00FF00FF00FFu;
    return (((steps & even) + (steps >> 8 & even)) * 0x0001000100010001u >> 48) * 8;
}

#endif
