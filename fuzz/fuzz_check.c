/*
 * Fuzz target: any bytes as a dump. The check must end with a verdict, without a sanitizer's complaint, and must
 * come to the same verdict again.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address,undefined. Without it, driver.c mutates and calls this.
 */
#include "fuzz/fuzz_target.h"

#include "dump/check.h"
#include "dump/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool check(int fd, struct hd_check_result *result, struct hd_error *err)
{
    lseek(fd, 0, SEEK_SET);
    memset(err, 0, sizeof *err);
    struct hd_input *input = hd_input_open_fd(fd, "fuzz", err);
    bool valid = input && hd_check_input(input, result, err);
    hd_input_close(input);
    return valid;
}

static void require(bool truth, const char *what, const struct hd_error *err)
{
    if (truth)
        return;
    fprintf(stderr, "fuzz_check: %s (%s)\n", what, err->text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *file;
    if (!file)
        file = tmpfile();
    int fd = file ? fileno(file) : -1;
    struct hd_check_result first = {0}, second = {0};
    struct hd_error first_error, second_error;
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    bool valid = check(fd, &first, &first_error);
    require(check(fd, &second, &second_error) == valid, "two runs differ", &second_error);
    require(first.objects == second.objects && first.references == second.references, "two runs count differently",
            &second_error);
    require(!strcmp(first_error.text, second_error.text), "two runs say different things", &first_error);
    require(valid == (first_error.code == HD_OK), "the verdict and the error disagree", &first_error);
    require(valid || first_error.text[0], "it is not valid, but without a sentence", &first_error);
    require(valid || first_error.code == HD_ERROR_BAD_DUMP, "neither valid nor a bad dump", &first_error);
    require(!valid || first.missing_count == 0, "valid with missing ids", &first_error);
    return 0;
}
