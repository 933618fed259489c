/* SPDX-License-Identifier: MIT */
#include "target/decompress.h"

#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct kind {
    const char *magic;
    size_t magic_size;
    struct ad_error *(*open)(struct ad_decoder *decoder);
    const char *(*step)(struct ad_decoder *decoder, struct ad_decode *decode);
    void (*close)(struct ad_decoder *decoder);
};

struct ad_decoder {
    const struct kind *kind;
    uint64_t memory;
    bool whole;
    bool ended; /* at the end of a stream: what follows must begin one */
    union {
        z_stream zlib;
        ZSTD_DCtx *zstd;
        LZ4F_dctx *lz4;
        lzma_stream lzma;
    };
};

/* ---- plain ---------------------------------------------------------------------------------------- */

static const char *plain_step(struct ad_decoder *decoder, struct ad_decode *decode)
{
    size_t size = decode->in_size < decode->out_size ? decode->in_size : decode->out_size;
    memcpy(decode->out, decode->in, size);
    decode->in += size;
    decode->in_size -= size;
    decode->out += size;
    decode->out_size -= size;
    (void)decoder;
    return NULL;
}

static const struct kind plain = {.step = plain_step};

/* ---- gzip ----------------------------------------------------------------------------------------- */

#define GZIP_WINDOW (15 + 16) /* zlib.h: the largest window, and a gzip header is wanted */

static struct ad_error *gzip_open(struct ad_decoder *decoder)
{
    return inflateInit2(&decoder->zlib, GZIP_WINDOW) == Z_OK ? NULL : &ad_error_nomem;
}

static const char *gzip_step(struct ad_decoder *decoder, struct ad_decode *decode)
{
    z_stream *stream = &decoder->zlib;
    int result = Z_OK;
    stream->next_in = (Bytef *)decode->in; /* never written through */
    stream->avail_in = (uInt)decode->in_size;
    stream->next_out = decode->out;
    stream->avail_out = (uInt)decode->out_size;
    while (result == Z_OK && (stream->avail_in || !decoder->ended) && stream->avail_out) {
        if (decoder->ended)
            inflateReset(stream);
        result = inflate(stream, Z_NO_FLUSH);
        decoder->ended = decoder->whole = result == Z_STREAM_END;
        if (decoder->ended)
            result = Z_OK;
    }
    decode->in = stream->next_in;
    decode->in_size = stream->avail_in;
    decode->out = stream->next_out;
    decode->out_size = stream->avail_out;
    if (result == Z_OK || result == Z_BUF_ERROR) /* the latter: nothing to do, no harm */
        return NULL;
    return stream->msg ? stream->msg : "the data make no sense";
}

static void gzip_close(struct ad_decoder *decoder)
{
    inflateEnd(&decoder->zlib);
}

/* ---- zstd ----------------------------------------------------------------------------------------- */

static struct ad_error *zstd_open(struct ad_decoder *decoder)
{
    ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    int window = bounds.lowerBound;
    while (window < bounds.upperBound && UINT64_C(2) << window <= decoder->memory)
        window++;
    decoder->zstd = ZSTD_createDCtx();
    if (!decoder->zstd)
        return &ad_error_nomem;
    size_t result = ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, window);
    return ZSTD_isError(result) ? ad_error_create(AD_ERROR_LIMIT, "zstd: %s", ZSTD_getErrorName(result)) : NULL;
}

static const char *zstd_step(struct ad_decoder *decoder, struct ad_decode *decode)
{
    ZSTD_inBuffer in = {.src = decode->in, .size = decode->in_size};
    ZSTD_outBuffer out = {.dst = decode->out, .size = decode->out_size};
    size_t result = 0, before;
    do {
        before = in.pos + out.pos;
        if (in.pos == in.size && decoder->whole)
            break;
        result = ZSTD_decompressStream(decoder->zstd, &out, &in);
        decoder->whole = result == 0;
    } while (!ZSTD_isError(result) && out.pos < out.size && in.pos + out.pos > before);
    decode->in += in.pos;
    decode->in_size -= in.pos;
    decode->out += out.pos;
    decode->out_size -= out.pos;
    return ZSTD_isError(result) ? ZSTD_getErrorName(result) : NULL;
}

static void zstd_close(struct ad_decoder *decoder)
{
    ZSTD_freeDCtx(decoder->zstd);
}

/* ---- lz4 ------------------------------------------------------------------------------------------ */

static struct ad_error *lz4_open(struct ad_decoder *decoder)
{
    size_t result = LZ4F_createDecompressionContext(&decoder->lz4, LZ4F_VERSION);
    return LZ4F_isError(result) ? &ad_error_nomem : NULL;
}

/* Its blocks are of at most 4 MiB by the format: no limit has to be set. */
static const char *lz4_step(struct ad_decoder *decoder, struct ad_decode *decode)
{
    for (;;) {
        size_t taken = decode->in_size, given = decode->out_size;
        if (!given || (!taken && decoder->whole))
            return NULL;
        size_t result = LZ4F_decompress(decoder->lz4, decode->out, &given, decode->in, &taken, NULL);
        if (LZ4F_isError(result))
            return LZ4F_getErrorName(result);
        decoder->whole = result == 0;
        decode->in += taken;
        decode->in_size -= taken;
        decode->out += given;
        decode->out_size -= given;
        if (!taken && !given)
            return NULL;
    }
}

static void lz4_close(struct ad_decoder *decoder)
{
    LZ4F_freeDecompressionContext(decoder->lz4);
}

/* ---- xz ------------------------------------------------------------------------------------------- */

static struct ad_error *xz_open(struct ad_decoder *decoder)
{
    decoder->lzma = (lzma_stream)LZMA_STREAM_INIT;
    return lzma_stream_decoder(&decoder->lzma, decoder->memory, 0) == LZMA_OK ? NULL : &ad_error_nomem;
}

static const char *xz_words(lzma_ret result)
{
    switch (result) {
    case LZMA_MEMLIMIT_ERROR:
        return "it needs more memory than the limit unpack_memory";
    case LZMA_MEM_ERROR:
        return "out of memory";
    case LZMA_FORMAT_ERROR:
        return "what follows is no xz stream";
    case LZMA_OPTIONS_ERROR:
        return "it uses an option that is not understood";
    default:
        return "the data are corrupt";
    }
}

static const char *xz_step(struct ad_decoder *decoder, struct ad_decode *decode)
{
    lzma_stream *stream = &decoder->lzma;
    lzma_ret result = LZMA_OK;
    stream->next_in = decode->in;
    stream->avail_in = decode->in_size;
    stream->next_out = decode->out;
    stream->avail_out = decode->out_size;
    while (result == LZMA_OK && (stream->avail_in || !decoder->ended) && stream->avail_out) {
        if (decoder->ended && lzma_stream_decoder(stream, decoder->memory, 0) != LZMA_OK)
            return "out of memory";
        result = lzma_code(stream, LZMA_RUN);
        decoder->ended = decoder->whole = result == LZMA_STREAM_END;
        if (decoder->ended)
            result = LZMA_OK;
    }
    decode->in = stream->next_in;
    decode->in_size = stream->avail_in;
    decode->out = stream->next_out;
    decode->out_size = stream->avail_out;
    return result == LZMA_OK || result == LZMA_BUF_ERROR ? NULL : xz_words(result);
}

static void xz_close(struct ad_decoder *decoder)
{
    lzma_end(&decoder->lzma);
}

/* ---- all ------------------------------------------------------------------------------------------ */

static const struct kind kinds[] = {
    {"\x28\xb5\x2f\xfd", 4, zstd_open, zstd_step, zstd_close},
    {"\x04\x22\x4d\x18", 4, lz4_open, lz4_step, lz4_close},
    {"\xfd\x37zXZ", 6, xz_open, xz_step, xz_close},
    {"\x1f\x8b", 2, gzip_open, gzip_step, gzip_close},
};

static const struct kind *kind_of(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (size >= kinds[i].magic_size && !memcmp(bytes, kinds[i].magic, kinds[i].magic_size))
            return &kinds[i];
    return &plain;
}

bool ad_compression_known(const uint8_t *bytes, size_t size)
{
    return kind_of(bytes, size) != &plain;
}

struct ad_error *ad_decoder_create(const uint8_t *bytes, size_t size, uint64_t memory,
                                   struct ad_decoder **decoder_ret)
{
    struct ad_decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder)
        return &ad_error_nomem;
    decoder->kind = kind_of(bytes, size);
    decoder->memory = memory;
    decoder->whole = decoder->kind == &plain;
    struct ad_error *error = decoder->kind->open ? decoder->kind->open(decoder) : NULL;
    if (error)
        ad_decoder_destroy(decoder);
    else
        *decoder_ret = decoder;
    return error;
}

const char *ad_decoder_step(struct ad_decoder *decoder, struct ad_decode *decode)
{
    return decoder->kind->step(decoder, decode);
}

bool ad_decoder_whole(const struct ad_decoder *decoder)
{
    return decoder->whole;
}

void ad_decoder_destroy(struct ad_decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->kind->close)
        decoder->kind->close(decoder);
    free(decoder);
}
