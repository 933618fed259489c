/* SPDX-License-Identifier: MIT */
/* A page for each code: what it means, where it comes from, what would prove it, how it is cured. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "report/finding_words.h"

static const struct ad_page pages[AD_FINDING_CODES] = {
    [AD_FINDING_DEADLOCK] =
        {"Tasks wait for each other in a ring, or one for itself. None of them can ever go on.",
         "Two tasks take the same two locks in opposite order; a task locks a mutex that it holds already, "
         "or calls\n"
         "back into code that does; a task joins one that joins it, or awaits a promise that only it would "
         "resolve; a\n"
         "reader of a read-write lock locks again behind a waiting writer. Each row names what the task "
         "waits for\n"
         "and who holds it: the rows are the proof. A wait with a timeout, or that a cancellation will end, "
         "is\n"
         "never part of one.",
         "It is proven. Nothing but the end of one of these tasks would end it; the ages tell how long it "
         "has lasted.",
         "Take locks in one order everywhere (by address, by key), or one lock for both. Do not hold a lock "
         "over an\n"
         "await of something that may need it. Give calls that cross modules a timeout. Until then: restart; "
         "to\n"
         "cancel one member breaks the ring."},
    [AD_FINDING_LOST_WAKEUP] =
        {"What a task waits for has come, but the task does not run.",
         "completed: the future has ended, the task still waits for it. available: the channel has items or "
         "room, or all\n"
         "permits are free. unlisted: the future does not have the task in its queue. not_run: the task is "
         "ready, its\n"
         "worker waits for events. overdue: the timer was due and the loop has turned since. Mostly a "
         "runtime's own\n"
         "mistake, a stray write into its records, or a library call from a thread that must not make it "
         "(most event\n"
         "loops can be woken from other threads by one call only).",
         "It is said only where no thread was changing the runtime, of waits older than a second, and of a "
         "worker whose\n"
         "loop has turned since the wait began. A second dump some seconds later, with the task's resumes "
         "unchanged,\n"
         "leaves no doubt.",
         "Wake tasks of other threads only through the runtime's thread-safe call. Look for writes past the "
         "end of an\n"
         "object beside the future. Report it to the runtime's authors with the core."},
    [AD_FINDING_ORPHAN] = {"Who was to end the wait has ended first: a lock's holder, a promise's producer, "
                           "a channel's other end.",
                           "held_by_ended: a task returned, failed or was cancelled between lock and unlock "
                           "(an early return, an error\n"
                           "path). no_producer: the producer of a promise ended without resolving or failing "
                           "it, or every sender of a\n"
                           "channel is closed. no_consumer: the same at the receiving end.",
                           "A mutex or read-write lock can be given back by its holder alone: that is "
                           "proven. A promise may be resolved,\n"
                           "a permit released, by somebody who is not named; look for such code.",
                           "Unlock in one place that every path passes. Fail a promise where its producer "
                           "fails. Close a channel when its\n"
                           "last sender ends. `finished` of --json tells how the owner ended."},
    [AD_FINDING_STACK_OVERFLOW] =
        {"The task's thread crashed below the task's stack: it was too small.",
         "Deep recursion, a large array or alloca on the stack, or a library function that needs more than "
         "the\n"
         "task has (printf of floating point, name lookups, regular expressions).",
         "The stack pointer lies outside the stack: proven. The task's frames tell where it went.",
         "Give the tasks larger stacks, move large buffers to the heap, bound the recursion, or call the "
         "library on\n"
         "the pool of threads."},
    [AD_FINDING_WORKER_BLOCKED] =
        {"A task sits on its worker without awaiting, in a system call or on the CPU, while others are due.",
         "A blocking call inside a task (read, connect, getaddrinfo, a database driver, flock, sleep), a "
         "lock of the\n"
         "threads library, a long computation, or a loop that never ends. Everything else on this worker "
         "stands still:\n"
         "timers are late, sockets are not read.",
         "The worker's loop has not turned for that long, and tasks are ready: proven. Whether it would have "
         "come to\n"
         "an end, the stack and the system call tell; a second dump with the same stack says no. In a core whose\n"
        "workers are all busy nothing tells the time but that of the file, and at a debugger's prompt not even\n"
        "that: then it is likely at best, and a copy of a core may look late though the process was not.",
         "Make the call on the pool of threads, use the asynchronous variant, or yield inside long loops. "
         "Debug mode\n"
         "names such steps while they happen."},
    [AD_FINDING_BLOCKER] = {"Many tasks wait, directly or through others, for one object; the line names who "
                            "keeps it and what that does.",
                            "A note is normal contention. A warning: the holder itself waits, and has for "
                            "long, or is part of a deadlock; or\n"
                            "the holder has ended or was not read; or all permits of a pool are out for long "
                            "(too small a pool, slow\n"
                            "queries, permits not given back on an error path).",
                            "The chain is what the locks and joins say; what its last task does is what to "
                            "look at. If that is moving\n"
                            "(its resumes grow between two dumps) it is slow, not stuck.",
                            "Do not hold a lock over an await of the network or the disk; copy, unlock, then "
                            "await. Bound the wait of the\n"
                            "last task in the chain with a timeout. Enlarge the pool only when its holders "
                            "are busy, not stuck."},
    [AD_FINDING_POOL_BUSY] = {"Calls wait for a thread of the pool (files, name lookups, blocking work), and "
                              "all threads are taken.",
                              "Calls that never end, or long ones, on the shared pool: a file on a dead "
                              "network disk, a pipe that nobody\n"
                              "writes, a computation of minutes. With few threads (libuv has 4) as many slow "
                              "calls stop all others.",
                              "The calls that keep the threads are named with their age and stack. If these "
                              "are young, the pool is\n"
                              "merely too small.",
                              "Give slow work threads of its own, bound it with a timeout where the call has "
                              "one, or enlarge the pool\n"
                              "(UV_THREADPOOL_SIZE)."},
    [AD_FINDING_CHANNEL_FULL] = {"A channel is full, tasks have waited long to send, and no task receives.",
                                 "The consumer has ended, is stuck elsewhere, or is slower than its "
                                 "producers. Two tasks that each send to the\n"
                                 "other and receive only afterwards do this to each other.",
                                 "Look for the task that should receive: if it is gone, or waits for "
                                 "something its producers hold, it is a hang;\n"
                                 "if its resumes grow, it is load.",
                                 "Close the channel where the consumer ends, so that senders get an error. "
                                 "Bound the send with a timeout, drop or\n"
                                 "refuse under load."},
    [AD_FINDING_STARVED] =
        {"Ready tasks wait long for their turn, though the worker's loop runs.",
         "More work than one thread can do; many tasks made ready at once; tasks with long steps one after "
         "the other.",
         "Their number and the age of the oldest; counters of CPU time by start function, where counted, "
         "name the\n"
         "hungriest.",
         "Spread tasks over more workers; split long steps; limit how much is begun at once."},
    [AD_FINDING_CANCEL_IGNORED] =
        {"A task was asked to end long ago and is still there.",
         "It swallows the cancellation and goes on; it is shielded and waits for something slow or dead; it "
         "cleans up\n"
         "with an await that does not end; or it computes and never waits. A shutdown that hangs is mostly "
         "this.",
         "The request, its age and by whom are in the task's record; what it does now is in the sentence.",
         "Hand the cancellation on after cleaning up. Shield only short parts, with a timeout inside. In "
         "loops that\n"
         "do not wait, ask whether a cancellation is requested."},
    [AD_FINDING_UNSEEN_FAILURE] =
        {"A task has failed, and nobody has taken or awaits its error.",
         "It was spawned to be joined, and the code that would join it waits for something else, has "
         "returned early, or\n"
         "was never written. What the task was to do is not done, and nobody knows.",
         "The task's error and where it was raised are in its record. A note: its parent is collecting "
         "others and may\n"
         "come to it.",
         "Join tasks, or spawn them in a group, which fails as a whole; detach those whose failure means "
         "nothing."},
    [AD_FINDING_NEVER_STARTED] = {"A task was made, but never put into a run queue.",
                                  "A coroutine object that was created and not awaited or scheduled.",
                                  "Its state, and that it was never resumed.",
                                  "Await it, schedule it, or do not make it."},
    [AD_FINDING_STACK_NEAR_END] =
        {"A stack has once been used to nine tenths or more.",
         "Deep calls or large locals. The next deeper input overflows it.",
         "The high-water mark was measured on the stack itself.",
         "As for STACK_OVERFLOW: larger stacks, buffers on the heap, bounded recursion."},
    [AD_FINDING_GROWTH] =
        {"Tasks of one start function have come for a while, nearly all are still there, and wait for other "
         "tasks.",
         "Spawned for each request or event, and waiting for something that does not come: a leak.",
         "A second dump later: more of them, the old ones with unchanged resumes.",
         "Bound their number, give their wait a timeout, and look at what they wait for: another finding may "
         "name it."},
};

const struct ad_page *ad_finding_page(enum ad_finding_code code)
{
    return &pages[code];
}

enum ad_finding_code ad_finding_code_named(const char *name)
{
    unsigned code = 0;
    while (code < AD_FINDING_CODES && strcasecmp(name, ad_finding_code_name((enum ad_finding_code)code)) != 0)
        code++;
    return (enum ad_finding_code)code;
}

static void print_part(FILE *out, const char *title, const char *text)
{
    fprintf(out, "\n%s\n  ", title);
    for (; *text; text++) {
        fputc(*text, out);
        if (*text == '\n')
            fputs("  ", out);
    }
    fputc('\n', out);
}

void ad_explain(FILE *out, enum ad_finding_code code)
{
    if (code >= AD_FINDING_CODES) {
        for (unsigned i = 0; i < AD_FINDING_CODES; i++)
            fprintf(out, "%-16s %s\n", ad_finding_code_name((enum ad_finding_code)i), pages[i].summary);
        return;
    }
    fprintf(out, "%s\n  %s\n", ad_finding_code_name(code), pages[code].summary);
    print_part(out, "Where it comes from", pages[code].cause);
    print_part(out, "What would prove it, or rule it out", pages[code].confirm);
    print_part(out, "What cures it", pages[code].cure);
}
