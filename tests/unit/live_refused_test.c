/* SPDX-License-Identifier: MIT */
/* Processes that cannot be read, and the words for it. */
#include "live_support.h"

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
    };
    return cmocka_run_group_tests(tests, make_program, remove_folder);
}
