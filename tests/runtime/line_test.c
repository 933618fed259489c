/* SPDX-License-Identifier: MIT */
#include "io_test.h"

struct pair {
    struct async_stream *reader, *writer;
    struct async_lines *lines;
};

static struct pair make_pair(size_t longest)
{
    struct pair pair;
    CHECK_EQUAL(async_pipe(&pair.reader, &pair.writer), 0);
    CHECK_EQUAL(async_lines_create(&pair.lines, pair.reader, longest), 0);
    return pair;
}

static void end_writing(struct pair *pair)
{
    CHECK_EQUAL(async_close(pair->writer), 0);
    pair->writer = NULL;
}

static void close_pair(struct pair *pair)
{
    async_lines_destroy(pair->lines);
    if (pair->writer)
        CHECK_EQUAL(async_close(pair->writer), 0);
    CHECK_EQUAL(async_close(pair->reader), 0);
}

static void check_line(struct pair *pair, const char *expected)
{
    char *line;
    CHECK_EQUAL(async_lines_next(pair->lines, &line), strlen(expected));
    CHECK(strcmp(line, expected) == 0);
}

static void check_error(struct pair *pair, int expected)
{
    char *line;
    CHECK_EQUAL(async_lines_next(pair->lines, &line), expected);
}

/* ---- Lines
 * ------------------------------------------------------------------------------------------------- */

TEST(both_line_ends)
{
    struct pair pair = make_pair(100);
    CHECK_EQUAL(async_print(pair.writer, "one\ntwo\r\n\n\r\nth\rree\r\r\nlast"), 0);
    end_writing(&pair);
    check_line(&pair, "one");
    check_line(&pair, "two");
    check_line(&pair, "");
    check_line(&pair, "");
    check_line(&pair, "th\rree\r");
    check_line(&pair, "last");
    check_error(&pair, UV_EOF);
    check_error(&pair, UV_EOF);
    close_pair(&pair);
}

static int write_slowly(void *argument)
{
    struct pair *pair = argument;
    for (const char *next = "alpha\r\nbeta\n\r\ngamma"; *next; next++) {
        CHECK_EQUAL(async_write(pair->writer, next, 1), 0);
        async_sleep(1);
    }
    end_writing(pair);
    return 0;
}

/* Each byte comes alone. */
TEST(split_anywhere)
{
    struct pair pair = make_pair(100);
    struct async_task *task = test_spawn("writer", write_slowly, &pair);
    check_line(&pair, "alpha");
    check_line(&pair, "beta");
    check_line(&pair, "");
    check_line(&pair, "gamma");
    check_error(&pair, UV_EOF);
    CHECK_EQUAL(test_join(task), 0);
    close_pair(&pair);
}

static int write_many(void *argument)
{
    struct pair *pair = argument;
    for (int i = 0; i < 5000; i++)
        CHECK_EQUAL(async_print(pair->writer, "%d%*s\n", i, i % 97, ""), 0);
    end_writing(pair);
    return 0;
}

/* More than is read at a time, so that lines cross the ends of what lies there. */
TEST(many)
{
    struct pair pair = make_pair(200);
    struct async_task *task = test_spawn("writer", write_many, &pair);
    for (int i = 0; i < 5000; i++) {
        char expected[128];
        snprintf(expected, sizeof(expected), "%d%*s", i, i % 97, "");
        check_line(&pair, expected);
    }
    check_error(&pair, UV_EOF);
    CHECK_EQUAL(test_join(task), 0);
    close_pair(&pair);
}

/* ---- Too long
 * ------------------------------------------------------------------------------------------------ */

static void write_line(struct pair *pair, int length, const char *end)
{
    CHECK_EQUAL(async_print(pair->writer, "%.*s%s", length, "xxxxxxxxxxxxxxxxxxxx", end), 0);
}

TEST(too_long)
{
    struct pair pair = make_pair(10);
    write_line(&pair, 10, "\n");
    write_line(&pair, 10, "\r\n");
    write_line(&pair, 11, "\n");
    write_line(&pair, 11, "\r\n");
    write_line(&pair, 20, "\nafter\n");
    write_line(&pair, 10, "\r");
    async_sleep(1);
    check_line(&pair, "xxxxxxxxxx");
    check_line(&pair, "xxxxxxxxxx");
    check_error(&pair, UV_E2BIG);
    check_error(&pair, UV_E2BIG);
    check_error(&pair, UV_E2BIG);
    check_line(&pair, "after");
    CHECK_EQUAL(async_write(pair.writer, "\n", 1), 0);
    check_line(&pair, "xxxxxxxxxx");
    write_line(&pair, 12, ""); /* and nothing more: that is enough to say so */
    check_error(&pair, UV_E2BIG);
    end_writing(&pair);
    check_error(&pair, UV_EOF);
    close_pair(&pair);
}

static int write_too_long(void *argument)
{
    struct pair *pair = argument;
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 1000; j++)
            write_line(pair, 20, "");
        CHECK_EQUAL(async_print(pair->writer, "\nline %d\n", i), 0);
    }
    end_writing(pair);
    return 0;
}

/* Longer than whatever is kept. */
TEST(much_too_long)
{
    struct pair pair = make_pair(10);
    struct async_task *task = test_spawn("writer", write_too_long, &pair);
    for (int i = 0; i < 5; i++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "line %d", i);
        check_error(&pair, UV_E2BIG);
        check_line(&pair, expected);
    }
    check_error(&pair, UV_EOF);
    CHECK_EQUAL(test_join(task), 0);
    close_pair(&pair);
}

/* ---- What follows a line
 * ----------------------------------------------------------------------------------- */

TEST(body_after_lines)
{
    struct pair pair = make_pair(100);
    char body[16] = "";
    size_t count;
    CHECK_EQUAL(async_print(pair.writer, "length 7\nbo\ndy!\nnext\nrest"), 0);
    check_line(&pair, "length 7");
    CHECK_EQUAL(async_lines_read_exactly(pair.lines, body, 7, NULL), 0);
    CHECK(strcmp(body, "bo\ndy!\n") == 0);
    check_line(&pair, "next");
    CHECK_EQUAL(async_lines_read(pair.lines, body, 2), 2);
    CHECK(memcmp(body, "re", 2) == 0);
    CHECK_EQUAL(async_print(pair.writer, "more"), 0);
    end_writing(&pair);
    CHECK_EQUAL(async_lines_read_exactly(pair.lines, body, 16, &count), UV_EOF);
    CHECK(count == 6 && memcmp(body, "stmore", 6) == 0);
    close_pair(&pair);
}

/* A line that was looked at in vain, and then taken in another way. */
TEST(body_after_half_a_line)
{
    struct pair pair = make_pair(100);
    struct async_timeout timeout;
    char body[16] = "", *line;
    CHECK_EQUAL(async_print(pair.writer, "12345"), 0);
    CHECK_EQUAL(async_timeout_begin(&timeout, 3), 0);
    CHECK_EQUAL(async_lines_next(pair.lines, &line), UV_ETIMEDOUT);
    CHECK_EQUAL(async_timeout_end(&timeout), UV_ETIMEDOUT);
    CHECK_EQUAL(async_lines_read(pair.lines, body, 4), 4);
    CHECK_EQUAL(async_print(pair.writer, "6\n7\n"), 0);
    check_line(&pair, "56");
    check_line(&pair, "7");
    close_pair(&pair);
}

/* ---- Waits that end early, and errors
 * ------------------------------------------------------------------------ */

static int next(void *lines)
{
    char *line;
    return (int)async_lines_next(lines, &line);
}

static int close_it(void *stream)
{
    return async_close(stream);
}

static int next_at_the_end(void *lines)
{
    char *line;
    CHECK_EQUAL(async_lines_next(lines, &line), 3);
    CHECK(strcmp(line, "end") == 0);
    return 0;
}

/* It would move what another reads into. */
TEST(one_task_at_a_time)
{
    struct pair pair = make_pair(100);
    char byte;
    char *line;
    CHECK_EQUAL(async_print(pair.writer, "begin\nen"), 0);
    check_line(&pair, "begin");
    struct async_task *task = test_spawn("reader", next_at_the_end, pair.lines);
    test_until_waits(task, ASYNC_FUTURE_READ);
    CHECK_EQUAL(async_lines_next(pair.lines, &line), UV_EBUSY);
    CHECK_EQUAL(async_lines_read(pair.lines, &byte, 1), UV_EBUSY);
    CHECK_EQUAL(async_print(pair.writer, "d\n"), 0);
    CHECK_EQUAL(test_join(task), 0);
    close_pair(&pair);
}

/* Nothing of half a line is lost. */
TEST(line_wait_ends_early)
{
    struct pair pair = make_pair(100);
    CHECK_EQUAL(async_print(pair.writer, "begin"), 0);
    test_interrupt(ASYNC_FUTURE_READ, next, pair.lines);
    struct async_task *task = test_spawn("reader", next, pair.lines);
    test_until_waits(task, ASYNC_FUTURE_READ);
    CHECK_EQUAL(async_cancel(task), 0);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    CHECK_EQUAL(async_print(pair.writer, " and end\n"), 0);
    check_line(&pair, "begin and end");
    task = test_spawn("reader", next, pair.lines);
    test_until_waits(task, ASYNC_FUTURE_READ);
    struct async_task *closer = test_spawn("closer", close_it, pair.reader);
    CHECK_EQUAL(test_join(task), UV_ECANCELED);
    CHECK_EQUAL(test_join(closer), 0);
    async_lines_destroy(pair.lines);
    CHECK_EQUAL(async_close(pair.writer), 0);
}

TEST(line_errors)
{
    struct pair pair = make_pair(0);
    struct async_lines *lines = NULL;
    char *line;
    CHECK_EQUAL(async_lines_create(&lines, NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_lines_create(NULL, pair.reader, 1), UV_EINVAL);
    CHECK_EQUAL(async_lines_create(&lines, pair.reader, SIZE_MAX), UV_ENOMEM);
    CHECK_EQUAL(async_lines_create(&lines, pair.reader, SIZE_MAX - 10), UV_ENOMEM);
    CHECK_EQUAL(async_lines_create(&lines, pair.reader, SIZE_MAX / 2), UV_ENOMEM);
    CHECK(!lines);
    CHECK_EQUAL(async_lines_next(NULL, &line), UV_EINVAL);
    CHECK_EQUAL(async_lines_next(pair.lines, NULL), UV_EINVAL);
    CHECK_EQUAL(async_lines_read(pair.lines, NULL, 1), UV_EINVAL);
    CHECK_EQUAL(async_print(pair.writer, "\nx\n\n"), 0);
    check_line(&pair, "");
    check_error(&pair, UV_E2BIG);
    check_line(&pair, "");
    close_pair(&pair);
}
