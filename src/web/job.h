/*
 * Answers on their way: each question is worked on once, whoever asks for it, and its answer is kept.
 *
 * Owns the threads that work, the waiting, the giving up and the keeping. Must not know what a question means (web/answer.h) nor HTTP
 * but for an answer's status. Quick questions have threads of their own, so that none waits behind a slow one.
 * Invariant: a job that is handed out stays as it is until it is released.
 */
#ifndef HD_WEB_JOB_H
#define HD_WEB_JOB_H

#include "base/progress.h"
#include "web/answer.h"

#include <pthread.h>

enum hd_web_job_state { HD_WEB_JOB_WAITING, HD_WEB_JOB_RUNNING, HD_WEB_JOB_DONE, HD_WEB_JOB_CANCELLED };

struct hd_web_job {
    struct hd_web_job *next;      /* of all jobs */
    struct hd_web_job *next_due;  /* of those that wait */
    char *key;
    struct hd_web_question question;
    const struct hd_web_route *route;
    bool slow, kept;    /* kept: worked on though nobody waits */
    _Atomic enum hd_web_job_state state;
    unsigned users;     /* who has it in hand, the thread that works on it included */
    double begun, asked; /* monotonic seconds */
    struct hd_progress progress;
    /* when it is done: */
    unsigned status;    /* of HTTP */
    char *body, *packed; /* packed with gzip; NULL: it is not worth it */
    size_t length, packed_length;
    char tag[20];       /* what an ETag has between its quotes */
};

struct hd_web_jobs {
    struct hd_web_site *site;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a job got another state, or one is due */
    struct hd_web_job *all, *due[2]; /* due: by `slow` */
    unsigned count[2];  /* due */
    unsigned kept_count; /* answers */
    size_t kept_bytes;
    bool stopping;
    pthread_t *threads;
    unsigned thread_count;
};

bool hd_web_jobs_start(struct hd_web_jobs *jobs, struct hd_web_site *site, struct hd_error *err);

/*
 * Gives up what is worked on, and waits for the threads, but not for one that does not notice: then false, and nothing it
 * uses may go.
 */
bool hd_web_jobs_stop(struct hd_web_jobs *jobs);

/*
 * The job of a question, begun if nobody asked before; waits up to `seconds` for its answer, *ready says whether it is
 * there. To be released. `kept`: it is worked on to
 * the end. NULL and *err if there are too many questions at once or memory ran out.
 */
struct hd_web_job *hd_web_jobs_ask(struct hd_web_jobs *jobs, const struct hd_web_question *question,
                                   const struct hd_web_route *route, bool kept, double seconds, bool *ready,
                                   struct hd_error *err);
void hd_web_jobs_release(struct hd_web_jobs *jobs, struct hd_web_job *job);

/* Gives a job up that has no answer yet. False if nobody is at work on that question. */
bool hd_web_jobs_cancel(struct hd_web_jobs *jobs, const struct hd_web_question *question);

/* Now and then: gives up what nobody has asked for in a while and forgets old answers. */
void hd_web_jobs_tidy(struct hd_web_jobs *jobs);

/* `{"state":…,"progress":…}` of a job that has no answer. */
void hd_web_job_json(FILE *file, const struct hd_web_job *job);

double hd_web_now(void); /* seconds of the monotonic clock */

#endif
