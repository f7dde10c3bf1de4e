/*
 * Asks the commands of the tool about a file, as a shell would, within this process.
 *
 * Owns the questions and what must hold for every answer: a documented exit status, a sentence if it is not 0, and no byte
 * that a terminal would obey. Must not know what the file holds. Ends the process (abort) if something does not hold.
 */
#ifndef HD_FUZZ_QUESTIONS_H
#define HD_FUZZ_QUESTIONS_H

#include <stdint.h>

extern const unsigned hd_question_count;

/* Whether it is one of that command's. */
int hd_question_is(unsigned question, const char *command);

/* One of the questions; `id` stands for the object asked about. Returns the exit status. */
int hd_question_ask(unsigned question, const char *path, uint64_t id);

/* Aborts with the words if the truth is none. */
void hd_question_require(int truth, const char *words);

#endif
