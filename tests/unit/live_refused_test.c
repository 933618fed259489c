/* SPDX-License-Identifier: MIT */
/* Processes that cannot be read, and the words for it. */
#include "live_support.h"
#include "target/live_internal.h"

static pid_t victim;

static void wrong_numbers_are_refused(void **state)
{
    (void)state;
    struct hang hang = hang_start("hang", "wait");
    assert_error(open_fails(getpid()), AD_ERROR_UNUSABLE, "is this command itself");
    assert_error(open_fails(0), AD_ERROR_UNUSABLE, "there is no process 0");
    assert_error(open_fails(-5), AD_ERROR_UNUSABLE, "there is no process -5");
    assert_error(open_fails((pid_t)hang.threads[0]), AD_ERROR_UNUSABLE,
                 text("is a thread of process %d", (int)hang.pid));
    kill(hang.pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)hang.pid, &info, WEXITED | WNOWAIT), 0);
    assert_error(open_fails(hang.pid), AD_ERROR_UNUSABLE, "zombie");
    hang_stop(&hang);
    assert_error(open_fails(hang.pid), AD_ERROR_UNUSABLE, "there is no process");
}

static void kernel_threads_are_refused(void **state)
{
    (void)state;
    if (access("/proc/2/status", R_OK) != 0 || system("grep -q '^PPid:\t0' /proc/2/status"))
        skip();
    assert_error(open_fails(2), AD_ERROR_UNUSABLE, "thread of the kernel");
}

static void trace_victim(void)
{
    ptrace(PTRACE_SEIZE, victim, NULL, NULL);
    sleep_forever();
}

static void traced_process_is_refused(void **state)
{
    (void)state;
    victim = child(sleep_forever);
    pid_t tracer = child(trace_victim);
    while (system(text("grep -q '^TracerPid:\t%d' /proc/%d/status", (int)tracer, (int)victim)))
        usleep(500);
    assert_error(open_fails(victim), AD_ERROR_UNUSABLE, text("already traced by process %d", (int)tracer));
    end_child(tracer);
    end_child(victim);
}

static void become_nobody_and_look(void)
{
    struct ad_target *target;
    if (setgid(65534) || setuid(65534))
        _exit(9);
    struct ad_error *error = ad_live_open(victim, &ad_limits_default, &target);
    bool good = error && error->kind == AD_ERROR_PERMISSION && strstr(error->message, "belongs to user 0") &&
                ad_error_exit_status(error) == 5;
    if (!good)
        fprintf(stderr, "got: %s\n", error ? error->message : "no error");
    _exit(good ? 0 : 1);
}

static void others_processes_are_not_permitted(void **state)
{
    (void)state;
    if (getuid() != 0) {
        print_message("skipped: only root can become somebody else\n");
        skip();
    }
    int status;
    victim = child(sleep_forever);
    pid_t nobody = child(become_nobody_and_look);
    waitpid(nobody, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_not_equal(state_of(victim, victim), 't');
    end_child(victim);
}

/* Of machines that a test cannot make: the words for what was found out there. */
static void each_denial_has_its_words(void **state)
{
    (void)state;
    static const struct {
        struct ad_denial denial;
        const char *words;
    } cases[] = {
        {{.owner = 7, .us = 8}, "it belongs to user 7; run as that user or as root"},
        {{.owner = 7, .us = 8, .yama = 1}, "it belongs to user 7"},
        {{.owner = 8, .us = 8, .yama = 1}, "ptrace_scope is 1; run as root (CAP_SYS_PTRACE), or set it to 0"},
        {{.owner = 8, .us = 8, .yama = 2}, "ptrace_scope is 2: only root may"},
        {{.owner = 8, .us = 8, .yama = 3}, "ptrace_scope is 3: until the next boot nobody may"},
        {{.owner = 8, .us = 0, .yama = 3, .may_trace = true}, "ptrace_scope is 3: until the next boot nobody may"},
        {{.owner = 0, .us = 0}, "root has no CAP_SYS_PTRACE here"},
        {{.owner = 0, .us = 0, .yama = 1}, "root has no CAP_SYS_PTRACE here"},
        {{.owner = 0, .us = 0, .may_trace = true, .filtered = true}, "a seccomp filter around this command"},
        {{.owner = 0, .us = 0, .may_trace = true, .other_users = true}, "it is in another user namespace"},
        {{.owner = 8, .us = 8, .hidden = true, .yama = 1}, "has asked not to be dumped"},
        {{.owner = 8, .us = 8, .has_more = true}, "it has capabilities that this command lacks"},
        {{.owner = 8, .us = 8}, "it is in a sandbox, or a security module forbids it"},
        {{.owner = -1, .us = 8}, "it is in a sandbox, or a security module forbids it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ad_error *error = ad_live_explain_denial(4711, &cases[i].denial);
        assert_non_null(strstr(error->message, "process 4711 may not be read: "));
        assert_error(error, AD_ERROR_PERMISSION, cases[i].words);
    }
}

static int make_program(void **state)
{
    if (make_folder(state))
        return -1;
    hang_compile("hang", "");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_numbers_are_refused),
        cmocka_unit_test(kernel_threads_are_refused),
        cmocka_unit_test(traced_process_is_refused),
        cmocka_unit_test(others_processes_are_not_permitted),
        cmocka_unit_test(each_denial_has_its_words),
    };
    return cmocka_run_group_tests(tests, make_program, remove_folder);
}
