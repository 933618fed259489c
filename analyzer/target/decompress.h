/* SPDX-License-Identifier: MIT */
/**
 * @file decompress.h - the compressions in which cores are kept, as one kind of decoder.
 *
 * A decoder takes and gives bytes piece by piece and holds a bounded amount of memory, whatever the bytes
 * say. Streams that follow each other in one file (pzstd, pigz, cat) are one. Sources: RFC 1952 (gzip), RFC 8878
 * (zstd), lz4_Frame_format.md of lz4, xz-file-format.txt of xz; the work is done by their libraries.
 */
#ifndef AD_TARGET_DECOMPRESS_H
#define AD_TARGET_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/** What one step may take and where it may put; both move on as it does. */
struct ad_decode {
    const uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t out_size;
};

struct ad_decoder;

/** The longest magic: so many first bytes are enough to tell. */
#define AD_COMPRESSION_MAGIC ((size_t)6)

/** Whether these are the first bytes of a compression that is understood. */
bool ad_compression_known(const uint8_t *bytes, size_t size);

/**
 * A decoder for what begins with these bytes; of no known compression, one that hands them on as they
 * are. It never holds more than about `memory` bytes: a stream that needs more is refused by its step.
 */
struct ad_error *ad_decoder_create(const uint8_t *bytes, size_t size, uint64_t memory,
                                   struct ad_decoder **decoder_ret) ad_must_check;

/**
 * Decodes until the input is used up or the output is full; a full output may have more behind it, so
 * step again, also without input. NULL, or words for what is wrong with the stream, which then ends there.
 */
const char *ad_decoder_step(struct ad_decoder *decoder, struct ad_decode *decode) ad_must_check;

/** Whether the input may end here: not inside a stream. */
bool ad_decoder_whole(const struct ad_decoder *decoder);

/** Takes NULL. */
void ad_decoder_destroy(struct ad_decoder *decoder);

#endif
