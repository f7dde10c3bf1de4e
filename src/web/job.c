/* See job.h. */
#define _GNU_SOURCE
#include "web/job.h"

#include "view/json.h"
#include "web/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum { QUICK_THREADS = 4, SLOW_THREADS = 2, DUE_MAX = 512, KEPT_MAX = 2000, PACK_MIN = 4096 };
#define KEPT_BYTES ((size_t)128 << 20) /* of answers */
#define FORGOTTEN 30.0                 /* seconds after which nobody waits for an answer any more */
#define FAILURE_KEPT 5.0
#define STOP_SECONDS 3.0
#define WORTH_KEEPING 0.05           /* seconds an answer took that is kept in the index */

double hd_web_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- one job --- */

static void job_free(struct hd_web_job *job)
{
    free(job->body);
    free(job->packed);
    free(job->key);
    free(job);
}

static uint64_t hash(const char *data, size_t length)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ (unsigned char)data[i]) * 1099511628211u;
    return sum;
}

/* For the way through a tunnel; on this machine nobody would notice. */
static void pack(struct hd_web_job *job)
{
    if (job->length < PACK_MIN)
        return;
    z_stream stream = {0};
    if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    uLong room = deflateBound(&stream, (uLong)job->length);
    job->packed = malloc(room);
    if (job->packed) {
        stream.next_in = (Bytef *)job->body;
        stream.avail_in = (uInt)job->length;
        stream.next_out = (Bytef *)job->packed;
        stream.avail_out = (uInt)room;
        bool done = job->length < UINT32_MAX && deflate(&stream, Z_FINISH) == Z_STREAM_END;
        job->packed_length = stream.total_out;
        if (!done) {
            free(job->packed);
            job->packed = NULL;
        }
    }
    deflateEnd(&stream);
}

static void failure_write(struct hd_web_job *job, const struct hd_error *err)
{
    FILE *out = open_memstream(&job->body, &job->length);
    if (!out)
        return;
    fprintf(out, "{\"status\":%d,\"error\":", hd_error_exit_status(err->code));
    hd_json_string(out, err->text);
    fputs("}\n", out);
    fclose(out);
}

static void finish(struct hd_web_job *job)
{
    snprintf(job->tag, sizeof job->tag, "%016llx", (unsigned long long)hash(job->body, job->length));
    pack(job);
}

/* Without the lock: nobody looks at a job's answer before it is done. True if it was known from before. */
static bool work(struct hd_web_jobs *jobs, struct hd_web_job *job)
{
    struct hd_error err = {0};
    double begun = hd_web_now();
    job->body = hd_web_kept_find(jobs->site, &job->question, &job->length);
    if (job->body) {
        job->status = 200;
        finish(job);
        return true;
    }
    hd_progress_begin(&job->progress);
    FILE *out = open_memstream(&job->body, &job->length);
    bool done = out && hd_web_answer(jobs->site, job->route, &job->question, out, &job->status, &err);
    bool whole = out && !ferror(out);
    whole = (!out || fclose(out) == 0) && whole;
    hd_progress_begin(NULL);
    if (!whole) {
        done = hd_error_set(&err, HD_ERROR_MEMORY, "out of memory for the answer");
        job->status = 500;
    }
    if (!done) {
        free(job->body);
        job->body = NULL;
        job->length = 0;
        failure_write(job, &err);
    }
    if (!job->body)
        return false;
    if (done && job->status == 200 && hd_web_now() - begun > WORTH_KEEPING)
        hd_web_kept_add(jobs->site, &job->question, job->body, job->length);
    finish(job);
    return false;
}

/* --- with the lock held --- */

static void unlink_job(struct hd_web_jobs *jobs, struct hd_web_job *job)
{
    for (struct hd_web_job **at = &jobs->all; *at; at = &(*at)->next)
        if (*at == job) {
            *at = job->next;
            if (job->state == HD_WEB_JOB_DONE) {
                jobs->kept_count--;
                jobs->kept_bytes -= job->length + job->packed_length;
            }
            return;
        }
}

static void drop(struct hd_web_job *job)
{
    if (--job->users == 0)
        job_free(job);
}

/* Nobody finds it any more; who has it in hand sees that it was given up. */
static void give_up(struct hd_web_jobs *jobs, struct hd_web_job *job)
{
    atomic_store(&job->progress.cancelled, true);
    unlink_job(jobs, job);
    if (job->state == HD_WEB_JOB_WAITING) {
        for (struct hd_web_job **at = &jobs->due[job->slow]; *at; at = &(*at)->next_due)
            if (*at == job) {
                *at = job->next_due;
                jobs->count[job->slow]--;
                break;
            }
    }
    if (job->state != HD_WEB_JOB_DONE)
        job->state = HD_WEB_JOB_CANCELLED;
    pthread_cond_broadcast(&jobs->changed);
    drop(job); /* the list's */
}

static struct hd_web_job *find(struct hd_web_jobs *jobs, const char *key)
{
    for (struct hd_web_job *job = jobs->all; job; job = job->next)
        if (!strcmp(job->key, key))
            return job;
    return NULL;
}

static struct hd_web_job *begin(struct hd_web_jobs *jobs, const char *key, const struct hd_web_question *question,
                                const struct hd_web_route *route, struct hd_error *err)
{
    bool slow = hd_web_answer_is_slow(route, question);
    if (jobs->count[slow] >= DUE_MAX) {
        hd_error_set(err, HD_ERROR_LIMIT, "too many questions at once: try again in a moment");
        return NULL;
    }
    struct hd_web_job *job = calloc(1, sizeof *job);
    char *copy = job ? strdup(key) : NULL;
    struct hd_error ignored;
    /* the question points into itself: it is made anew */
    if (!copy || !hd_web_question_parse(&job->question, key, &ignored)) {
        free(copy);
        free(job);
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    job->key = copy;
    job->route = route;
    job->slow = slow;
    job->users = 1;
    job->begun = hd_web_now();
    job->next = jobs->all;
    jobs->all = job;
    struct hd_web_job **end = &jobs->due[slow];
    while (*end)
        end = &(*end)->next_due;
    *end = job;
    jobs->count[slow]++;
    pthread_cond_broadcast(&jobs->changed);
    return job;
}

/* --- threads --- */

struct worker {
    struct hd_web_jobs *jobs;
    bool slow;
};

static void *run(void *data)
{
    struct worker worker = *(struct worker *)data;
    struct hd_web_jobs *jobs = worker.jobs;
    free(data);
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        struct hd_web_job *job = jobs->due[worker.slow];
        if (!job) {
            pthread_cond_wait(&jobs->changed, &jobs->lock);
            continue;
        }
        jobs->due[worker.slow] = job->next_due;
        jobs->count[worker.slow]--;
        job->state = HD_WEB_JOB_RUNNING;
        job->users++;
        pthread_mutex_unlock(&jobs->lock);
        bool recalled = work(jobs, job);
        pthread_mutex_lock(&jobs->lock);
        if (job->state == HD_WEB_JOB_RUNNING) {
            job->state = HD_WEB_JOB_DONE;
            job->asked = hd_web_now();
            jobs->kept_count++;
            jobs->kept_bytes += job->length + job->packed_length;
        }
        pthread_cond_broadcast(&jobs->changed);
        if (recalled && job->kept) { /* asked at the start: others will need what it would have made */
            pthread_mutex_unlock(&jobs->lock);
            hd_progress_begin(&job->progress); /* or nobody could end it */
            hd_web_answer_prepare(jobs->site, job->route, &job->question);
            hd_progress_begin(NULL);
            pthread_mutex_lock(&jobs->lock);
        }
        drop(job);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

bool hd_web_jobs_start(struct hd_web_jobs *jobs, struct hd_web_site *site, struct hd_error *err)
{
    pthread_condattr_t attributes;
    *jobs = (struct hd_web_jobs){.site = site, .threads = calloc(QUICK_THREADS + SLOW_THREADS, sizeof *jobs->threads)};
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (unsigned i = 0; jobs->threads && i < QUICK_THREADS + SLOW_THREADS; i++) {
        struct worker *worker = malloc(sizeof *worker);
        if (worker)
            *worker = (struct worker){jobs, i >= QUICK_THREADS};
        if (!worker || pthread_create(&jobs->threads[i], NULL, run, worker)) {
            free(worker);
            hd_web_jobs_stop(jobs);
            return hd_error_set(err, HD_ERROR_MEMORY, "cannot start the threads that answer");
        }
        jobs->thread_count++;
    }
    return jobs->threads || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

bool hd_web_jobs_stop(struct hd_web_jobs *jobs)
{
    struct timespec until;
    bool all = true;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    while (jobs->all)
        give_up(jobs, jobs->all);
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)STOP_SECONDS;
    for (unsigned i = 0; i < jobs->thread_count; i++)
        all = !pthread_timedjoin_np(jobs->threads[i], NULL, &until) && all;
    if (!all)
        return false;
    free(jobs->threads);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    return true;
}

/* --- asking --- */

static void wait_for(struct hd_web_jobs *jobs, struct hd_web_job *job, double seconds)
{
    double until = hd_web_now() + seconds;
    struct timespec time = {.tv_sec = (time_t)until, .tv_nsec = (long)((until - (double)(time_t)until) * 1e9)};
    while (job->state < HD_WEB_JOB_DONE && !jobs->stopping)
        if (pthread_cond_timedwait(&jobs->changed, &jobs->lock, &time) == ETIMEDOUT)
            return;
}

struct hd_web_job *hd_web_jobs_ask(struct hd_web_jobs *jobs, const struct hd_web_question *question,
                                   const struct hd_web_route *route, bool kept, double seconds, bool *ready,
                                   struct hd_error *err)
{
    struct hd_buffer key = {0};
    hd_web_question_key(question, &key);
    if (key.failed) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    pthread_mutex_lock(&jobs->lock);
    struct hd_web_job *job = find(jobs, key.data);
    if (!job && !jobs->stopping)
        job = begin(jobs, key.data, question, route, err);
    else if (!job)
        hd_error_set(err, HD_ERROR_LIMIT, "the server is about to end");
    if (job) {
        job->users++;
        job->kept = job->kept || kept;
        job->asked = hd_web_now();
        if (seconds > 0)
            wait_for(jobs, job, seconds);
        job->asked = hd_web_now();
        *ready = job->state == HD_WEB_JOB_DONE;
    }
    pthread_mutex_unlock(&jobs->lock);
    hd_buffer_deinit(&key);
    return job;
}

void hd_web_jobs_release(struct hd_web_jobs *jobs, struct hd_web_job *job)
{
    pthread_mutex_lock(&jobs->lock);
    drop(job);
    pthread_mutex_unlock(&jobs->lock);
}

bool hd_web_jobs_cancel(struct hd_web_jobs *jobs, const struct hd_web_question *question)
{
    struct hd_buffer key = {0};
    hd_web_question_key(question, &key);
    pthread_mutex_lock(&jobs->lock);
    struct hd_web_job *job = key.failed ? NULL : find(jobs, key.data);
    bool found = job && job->state < HD_WEB_JOB_DONE;
    if (found)
        give_up(jobs, job);
    pthread_mutex_unlock(&jobs->lock);
    hd_buffer_deinit(&key);
    return found;
}

/* The answer that nobody has asked for the longest; NULL: there is none. */
static struct hd_web_job *oldest(const struct hd_web_jobs *jobs)
{
    struct hd_web_job *found = NULL;
    for (struct hd_web_job *job = jobs->all; job; job = job->next)
        if (job->state == HD_WEB_JOB_DONE && !job->kept && (!found || job->asked < found->asked))
            found = job;
    return found;
}

void hd_web_jobs_tidy(struct hd_web_jobs *jobs)
{
    double now = hd_web_now();
    pthread_mutex_lock(&jobs->lock);
    for (struct hd_web_job *job = jobs->all, *next; job; job = next) {
        next = job->next;
        bool forgotten = job->state < HD_WEB_JOB_DONE && !job->kept && now - job->asked > FORGOTTEN;
        bool failed = job->state == HD_WEB_JOB_DONE && job->status != 200 && now - job->asked > FAILURE_KEPT;
        if (forgotten || failed)
            give_up(jobs, job);
    }
    for (struct hd_web_job *job; (jobs->kept_bytes > KEPT_BYTES || jobs->kept_count > KEPT_MAX) && (job = oldest(jobs)) != NULL;)
        give_up(jobs, job);
    pthread_mutex_unlock(&jobs->lock);
}

void hd_web_job_json(FILE *file, const struct hd_web_job *job)
{
    const char *stage = atomic_load(&job->progress.stage);
    uint64_t done = atomic_load(&job->progress.done), total = atomic_load(&job->progress.total);
    if (job->state == HD_WEB_JOB_CANCELLED) {
        fputs("{\"state\":\"cancelled\"}\n", file);
        return;
    }
    fprintf(file, "{\"state\":\"%s\",\"progress\":", job->state == HD_WEB_JOB_WAITING ? "waiting" : "running");
    if (total)
        fprintf(file, "%.3f", done < total ? (double)done / (double)total : 1.0);
    else
        fputs("null", file);
    fputs(",\"stage\":", file);
    if (stage)
        hd_json_string(file, stage);
    else
        fputs("null", file);
    fprintf(file, ",\"seconds\":%.1f}\n", hd_web_now() - job->begun);
}
