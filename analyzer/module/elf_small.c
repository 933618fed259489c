/* SPDX-License-Identifier: MIT */
/* The ELF file inside .gnu_debugdata, compressed by xz, whose .symtab has the functions that .dynsym has not ("Debugging
 * information in a special section" of GDB's manual). */
#include <string.h>

#include "base/cleanup.h"
#include "module/elf_internal.h"
#include "target/decompress.h"

static const char section_name[] = ".gnu_debugdata";

/* What is unpacked grows so: such files shrink to a quarter or less. */
#define GROWTH 4

static struct ad_error *broken(const struct ad_elf_file *file, const char *why)
{
    return ad_error_create(AD_ERROR_FORMAT, "%s: its %s cannot be read: %s", file->path, section_name, why);
}

/* Room for more behind `used` bytes, within the limit. */
static struct ad_error *grow(const struct ad_elf_file *file, size_t used, struct ad_elf_data *data)
{
    uint64_t limit = file->limits->small_debug_bytes;
    size_t size = used > limit / GROWTH ? (size_t)limit : used * GROWTH;
    if (used >= limit)
        return ad_error_create(AD_ERROR_LIMIT, "%s: its %s has more than %llu bytes, the limit small_debug_bytes",
                               file->path, section_name, (unsigned long long)limit);
    void *bytes = realloc(data->bytes, size + 1);
    if (!bytes)
        return &ad_error_nomem;
    data->bytes = bytes;
    data->size = size;
    return NULL;
}

/* Unpacks all of `in` into `data`; the number of bytes. */
static struct ad_error *unpack(const struct ad_elf_file *file, struct ad_decoder *decoder, struct ad_decode *decode,
                               struct ad_elf_data *data, size_t *used_ret)
{
    size_t used = 0;
    while (used == data->size) {
        AD_TRY(grow(file, used ? used : decode->in_size, data));
        decode->out = (uint8_t *)data->bytes + used;
        decode->out_size = data->size - used;
        const char *wrong = ad_decoder_step(decoder, decode);
        if (wrong)
            return broken(file, wrong);
        used = data->size - decode->out_size;
    }
    *used_ret = used;
    return ad_decoder_whole(decoder) ? NULL : broken(file, "it is cut off");
}

static struct ad_error *read_small(struct ad_elf_file *file, struct ad_elf_data *data, size_t *used_ret)
{
    static const uint8_t xz[] = {0xfd, '7', 'z', 'X', 'Z'};
    struct ad_decoder *decoder;
    const void *packed;
    size_t size;
    AD_TRY(ad_elf_section_data(file, ad_elf_section(file, section_name), &packed, &size));
    if (size < sizeof(xz) || memcmp(packed, xz, sizeof(xz)) != 0)
        return broken(file, "it is no xz stream");
    AD_TRY(ad_decoder_create(packed, size, file->limits->unpack_memory, &decoder));
    struct ad_decode decode = {.in = packed, .in_size = size};
    struct ad_error *error = unpack(file, decoder, &decode, data, used_ret);
    ad_decoder_destroy(decoder);
    return error;
}

static struct ad_error *load(struct ad_elf_file *file)
{
    ad_cleanup(ad_cleanup_free) void *owner = NULL;
    struct ad_elf_data data = {0};
    size_t used = 0;
    struct ad_error *error = read_small(file, &data, &used);
    owner = data.bytes;
    return error ? error : ad_elf_open_image(file->path, data.bytes, used, file->limits, &file->small);
}

struct ad_elf_file *ad_elf_small(struct ad_elf_file *file)
{
    if (file->small_loaded || !ad_elf_has_section(file, section_name))
        return file->small;
    file->small_loaded = true;
    file->small_error = load(file);
    return file->small;
}

const char *ad_elf_small_problem(const struct ad_elf_file *file)
{
    return file->small_error ? file->small_error->message : NULL;
}
