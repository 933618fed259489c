/* SPDX-License-Identifier: MIT */
#include "target/core_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "target/decompress.h"
#include "target/spool.h"

#define INPUT ((size_t)64 << 10) /* read at a time */
#define WORDS ((size_t)512)      /* of one description of damage */

struct stream {
    const struct ad_core_source *source;
    const struct ad_limits *limits;
    const char *name;
    int fd;
    uint64_t taken; /* bytes of input */
    uint64_t whole; /* how many there are; 0: not known */
    bool packed;    /* compressed */
    bool checked;   /* that it begins as a core does */
    bool at_end;    /* of the input */
    bool stopped;   /* before that */
    char *damage;
    uint8_t *input;
    struct ad_decode decode;
    struct ad_decoder *decoder;
    struct ad_spool spool;
};

static void stream_deinit(struct stream *stream)
{
    free(stream->damage);
    free(stream->input);
    ad_decoder_destroy(stream->decoder);
    ad_spool_deinit(&stream->spool);
}

/* ---- input ---------------------------------------------------------------------------------------- */

/* Standard input may be set not to wait; that is its writer's affair, not the core's end. */
static ssize_t read_patiently(int fd, void *to, size_t size)
{
    for (;;) {
        ssize_t count = read(fd, to, size);
        if (count >= 0 || (errno != EINTR && errno != EAGAIN))
            return count;
        if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
    }
}

/* What was read before is used; of several things that are wrong, the first is told. */
static struct ad_error *spoil(struct stream *stream, const char *words)
{
    if (stream->damage)
        return NULL;
    stream->damage = malloc(WORDS);
    if (!stream->damage)
        return &ad_error_nomem;
    snprintf(stream->damage, WORDS, "%s can be %s only up to byte %llu: %s", stream->name,
             stream->packed ? "unpacked" : "read",
             (unsigned long long)(stream->spool.size + stream->spool.used), words);
    return NULL;
}

/* Until there are `want` bytes of input, or its end. */
static struct ad_error *fill(struct stream *stream, size_t want)
{
    struct ad_decode *decode = &stream->decode;
    if (decode->in_size)
        memmove(stream->input, decode->in, decode->in_size);
    decode->in = stream->input;
    while (!stream->at_end && decode->in_size < want) {
        ssize_t count = read_patiently(stream->fd, stream->input + decode->in_size, INPUT - decode->in_size);
        if (count < 0)
            AD_TRY(spoil(stream, strerror(errno)));
        stream->at_end = count <= 0;
        decode->in_size += count > 0 ? (size_t)count : 0;
        stream->taken += count > 0 ? (uint64_t)count : 0;
    }
    if (stream->source->progress)
        stream->source->progress(stream->source->context, stream->taken, stream->whole);
    return NULL;
}

/* ---- decoding ------------------------------------------------------------------------------------- */

/* A bomb, a log, a mistake: of what is no core, the first bytes are enough to say so. */
static void check_start(struct stream *stream, size_t fresh)
{
    const struct ad_spool *spool = &stream->spool;
    if (stream->checked || spool->used + fresh < SELFMAG)
        return;
    stream->checked = true;
    stream->stopped = memcmp(spool->block, ELFMAG, SELFMAG) != 0;
}

/* All that the input at hand gives: a full output may have more behind it. */
static struct ad_error *decode_input(struct stream *stream)
{
    struct ad_decode *decode = &stream->decode;
    do {
        size_t room;
        decode->out = ad_spool_room(&stream->spool, &room);
        decode->out_size = room;
        const char *words = ad_decoder_step(stream->decoder, decode);
        check_start(stream, room - decode->out_size);
        AD_TRY(ad_spool_add(&stream->spool, room - decode->out_size));
        stream->stopped |= words != NULL;
        if (words)
            return spoil(stream, words);
    } while (!decode->out_size && !stream->stopped);
    return NULL;
}

static struct ad_error *decode_all(struct stream *stream)
{
    do {
        AD_TRY(decode_input(stream));
        if (!stream->stopped)
            AD_TRY(fill(stream, 1));
    } while (stream->decode.in_size && !stream->stopped);
    if (!stream->stopped && !ad_decoder_whole(stream->decoder))
        return spoil(stream, "it ends early");
    return NULL;
}

static struct ad_error *unpack(struct stream *stream)
{
    const struct ad_decode *decode = &stream->decode;
    stream->input = malloc(INPUT);
    if (!stream->input)
        return &ad_error_nomem;
    AD_TRY(ad_spool_init(&stream->spool, stream->name, stream->limits));
    AD_TRY(fill(stream, AD_COMPRESSION_MAGIC));
    stream->packed = ad_compression_known(decode->in, decode->in_size);
    AD_TRY(ad_decoder_create(decode->in, decode->in_size, stream->limits->unpack_memory, &stream->decoder));
    AD_TRY(decode_all(stream));
    AD_TRY(ad_spool_finish(&stream->spool));
    if (stream->damage && stream->spool.size < sizeof(Elf64_Ehdr))
        return ad_error_create(AD_ERROR_UNUSABLE, "%s", stream->damage);
    return NULL;
}

static struct ad_error *spool_stream(struct stream *stream, struct ad_core_file *file)
{
    struct ad_error *error = unpack(stream);
    if (!error) {
        file->fd = stream->spool.fd;
        file->size = stream->spool.size;
        file->damage = ad_take(stream->damage);
        stream->spool.fd = -1;
    }
    stream_deinit(stream);
    return error;
}

/* ---- which way ------------------------------------------------------------------------------------ */

/* A regular file can be read anywhere, unless it is compressed or its reader is already inside. */
static bool is_usable(int fd, const struct stat *status)
{
    uint8_t start[AD_COMPRESSION_MAGIC];
    return S_ISREG(status->st_mode) && lseek(fd, 0, SEEK_CUR) == 0 &&
           !ad_compression_known(start, ad_pread(fd, start, sizeof(start), 0));
}

static struct ad_error *open_fd(const struct ad_core_source *source, const struct ad_limits *limits,
                                const char *name, int fd, struct ad_core_file *file)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return ad_error_system(errno, "cannot read %s", name);
    bool regular = S_ISREG(status.st_mode);
    if (regular)
        file->realtime = (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)status.st_mtim.tv_nsec;
    if (!is_usable(fd, &status)) {
        struct stream stream = {.source = source, .limits = limits, .name = name, .fd = fd, .spool = {.fd = -1}};
        stream.whole = regular ? (uint64_t)status.st_size : 0;
        return spool_stream(&stream, file);
    }
    file->size = (uint64_t)status.st_size;
    file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return file->fd < 0 ? ad_error_system(errno, "cannot read %s", name) : NULL;
}

struct ad_error *ad_core_file_open(const struct ad_core_source *source, const struct ad_limits *limits,
                                   struct ad_core_file *file)
{
    ad_auto_close int fd = -1;
    uint64_t size;
    *file = (struct ad_core_file){.fd = -1};
    if (!source->path)
        return open_fd(source, limits, source->name, source->fd, file);
    AD_TRY(ad_open_regular(source->path, 0, &fd, &size));
    return open_fd(source, limits, source->path, fd, file);
}

void ad_core_file_deinit(struct ad_core_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->damage);
    *file = (struct ad_core_file){.fd = -1};
}
