/*
 * A small process of ours that stands between the tool and the process it reads: it stops it, has it copied, and puts all back.
 *
 * Owns when the copy ends: as soon as the tool says so, or is gone. The tool reads gigabytes and writes files, so it may be
 * interrupted, killed for its memory, or lose its terminal at any moment; the keeper does nothing that could end it, blocks all
 * signals, and belongs to no terminal. Must not know what is read.
 * Invariant: whatever happens to the tool, no copy, no zombie and no stopped thread is left in the target.
 */
#ifndef HD_CAPTURE_KEEPER_H
#define HD_CAPTURE_KEEPER_H

#include "capture/copy.h"

struct hd_keeper {
    pid_t process;           /* the keeper; 0 if there is none */
    int channel;             /* to it; -1 */
    pid_t copy;              /* whose /proc/PID/maps and mem are to be read: the copy, or the target itself */
    int memory;              /* descriptor of its /proc/PID/mem; -1 */
    enum hd_copy_method method;
    double stopped;          /* seconds the target stood still; with HD_COPY_STOP known after hd_keeper_finish */
    double foreign;          /* seconds in which the end of the keeper would have hurt the target, see stop.h */
    bool lost;               /* the copy had to be given up, see copy.h; the target itself may still be read, with HD_COPY_STOP */
    char note[200];          /* why it is not the method asked for; "" if it is */
    struct hd_stack *stacks; /* of the target's threads, where they were stopped; until hd_keeper_finish */
    size_t stack_count;
};

/*
 * Starts the keeper and waits until there is something to read. Call it before there are threads. On failure nothing is left;
 * hd_keeper_finish does nothing then.
 */
bool hd_keeper_start(struct hd_keeper *keeper, pid_t target, enum hd_copy_method method, struct hd_error *err);

/* The same; standing(data, target) runs in the keeper as hd_copy_take_with says: what it finds must go to memory that both share. */
bool hd_keeper_start_with(struct hd_keeper *keeper, pid_t target, enum hd_copy_method method, void (*standing)(void *data, pid_t target),
                          void *data, struct hd_error *err);

/* The same as hd_keeper_finish, but what was noted of the target stays, and its memory may still be read as it then is. */
bool hd_keeper_let_go(struct hd_keeper *keeper, struct hd_error *err);

/*
 * Ends the copy, or lets the target go on. False if the keeper was killed before: then what was read may be incomplete. Safe to
 * call again.
 */
bool hd_keeper_finish(struct hd_keeper *keeper, struct hd_error *err);

#endif
