/*
 * Turns the files of a folder into C: `embed FOLDER` prints hd_web_assets (src/web/assets.h), each file as it is and packed with
 * gzip. A folder that is not there is an empty list.
 *
 * Runs while heap_dump is built. Owns the form of the list; must not know what the files are.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { FILES_MAX = 64, PATH_LENGTH = 4096 };

static struct {
    char *path;
    size_t length, packed_length;
} files[FILES_MAX];
static unsigned count;

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "embed: cannot %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static unsigned char *read_all(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status))
        fail("read", path);
    unsigned char *data = malloc((size_t)status.st_size + 1);
    *length = data ? fread(data, 1, (size_t)status.st_size, file) : 0;
    if (!data || *length != (size_t)status.st_size)
        fail("read", path);
    fclose(file);
    return data;
}

static unsigned char *pack(const unsigned char *data, size_t length, size_t *packed_length)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        exit(1);
    uLong room = deflateBound(&stream, (uLong)length);
    unsigned char *packed = malloc(room);
    if (!packed)
        exit(1);
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)length;
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        exit(1);
    *packed_length = stream.total_out;
    deflateEnd(&stream);
    return packed;
}

static void bytes_print(const char *kind, const unsigned char *data, size_t length)
{
    printf("static const unsigned char %s_%u[] = {", kind, count);
    for (size_t i = 0; i < length; i++)
        printf("%s%u,", i % 32 ? "" : "\n", data[i]);
    printf("0};\n");
}

static void file_print(const char *path, const char *name)
{
    size_t length, packed_length;
    unsigned char *data = read_all(path, &length), *packed = pack(data, length, &packed_length);
    if (count == FILES_MAX) {
        fprintf(stderr, "embed: more than %d files\n", FILES_MAX);
        exit(1);
    }
    if (packed_length >= length)
        packed_length = 0;
    bytes_print("data", data, length);
    if (packed_length)
        bytes_print("packed", packed, packed_length);
    files[count].path = strdup(name);
    files[count].length = length;
    files[count].packed_length = packed_length;
    count++;
    free(data);
    free(packed);
}

static void folder_print(const char *folder, const char *prefix)
{
    struct dirent **entries;
    int found = scandir(folder, &entries, NULL, alphasort);
    if (found < 0 && errno == ENOENT && !*prefix)
        return;
    if (found < 0)
        fail("read", folder);
    for (int i = 0; i < found; i++) {
        char path[PATH_LENGTH], name[PATH_LENGTH];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        snprintf(name, sizeof name, "%s%s", prefix, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && !stat(path, &status)) {
            strcat(name, S_ISDIR(status.st_mode) && strlen(name) < sizeof name - 1 ? "/" : "");
            if (S_ISDIR(status.st_mode))
                folder_print(path, name);
            else
                file_print(path, name);
        }
        free(entries[i]);
    }
    free(entries);
}

/* What stands in a C string. */
static void text_print(const char *text)
{
    putchar('"');
    for (; *text; text++)
        printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    putchar('"');
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: embed FOLDER\n");
        return 2;
    }
    printf("/* Made by tools/embed. */\n#include \"web/assets.h\"\n\n");
    folder_print(argv[1], "");
    printf("const struct hd_web_asset hd_web_assets[] = {\n");
    for (unsigned i = 0; i < count; i++) {
        printf("    {");
        text_print(files[i].path);
        printf(", data_%u, ", i);
        if (files[i].packed_length)
            printf("packed_%u", i);
        else
            printf("NULL");
        printf(", %zu, %zu},\n", files[i].length, files[i].packed_length);
    }
    printf("    {NULL, NULL, NULL, 0, 0}};\n");
    return ferror(stdout) || fclose(stdout) ? 1 : 0;
}
