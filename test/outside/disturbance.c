/*
 * A process that notices when somebody disturbs it: a thread for each kind of blocking system call, real-time signals
 * that are counted, children that come and go. Each call must end as it would have alone: no EINTR, not early, nothing lost.
 *
 *   disturbance SECONDS      runs so long, or until its standard input ends; prints "ready" and its pid, then a line per kind, then "N disturbances"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 30, EARLY_MS = 2 };

struct kind {
    const char *name;
    bool (*once)(struct kind *kind); /* true if all went as it should */
    double least;                    /* ms that it must take */
    unsigned long good, bad;
    int error;
    int fd[2];
    uint64_t number;
    pthread_t thread;
};

static _Atomic unsigned long signals_seen, children_seen;
static _Atomic bool done;
static pthread_t main_thread;

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct timespec span(long ms)
{
    return (struct timespec){ms / 1000, ms % 1000 * 1000000};
}

static struct timespec later(clockid_t clock, long ms)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    ts.tv_nsec += ms * 1000000;
    ts.tv_sec += ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    return ts;
}

static bool sleeping(struct kind *kind)
{
    struct timespec ts = span(WAIT_MS);
    (void)kind;
    return nanosleep(&ts, NULL) == 0;
}

static bool sleeping_until(struct kind *kind)
{
    struct timespec ts = later(CLOCK_MONOTONIC, WAIT_MS);
    (void)kind;
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == 0;
}

static bool polling(struct kind *kind)
{
    struct pollfd fd = {.fd = kind->fd[0], .events = POLLIN};
    return poll(&fd, 1, WAIT_MS) == 0;
}

static bool polling_masked(struct kind *kind)
{
    struct pollfd fd = {.fd = kind->fd[0], .events = POLLIN};
    struct timespec ts = span(WAIT_MS);
    sigset_t all;
    sigfillset(&all);
    return ppoll(&fd, 1, &ts, &all) == 0;
}

static bool selecting(struct kind *kind)
{
    struct timeval tv = {0, WAIT_MS * 1000};
    (void)kind;
    return select(0, NULL, NULL, NULL, &tv) == 0;
}

static bool epolling(struct kind *kind)
{
    struct epoll_event event;
    if (!kind->number)
        kind->number = (uint64_t)epoll_create1(0);
    return epoll_wait((int)kind->number, &event, 1, WAIT_MS) == 0;
}

static bool on_condition(struct kind *kind)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec ts = later(CLOCK_REALTIME, WAIT_MS);
    (void)kind;
    pthread_mutex_lock(&mutex);
    int result = pthread_cond_timedwait(&condition, &mutex, &ts);
    pthread_mutex_unlock(&mutex);
    return result == ETIMEDOUT;
}

static bool on_futex(struct kind *kind)
{
    struct timespec ts = span(WAIT_MS);
    uint32_t word = 0;
    (void)kind;
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts, NULL, 0) == -1 && errno == ETIMEDOUT;
}

static bool on_semaphore(struct kind *kind)
{
    static sem_t semaphore;
    struct timespec ts = later(CLOCK_REALTIME, WAIT_MS);
    if (!kind->number++)
        sem_init(&semaphore, 0, 0);
    return sem_timedwait(&semaphore, &ts) == -1 && errno == ETIMEDOUT;
}

static bool on_system_v(struct kind *kind)
{
    struct sembuf take = {0, -1, 0};
    struct timespec ts = span(WAIT_MS);
    if (!kind->number)
        kind->number = (uint64_t)semget(IPC_PRIVATE, 1, 0600) + 1;
    return semtimedop((int)kind->number - 1, &take, 1, &ts) == -1 && errno == EAGAIN;
}

static bool for_signal(struct kind *kind)
{
    struct timespec ts = span(WAIT_MS);
    sigset_t set;
    (void)kind;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, NULL, &ts) == -1 && errno == EAGAIN;
}

static bool receiving(struct kind *kind)
{
    struct timeval tv = {0, WAIT_MS * 1000};
    char byte;
    if (!kind->number++) {
        socketpair(AF_UNIX, SOCK_STREAM, 0, kind->fd);
        setsockopt(kind->fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    }
    return recv(kind->fd[0], &byte, 1, 0) == -1 && errno == EAGAIN;
}

static bool accepting(struct kind *kind)
{
    struct timeval tv = {0, WAIT_MS * 1000};
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    if (!kind->number++) { /* the kernel chooses a name */
        kind->fd[0] = socket(AF_UNIX, SOCK_STREAM, 0);
        setsockopt(kind->fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        if (bind(kind->fd[0], (struct sockaddr *)&own, sizeof own.sun_family) || listen(kind->fd[0], 1))
            return false;
    }
    return accept(kind->fd[0], NULL, NULL) == -1 && errno == EAGAIN;
}

static bool on_timer(struct kind *kind)
{
    uint64_t count;
    if (!kind->number) {
        struct itimerspec every = {span(WAIT_MS), span(WAIT_MS)};
        kind->number = (uint64_t)timerfd_create(CLOCK_MONOTONIC, 0);
        timerfd_settime((int)kind->number, 0, &every, NULL);
    }
    return read((int)kind->number, &count, sizeof count) == (ssize_t)sizeof count;
}

/* The same numbers go three ways: a pipe, a message queue, and as changes of a file that inotify tells of. */
static int queue, watcher, watched;

static bool ways_open(void)
{
    char name[] = "/tmp/disturbance-XXXXXX";
    queue = msgget(IPC_PRIVATE, 0600);
    watched = mkstemp(name);
    watcher = inotify_init1(0);
    bool good = queue >= 0 && watched >= 0 && watcher >= 0 && inotify_add_watch(watcher, name, IN_MODIFY) >= 0;
    unlink(name);
    return good;
}

struct message {
    long type;
    uint64_t number;
};

static bool queue_reading(struct kind *kind)
{
    struct message message;
    return msgrcv(queue, &message, sizeof message.number, 0, 0) == (ssize_t)sizeof message.number && message.number == ++kind->number;
}

static bool watching(struct kind *kind)
{
    char events[4096];
    (void)kind;
    return read(watcher, events, sizeof events) > 0;
}

/* Numbers through a pipe: none lost, none twice. */
static int numbers[2];

static bool writing(struct kind *kind)
{
    struct timespec ts = span(10);
    nanosleep(&ts, NULL);
    struct message message = {1, ++kind->number};
    return write(numbers[1], &kind->number, sizeof kind->number) == (ssize_t)sizeof kind->number
           && msgsnd(queue, &message, sizeof message.number, 0) == 0 && pwrite(watched, &kind->number, 8, 0) == 8;
}

static bool reading(struct kind *kind)
{
    uint64_t number;
    return read(numbers[0], &number, sizeof number) == (ssize_t)sizeof number && number == ++kind->number;
}

static bool children(struct kind *kind)
{
    unsigned long before = children_seen;
    int status;
    (void)kind;
    pid_t pid = fork();
    if (pid == 0) {
        usleep(10000);
        _exit(7);
    }
    bool good = waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7;
    for (int i = 0; i < 500 && children_seen == before; i++)
        usleep(1000);
    return good && children_seen != before; /* and SIGCHLD came */
}

static bool signalling(struct kind *kind)
{
    unsigned long before = signals_seen;
    (void)kind;
    pthread_kill(main_thread, SIGRTMIN + 3);
    for (int i = 0; i < 500 && signals_seen == before; i++)
        usleep(1000);
    return signals_seen == before + 1;
}

static bool calculating(struct kind *kind)
{
    static double expected;
    double sum = 1;
    (void)kind;
    for (int i = 1; i < 500000; i++)
        sum = sum * 1.0000001 + i % 3;
    if (expected == 0)
        expected = sum;
    return sum == expected;
}

static bool calling(struct kind *kind)
{
    pid_t parent = getppid();
    (void)kind;
    for (int i = 0; i < 5000; i++)
        if (syscall(SYS_getppid) != parent || syscall(SYS_close, -5) != -1 || errno != EBADF)
            return false;
    return true;
}

static struct kind kinds[] = {
    {.name = "nanosleep", .once = sleeping, .least = WAIT_MS},
    {.name = "clock_nanosleep", .once = sleeping_until, .least = WAIT_MS},
    {.name = "poll", .once = polling, .least = WAIT_MS},
    {.name = "ppoll", .once = polling_masked, .least = WAIT_MS},
    {.name = "select", .once = selecting, .least = WAIT_MS},
    {.name = "epoll_wait", .once = epolling, .least = WAIT_MS},
    {.name = "pthread_cond_timedwait", .once = on_condition, .least = WAIT_MS},
    {.name = "futex", .once = on_futex, .least = WAIT_MS},
    {.name = "sem_timedwait", .once = on_semaphore, .least = WAIT_MS},
    {.name = "semtimedop", .once = on_system_v, .least = WAIT_MS},
    {.name = "sigtimedwait", .once = for_signal, .least = WAIT_MS},
    {.name = "recv with a timeout", .once = receiving, .least = WAIT_MS},
    {.name = "accept with a timeout", .once = accepting, .least = WAIT_MS},
    {.name = "timerfd", .once = on_timer, .least = 0},
    {.name = "pipe, writing", .once = writing, .least = 0},
    {.name = "pipe, reading", .once = reading, .least = 0},
    {.name = "message queue", .once = queue_reading, .least = 0},
    {.name = "inotify", .once = watching, .least = 0},
    {.name = "fork and wait", .once = children, .least = 0},
    {.name = "real-time signal", .once = signalling, .least = 0},
    {.name = "floating point", .once = calculating, .least = 0},
    {.name = "many system calls", .once = calling, .least = 0},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void *run(void *data)
{
    struct kind *kind = data;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are the main thread's */
    while (!done) {
        double start = now();
        errno = 0;
        bool good = kind->once(kind), early = now() - start < kind->least - EARLY_MS;
        if (good && !early) {
            kind->good++;
        } else {
            kind->error = good ? 0 : errno;
            kind->bad++;
        }
    }
    return NULL;
}

static void seen(int number)
{
    if (number == SIGCHLD)
        children_seen++;
    else
        signals_seen++;
}

int main(int argc, char **argv)
{
    double end = now() + (argc > 1 ? atof(argv[1]) : 5) * 1e3;
    struct sigaction action = {.sa_handler = seen, .sa_flags = SA_RESTART};
    unsigned long bad = 0;
    sigaction(SIGCHLD, &action, NULL);
    sigaction(SIGRTMIN + 3, &action, NULL);
    main_thread = pthread_self();
    if (pipe(numbers) || !ways_open())
        return 2;
    for (int i = 0; i < KINDS; i++) {
        if (kinds[i].fd[0] == 0 && pipe(kinds[i].fd))
            return 2;
        pthread_create(&kinds[i].thread, NULL, run, &kinds[i]);
    }
    printf("ready %d\n", getpid());
    fflush(stdout);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    while (now() < end && !(input.revents & (POLLIN | POLLHUP))) /* until the input ends, which the tests close */
        poll(&input, 1, 20);
    done = true;
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 3;
    for (int i = 0; i < KINDS; i++) /* readers may wait for ever, but nobody may be in the middle of a fork */
        if (kinds[i].once != reading && kinds[i].once != queue_reading && kinds[i].once != watching)
            pthread_timedjoin_np(kinds[i].thread, NULL, &limit);
    msgctl(queue, IPC_RMID, NULL);
    for (int i = 0; i < KINDS; i++) {
        printf("%-24s %6lu good %4lu bad %s\n", kinds[i].name, kinds[i].good, kinds[i].bad, kinds[i].bad ? strerror(kinds[i].error) : "");
        bad += kinds[i].bad + (kinds[i].good == 0);
    }
    int status;
    bad += waitpid(-1, &status, __WALL | WNOHANG) > 0; /* somebody else's child */
    printf("%lu disturbances\n", bad);
    fflush(stdout);
    _exit(bad ? 1 : 0);
}
