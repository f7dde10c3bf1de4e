/* The result of `heap_dump diff` for people. */
#ifndef HD_CLI_DIFF_TEXT_H
#define HD_CLI_DIFF_TEXT_H

#include "view/diff.h"

void hd_diff_print_text(const struct hd_diff_request *request, const struct hd_diff_result *result);

#endif
