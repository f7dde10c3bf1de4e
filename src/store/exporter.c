/* The table of exporters. See exporter.h. */
#include "store/exporter.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

extern const struct hd_exporter hd_exporter_collapsed;
extern const struct hd_exporter hd_exporter_heapsnapshot;
extern const struct hd_exporter hd_exporter_objspace;
extern const struct hd_exporter hd_exporter_pprof;
extern const struct hd_exporter hd_exporter_speedscope;
extern const struct hd_exporter hd_exporter_sqlite;
extern const struct hd_exporter hd_exporter_mongodb;

/* In the order of the help. */
const struct hd_exporter *const hd_exporters[] = {
    &hd_exporter_heapsnapshot,
    &hd_exporter_pprof,
    &hd_exporter_speedscope,
    &hd_exporter_collapsed,
    &hd_exporter_objspace,
    &hd_exporter_sqlite,
    &hd_exporter_mongodb,
    NULL};

/* ---- the target ---- */

static bool is_called(const struct hd_exporter *exporter, const char *name, size_t length)
{
    const char *names[] = {exporter->name, exporter->other_name};
    for (size_t i = 0; i < 2; i++)
        if (names[i] && strlen(names[i]) == length && !memcmp(names[i], name, length))
            return true;
    return false;
}

static bool unknown(const char *name, size_t length, struct hd_error *err)
{
    char names[256] = "";
    for (size_t i = 0; hd_exporters[i]; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                 !i ? "" : hd_exporters[i + 1] ? ", " : " or ", hd_exporters[i]->name);
    return hd_error_set(err, HD_ERROR_USAGE, "--to takes %s and what belongs behind it, not %.*s", names,
                        length > 40 ? 40 : (int)length, name);
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && !strcmp(text + length - tail, ending);
}

static bool place_check(const struct hd_export *export, struct hd_error *err)
{
    const struct hd_exporter *exporter = export->exporter;
    const char *name = exporter->name, *where = export->where;
    bool gzip = ends_with(where, ".gz"), zstd = ends_with(where, ".zst");
    if (!*where)
        return hd_error_set(err, HD_ERROR_USAGE, "--to %s: lacks what to write to: %s:%s", name, name, exporter->where);
    if (!strcmp(where, "-") && !(exporter->flags & HD_EXPORTER_FILE))
        return hd_error_set(err, HD_ERROR_USAGE, "--to %s does not write to standard output: use --to %s:%s", name, name,
                            exporter->where);
    if ((gzip || zstd) && exporter->flags & (HD_EXPORTER_PLAIN | HD_EXPORTER_PATH))
        return hd_error_set(err, HD_ERROR_USAGE, "--to %s writes no compressed files, as its readers take none: leave %s away",
                            name, gzip ? ".gz" : ".zst");
    if (zstd && exporter->flags & HD_EXPORTER_GZIP)
        return hd_error_set(err, HD_ERROR_USAGE, "the readers of %s take .gz, but not .zst", name);
    return true;
}

bool hd_exporter_find(struct hd_export *export, const char *to, struct hd_error *err)
{
    size_t length = strcspn(to, ":");
    export->to = to;
    export->where = to[length] ? to + length + 1 : "-";
    for (size_t i = 0; hd_exporters[i] && !export->exporter; i++)
        if (is_called(hd_exporters[i], to, length))
            export->exporter = hd_exporters[i];
    if (!export->exporter)
        return unknown(to, length, err);
    if (!export->exporter->run)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "heap_dump was built without %s: install it and build again",
                            export->exporter->missing);
    return place_check(export, err);
}

/* ---- options ---- */

static int option_number(const struct hd_exporter *exporter, const char *name)
{
    for (int i = 0; exporter->options && exporter->options[i].name && i < HD_EXPORT_OPTIONS; i++)
        if (!strcmp(exporter->options[i].name, name))
            return i;
    return -1;
}

bool hd_exporter_set(struct hd_export *export, const char *name, const char *value, struct hd_error *err)
{
    int number = option_number(export->exporter, name);
    if (number < 0)
        return hd_error_set(err, HD_ERROR_USAGE, "--to %s takes no --%s", export->exporter->name, name);
    export->option[number] = value ? value : "";
    return true;
}

const char *hd_export_option(const struct hd_export *export, const char *name)
{
    int number = option_number(export->exporter, name);
    return number < 0 ? NULL : export->option[number];
}

bool hd_export_number(const struct hd_export *export, const char *name, uint64_t least, uint64_t most, uint64_t *number,
                      struct hd_error *err)
{
    const char *text = hd_export_option(export, name);
    if (!text)
        return true;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (!*text || strspn(text, "0123456789") != strlen(text) || errno || value < least || value > most)
        return hd_error_set(err, HD_ERROR_USAGE, "--%s takes a number from %llu to %llu, not %.100s", name,
                            (unsigned long long)least, (unsigned long long)most, text);
    *number = value;
    return true;
}

/* ---- one call ---- */

void hd_export_summarize(struct hd_export *export, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(export->summary, sizeof export->summary, format, args);
    va_end(args);
}

bool hd_export_stopped(const struct hd_export *export, struct hd_error *err)
{
    return export->signal && *export->signal && !hd_sink_interrupted(err);
}

static bool run_to_sink(struct hd_export *export, FILE *stream, struct hd_error *err)
{
    struct hd_sink sink;
    if (!hd_sink_open(&sink, export->where, stream, export->signal, err))
        return false;
    export->sink = &sink;
    bool ok = export->exporter->run(export, err);
    export->sink = NULL;
    if (ok)
        return hd_sink_commit(&sink, err);
    if (sink.err.code != HD_OK) /* what went wrong first */
        *err = sink.err;
    hd_sink_abort(&sink);
    return false;
}

static bool run_to_path(struct hd_export *export, struct hd_error *err)
{
    struct hd_output_shared shared = {0};
    struct hd_output out;
    char path[PATH_MAX];
    if (!hd_output_open(&out, export->where, &shared, err))
        return false;
    bool ok = hd_output_path(&out, path, sizeof path, err);
    export->path = path;
    ok = ok && export->exporter->run(export, err) && hd_output_commit(&out, err);
    export->path = NULL;
    hd_output_abort(&out);
    return ok;
}

bool hd_exporter_run(struct hd_export *export, FILE *stream, struct hd_error *err)
{
    if (export->exporter->flags & HD_EXPORTER_FILE)
        return run_to_sink(export, stream, err);
    if (export->exporter->flags & HD_EXPORTER_PATH)
        return run_to_path(export, err);
    return export->exporter->run(export, err);
}
