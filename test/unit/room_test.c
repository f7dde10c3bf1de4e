/* How much memory is left: in control groups of both versions, as hosts and containers show them, the page cache counted as free. */
#define _GNU_SOURCE
#include "capture/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PID = 4242 };
static const uint64_t MB = 1 << 20;
static char root[64];

static void put(const char *path, const char *text)
{
    char name[512];
    snprintf(name, sizeof name, "%s/", root);
    for (const char *slash = path; (slash = strchr(slash, '/')) != NULL; slash++) { /* the folders on the way */
        snprintf(name, sizeof name, "%s/%.*s", root, (int)(slash - path), path);
        mkdir(name, 0700);
    }
    snprintf(name, sizeof name, "%s/%s", root, path);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int begin(void **state)
{
    (void)state;
    strcpy(root, "/tmp/heap_dump-room-XXXXXX");
    assert_non_null(mkdtemp(root));
    put("proc/meminfo", "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n");
    return 0;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void test_the_machine(void **state)
{
    (void)state;
    assert_int_equal(hd_room_left_below(root, PID), 8000000ull * 1024);
    put("proc/meminfo", "nothing of the kind\n");
    assert_int_equal(hd_room_left_below(root, PID), UINT64_MAX);
}

/* The group has no limit, the one above it has, and that is nearer than the one of the machine. */
static void test_version_2(void **state)
{
    (void)state;
    put("proc/4242/cgroup", "0::/pod/app\n");
    put("proc/self/mountinfo", "24 1 0:22 / /proc rw - proc proc rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
    put("sys/fs/cgroup/pod/app/memory.max", "max\n");
    put("sys/fs/cgroup/pod/app/memory.current", "1\n");
    put("sys/fs/cgroup/pod/memory.max", "1073741824\n");
    put("sys/fs/cgroup/pod/memory.current", "1063256064\n");
    put("sys/fs/cgroup/pod/memory.stat", "anon 1\ninactive_file 1048576\nactive_file 2097152\nfile 99999999999\n");
    assert_int_equal(hd_room_left_below(root, PID), 13 * MB); /* 10 free, 3 of cache */
    put("sys/fs/cgroup/pod/app/memory.high", "4194305\n"); /* where the kernel begins to hold it up */
    assert_int_equal(hd_room_left_below(root, PID), 4 * MB);
    put("sys/fs/cgroup/pod/memory.current", "2073741824\n");
    assert_int_equal(hd_room_left_below(root, PID), 0);
}

/* In a container the group's own folder is mounted, and nothing above it. */
static void test_version_1_in_a_container(void **state)
{
    (void)state;
    put("proc/4242/cgroup", "12:pids:/docker/0f\n8:cpu,memory:/docker/0f\n0::/docker/0f\n");
    put("proc/self/mountinfo", "40 30 0:33 /docker/0f /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n"
                               "41 30 0:34 /docker/0f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "524288000\n");
    put("sys/fs/cgroup/memory/memory.stat", "cache 1\ntotal_inactive_file 4194304\ntotal_active_file 0\n");
    assert_int_equal(hd_room_left_below(root, PID), 16 * MB);
    put("proc/4242/cgroup", "8:memory:/docker/other\n"); /* somebody else's, which cannot be seen */
    assert_int_equal(hd_room_left_below(root, PID), 8000000ull * 1024);
}

/* The container beside us: what it is in is above our own top, but it has it mounted. As the kernel tells somebody in another group. */
static void test_the_container_beside(void **state)
{
    (void)state;
    put("proc/4242/cgroup", "0::/../app.scope/worker\n");
    put("proc/self/mountinfo", "51 47 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
    put("sys/fs/cgroup/memory.max", "1\n"); /* ours */
    put("sys/fs/cgroup/memory.current", "1\n");
    assert_int_equal(hd_room_left_below(root, PID), 8000000ull * 1024);
    put("proc/4242/mountinfo", "60 47 0:26 /../db.scope /elsewhere ro - cgroup2 cgroup2 rw\n"
                               "61 47 0:26 /../app /near ro - cgroup2 cgroup2 rw\n" /* its name only begins so */
                               "62 47 0:26 /../app.scope /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw\n");
    put("proc/4242/root/near.scope/worker/memory.max", "2\n");
    put("proc/4242/root/near.scope/worker/memory.current", "2\n");
    put("proc/4242/root/sys/fs/cgroup/worker/memory.max", "max\n");
    put("proc/4242/root/sys/fs/cgroup/worker/memory.current", "1\n");
    put("proc/4242/root/sys/fs/cgroup/memory.max", "536870912\n");
    put("proc/4242/root/sys/fs/cgroup/memory.current", "524288000\n");
    put("proc/4242/root/sys/fs/cgroup/memory.stat", "anon 500000000\ninactive_file 1048576\nactive_file 0\n");
    assert_int_equal(hd_room_left_below(root, PID), 13 * MB);
}

/* The first mount has other groups; in the second, whose top is above our own, it is found. */
static void test_several_mounts(void **state)
{
    (void)state;
    put("proc/4242/cgroup", "0::/../pod/app\n");
    put("proc/self/mountinfo", "50 47 0:26 /../other /mnt/other rw - cgroup2 none rw\n51 47 0:26 /.. /sys/fs/cgroup rw - cgroup2 none rw\n");
    put("sys/fs/cgroup/pod/app/memory.max", "4194304\n");
    put("sys/fs/cgroup/pod/app/memory.current", "3145728\n");
    assert_int_equal(hd_room_left_below(root, PID), MB);
}

/* systemd's hybrid: memory is version 1's, and version 2's tree has no controller. The limit is above the process's group. */
static void test_both_versions(void **state)
{
    (void)state;
    put("proc/4242/cgroup", "5:memory:/system.slice/shop.service\n0::/system.slice/shop.service\n");
    put("proc/self/mountinfo", "31 25 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n32 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    put("sys/fs/cgroup/unified/system.slice/shop.service/cgroup.procs", "4242\n");
    put("sys/fs/cgroup/memory/system.slice/shop.service/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/system.slice/shop.service/memory.usage_in_bytes", "1\n");
    put("sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes", "8388608\n");
    put("sys/fs/cgroup/memory/system.slice/memory.usage_in_bytes", "6291456\n");
    assert_int_equal(hd_room_left_below(root, PID), 2 * MB);
}

/* A container's /proc may be made up: nothing of it is believed twice, and nothing but numbers. */
static void test_nonsense(void **state)
{
    (void)state;
    static const char *const groups[] = {"", "0::\n", "0:\n", "::::\n", "0::/../../../etc\n", "0::/a/../../b\n", "8:memory:\n"};
    put("proc/self/mountinfo", "51 47 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n - cgroup2\n52 - cgroup2 x y\n");
    put("sys/fs/cgroup/memory.max", "a lot\n");
    put("sys/fs/cgroup/memory.current", "-1\n");
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        put("proc/4242/cgroup", groups[i]);
        assert_int_equal(hd_room_left_below(root, PID), 8000000ull * 1024);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_machine, begin, end),
        cmocka_unit_test_setup_teardown(test_version_2, begin, end),
        cmocka_unit_test_setup_teardown(test_version_1_in_a_container, begin, end),
        cmocka_unit_test_setup_teardown(test_the_container_beside, begin, end),
        cmocka_unit_test_setup_teardown(test_several_mounts, begin, end),
        cmocka_unit_test_setup_teardown(test_both_versions, begin, end),
        cmocka_unit_test_setup_teardown(test_nonsense, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
