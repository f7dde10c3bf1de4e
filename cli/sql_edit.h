/*
 * A line from a person: edited and remembered with libedit, or, built without it, as the terminal gives it.
 */
#ifndef HD_CLI_SQL_EDIT_H
#define HD_CLI_SQL_EDIT_H

/*
 * NULL at the end of the input. To be freed. Lines that were said in earlier sessions come back with the arrow keys; they are
 * kept in a file of their own, 0600 ($XDG_STATE_HOME/heap_dump/sql_history). Control-C gives an empty line.
 */
char *hd_sql_edit_line(const char *prompt);

/* Remembers what was said, in its file, too. */
void hd_sql_edit_remember(const char *text);

/* The word that begins with `text`, the n-th of them; NULL behind the last. Static. */
void hd_sql_edit_complete(const char *(*word)(const char *text, unsigned number));

#endif
