/* SPDX-License-Identifier: MIT */
#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "symbol/child.h"

/* Of children in a row that died of a name: a file with so many such names is left alone. */
#define DEATHS 4

bool ad_is_mangled(const char *name)
{
    return name && name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

static int by_name(const void *a, const void *b)
{
    const struct ad_mangled *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* ---- In the child: for each name u32 length | bytes, length UINT32_MAX where it stays ---- */

/* What is still to be done. */
struct job {
    const struct ad_mangled *names; /* sorted */
    size_t count;
    const struct ad_limits *limits;
};

static size_t same_names(const struct job *job, size_t first)
{
    size_t end = first + 1;
    while (end < job->count && strcmp(job->names[end].name, job->names[first].name) == 0)
        end++;
    return end - first;
}

static int answer(void *context, FILE *out)
{
    const struct job *job = context;
    close(STDERR_FILENO); /* where the library would complain */
    for (size_t i = 0; i < job->count; i += same_names(job, i)) {
        bool short_enough = strnlen(job->names[i].name, job->limits->name_bytes) < job->limits->name_bytes;
        char *plain = short_enough ? cplus_demangle(job->names[i].name, DMGL_AUTO | DMGL_ANSI) : NULL;
        size_t length = plain ? strnlen(plain, job->limits->name_bytes) : UINT32_MAX;
        fwrite(&(uint32_t){(uint32_t)length}, sizeof(uint32_t), 1, out);
        fwrite(plain ? plain : "", 1, plain ? length : 0, out);
        free(plain);
        if (fflush(out)) /* a later name may be the end */
            return 1;
    }
    return 0;
}

/* ---- In the parent ---- */

/* Takes the answers, whole ones only; the number of names that they are for. */
static struct ad_error *take(const struct job *job, const struct ad_child_end *end, struct ad_pool *pool,
                             size_t *done_ret)
{
    struct ad_cursor in;
    ad_cursor_init(&in, end->bytes, end->size);
    size_t next = 0;
    for (*done_ret = 0; *done_ret < job->count; *done_ret = next) {
        uint32_t length = ad_cursor_u32(&in);
        const char *bytes = length == UINT32_MAX ? NULL : ad_cursor_bytes(&in, length), *plain = NULL;
        if (in.failed)
            return NULL;
        if (bytes && length && !(plain = ad_pool_text(pool, bytes, strnlen(bytes, length))))
            return &ad_error_nomem;
        next = *done_ret + same_names(job, *done_ret);
        for (size_t i = *done_ret; plain && i < next; i++)
            *job->names[i].plain_ret = plain;
    }
    return NULL;
}

struct ad_error *ad_demangle(struct ad_mangled *names, size_t count, const struct ad_limits *limits,
                             struct ad_pool *pool)
{
    struct ad_limits own = *limits;
    own.symbol_seconds = limits->name_seconds;
    own.symbol_bytes = limits->name_memory;
    if (count)
        qsort(names, count, sizeof(*names), by_name);
    struct job job = {names, count, &own};
    for (int deaths = 0; job.count && deaths < DEATHS; deaths++) {
        struct ad_child_end end;
        size_t done;
        AD_TRY(ad_child_run(NULL, 0, answer, &job, &own, &end));
        ad_auto_free void *bytes = end.bytes;
        AD_TRY(take(&job, &end, pool, &done));
        if (done < job.count)
            done += same_names(&job, done); /* the child has died of this one */
        job.names += done;
        job.count -= done;
    }
    return NULL;
}
