/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "report/describe.h"
#include "report/escape.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/words.h"

static size_t tell_tasks(FILE *out, const struct ad_snapshot *snapshot, uint64_t address)
{
    size_t told = 0;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[i];
        bool record = task->address == address;
        bool stack = address >= task->stack_low && address - task->stack_low < task->stack_size;
        if (!record && !stack)
            continue;
        fprintf(out, "0x%" PRIx64 " is ", address);
        if (record)
            fputs("the record of task ", out);
        else
            fprintf(out, "in the stack, 0x%" PRIx64 " bytes below its top, of task ",
                    task->stack_size - (address - task->stack_low));
        ad_print_task(out, task, 0);
        fprintf(out, ", %s\n", ad_task_state_word(snapshot, task));
        told++;
    }
    return told;
}

static size_t tell_futures(FILE *out, const struct ad_snapshot *snapshot, uint64_t address)
{
    size_t told = 0;
    for (uint32_t i = 0; i < snapshot->futures.count; i++) {
        const struct ad_future *future = &AD_ITEMS(struct ad_future, &snapshot->futures)[i];
        if (future->address != address && (!future->object || future->object != address))
            continue;
        fprintf(out, "0x%" PRIx64 " is %s ", address, future->address == address ? "the future" : "the object of");
        ad_describe_future(out, snapshot, i, AD_DETAIL_FULL);
        fprintf(out, "; %" PRIu32 " wait%s for it\n", future->waiter_count, future->waiter_count == 1 ? "s" : "");
        told++;
    }
    return told;
}

static size_t tell_workers(FILE *out, const struct ad_snapshot *snapshot, uint64_t address)
{
    size_t told = 0;
    for (size_t i = 0; i < snapshot->workers.count; i++) {
        const struct ad_worker *worker = &AD_ITEMS(struct ad_worker, &snapshot->workers)[i];
        if (worker->address != address && (!worker->loop || worker->loop != address))
            continue;
        fprintf(out, "0x%" PRIx64 " is the %s worker %" PRIu32 "\n", address,
                worker->address == address ? "record of" : "event loop of", worker->id);
        told++;
    }
    return told;
}

static size_t tell_code(FILE *out, const struct ad_snapshot *snapshot, uint64_t address)
{
    struct ad_stack_line line;
    for (size_t i = 0; i < snapshot->locations.count; i++) {
        const struct ad_location *location = &AD_ITEMS(struct ad_location, &snapshot->locations)[i];
        if (location->pc != address || !ad_location_line(snapshot, location, 0, &line))
            continue;
        fprintf(out, "0x%" PRIx64 " is code: ", address);
        ad_print_line_short(out, &line);
        fputc('\n', out);
        return 1;
    }
    return 0;
}

struct ad_error *ad_report_whatis(FILE *out, const struct ad_snapshot *snapshot,
                                  const struct ad_findings *findings, const struct ad_report_options *options)
{
    uint64_t address = options->address;
    (void)findings;
    size_t told = tell_tasks(out, snapshot, address);
    told += tell_futures(out, snapshot, address);
    told += tell_workers(out, snapshot, address);
    told += tell_code(out, snapshot, address);
    if (!told)
        fprintf(out, "0x%" PRIx64 " is in no task, stack, future or worker, and on no stack as code\n", address);
    return NULL;
}
