/* SPDX-License-Identifier: MIT */
/* The descriptor and what it leads to, read through the contract alone, from inside the process. */
#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "contract_reader.h"
#include "descriptor.h"
#include "sanitizer.h"
#include "test.h"

static struct census count_all(void)
{
    struct reader reader = reader_load_self();
    struct census census;
    if (!reader_census(&reader, &census))
        test_fail(__FILE__, __LINE__, reader.problem);
    return census;
}

#define GET(kind, record, field) reader_get(reader, ASYNC_DEBUG_##kind, record, ASYNC_DEBUG_##kind##_##field)

/* This program's own header; the linker's symbol. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

TEST(descriptor_is_sound)
{
    struct reader reader = reader_load_self();
    const struct async_debug_descriptor *descriptor = &reader.descriptor;
    CHECK_EQUAL(descriptor->machine, __ehdr_start.e_machine);
    CHECK_EQUAL(descriptor->word_size, 8);
    CHECK(strcmp(descriptor->runtime, "libasyncrt") == 0);
    CHECK(descriptor->runtime_version[0]);
    CHECK(descriptor->bridge && descriptor->entry_low < descriptor->entry_high);
    CHECK(descriptor->switch_low < descriptor->switch_high);
    CHECK(descriptor->register_count > 2 && descriptor->register_count <= ASYNC_DEBUG_REGISTERS);
    CHECK_EQUAL(descriptor->records[ASYNC_DEBUG_TASK].field_count, ASYNC_DEBUG_TASK_FIELD_COUNT);
}

/* ---- The registry ------------------------------------------------------------------------------------ */

static struct async_mutex *mutex;

static int lock_and_unlock(void *unused)
{
    (void)unused;
    int error = async_mutex_lock(mutex);
    return error ? error : async_mutex_unlock(mutex);
}

static struct async_channel *channel;

static int receive_until_closed(void *unused)
{
    (void)unused;
    return async_channel_receive(channel, NULL);
}

static int yield_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++)
        async_yield();
    return 0;
}

TEST(both_roads_agree)
{
    enum { EACH = 300 };
    static async_function const kinds[3] = {lock_and_unlock, receive_until_closed, yield_often};
    struct async_task *tasks[3 * EACH];
    CHECK_EQUAL(async_channel_create(&channel, "gate", 0, 0), 0);
    CHECK_EQUAL(async_mutex_create(&mutex, "gate"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    for (int i = 0; i < 3 * EACH; i++)
        tasks[i] = test_spawn("counted", kinds[i % 3], NULL);
    struct census census = count_all();
    CHECK_EQUAL(census.by_state[ASYNC_DEBUG_STATE_READY], 3 * EACH);
    test_settle();
    census = count_all();
    CHECK_EQUAL(census.listed, 3 * EACH + 1);
    CHECK_EQUAL(census.by_state[ASYNC_DEBUG_STATE_RUNNING], 1);
    CHECK_EQUAL(census.by_state[ASYNC_DEBUG_STATE_READY], EACH);
    CHECK_EQUAL(census.by_state[ASYNC_DEBUG_STATE_WAITING], 2 * EACH);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    CHECK_EQUAL(async_channel_close(channel), 0);
    for (int i = 0; i < 3 * EACH; i++) {
        test_join(tasks[i * 7 % (3 * EACH)]); /* released in another order than spawned */
        if (i % 50 == 0)
            CHECK_EQUAL(count_all().listed, 3 * EACH - i);
    }
    CHECK_EQUAL(async_channel_destroy(channel), 0);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
}

static void find_named(struct reader *reader, uint64_t task, void *found)
{
    char name[32];
    reader_text(reader, ASYNC_DEBUG_TASK, task, ASYNC_DEBUG_TASK_NAME, name, sizeof(name));
    if (strcmp(name, "target") == 0)
        *(uint64_t *)found = task;
}

TEST(fields_tell_the_truth)
{
    CHECK_EQUAL(async_mutex_create(&mutex, "key alice"), 0);
    CHECK_EQUAL(async_mutex_lock(mutex), 0);
    int line = __LINE__ + 2;
    struct async_task *target;
    CHECK_EQUAL(async_spawn(&target, "target", lock_and_unlock, &mutex), 0);
    test_settle();
    struct reader self = reader_load_self(), *reader = &self;
    uint64_t task = 0;
    reader_each_task(reader, find_named, &task);
    CHECK(task == (uintptr_t)target);
    CHECK_EQUAL(GET(TASK, task, ID), async_task_id(target));
    CHECK_EQUAL(GET(TASK, task, PARENT), (uintptr_t)async_self());
    CHECK_EQUAL(GET(TASK, task, PARENT_ID), async_task_id(async_self()));
    CHECK_EQUAL(GET(TASK, task, START), (uintptr_t)lock_and_unlock);
    CHECK_EQUAL(GET(TASK, task, ARGUMENT), (uintptr_t)&mutex);
    CHECK_EQUAL(GET(TASK, task, RESUMES), 1);
    uint64_t site = GET(TASK, task, SPAWN_SITE);
    char text[300];
    CHECK_EQUAL(GET(SITE, site, LINE), line);
    reader_text(reader, ASYNC_DEBUG_SITE, site, ASYNC_DEBUG_SITE_FILE, text, sizeof(text));
    CHECK(strcmp(text, __FILE__) == 0);
    uint64_t future = GET(TASK, task, AWAITS);
    reader_text(reader, ASYNC_DEBUG_FUTURE, future, ASYNC_DEBUG_FUTURE_NAME, text, sizeof(text));
    CHECK(strcmp(text, "key alice") == 0);
    CHECK_EQUAL(GET(FUTURE, future, OWNER), (uintptr_t)async_self());
    CHECK_EQUAL(reader->descriptor.future_kinds[GET(FUTURE, future, KIND)].meaning, ASYNC_DEBUG_KIND_MUTEX);
    CHECK_EQUAL((int64_t)GET(FUTURE, future, FD), -1);
    uint64_t worker = GET(TASK, task, WORKER), process = reader->descriptor.process;
    CHECK_EQUAL(GET(WORKER, worker, THREAD), gettid());
    CHECK_EQUAL(GET(WORKER, worker, CURRENT), (uintptr_t)async_self());
    CHECK_EQUAL(reader->descriptor.worker_states[GET(WORKER, worker, STATE)].meaning,
                ASYNC_DEBUG_WORKER_STATE_TASK);
    CHECK(GET(WORKER, worker, LAST_TICK) && GET(WORKER, worker, LAST_TICK_REAL) &&
          GET(WORKER, worker, TICKS));
    CHECK_EQUAL(GET(PROCESS, process, PID), getpid());
    CHECK_EQUAL(GET(PROCESS, process, TICK_INTERVAL), 1000000000);
    CHECK(strcmp(reader->problem, "") == 0);
    CHECK_EQUAL(async_mutex_unlock(mutex), 0);
    test_join(target);
    CHECK_EQUAL(async_mutex_destroy(mutex), 0);
}

TEST(open_handles_are_listed)
{
    struct async_listener *listener;
    CHECK_EQUAL(async_listen(&listener, "127.0.0.1", 0, 1), 0);
    struct reader self = reader_load_self(), *reader = &self;
    uint64_t handle = GET(PROCESS, reader->descriptor.process, HANDLES);
    char text[64], expected[64];
    reader_text(reader, ASYNC_DEBUG_HANDLE, handle, ASYNC_DEBUG_HANDLE_KIND, text, sizeof(text));
    CHECK(strcmp(text, "listener") == 0);
    reader_text(reader, ASYNC_DEBUG_HANDLE, handle, ASYNC_DEBUG_HANDLE_NAME, text, sizeof(text));
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", async_listener_port(listener));
    CHECK(strcmp(text, expected) == 0);
    CHECK(GET(HANDLE, handle, FD) > 2);
    CHECK_EQUAL(GET(HANDLE, handle, TASK), async_task_id(async_self()));
    CHECK_EQUAL(async_listener_close(listener), 0);
}

/* ---- The note ---------------------------------------------------------------------------------------- */

static size_t aligned(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

/* Walks the notes of one segment; the descriptor that one leads to is stored. */
static void search(const char *at, size_t size, uint64_t *found)
{
    for (const char *end = at + size; at + sizeof(ElfW(Nhdr)) <= end;) {
        const ElfW(Nhdr) *header = (const ElfW(Nhdr) *)at;
        const char *name = at + sizeof(*header), *content = name + aligned(header->n_namesz);
        struct async_debug_note note;
        if (header->n_type == ASYNC_DEBUG_NOTE_TYPE && header->n_descsz == sizeof(note) &&
            header->n_namesz == sizeof(ASYNC_DEBUG_NOTE_NAME) && strcmp(name, ASYNC_DEBUG_NOTE_NAME) == 0) {
            memcpy(&note, content, sizeof(note));
            CHECK_EQUAL(note.abi, ASYNC_DEBUG_ABI);
            *found = (uintptr_t)content + offsetof(struct async_debug_note, offset) + (uint64_t)note.offset;
        }
        at = content + aligned(header->n_descsz);
    }
}

static int search_module(struct dl_phdr_info *module, size_t size, void *found)
{
    (void)size;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[i];
        if (header->p_type == PT_NOTE)
            search((const char *)module->dlpi_addr + header->p_vaddr, header->p_memsz, found);
    }
    return 0;
}

PLAIN(note_leads_to_the_descriptor)
{
    uint64_t found = 0;
    dl_iterate_phdr(search_module, &found);
    CHECK(found == (uintptr_t)&async_debug_descriptor);
}
