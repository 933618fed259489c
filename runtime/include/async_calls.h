/* SPDX-License-Identifier: MIT */
/**
 * @file async_calls.h - where the library is called, for debug mode's messages: included by async.h.
 *
 * Each call leaves a label behind it and an entry for the label in the section async_calls: file, line, name.
 * That is no instruction, so it is there in every mode; and as something follows the call, the calling
 * function keeps its frame, for every unwinder to see. A message finds the entry by the return address. Calls
 * through pointers, or with ASYNC_NO_CALLS defined, have none: then a message says the address. Entries are
 * found in the program or shared library that the runtime is part of.
 */
#ifndef ASYNC_CALLS_H
#define ASYNC_CALLS_H

#include <stdint.h>

/** An entry; each member but `line` is the distance from itself. */
struct async_call {
    int32_t label; /**< just behind the call */
    uint32_t line;
    int32_t file;
    int32_t name;
};

#ifndef ASYNC_NO_CALLS

#define ASYNC_CALL_TEXT_(text) #text
#define ASYNC_CALL_TEXT(text) ASYNC_CALL_TEXT_(text)

/* In the same section group as the code around it, if any: then the linker drops both or neither. */
#define ASYNC_CALL_ENTRY(name)                                                                               \
    __asm__ volatile("9710:\n"                                                                               \
                     ".pushsection .rodata.async_calls,\"aMS\",@progbits,1\n"                                \
                     "9711: .string \"" __FILE__ "\"\n"                                                      \
                     "9712: .string \"" name "\"\n"                                                          \
                     ".popsection\n"                                                                         \
                     ".pushsection async_calls,\"a?\",@progbits\n"                                           \
                     ".balign 4\n"                                                                           \
                     ".long 9710b - ., " ASYNC_CALL_TEXT(__LINE__) ", 9711b - ., 9712b - .\n"                \
                     ".popsection\n")

/* The number keeps nested calls from shadowing each other's result. */
#define ASYNC_CALL_2(number, name, call)                                                                     \
    (__extension__({                                                                                         \
        __typeof__(call) async_result_##number = (call);                                                     \
        ASYNC_CALL_ENTRY(name);                                                                              \
        async_result_##number;                                                                               \
    }))
#define ASYNC_CALL_1(number, name, call) ASYNC_CALL_2(number, name, call)
#define ASYNC_CALL(name, ...) ASYNC_CALL_1(__COUNTER__, "async_" #name, (async_##name)(__VA_ARGS__))
#define ASYNC_CALL_AT(name, ...) ASYNC_CALL_1(__COUNTER__, "async_" #name, (async_##name##_at)(__VA_ARGS__))

#define async_run(...) ASYNC_CALL(run, __VA_ARGS__)
#define async_shutdown_at(...) ASYNC_CALL_AT(shutdown, __VA_ARGS__)
#define async_spawn_at(...) ASYNC_CALL_AT(spawn, __VA_ARGS__)
#define async_spawn_on_at(...) ASYNC_CALL_AT(spawn_on, __VA_ARGS__)
#define async_join(...) ASYNC_CALL(join, __VA_ARGS__)
#define async_detach(...) ASYNC_CALL(detach, __VA_ARGS__)
#define async_gather(...) ASYNC_CALL(gather, __VA_ARGS__)
#define async_first(...) ASYNC_CALL(first, __VA_ARGS__)
#define async_yield(...) ASYNC_CALL(yield, __VA_ARGS__)
#define async_sleep(...) ASYNC_CALL(sleep, __VA_ARGS__)
#define async_sleep_until(...) ASYNC_CALL(sleep_until, __VA_ARGS__)
#define async_label_set(...) ASYNC_CALL(label_set, __VA_ARGS__)
#define async_label_remove(...) ASYNC_CALL(label_remove, __VA_ARGS__)
#define async_local_set(...) ASYNC_CALL(local_set, __VA_ARGS__)
#define async_cancel_at(...) ASYNC_CALL_AT(cancel, __VA_ARGS__)
#define async_shield_begin(...) ASYNC_CALL(shield_begin, __VA_ARGS__)
#define async_shield_end(...) ASYNC_CALL(shield_end, __VA_ARGS__)
#define async_timeout_begin(...) ASYNC_CALL(timeout_begin, __VA_ARGS__)
#define async_deadline_begin(...) ASYNC_CALL(deadline_begin, __VA_ARGS__)
#define async_timeout_end(...) ASYNC_CALL(timeout_end, __VA_ARGS__)
#define async_group_create_at(...) ASYNC_CALL_AT(group_create, __VA_ARGS__)
#define async_group_spawn_on_at(...) ASYNC_CALL_AT(group_spawn_on, __VA_ARGS__)
#define async_group_wait(...) ASYNC_CALL(group_wait, __VA_ARGS__)
#define async_group_cancel_at(...) ASYNC_CALL_AT(group_cancel, __VA_ARGS__)
#define async_group_destroy(...) ASYNC_CALL(group_destroy, __VA_ARGS__)
#define async_mutex_create_at(...) ASYNC_CALL_AT(mutex_create, __VA_ARGS__)
#define async_mutex_lock(...) ASYNC_CALL(mutex_lock, __VA_ARGS__)
#define async_mutex_try_lock(...) ASYNC_CALL(mutex_try_lock, __VA_ARGS__)
#define async_mutex_unlock(...) ASYNC_CALL(mutex_unlock, __VA_ARGS__)
#define async_mutex_destroy(...) ASYNC_CALL(mutex_destroy, __VA_ARGS__)
#define async_rwlock_create_at(...) ASYNC_CALL_AT(rwlock_create, __VA_ARGS__)
#define async_rwlock_read_lock(...) ASYNC_CALL(rwlock_read_lock, __VA_ARGS__)
#define async_rwlock_write_lock(...) ASYNC_CALL(rwlock_write_lock, __VA_ARGS__)
#define async_rwlock_try_read_lock(...) ASYNC_CALL(rwlock_try_read_lock, __VA_ARGS__)
#define async_rwlock_try_write_lock(...) ASYNC_CALL(rwlock_try_write_lock, __VA_ARGS__)
#define async_rwlock_unlock(...) ASYNC_CALL(rwlock_unlock, __VA_ARGS__)
#define async_rwlock_destroy(...) ASYNC_CALL(rwlock_destroy, __VA_ARGS__)
#define async_semaphore_create_at(...) ASYNC_CALL_AT(semaphore_create, __VA_ARGS__)
#define async_semaphore_acquire(...) ASYNC_CALL(semaphore_acquire, __VA_ARGS__)
#define async_semaphore_try_acquire(...) ASYNC_CALL(semaphore_try_acquire, __VA_ARGS__)
#define async_semaphore_release(...) ASYNC_CALL(semaphore_release, __VA_ARGS__)
#define async_semaphore_destroy(...) ASYNC_CALL(semaphore_destroy, __VA_ARGS__)
#define async_condition_create_at(...) ASYNC_CALL_AT(condition_create, __VA_ARGS__)
#define async_condition_wait(...) ASYNC_CALL(condition_wait, __VA_ARGS__)
#define async_condition_signal(...) ASYNC_CALL(condition_signal, __VA_ARGS__)
#define async_condition_broadcast(...) ASYNC_CALL(condition_broadcast, __VA_ARGS__)
#define async_condition_destroy(...) ASYNC_CALL(condition_destroy, __VA_ARGS__)
#define async_event_create_at(...) ASYNC_CALL_AT(event_create, __VA_ARGS__)
#define async_event_set(...) ASYNC_CALL(event_set, __VA_ARGS__)
#define async_event_clear(...) ASYNC_CALL(event_clear, __VA_ARGS__)
#define async_event_wait(...) ASYNC_CALL(event_wait, __VA_ARGS__)
#define async_event_destroy(...) ASYNC_CALL(event_destroy, __VA_ARGS__)
#define async_channel_create_at(...) ASYNC_CALL_AT(channel_create, __VA_ARGS__)
#define async_channel_send(...) ASYNC_CALL(channel_send, __VA_ARGS__)
#define async_channel_receive(...) ASYNC_CALL(channel_receive, __VA_ARGS__)
#define async_channel_try_send(...) ASYNC_CALL(channel_try_send, __VA_ARGS__)
#define async_channel_try_receive(...) ASYNC_CALL(channel_try_receive, __VA_ARGS__)
#define async_channel_close(...) ASYNC_CALL(channel_close, __VA_ARGS__)
#define async_channel_open_sender(...) ASYNC_CALL(channel_open_sender, __VA_ARGS__)
#define async_channel_close_sender(...) ASYNC_CALL(channel_close_sender, __VA_ARGS__)
#define async_channel_open_receiver(...) ASYNC_CALL(channel_open_receiver, __VA_ARGS__)
#define async_channel_close_receiver(...) ASYNC_CALL(channel_close_receiver, __VA_ARGS__)
#define async_channel_destroy(...) ASYNC_CALL(channel_destroy, __VA_ARGS__)
#define async_promise_create_at(...) ASYNC_CALL_AT(promise_create, __VA_ARGS__)
#define async_promise_set_producer(...) ASYNC_CALL(promise_set_producer, __VA_ARGS__)
#define async_promise_resolve(...) ASYNC_CALL(promise_resolve, __VA_ARGS__)
#define async_promise_fail(...) ASYNC_CALL(promise_fail, __VA_ARGS__)
#define async_promise_await(...) ASYNC_CALL(promise_await, __VA_ARGS__)
#define async_promise_destroy(...) ASYNC_CALL(promise_destroy, __VA_ARGS__)
#define async_select(...) ASYNC_CALL(select, __VA_ARGS__)
#define async_try_select(...) ASYNC_CALL(try_select, __VA_ARGS__)
#define async_resolve_at(...) ASYNC_CALL_AT(resolve, __VA_ARGS__)
#define async_resolve_name_at(...) ASYNC_CALL_AT(resolve_name, __VA_ARGS__)
#define async_listen_at(...) ASYNC_CALL_AT(listen, __VA_ARGS__)
#define async_listen_unix_at(...) ASYNC_CALL_AT(listen_unix, __VA_ARGS__)
#define async_accept_at(...) ASYNC_CALL_AT(accept, __VA_ARGS__)
#define async_listener_close(...) ASYNC_CALL(listener_close, __VA_ARGS__)
#define async_connect_at(...) ASYNC_CALL_AT(connect, __VA_ARGS__)
#define async_connect_unix_at(...) ASYNC_CALL_AT(connect_unix, __VA_ARGS__)
#define async_pipe_at(...) ASYNC_CALL_AT(pipe, __VA_ARGS__)
#define async_read(...) ASYNC_CALL(read, __VA_ARGS__)
#define async_read_exactly(...) ASYNC_CALL(read_exactly, __VA_ARGS__)
#define async_write(...) ASYNC_CALL(write, __VA_ARGS__)
#define async_print(...) ASYNC_CALL(print, __VA_ARGS__)
#define async_stream_shutdown(...) ASYNC_CALL(stream_shutdown, __VA_ARGS__)
#define async_close(...) ASYNC_CALL(close, __VA_ARGS__)
#define async_stream_local(...) ASYNC_CALL(stream_local, __VA_ARGS__)
#define async_tcp_keepalive(...) ASYNC_CALL(tcp_keepalive, __VA_ARGS__)
#define async_stream_release(...) ASYNC_CALL(stream_release, __VA_ARGS__)
#define async_stream_adopt_at(...) ASYNC_CALL_AT(stream_adopt, __VA_ARGS__)
#define async_lines_create(...) ASYNC_CALL(lines_create, __VA_ARGS__)
#define async_lines_next(...) ASYNC_CALL(lines_next, __VA_ARGS__)
#define async_lines_read(...) ASYNC_CALL(lines_read, __VA_ARGS__)
#define async_lines_read_exactly(...) ASYNC_CALL(lines_read_exactly, __VA_ARGS__)
#define async_udp_open_at(...) ASYNC_CALL_AT(udp_open, __VA_ARGS__)
#define async_udp_adopt_at(...) ASYNC_CALL_AT(udp_adopt, __VA_ARGS__)
#define async_udp_connect(...) ASYNC_CALL(udp_connect, __VA_ARGS__)
#define async_udp_send(...) ASYNC_CALL(udp_send, __VA_ARGS__)
#define async_udp_receive(...) ASYNC_CALL(udp_receive, __VA_ARGS__)
#define async_udp_close(...) ASYNC_CALL(udp_close, __VA_ARGS__)
#define async_file_open_at(...) ASYNC_CALL_AT(file_open, __VA_ARGS__)
#define async_file_read(...) ASYNC_CALL(file_read, __VA_ARGS__)
#define async_file_write(...) ASYNC_CALL(file_write, __VA_ARGS__)
#define async_file_sync(...) ASYNC_CALL(file_sync, __VA_ARGS__)
#define async_file_stat(...) ASYNC_CALL(file_stat, __VA_ARGS__)
#define async_file_truncate(...) ASYNC_CALL(file_truncate, __VA_ARGS__)
#define async_file_close(...) ASYNC_CALL(file_close, __VA_ARGS__)
#define async_stat_at(...) ASYNC_CALL_AT(stat, __VA_ARGS__)
#define async_rename_at(...) ASYNC_CALL_AT(rename, __VA_ARGS__)
#define async_unlink_at(...) ASYNC_CALL_AT(unlink, __VA_ARGS__)
#define async_mkdir_at(...) ASYNC_CALL_AT(mkdir, __VA_ARGS__)
#define async_rmdir_at(...) ASYNC_CALL_AT(rmdir, __VA_ARGS__)
#define async_list_directory_at(...) ASYNC_CALL_AT(list_directory, __VA_ARGS__)
#define async_work_at(...) ASYNC_CALL_AT(work, __VA_ARGS__)
#define async_signal_open_at(...) ASYNC_CALL_AT(signal_open, __VA_ARGS__)
#define async_signal_wait(...) ASYNC_CALL(signal_wait, __VA_ARGS__)
#define async_signal_close(...) ASYNC_CALL(signal_close, __VA_ARGS__)
#define async_child_spawn_at(...) ASYNC_CALL_AT(child_spawn, __VA_ARGS__)
#define async_child_wait(...) ASYNC_CALL(child_wait, __VA_ARGS__)
#define async_child_kill(...) ASYNC_CALL(child_kill, __VA_ARGS__)
#define async_child_close(...) ASYNC_CALL(child_close, __VA_ARGS__)
#define async_fail_at(...) ASYNC_CALL_AT(fail, __VA_ARGS__)

#endif
#endif
