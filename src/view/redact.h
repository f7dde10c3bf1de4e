/*
 * A dump that is opened, told without what the program put into it.
 *
 * Owns which names of references are contents: keys of hashes, and those of thread-local variables, which are a hash's in all but name. (A dump
 * that was redacted when it was written has none of the latter that were made up as the program ran: its writer could see the code. What it
 * has stays.) What the dump's lines say is left out by those who read them, where hd_open.redacted is set. Names of classes, methods,
 * constants, variables and files stay, as in a redacted dump (docs/format.md).
 */
#ifndef HD_VIEW_REDACT_H
#define HD_VIEW_REDACT_H

#include "view/open.h"

/*
 * From now on; before anything was asked. Waits until an index is saved, which has all names. False and *err if memory ran out.
 */
bool hd_redact_open(struct hd_open *open, struct hd_error *err);

/* What hd_redact_open made; called by hd_open_close. */
void hd_redact_close(struct hd_open *open);

/* Whether names of thread-local variables are to be left out. */
bool hd_redact_hides_thread_locals(const struct hd_open *open);

#endif
