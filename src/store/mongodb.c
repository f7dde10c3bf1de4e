/*
 * The exporter `mongodb`: its words and options, with or without the driver's library. What it does is mongodb_import.h's.
 */
#include "store/exporter.h"

#if HD_HAVE_MONGOC
#include "store/mongodb_import.h"
#include "view/words.h"

#include <stdio.h>

/* What people are told once everything that could go in is in. False and *err if something could not. */
static bool conclude(struct hd_export *export, const struct hd_mongodb_place *place, const struct hd_mongodb_result *result,
                     struct hd_error *err)
{
    char text[HD_EXPORT_SUMMARY], in[HD_WORDS_NUMBER], count[HD_WORDS_NUMBER];
    snprintf(text, sizeof text, "%s documents of the dump \"%.100s\" are in %.63s.%.100s",
             hd_words_count(in, result->inserted + result->present), result->name, place->database, place->collection);
    if (result->refused)
        return hd_error_set(err, HD_ERROR_IO, "%.250s; the server refused %s, the first one with: %.160s", text,
                            hd_words_count(count, result->refused), result->refusal);
    if (result->too_big)
        return hd_error_set(err, HD_ERROR_IO, "%.250s; %s more would have more than the 16 MiB that MongoDB takes, the first "
                            "one that of object 0x%llx", text, hd_words_count(count, result->too_big),
                            (unsigned long long)result->too_big_id);
    if (result->was_whole)
        hd_export_summarize(export, "the dump \"%.100s\" was in %.63s.%.100s already, whole: nothing to do", result->name,
                            place->database, place->collection);
    else if (result->present)
        hd_export_summarize(export, "%.340s, %s of them from before", text, hd_words_count(count, result->present));
    else
        hd_export_summarize(export, "%s", text);
    return true;
}

static void warn(struct hd_open *open, const struct hd_mongodb_result *result)
{
    static char bad[sizeof result->bad_line + 100];
    if (result->truncated)
        open->warnings[open->warning_count++] = "the dump is truncated (it has no _END_): what is there was added";
    if (result->bad_lines) {
        snprintf(bad, sizeof bad, "%llu lines are none of a dump and were left out; the first one is %s",
                 (unsigned long long)result->bad_lines, result->bad_line);
        open->warnings[open->warning_count++] = bad;
    }
}

static bool run(struct hd_export *export, struct hd_error *err)
{
    struct hd_mongodb_place place;
    struct hd_mongodb_result result;
    bool read = hd_mongodb_place_read(&place, export->to, err);
    hd_mongodb_place_hide((char *)export->to); /* it is an argument of the process, which may write there */
    if (!read)
        return false;
    struct hd_mongodb_request request = {
        .path = export->open->path, .place = &place, .name = hd_export_option(export, "name"),
        .drop = hd_export_option(export, "drop"), .progress = export->progress, .signal = export->signal};
    bool done = hd_mongodb_import(&request, &result, err);
    if (done)
        warn(export->open, &result);
    done = done && conclude(export, &place, &result, err);
    snprintf(export->fields, sizeof export->fields, ",\"inserted\":%llu,\"present\":%llu,\"bad_lines\":%llu,\"truncated\":%s",
             (unsigned long long)result.inserted, (unsigned long long)result.present, (unsigned long long)result.bad_lines,
             result.truncated ? "true" : "false");
    hd_mongodb_place_deinit(&place);
    return done;
}
#endif

static const struct hd_exporter_option options[] = {
    {"name", "NAME", "what to call the dump in the collection (as the file)"},
    {"drop", NULL, "remove what is in the collection first"},
    {NULL, NULL, NULL}};

const struct hd_exporter hd_exporter_mongodb = {
    .name = "mongodb",
    .other_name = "mongodb+srv",
    .where = "//HOST/DB/COLLECTION",
    .help = "MongoDB, dumps of a whole fleet",
    .next = "docs/mongodb.md has queries to paste: top classes, duplicates, growth, paths to the roots",
    .flags = HD_EXPORTER_ALONE,
    .options = options,
#if HD_HAVE_MONGOC
    .run = run,
#else
    .missing = "MongoDB's C driver (libmongoc, in Debian libmongoc-dev)",
#endif
};
