/* SPDX-License-Identifier: MIT */
#include "runtimes/layout_walk.h"

#include <stdio.h>

/* Decides what the record at hand means before it is read. */
static void look(struct ad_walk *walk)
{
    if (!walk->at)
        walk->stop = AD_WALK_END;
    else if (walk->at == walk->head || (walk->steps && walk->at == walk->first))
        walk->stop = AD_WALK_HEAD;
    else if (walk->steps && walk->at == walk->anchor)
        walk->stop = AD_WALK_CYCLE;
    else if (walk->steps >= walk->cap)
        walk->stop = AD_WALK_CAP;
}

void ad_walk_init(struct ad_walk *walk, uint64_t first, uint64_t head, uint64_t cap)
{
    *walk = (struct ad_walk){
        .at = first, .first = first, .head = head, .cap = cap, .anchor = first, .power = 1};
    look(walk);
}

bool ad_walk_going(const struct ad_walk *walk)
{
    return walk->stop == AD_WALK_GOING;
}

void ad_walk_next(struct ad_walk *walk, uint64_t next)
{
    if (!ad_walk_going(walk))
        return;
    if (walk->since_anchor == walk->power) {
        walk->anchor = walk->at;
        walk->power *= 2;
        walk->since_anchor = 0;
    }
    walk->at = next;
    walk->steps++;
    walk->since_anchor++;
    look(walk);
}

void ad_walk_end(struct ad_walk *walk, enum ad_walk_stop stop)
{
    walk->stop = stop;
}

bool ad_walk_whole(const struct ad_walk *walk)
{
    return walk->stop == AD_WALK_END || walk->stop == AD_WALK_HEAD;
}

size_t ad_walk_distinct(const struct ad_walk *walk, const uint64_t *visited, size_t count)
{
    if (walk->stop != AD_WALK_CYCLE || walk->since_anchor >= count)
        return count;
    for (size_t i = 0; i + walk->since_anchor < count; i++)
        if (visited[i] == visited[i + walk->since_anchor])
            return i + walk->since_anchor;
    return count;
}

const char *ad_walk_text(const struct ad_walk *walk, char *text)
{
    static const char *const words[] = {
        [AD_WALK_GOING] = "not ended",          [AD_WALK_END] = "ended",
        [AD_WALK_HEAD] = "ended where it began", [AD_WALK_CYCLE] = "cycle",
        [AD_WALK_CAP] = "limit reached",        [AD_WALK_FAULT] = "broken",
    };
    if (walk->at)
        snprintf(text, AD_WALK_TEXT, "%s at 0x%llx", words[walk->stop], (unsigned long long)walk->at);
    else
        snprintf(text, AD_WALK_TEXT, "%s", words[walk->stop]);
    return text;
}
