/*
 * What glibc and Ruby themselves say of their memory, written down so that nothing changes any more: the library that the tests load
 * into a Ruby (with Fiddle, keeping Ruby's lock).
 *
 * hold(path) writes malloc_info's XML, mallinfo2's and rb_gc_stat's numbers into the file, then sleeps for ever; as no other thread can
 * run Ruby then, the state of both stays the one that is in the file. It refers to nothing that is not in the oldest glibc tested.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char buffer[1 << 20];
static unsigned long keys[8];
static const char *names[8];
static int key_count;

/* `key` is the VALUE of a symbol that GC.stat knows, which stays where it is. */
__attribute__((visibility("default"))) void ask(const char *name, unsigned long key)
{
    names[key_count] = name;
    keys[key_count++] = key;
}

/* Addresses of rb_gc_stat and of mallinfo2, NULL where the glibc (before 2.33) has none. */
__attribute__((visibility("default"))) void hold(const char *path, size_t (*stat)(unsigned long), struct mallinfo2 (*sums)(void))
{
    FILE *file = fopen(path, "w");
    if (!file || !stat)
        abort();
    setvbuf(file, buffer, _IOFBF, sizeof buffer); /* so that writing allocates nothing */
    for (int i = 0; i < key_count; i++) /* Ruby may allocate at that */
        fprintf(file, "%s %zu\n", names[i], stat(keys[i]));
    malloc_info(0, file);
    if (sums) {
        struct mallinfo2 info = sums();
        fprintf(file, "mapped %zu chunks %zu\n", info.hblkhd, info.hblks);
    }
    fflush(file);
    char done[4096];
    snprintf(done, sizeof done, "%s.done", path);
    rename(path, done);
    for (;;)
        pause();
}
