/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "report/json_internal.h"
#include "report/stack.h"
#include "report/words.h"

json_t *ad_json_text(const char *text)
{
    char buffer[AD_ESCAPE_MAX];
    return text && *text ? json_string(ad_escape(buffer, sizeof(buffer), text)) : json_null();
}

json_t *ad_json_number(uint64_t number)
{
    return number <= INT64_MAX ? json_integer((json_int_t)number) : json_null();
}

json_t *ad_json_nonzero(uint64_t number)
{
    return number ? ad_json_number(number) : json_null();
}

json_t *ad_json_address(uint64_t address)
{
    char text[32];
    snprintf(text, sizeof(text), "0x%" PRIx64, address);
    return json_string(text);
}

json_t *ad_json_task(const struct ad_snapshot *snapshot, uint32_t index)
{
    return index < snapshot->tasks.count ? json_integer(AD_ITEMS(struct ad_task, &snapshot->tasks)[index].id)
                                         : json_null();
}

json_t *ad_json_worker(const struct ad_snapshot *snapshot, uint32_t index)
{
    return index < snapshot->workers.count
               ? json_integer(AD_ITEMS(struct ad_worker, &snapshot->workers)[index].id)
               : json_null();
}

json_t *ad_json_place(const struct ad_place *place)
{
    if (!place->file && !place->function)
        return json_null();
    return json_pack("{so sI so}", "file", ad_json_text(place->file), "line", (json_int_t)place->line,
                     "function", ad_json_text(place->function));
}

json_t *ad_json_time_left(const struct ad_snapshot *snapshot, uint64_t deadline)
{
    if (!deadline || !snapshot->now || deadline > INT64_MAX || snapshot->now > INT64_MAX)
        return json_null();
    return json_integer((json_int_t)deadline - (json_int_t)snapshot->now);
}

json_t *ad_json_signed(int64_t number)
{
    return number ? json_integer((json_int_t)number) : json_null();
}

json_t *ad_json_pointer(uint64_t address)
{
    return address ? ad_json_address(address) : json_null();
}

json_t *ad_json_age(const struct ad_snapshot *snapshot, uint64_t since)
{
    return ad_json_number(ad_age(snapshot, since));
}

json_t *ad_json_error(int64_t error, const char *text, const struct ad_place *site)
{
    const struct ad_place none = {0};
    const char *name = error < 0 && error >= -INT32_MAX ? strerrorname_np((int)-error) : NULL;
    if (!error && !(text && *text))
        return json_null();
    return json_pack("{so so so so}", "code", ad_json_signed(error), "name", ad_json_text(name), "text",
                     ad_json_text(text), "site", ad_json_place(site ? site : &none));
}

json_t *ad_json_append(json_t *array, json_t *value)
{
    if (array && value && json_array_append_new(array, value) == 0)
        return array;
    if (!array)
        json_decref(value); /* else json_array_append_new has let it go */
    json_decref(array);
    return NULL;
}

json_t *ad_json_join(json_t *value, json_t *more)
{
    if (!value || !more || json_object_update(value, more)) {
        json_decref(value);
        value = NULL;
    }
    json_decref(more);
    return value;
}

json_t *ad_json_flags(uint64_t flags)
{
    json_t *words = json_array();
    for (unsigned i = 0; ad_task_flag_word(i); i++)
        if (flags & UINT64_C(1) << i)
            words = ad_json_append(words, json_string(ad_task_flag_word(i)));
    return words;
}

json_t *ad_json_line(const struct ad_stack_line *shown)
{
    const struct ad_line *line = shown->line;
    bool has_line = line && line->file;
    return json_pack("{so so so sb sb so so so}", "function", ad_json_text(line ? line->function : NULL),
                     "file", ad_json_text(has_line ? line->file : NULL), "line",
                     has_line ? json_integer(line->line) : json_null(), "inlined", line && line->inlined,
                     "hidden", shown->hidden, "pc", ad_json_address(shown->location->pc), "module",
                     ad_json_text(shown->location->module), "offset", ad_json_number(shown->location->offset));
}

json_t *ad_json_location(const struct ad_snapshot *snapshot, uint32_t location)
{
    struct ad_stack_line line;
    if (location >= snapshot->locations.count ||
        !ad_location_line(snapshot, &AD_ITEMS(struct ad_location, &snapshot->locations)[location], 0, &line))
        return json_null();
    return ad_json_line(&line);
}
