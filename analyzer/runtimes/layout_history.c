/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "runtimes/layout_internal.h"
#include "runtimes/layout_walk.h"

/* ---- Finished tasks ------------------------------------------------------------------------------- */

static struct ad_error *fill_finished(struct ad_layout *layout, const struct ad_record *record,
                                      struct ad_finished *finished)
{
    uint64_t state = ad_record_value(record, ASYNC_DEBUG_FINISHED_STATE);
    *finished = (struct ad_finished){
        .runtime = layout->runtime,
        .native_id = ad_record_value(record, ASYNC_DEBUG_FINISHED_ID),
        .state = (enum async_debug_state_class)ad_name_meaning(&layout->task_states, state),
        .state_name = ad_name_text(&layout->task_states, state),
        .start_function = ad_record_value(record, ASYNC_DEBUG_FINISHED_START),
        .start_location = AD_NONE,
        .parent_id = ad_record_value(record, ASYNC_DEBUG_FINISHED_PARENT_ID),
        .spawned_at = ad_record_value(record, ASYNC_DEBUG_FINISHED_SPAWNED_AT),
        .finished_at = ad_record_value(record, ASYNC_DEBUG_FINISHED_FINISHED_AT),
        .error = (int64_t)ad_record_value(record, ASYNC_DEBUG_FINISHED_ERROR),
        .resumes = ad_record_value(record, ASYNC_DEBUG_FINISHED_RESUMES),
        .cpu_time = ad_record_value(record, ASYNC_DEBUG_FINISHED_CPU_TIME),
        .flags = ad_record_value(record, ASYNC_DEBUG_FINISHED_FLAGS),
    };
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_FINISHED_NAME, &finished->name));
    finished->name = finished->name ? finished->name : "";
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_FINISHED_ERROR_TEXT, &finished->error_text));
    return ad_record_place(record, layout, ASYNC_DEBUG_FINISHED_SPAWN_SITE, &finished->spawn_site);
}

/* A record that says a task is alive is none, or is being written. */
static bool has_ended(const struct ad_layout *layout, const struct ad_record *record)
{
    if (!ad_record_has(record, ASYNC_DEBUG_FINISHED_STATE))
        return true;
    uint16_t state = ad_name_meaning(&layout->task_states, ad_record_value(record, ASYNC_DEBUG_FINISHED_STATE));
    return state == ASYNC_DEBUG_STATE_RETURNED || state == ASYNC_DEBUG_STATE_FAILED ||
           state == ASYNC_DEBUG_STATE_CANCELLED;
}

/* How many records to read: what was written and not yet overwritten, up to the limit. */
static struct ad_error *count_finished(const struct ad_layout *layout, uint64_t *count_ret)
{
    const struct ad_books *books = &layout->books;
    uint64_t kept = books->history_count, limit = layout->limits->history;
    kept = kept < books->history_capacity ? kept : books->history_capacity;
    *count_ret = kept < limit ? kept : limit;
    if (kept <= limit)
        return NULL;
    return ad_snapshot_lose(layout->snapshot, true, kept - limit,
                            "the history has %llu finished tasks, only the last %llu were read",
                            (unsigned long long)kept, (unsigned long long)limit);
}

static struct ad_error *read_finished(struct ad_layout *layout, struct ad_record *record, uint64_t address)
{
    if (!ad_record_fetch(record, layout, address) || !has_ended(layout, record)) {
        ad_layout_tally(layout, AD_TALLY_HISTORY, address);
        return NULL;
    }
    struct ad_finished finished;
    AD_TRY(fill_finished(layout, record, &finished));
    return ad_vector_push(&layout->snapshot->finished, &finished);
}

/* From the newest, before the slot that is written next, backwards around the ring. */
static struct ad_error *read_history(struct ad_layout *layout)
{
    const struct ad_books *books = &layout->books;
    ad_auto_record struct ad_record record = {0};
    uint64_t count, bytes, end;
    AD_TRY(ad_record_init(&record, layout, ASYNC_DEBUG_FINISHED));
    if (!books->history || !books->history_capacity || !record.shape->size)
        return NULL;
    if (!ad_mul(books->history_capacity, (uint64_t)record.shape->size, &bytes) ||
        !ad_add(books->history, bytes, &end)) {
        ad_layout_tally(layout, AD_TALLY_HISTORY, books->history);
        return NULL;
    }
    AD_TRY(count_finished(layout, &count));
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t slot = (books->history_count - i) % books->history_capacity;
        AD_TRY(read_finished(layout, &record, books->history + slot * record.shape->size));
    }
    return NULL;
}

/* ---- Handles -------------------------------------------------------------------------------------- */

static struct ad_error *add_handle(struct ad_layout *layout, const struct ad_record *record)
{
    struct ad_handle handle = {
        .runtime = layout->runtime,
        .address = record->address,
        .fd = (int64_t)ad_record_value_or(record, ASYNC_DEBUG_HANDLE_FD, UINT64_MAX),
        .task_id = ad_record_value(record, ASYNC_DEBUG_HANDLE_TASK),
        .opened_at = ad_record_value(record, ASYNC_DEBUG_HANDLE_OPENED_AT),
    };
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_HANDLE_KIND, &handle.kind));
    AD_TRY(ad_record_text(record, layout, ASYNC_DEBUG_HANDLE_NAME, &handle.name));
    AD_TRY(ad_record_place(record, layout, ASYNC_DEBUG_HANDLE_SITE, &handle.site));
    return ad_vector_push(&layout->snapshot->handles, &handle);
}

/* ---- Functions ------------------------------------------------------------------------------------ */

static struct ad_error *add_function(struct ad_layout *layout, const struct ad_record *record)
{
    struct ad_function function = {
        .runtime = layout->runtime,
        .start = ad_record_value(record, ASYNC_DEBUG_FUNCTION_START),
        .start_location = AD_NONE,
        .spawned = ad_record_value(record, ASYNC_DEBUG_FUNCTION_SPAWNED),
        .finished = ad_record_value(record, ASYNC_DEBUG_FUNCTION_FINISHED),
        .failed = ad_record_value(record, ASYNC_DEBUG_FUNCTION_FAILED),
        .resumes = ad_record_value(record, ASYNC_DEBUG_FUNCTION_RESUMES),
        .cpu_time = ad_record_value(record, ASYNC_DEBUG_FUNCTION_CPU_TIME),
        .wall_time = ad_record_value(record, ASYNC_DEBUG_FUNCTION_WALL_TIME),
        .longest_step = ad_record_value(record, ASYNC_DEBUG_FUNCTION_LONGEST_STEP),
        .longest_task = ad_record_value(record, ASYNC_DEBUG_FUNCTION_LONGEST_TASK),
    };
    return ad_vector_push(&layout->snapshot->functions, &function);
}

/* ---- Both are lists ------------------------------------------------------------------------------- */

struct book {
    enum async_debug_record_kind kind;
    unsigned next;
    uint64_t first;
    uint64_t limit;
    enum ad_tally_kind tally;
    struct ad_vector *entries;
    struct ad_error *(*add)(struct ad_layout *layout, const struct ad_record *record);
};

/* Each record once: of a list that runs in a circle what comes again is dropped. */
static struct ad_error *read_book(struct ad_layout *layout, const struct book *book)
{
    ad_auto_record struct ad_record record = {0};
    struct ad_walk walk;
    uint64_t next = 0;
    size_t start = book->entries->count;
    AD_TRY(ad_record_init(&record, layout, book->kind));
    layout->visited.count = 0;
    if (!book->first || !record.shape->size)
        return NULL;
    for (ad_walk_init(&walk, book->first, 0, book->limit); ad_walk_going(&walk); ad_walk_next(&walk, next)) {
        if (!ad_record_fetch(&record, layout, walk.at)) {
            ad_walk_end(&walk, AD_WALK_FAULT);
            break;
        }
        AD_TRY(ad_vector_push(&layout->visited, &walk.at));
        AD_TRY(book->add(layout, &record));
        next = ad_record_link(&record, book->next, record.shape, book->next);
    }
    book->entries->count = start + ad_walk_distinct(&walk, layout->visited.items, layout->visited.count);
    if (!ad_walk_whole(&walk))
        ad_layout_tally(layout, book->tally, walk.at);
    return NULL;
}

struct ad_error *ad_layout_history(struct ad_layout *layout)
{
    const struct book handles = {ASYNC_DEBUG_HANDLE,
                                 ASYNC_DEBUG_HANDLE_NEXT,
                                 layout->books.handles,
                                 layout->limits->handles,
                                 AD_TALLY_HANDLES,
                                 &layout->snapshot->handles,
                                 add_handle};
    const struct book functions = {ASYNC_DEBUG_FUNCTION,
                                   ASYNC_DEBUG_FUNCTION_NEXT,
                                   layout->books.functions,
                                   layout->limits->functions,
                                   AD_TALLY_FUNCTIONS,
                                   &layout->snapshot->functions,
                                   add_function};
    AD_TRY(read_history(layout));
    AD_TRY(read_book(layout, &handles));
    return read_book(layout, &functions);
}
