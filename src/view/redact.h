/*
 * A dump that is opened, told without what the program put into it.
 *
 * Owns which names of references are contents: keys of hashes, and names of thread-local variables that look made up at run time. What
 * the dump's lines say is left out by those who read them, where hd_open.redacted is set. Names of classes, methods, constants, variables and
 * files stay, as in a redacted dump (docs/format.md).
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

/* Whether a name could only have come from the program's text: letters, no digits, not long. */
bool hd_redact_is_plain(struct hd_graph_text name);

#endif
