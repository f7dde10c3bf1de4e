/*
 * A C program with a Ruby in it that uses the exported functions of heap_dump.so the way a debugger does: it
 * loads the extension by its path alone and finds the functions by name.
 *
 * host SHARED_OBJECT: works in the current directory, prints one line per call, exits with 0 if it got to the end.
 */
#include <dlfcn.h>
#include <ruby.h>
#include <stdio.h>

typedef int dump_function(const char *path);
typedef int print_function(const char *name, ...);
typedef unsigned long return_function(const char *name, ...);

static VALUE extension_require(VALUE path)
{
    return rb_require((const char *)path);
}

int main(int argc, char **argv)
{
    int state = 0;
    if (argc != 2)
        return 2;
    ruby_init();
    ruby_init_loadpath();
    rb_protect(extension_require, (VALUE)argv[1], &state);
    void *library = state ? NULL : dlopen(argv[1], RTLD_LAZY | RTLD_NOLOAD);
    if (!library) {
        fprintf(stderr, "cannot load %s\n", argv[1]);
        return 1;
    }
    dump_function *dump = (dump_function *)dlsym(library, "heapdump_dump");
    print_function *count_print = (print_function *)dlsym(library, "heapdump_count_objects_print");
    return_function *count_return = (return_function *)dlsym(library, "heapdump_count_objects_return");
    if (!dump || !count_print || !count_return) {
        fprintf(stderr, "a function is not exported\n");
        return 1;
    }
    rb_eval_string("module Shop; class Cart; end; end; $carts = [Shop::Cart.new, Shop::Cart.new]");
    printf("dump %d\n", dump("host.json.gz"));
    printf("default %d\n", dump(NULL));
    printf("folder %d\n", dump("."));
    printf("missing %d\n", dump("missing/x.json"));
    printf("print %d\n", count_print("Shop", "NoSuchName", ""));
    rb_gv_set("$counted", count_return("Shop", NULL));
    rb_eval_string("$stdout.puts \"returned #{$counted[:user_types]}\"; $stdout.flush");
    printf("alive %d\n", NUM2INT(rb_eval_string("$carts.size")));
    return ruby_cleanup(0);
}
