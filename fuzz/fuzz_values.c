/*
 * Fuzz target: any bytes as a piece of the values that are kept in an index (graph/values.h). What is not refused must be searched within its
 * bounds, and say something of objects there are.
 */
#include "fuzz/fuzz_target.h"

#include "base/bits.h"
#include "fuzz/questions.h"
#include "graph/values_search.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 5000 };

static struct hd_graph_text get(const void *data, enum hd_values_kind kind, uint32_t number)
{
    (void)kind, (void)number;
    return *(const struct hd_graph_text *)data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const regexes[] = {"e", "", "^.$", "text [0-9]+"};
    char *copy = malloc(size + 1); /* aligned, and with nothing behind it */
    hd_question_require(copy, "memory");
    memcpy(copy, data, size);
    copy = realloc(copy, size ? size : 1);
    const struct hd_graph_text piece = {copy, size};
    const struct hd_values_source source = {&piece, get, {.pieces = {1, 1}}};
    for (unsigned i = 0; i <= sizeof regexes / sizeof *regexes; i++) {
        struct hd_values_looked looked;
        hd_question_require(hd_values_looked_create(&looked, NODES), "memory");
        bool searched = i < sizeof regexes / sizeof *regexes ? hd_values_search_regex(&source, regexes[i], REG_EXTENDED, NODES, &looked)
                                                             : hd_values_search_glob(&source, "*e*", NODES, &looked);
        for (uint32_t node = NODES; searched && node < hd_bits_words(NODES) * HD_BITS_WORD; node++)
            hd_question_require(!hd_bits_has(looked.fits, node) && !hd_bits_has(looked.ask, node), "an object that is not there");
        hd_values_looked_free(&looked);
    }
    free(copy);
    return 0;
}
