/* See sink.h. */
#include "store/sink.h"

#include <errno.h>
#include <string.h>

bool hd_sink_interrupted(struct hd_error *err)
{
    return hd_error_set_errno(err, HD_ERROR_IO, EINTR, "stopped before it was done");
}

bool hd_sink_open(struct hd_sink *sink, const char *where, FILE *stream, const volatile sig_atomic_t *signal,
                  struct hd_error *err)
{
    memset(sink, 0, sizeof *sink);
    sink->signal = signal;
    sink->out.fd = sink->out.folder = -1;
    if (!strcmp(where, "-")) {
        sink->stream = stream;
        return true;
    }
    return hd_output_open(&sink->out, where, &sink->shared, err);
}

static bool to_stream(struct hd_sink *sink)
{
    errno = 0;
    if (fwrite(sink->block.data, 1, sink->block.length, sink->stream) == sink->block.length)
        return true;
    return hd_error_set_errno(&sink->err, HD_ERROR_IO, errno ? errno : EIO, "cannot write to standard output");
}

bool hd_sink_flush(struct hd_sink *sink)
{
    if (sink->err.code == HD_OK && sink->block.failed)
        hd_error_set(&sink->err, HD_ERROR_MEMORY, "out of memory");
    if (sink->err.code == HD_OK && sink->block.length) {
        if (sink->stream)
            to_stream(sink);
        else
            hd_output_write(&sink->out, sink->block.data, sink->block.length, &sink->err);
    }
    if (sink->signal && *sink->signal)
        hd_sink_interrupted(&sink->err);
    sink->written += sink->block.length;
    sink->block.length = 0;
    return sink->err.code == HD_OK;
}

bool hd_sink_commit(struct hd_sink *sink, struct hd_error *err)
{
    bool ok = hd_sink_flush(sink);
    if (ok && sink->stream && fflush(sink->stream) != 0)
        ok = hd_error_set_errno(&sink->err, HD_ERROR_IO, errno, "cannot write to standard output");
    if (ok && !sink->stream)
        ok = hd_output_commit(&sink->out, &sink->err);
    if (!ok)
        *err = sink->err;
    hd_sink_abort(sink);
    return ok;
}

void hd_sink_abort(struct hd_sink *sink)
{
    if (!sink->stream)
        hd_output_abort(&sink->out);
    hd_buffer_deinit(&sink->block);
}
