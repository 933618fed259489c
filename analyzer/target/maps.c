/* SPDX-License-Identifier: MIT */
#include "target/maps.h"

#include <string.h>

/* A hexadecimal number and the character behind it; false when either is missing. */
static bool hex(const char **text, char behind, uint64_t *value_ret)
{
    const char *digit = *text;
    uint64_t value = 0;
    for (;; digit++) {
        unsigned number;
        if (*digit >= '0' && *digit <= '9')
            number = (unsigned)(*digit - '0');
        else if (*digit >= 'a' && *digit <= 'f')
            number = (unsigned)(*digit - 'a') + 10;
        else
            break;
        if (value >> 60)
            return false;
        value = value << 4 | number;
    }
    if (digit == *text || *digit != behind)
        return false;
    *text = digit + 1;
    *value_ret = value;
    return true;
}

/* The kernel writes a newline inside a path as \012, and nothing else that way. */
static size_t unescape(char *to, const char *from, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        bool newline = length - i >= 4 && memcmp(from + i, "\\012", 4) == 0;
        to[used++] = newline ? '\n' : from[i];
        i += newline ? 3 : 0;
    }
    return used;
}

/* The path that ends the line, copied unless the region before has the same. */
static struct ad_error *take_path(const char *path, size_t length, const struct ad_region *before,
                                  struct ad_pool *pool, const char **path_ret)
{
    char *copy = ad_pool_alloc(pool, length + 1);
    if (!copy)
        return &ad_error_nomem;
    unescape(copy, path, length);
    *path_ret = before && before->path && strcmp(before->path, copy) == 0 ? before->path : copy;
    return NULL;
}

/* "START-END rwxp OFFSET DEVICE INODE   PATH" up to the path, where `line` is left. */
static bool parse_numbers(const char **line, struct ad_region *region)
{
    static const struct {
        char letter;
        uint32_t bit;
    } bits[] = {{'r', AD_REGION_READ}, {'w', AD_REGION_WRITE}, {'x', AD_REGION_EXECUTE}};
    if (!hex(line, '-', &region->range.start) || !hex(line, ' ', &region->range.end))
        return false;
    if (strnlen(*line, 5) < 5)
        return false;
    for (size_t i = 0; i < 3; i++)
        region->protection |= (*line)[i] == bits[i].letter ? bits[i].bit : 0;
    *line += 5;
    return hex(line, ' ', &region->file_offset);
}

static struct ad_error *parse_line(const char *line, const char *end, const struct ad_region *before,
                                   struct ad_pool *pool, struct ad_region *region, bool *good_ret)
{
    *good_ret = parse_numbers(&line, region) && region->range.start < region->range.end &&
                (!before || before->range.end <= region->range.start);
    region->in_dump = true;
    for (int field = 0; *good_ret && field < 2; field++) /* device and inode */
        line += strcspn(line, " \n") + (line[strcspn(line, " \n")] == ' ');
    if (!*good_ret || line > end)
        return NULL;
    line += strspn(line, " ");
    if (*line != '/' && strncmp(line, "[vdso]", 6) != 0)
        return NULL;
    return take_path(line, (size_t)(end - line), before, pool, &region->path);
}

struct ad_error *ad_maps_parse(const char *text, const struct ad_limits *limits, struct ad_pool *pool,
                               struct ad_vector *regions, uint64_t *skipped_ret)
{
    for (const char *line = text, *next; *line; line = next) {
        const char *end = strchrnul(line, '\n');
        next = *end ? end + 1 : end;
        struct ad_region region = {0};
        struct ad_region *before =
            regions->count ? &AD_ITEMS(struct ad_region, regions)[regions->count - 1] : NULL;
        bool good;
        AD_TRY(parse_line(line, end, before, pool, &region, &good));
        if (good && regions->count < limits->regions)
            AD_TRY(ad_vector_push(regions, &region));
        else
            ++*skipped_ret;
    }
    return NULL;
}
