# SPDX-License-Identifier: MIT
"""The seeded programs (tests/runtime/fault_test.c) find what they are there for: faults put into the core."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS = "1,30000"


@dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    old: str
    new: str
    test: str = "seeds_1"


MUTATIONS = (
    Mutation(
        "a_wait_ends_twice",
        "future.c",
        "    if (task->wait != ASYNC_WAIT_ARMED)\n        return false;\n    task->wait",
        "    task->wait",
    ),
    Mutation(
        "only_one_of_all_is_woken",
        "event.c",
        "    async_future_wake_all(&event->future, 0);",
        "    async_future_wake(&event->future, 0);",
    ),
    Mutation(
        "the_last_of_several_is_not_woken",
        "future.c",
        "    for (struct async_waiter *waiter; (waiter = future->waiters);) {\n        if (waiter->notify)",
        "    for (struct async_waiter *waiter; (waiter = future->waiters) && (waiter->next || waiter->notify || "
        "future->kind != ASYNC_FUTURE_CONDITION);) {\n        if (waiter->notify)",
    ),
    Mutation(
        "an_item_is_lost",
        "channel.c",
        "    if (sender)\n        copy_item(channel, place, sender->data);",
        "    if (sender && channel->capacity > 1)\n        copy_item(channel, place, sender->data);",
    ),
    Mutation(
        "an_item_comes_twice",
        "channel.c",
        "    } else if (room) {\n        push(channel, item);",
        "    }\n    if (room || (receiver && channel->count < channel->capacity)) {\n        push(channel, item);",
    ),
    Mutation(
        "a_receiver_is_passed_over",
        "channel.c",
        "    struct async_waiter *receiver = async_future_claim(&channel->receive);",
        "    struct async_waiter *receiver = channel->capacity < 2 ? async_future_claim(&channel->receive) : NULL;",
    ),
    Mutation(
        "a_full_channel_forgets_its_senders",
        "channel.c",
        "    struct async_waiter *sender = full ? async_future_claim(&channel->send) : NULL;",
        "    struct async_waiter *sender = full && !channel->count ? async_future_claim(&channel->send) : NULL;",
    ),
    Mutation(
        "a_mutex_is_handed_to_nobody",
        "mutex.c",
        "    give(mutex, next ? next->task : NULL);",
        "    give(mutex, NULL);",
    ),
    Mutation(
        "unlocking_wakes_nobody",
        "mutex.c",
        "    struct async_waiter *next = async_future_claim(&mutex->future);",
        "    struct async_waiter *next = NULL;",
    ),
    Mutation(
        "readers_and_a_writer_meet",
        "rwlock.c",
        "    return !rwlock->write.owner && (reads || !rwlock->write.count);",
        "    return !rwlock->write.owner || reads;",
    ),
    Mutation(
        "a_writer_that_gives_up_leaves_readers_waiting",
        "rwlock.c",
        "static void on_left(struct async_waiter *waiter)\n{\n    admit(waiter->future->object);",
        "static void on_left(struct async_waiter *waiter)\n{\n    (void)waiter;",
    ),
    Mutation(
        "one_permit_too_many",
        "semaphore.c",
        "    bool served = !semaphore->future.waiters && permits <= semaphore->future.count;",
        "    bool served = !semaphore->future.waiters && semaphore->future.count;",
    ),
    Mutation(
        "a_holder_is_leaked",
        "semaphore.c",
        "    if (result)\n        free(holder);",
        "    if (result && result != UV_ECANCELED)\n        free(holder);",
    ),
    Mutation(
        "a_condition_does_not_lock_again",
        "condition.c",
        "    async_mutex_lock(mutex);\n    async_shield_leave(self);",
        "    if (!result)\n        async_mutex_lock(mutex);\n    async_shield_leave(self);",
    ),
    Mutation(
        "a_timeout_breaks_a_shield",
        "timeout.c",
        "    if (scope->shields == task->shields)\n        async_wait_interrupt",
        "    if (scope)\n        async_wait_interrupt",
    ),
    Mutation(
        "a_timeout_waits_for_the_next_wait",
        "timeout.c",
        "    if (scope->shields == task->shields)\n        async_wait_interrupt",
        "    if (!scope)\n        async_wait_interrupt",
    ),
    Mutation(
        "a_cancellation_breaks_a_shield",
        "cancel.c",
        "    return (task->interrupts & ASYNC_INTERRUPT_CANCEL) && !task->shields;",
        "    return task->interrupts & ASYNC_INTERRUPT_CANCEL;",
    ),
    Mutation(
        "a_cancellation_is_told_twice",
        "cancel.c",
        "    task->interrupts &= ~(uint32_t)ASYNC_INTERRUPT_CANCEL;\n    task->cancel_state",
        "    task->interrupts &= ~(task->resumes % 3 ? (uint32_t)ASYNC_INTERRUPT_CANCEL : 0);\n    task->cancel_state",
    ),
    Mutation(
        "a_sleep_ends_early",
        "timer.c",
        "    while (timers->count && timers->heap[1]->deadline <= now) {",
        "    while (timers->count && timers->heap[1]->deadline <= now + 1000000) {",
    ),
    Mutation(
        "timers_lose_their_order",
        "timer.c",
        "        if (down < timers->count && earlier(timers->heap[down + 1], timers->heap[down]))\n            down++;",
        "",
    ),
    Mutation(
        "a_gather_ends_one_too_early",
        "gather.c",
        "    if (future->count && --future->count == 0) {",
        "    if (future->count && (--future->count == 0 || (future->kind == ASYNC_FUTURE_ALL && future->count == 1))) {",
    ),
    Mutation(
        "a_group_ends_one_too_early",
        "group.c",
        "    if (!group->future.count)\n        async_future_wake_all",
        "    if (group->future.count < 2)\n        async_future_wake_all",
    ),
    Mutation(
        "a_select_takes_two",
        "select.c",
        "        if (attempt(&selection->cases[index], result_ret)) {\n            *index_ret = index;\n            return true;",
        "        if (attempt(&selection->cases[index], result_ret)) {\n            *index_ret = index;\n"
        "            if (i == 0 && selection->count == 3)\n"
        "                attempt(&selection->cases[(index + 1) % 3], result_ret);\n            return true;",
    ),
    Mutation(
        "a_promise_keeps_its_value_to_itself",
        "promise.c",
        "            *value_ret = promise->value;\n        async_waiter_wake",
        "            *value_ret = NULL;\n        async_waiter_wake",
    ),
    Mutation(
        "a_task_is_not_counted_out",
        "task.c",
        "    async_count_down(&async_process.tasks_alive);",
        "    if (task->resumes != 7)\n        async_count_down(&async_process.tasks_alive);",
    ),
    Mutation(
        "memory_is_lost_where_memory_is_short",
        "channel.c",
        "    if (!items) {\n        free(channel);",
        "    if (!items) {",
    ),
    Mutation(
        "a_slab_is_lost_where_mappings_are_short",
        "stack.c",
        "    if (!mapping) {\n        free(slab);",
        "    if (!mapping) {",
    ),
    Mutation(
        "bytes_are_skipped",
        "stream.c",
        "    stream->piece = piece;\n    advance(rest, size);",
        "    stream->piece = piece;\n    advance(rest, size > 1000 ? size - 1 : size);",
        "stream_seeds",
    ),
    Mutation(
        "a_full_socket_is_an_error",
        "stream.c",
        "    return written < 0 && written != UV_EAGAIN ? written : 0;",
        "    return written < 0 ? written : 0;",
        "stream_seeds",
    ),
)


class Tree:
    """A copy of the runtime and its tests, built once and then a file at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.build = root / "build"
        for name in ("runtime", "tests/runtime"):
            shutil.copytree(REPOSITORY / name, root / name)
        for name in ("CMakeLists.txt", "tests/CMakeLists.txt"):
            shutil.copy(REPOSITORY / name, root / name)
        self.call(
            "cmake", "-S", root, "-B", self.build, "-G", "Ninja", "-DASYNCDUMP_RUNTIME_ONLY=ON"
        )

    def call(self, *command: object) -> None:
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)

    def run(self, test: str) -> subprocess.CompletedProcess[str]:
        """The test's end, and what it told."""
        self.call("cmake", "--build", self.build, "--target", "runtime_fault_test")
        return subprocess.run(
            [self.build / "tests/runtime/runtime_fault_test", test],
            env=os.environ | {"FAULT_SEEDS": SEEDS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("mutations"))


def chosen() -> tuple[Mutation, ...]:
    """By night all of them; by day every tenth."""
    return MUTATIONS if os.environ.get("ASYNCDUMP_NIGHTLY") else MUTATIONS[::10]


@pytest.mark.parametrize("mutation", chosen(), ids=lambda mutation: mutation.name)
def test_is_found(tree: Tree, mutation: Mutation) -> None:
    path = tree.root / "runtime/src" / mutation.file
    text = path.read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1, "the code is not what it was: change the mutation too"
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        end = tree.run(mutation.test)
    finally:
        path.write_text(text, encoding="utf-8")
    print(end.stdout[-2000:])
    assert end.returncode != 0


@pytest.mark.parametrize("test", ["seeds_1", "stream_seeds"])
def test_nothing_is_found_without_one(tree: Tree, test: str) -> None:
    end = tree.run(test)
    assert end.returncode == 0, end.stdout
