/*
 * What `heap_dump export` can write: one table of exporters, each of them one file in this folder.
 *
 * An exporter is a struct hd_exporter: its name, how people write its place, its words, its options and one function. The
 * help, the reading of --to, the completion and the check of docs/export.md are made from the table (exporter.c), so an
 * exporter is added by its file, a line there and a line in the Makefile.
 * Owns the table and how a target is written. Must not know what a format looks like, and never prints.
 *
 * An exporter whose library was not there when heap_dump was built stands in the table all the same, with `run` NULL and
 * `missing` set: the help lists it, and who asks for it is told what to install.
 */
#ifndef HD_STORE_EXPORTER_H
#define HD_STORE_EXPORTER_H

#include "store/sink.h"
#include "view/open.h"

#include <signal.h>

enum { HD_EXPORTERS_MAX = 16, HD_EXPORT_OPTIONS = 12, HD_EXPORT_SUMMARY = 400, HD_EXPORT_FIELDS = 200 };

struct hd_export;

/* An option of the command that an exporter takes. Exporters that take the same one share its name and its words. */
struct hd_exporter_option {
    const char *name;     /* "drop" */
    const char *argument; /* "N", "FILE"; NULL: it takes none */
    const char *help;     /* "remove what is in the collection first" */
};

/* What an exporter writes to, and what it needs. */
enum {
    HD_EXPORTER_FILE = 1,    /* one file, which it appends to export->sink; or standard output, "-" */
    HD_EXPORTER_PATH = 2,    /* one file that a library writes by its name, export->path: never standard output */
                             /* neither of both: some other place, the exporter reads `where` itself */
    HD_EXPORTER_BINARY = 4,  /* not to be written to a terminal */
    HD_EXPORTER_PLAIN = 8,   /* its readers take no compressed file: a name in .gz or .zst is refused */
    HD_EXPORTER_GZIP = 16,   /* its readers take .gz, but not .zst */
    HD_EXPORTER_LINES = 32,  /* reads the dump's lines again: it is kept in a file then if it came from standard input */
    HD_EXPORTER_ALONE = 64   /* reads the dump by itself, once, in its order: of open->… only the path is set; adds warnings */
};

struct hd_exporter {
    const char *name;      /* what stands before the colon: "heapsnapshot" */
    const char *other_name; /* another one, as "mongodb+srv"; NULL */
    const char *where;     /* what stands behind it, for people: "FILE|-", "//HOST/DATABASE/COLLECTION" */
    const char *help;      /* one line, for whom it is: "Chrome DevTools, memlab" */
    const char *next;      /* the next useful thing, after "next: "; %s is the file as the shell takes it; NULL */
    unsigned flags;        /* HD_EXPORTER_… */
    enum hd_index_need need; /* how much of the index: HD_INDEX_GRAPH or HD_INDEX_TREE */
    const struct hd_exporter_option *options; /* the last one's name is NULL; NULL: it takes none */
    const char *missing;   /* why `run` is NULL: "libmongoc, which is in libmongoc-dev"; NULL */
    /*
     * Writes everything; false and *err if it could not. HD_EXPORTER_FILE: the caller opens the sink before, and puts
     * the file in place or removes it after. Long loops ask hd_export_stopped. Sets `summary`.
     */
    bool (*run)(struct hd_export *export, struct hd_error *err);
};

/* One call of an exporter. */
struct hd_export {
    const struct hd_exporter *exporter;
    const char *to;    /* the whole target as it was given; may hold a password */
    const char *where; /* what stands behind the first colon; "-" if nothing does */
    const char *option[HD_EXPORT_OPTIONS]; /* values as given, in the order of exporter->options; "" for one without; NULL */
    struct hd_open *open; /* the dump; with HD_EXPORTER_LINES open->dump is a file that can be read again */
    struct hd_sink *sink; /* HD_EXPORTER_FILE: append to it */
    const char *path;     /* HD_EXPORTER_PATH: a file of its own, empty and 0600, to be written under this name */
    /* Tells how far it is, at most some times a second; `what` is a noun: "objects". NULL: nobody wants to know. */
    void (*progress)(const char *what, uint64_t done, uint64_t total);
    const volatile sig_atomic_t *signal; /* the number of the signal that came; NULL: none can */
    char summary[HD_EXPORT_SUMMARY]; /* set by the exporter: "148,760 nodes, 612,345 edges"; no password in it */
    char fields[HD_EXPORT_FIELDS];   /* the same, more for --json: `,"inserted":148760`; may stay empty */
};

/* All exporters, NULL at the end. */
extern const struct hd_exporter *const hd_exporters[];

/*
 * The exporter that `to` names, and where it writes to. False and *err (HD_ERROR_USAGE, HD_ERROR_UNSUPPORTED if it was
 * not built in) if there is none or its place makes no sense.
 */
bool hd_exporter_find(struct hd_export *export, const char *to, struct hd_error *err);

/* Sets an option by its name; false and *err if the exporter does not take it. After hd_exporter_find. */
bool hd_exporter_set(struct hd_export *export, const char *name, const char *value, struct hd_error *err);

/*
 * Runs it: opens the sink or the path, writes, and puts the file in place; on failure nothing is left of it and a file that
 * was there before is untouched. `stream` is what "-" stands for.
 */
bool hd_exporter_run(struct hd_export *export, FILE *stream, struct hd_error *err);

/* For exporters: the value of an option, "" if it has none; NULL if it was not given. */
const char *hd_export_option(const struct hd_export *export, const char *name);

/* The same as a number from `least` to `most`; false and *err if it is none. Not given: `number` stays. */
bool hd_export_number(const struct hd_export *export, const char *name, uint64_t least, uint64_t most, uint64_t *number,
                      struct hd_error *err);

/* True and *err if a signal has come and the exporter is to end. What it keeps on purpose is for the error to say. */
bool hd_export_stopped(const struct hd_export *export, struct hd_error *err);

/* Sets the summary. */
void hd_export_summarize(struct hd_export *export, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
