/*
 * Sets of numbers below some count, a bit for each: what is asked of all objects fits into a processor's cache so, and costs few fresh pages.
 *
 * Must not know what the numbers are.
 */
#ifndef HD_BASE_BITS_H
#define HD_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { HD_BITS_WORD = 64 }; /* numbers in one word */

static inline size_t hd_bits_words(uint64_t count)
{
    return (size_t)(count / HD_BITS_WORD + 1);
}

/* An empty set; NULL if memory ran out. Freed with free(). */
static inline uint64_t *hd_bits_create(uint64_t count)
{
    return calloc(hd_bits_words(count), sizeof(uint64_t));
}

static inline bool hd_bits_has(const uint64_t *bits, uint32_t number)
{
    return bits[number / HD_BITS_WORD] >> (number % HD_BITS_WORD) & 1;
}

static inline void hd_bits_add(uint64_t *bits, uint32_t number)
{
    bits[number / HD_BITS_WORD] |= (uint64_t)1 << (number % HD_BITS_WORD);
}

static inline void hd_bits_remove(uint64_t *bits, uint32_t number)
{
    bits[number / HD_BITS_WORD] &= ~((uint64_t)1 << (number % HD_BITS_WORD));
}

/* The same while other threads do, too. */
static inline void hd_bits_add_shared(uint64_t *bits, uint32_t number)
{
    __atomic_fetch_or(&bits[number / HD_BITS_WORD], (uint64_t)1 << (number % HD_BITS_WORD), __ATOMIC_RELAXED);
}

static inline void hd_bits_remove_shared(uint64_t *bits, uint32_t number)
{
    __atomic_fetch_and(&bits[number / HD_BITS_WORD], ~((uint64_t)1 << (number % HD_BITS_WORD)), __ATOMIC_RELAXED);
}

static inline bool hd_bits_has_shared(const uint64_t *bits, uint32_t number)
{
    return __atomic_load_n(&bits[number / HD_BITS_WORD], __ATOMIC_RELAXED) >> (number % HD_BITS_WORD) & 1;
}

/* Takes the lowest number out of a word, which is not 0: its place in it. */
static inline unsigned hd_bits_take(uint64_t *word)
{
    unsigned place = (unsigned)__builtin_ctzll(*word);
    *word &= *word - 1;
    return place;
}

static inline bool hd_bits_some(const uint64_t *bits, uint64_t count)
{
    for (size_t i = 0; i < hd_bits_words(count); i++)
        if (bits[i])
            return true;
    return false;
}

#endif
