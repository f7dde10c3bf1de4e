/*
 * What Ruby's own code says about its layout: small exported functions load members at an offset that can be read off them.
 *
 * Owns the few facts that are got this way. They need no debug information and hold for the very build, so a layout table that
 * contradicts them is not this build's. Must not correct a table: a member that moved has moved others that no code tells.
 */
#ifndef HD_RUBY_CALIBRATE_H
#define HD_RUBY_CALIBRATE_H

#include "memory/memory.h"
#include "ruby/layout.h"

enum { HD_CALIBRATION_ROWS = 4 };

struct hd_calibration_row {
    const char *member;   /* as people say it: "vm->objspace" */
    const char *function; /* whose code says so; NULL: none was understood */
    int64_t code;         /* HD_ABSENT where no code was understood */
    int64_t table;
    bool differs;
};

/* The address of an exported function, 0 if there is none. */
typedef uint64_t hd_calibrate_symbol(void *data, const char *name);

/* Never fails: code that is not understood (another machine, another compiler) says nothing. x86-64. */
void hd_calibrate(struct hd_memory *memory, hd_calibrate_symbol *symbol, void *data, const struct hd_layout *layout,
                  struct hd_calibration_row rows[HD_CALIBRATION_ROWS]);

#endif
