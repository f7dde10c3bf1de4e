/* See crew.h. */
#define _GNU_SOURCE
#include "base/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct member {
    pthread_t thread;
    void (*run)(void *hand);
    void *hand;
    bool started;
};

static void *member_run(void *data)
{
    const struct member *member = data;
    member->run(member->hand);
    return NULL;
}

int hd_crew_size(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > HD_CREW_MAX ? HD_CREW_MAX : n;
}

void hd_crew_run(void (*run)(void *hand), void *hands, size_t size, int count)
{
    struct member members[HD_CREW_MAX] = {0};
    for (int i = 1; i < count && i < HD_CREW_MAX; i++) {
        members[i].run = run;
        members[i].hand = (char *)hands + (size_t)i * size;
        members[i].started = pthread_create(&members[i].thread, NULL, member_run, &members[i]) == 0;
    }
    run(hands);
    for (int i = 1; i < count && i < HD_CREW_MAX; i++)
        if (members[i].started)
            pthread_join(members[i].thread, NULL);
}
