/*
 * gzip by zlib and zstd by libzstd, both optional: HD_HAVE_ZLIB and HD_HAVE_ZSTD say which the build found.
 * See compress.h.
 */
#define ZSTD_STATIC_LINKING_ONLY /* for compressors in memory of ours */
#include "dump/compress.h"

#include "base/arena.h"

#if HD_HAVE_ZLIB
#include <zlib.h>
#endif
#if HD_HAVE_ZSTD
#include <zstd.h>
#endif

/* Dumps are text of much repetition: the low levels already give most of the gain. */
enum { GZIP_LEVEL = 3, ZSTD_LEVEL = 3 };

struct hd_compress {
    enum hd_compression kind;
    struct hd_arena arena;
    struct hd_buffer packed;
#if HD_HAVE_ZLIB
    z_stream gzip;
#endif
#if HD_HAVE_ZSTD
    ZSTD_CCtx *zstd;
#endif
};

#if HD_HAVE_ZLIB
static voidpf gzip_alloc(voidpf arena, uInt count, uInt size)
{
    return hd_arena_alloc(arena, count, size);
}

static void gzip_free(voidpf arena, voidpf address)
{
    (void)arena, (void)address; /* freed with the arena */
}

static bool gzip_create(struct hd_compress *compress, struct hd_error *err)
{
    enum { GZIP_WINDOW = 15 + 16 /* 16 asks for gzip's header */, GZIP_MEMORY = 8 };
    compress->gzip.zalloc = gzip_alloc;
    compress->gzip.zfree = gzip_free;
    compress->gzip.opaque = &compress->arena;
    if (deflateInit2(&compress->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the gzip compressor");
    return true;
}

static bool gzip_block(struct hd_compress *compress, const void *data, size_t length, struct hd_error *err)
{
    z_stream *gzip = &compress->gzip;
    const unsigned char *next = data;
    int status = deflateReset(gzip);
    while (status == Z_OK) {
        if (!hd_buffer_reserve(&compress->packed, 1 << 16))
            return hd_error_set(err, HD_ERROR_MEMORY, "no memory to compress %zu bytes", length);
        size_t room = compress->packed.capacity - compress->packed.length;
        uInt take = length > 1 << 30 ? 1 << 30 : (uInt)length;
        uInt give = room > 1 << 30 ? 1 << 30 : (uInt)room;
        gzip->next_in = (Bytef *)next;
        gzip->avail_in = take;
        gzip->next_out = (Bytef *)compress->packed.data + compress->packed.length;
        gzip->avail_out = give;
        status = deflate(gzip, take == length ? Z_FINISH : Z_NO_FLUSH);
        next += take - gzip->avail_in;
        length -= take - gzip->avail_in;
        compress->packed.length += give - gzip->avail_out;
    }
    if (status != Z_STREAM_END)
        return hd_error_set(err, HD_ERROR_INTERNAL, "zlib failed with status %d", status);
    return true;
}
#endif

#if HD_HAVE_ZSTD
static bool zstd_create(struct hd_compress *compress, struct hd_error *err)
{
    size_t size = ZSTD_estimateCCtxSize(ZSTD_LEVEL);
    void *memory = hd_arena_alloc(&compress->arena, 1, size);
    compress->zstd = memory ? ZSTD_initStaticCCtx(memory, size) : NULL;
    if (!compress->zstd)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the zstd compressor");
    return true;
}

static bool zstd_block(struct hd_compress *compress, const void *data, size_t length, struct hd_error *err)
{
    struct hd_buffer *packed = &compress->packed;
    if (!hd_buffer_reserve(packed, ZSTD_compressBound(length)))
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory to compress %zu bytes", length);
    size_t written = ZSTD_compressCCtx(compress->zstd, packed->data, packed->capacity, data, length, ZSTD_LEVEL);
    if (ZSTD_isError(written))
        return hd_error_set(err, HD_ERROR_INTERNAL, "zstd failed: %s", ZSTD_getErrorName(written));
    packed->length = written;
    return true;
}
#endif

/* Every kind, built in or not. */
static const struct {
    const char *name, *ending, *package;
    bool (*create)(struct hd_compress *compress, struct hd_error *err);
    bool (*block)(struct hd_compress *compress, const void *data, size_t length, struct hd_error *err);
} kinds[] = {
    [HD_COMPRESSION_NONE] = {0},
    [HD_COMPRESSION_GZIP] = {"gzip", ".gz", "zlib1g-dev",
#if HD_HAVE_ZLIB
                             gzip_create, gzip_block
#endif
    },
    [HD_COMPRESSION_ZSTD] = {"zstd", ".zst", "libzstd-dev",
#if HD_HAVE_ZSTD
                             zstd_create, zstd_block
#endif
    },
};

bool hd_compress_supported(enum hd_compression kind, struct hd_error *err)
{
    if (kind == HD_COMPRESSION_NONE || kinds[kind].create)
        return true;
    return hd_error_set(err, HD_ERROR_UNSUPPORTED,
                        "cannot write %s: heap_dump was built without %s; install the package %s and build it again "
                        "(gem install heap_dump), or choose a name without %s",
                        kinds[kind].ending, kinds[kind].name, kinds[kind].package, kinds[kind].ending);
}

struct hd_compress *hd_compress_create(enum hd_compression kind, struct hd_error *err)
{
    if (kind == HD_COMPRESSION_NONE || !hd_compress_supported(kind, err))
        return NULL;
    struct hd_arena arena = {0};
    struct hd_compress *compress = hd_arena_alloc(&arena, 1, sizeof *compress);
    if (!compress) {
        hd_error_set(err, HD_ERROR_MEMORY, "no memory for the %s compressor", kinds[kind].name);
        return NULL;
    }
    compress->kind = kind;
    compress->arena = arena;
    if (kinds[kind].create(compress, err))
        return compress;
    hd_compress_destroy(compress);
    return NULL;
}

void hd_compress_destroy(struct hd_compress *compress)
{
    if (!compress)
        return;
    hd_buffer_deinit(&compress->packed);
    struct hd_arena arena = compress->arena; /* *compress itself lies in it */
    hd_arena_deinit(&arena);
}

bool hd_compress_block(struct hd_compress *compress, const void *data, size_t length, const void **packed,
                       size_t *packed_length, struct hd_error *err)
{
    compress->packed.length = 0;
    if (!kinds[compress->kind].block(compress, data, length, err))
        return false;
    *packed = compress->packed.data;
    *packed_length = compress->packed.length;
    return true;
}
