/*
 * Drives a fuzz target without libFuzzer: mutates seed files at random for some seconds.
 *
 *     fuzz_check SECONDS RANDOM-SEED FILE…
 *
 * The mutations know a little of dumps (digits, quotes, escapes, keys, whole lines), as blind ones seldom get
 * behind the JSON parser. The input at hand is kept in fuzz-last-input, so that a crash can be looked at; run the
 * driver with 0 seconds and that file to repeat it.
 */
#include "fuzz/fuzz_target.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOST ((size_t)1 << 20) /* bytes of an input */
#define SEEDS 64

static uint64_t state;

static uint64_t randomly(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below ? (state * 0x2545f4914f6cdd1du >> 33) % below : 0;
}

static const char *const tokens[] = {
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\\\", "$", "#<100000>", "#<", "\\ud800", "\\udc00", "\\u0000", "null", "true",
    "-1", "0", "1e9", "1e999", "100000", "100008", "150000", "200000", "9007199254740992", "18446744073709551616",
    "\"inlined\":[100024]", "\"continues\":100000", "\"offset\":1", "\"fix\":", "{\"fix\":100000}", "{\"float\":\"NaN\"}",
    "{\"undef\":true}", "\"val\":", "\"locals\":{", "\"id\":", "\"bt\":\"T_HASH\"", "\"bt\":\"T_ARRAY\"", "\"redacted\":true",
    "\n", "\n]", "\n,{\"id\":", "\n,{\"id\":\"100000+1\",", "\n,{\"id\":\"_ROOTS_+1\",\"continues\":\"_ROOTS_\",",
    "\n,{\"id\":\"_END_\"}", "\xff", "\xc3\xa9", "\xed\xa0\x80", "\"heap\":[1,2]", "\x1f\x8b", "\x28\xb5\x2f\xfd",
};

/* Replaces [at, at + gone) by `size` bytes, if they fit. */
static size_t replace(uint8_t *data, size_t length, size_t at, size_t gone, const void *with, size_t size)
{
    if (length - gone + size > MOST)
        return length;
    memmove(data + at + size, data + at + gone, length - at - gone);
    memcpy(data + at, with, size);
    return length - gone + size;
}

static size_t line_start(const uint8_t *data, size_t length, size_t at)
{
    while (at > 0 && at < length && data[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const uint8_t *data, size_t length, size_t at)
{
    while (at < length && data[at] != '\n')
        at++;
    return at < length ? at + 1 : at;
}

static size_t mutate_line(uint8_t *data, size_t length, size_t at)
{
    static uint8_t copy[MOST];
    size_t start = line_start(data, length, at), end = line_end(data, length, at);
    memcpy(copy, data + start, end - start);
    if (randomly(2))
        return replace(data, length, start, end - start, "", 0);
    return replace(data, length, line_start(data, length, randomly(length)), 0, copy, end - start);
}

static size_t mutate(uint8_t *data, size_t length)
{
    if (length == 0)
        return length;
    size_t at = randomly(length);
    uint8_t byte = (uint8_t)randomly(256);
    switch (randomly(7)) {
    case 0:
        data[at] ^= (uint8_t)(1u << randomly(8));
        return length;
    case 1:
        return replace(data, length, at, 0, &byte, 1);
    case 2: {
        size_t most = length - at < 40 ? length - at : 40;
        return replace(data, length, at, randomly(most) + 1, "", 0);
    }
    case 3:
        return mutate_line(data, length, at);
    case 4: { /* a digit where a digit is */
        for (size_t tries = 0; tries < 200 && (data[at] < '0' || data[at] > '9'); tries++)
            at = randomly(length);
        data[at] = (uint8_t)('0' + randomly(10));
        return length;
    }
    case 5:
        return randomly(20) ? length : at; /* cut off */
    default: {
        const char *token = tokens[randomly(sizeof tokens / sizeof *tokens)];
        size_t gone = randomly(2) ? strlen(token) : 0;
        return replace(data, length, at, gone > length - at ? length - at : gone, token, strlen(token));
    }
    }
}

struct seed {
    uint8_t *data;
    size_t size;
};

static struct seed load(const char *path)
{
    struct seed seed = {malloc(MOST), 0};
    FILE *file = fopen(path, "rb");
    if (!file || !seed.data) {
        fprintf(stderr, "driver: cannot read %s\n", path);
        exit(2);
    }
    seed.size = fread(seed.data, 1, MOST, file);
    fclose(file);
    return seed;
}

/* The file is mapped, so what was put into it survives a crash at no cost per input. */
static uint8_t *last_input(int fd)
{
    void *map = fd < 0 || ftruncate(fd, (off_t)MOST) != 0
                    ? MAP_FAILED : mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        perror("driver: fuzz-last-input");
        exit(2);
    }
    return map;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "Usage: %s SECONDS RANDOM-SEED FILE...\n", argv[0]);
        return 2;
    }
    time_t end = time(NULL) + atoi(argv[1]);
    state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
    struct seed seeds[SEEDS];
    size_t count = 0;
    for (int i = 3; i < argc && count < SEEDS; i++) {
        seeds[count] = load(argv[i]);
        LLVMFuzzerTestOneInput(seeds[count].data, seeds[count].size);
        count++;
    }
    int fd = open("fuzz-last-input", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    uint8_t *input = last_input(fd);
    unsigned long long runs = 0;
    while (time(NULL) < end) {
        for (int i = 0; i < 200; i++, runs++) {
            const struct seed *seed = &seeds[randomly(count)];
            size_t length = seed->size;
            memcpy(input, seed->data, length);
            for (uint64_t times = randomly(6) + 1; times > 0; times--)
                length = mutate(input, length);
            /* An exact copy, so that a read past the end is one. */
            uint8_t *exact = malloc(length ? length : 1);
            memcpy(exact, input, length);
            LLVMFuzzerTestOneInput(exact, length);
            free(exact);
        }
    }
    printf("%llu inputs, no complaint\n", runs);
    for (size_t i = 0; i < count; i++)
        free(seeds[i].data);
    munmap(input, MOST);
    close(fd);
    unlink("fuzz-last-input");
    return 0;
}
