/* SPDX-License-Identifier: MIT */
/* echo, libasyncrt: a task for each connection. Prints its port. */
#include <stdio.h>
#include <stdlib.h>

#include "async.h"
#include "contest.h"

#define BUFFER_SIZE ((size_t)16 << 10) /* as echo_uv.c */

static int serve(void *argument)
{
    struct async_tcp *tcp = argument;
    char *buffer = malloc(BUFFER_SIZE);
    contest_require(buffer != NULL, "malloc");
    ssize_t count;
    while ((count = async_read(tcp, buffer, BUFFER_SIZE)) > 0)
        if (async_write(tcp, buffer, (size_t)count) != 0)
            break;
    free(buffer);
    return async_close(tcp);
}

static int start(void *unused)
{
    struct async_listener *listener;
    struct async_tcp *tcp;
    (void)unused;
    contest_require(async_listen(&listener, "127.0.0.1", 0, 511) == 0, "async_listen");
    printf("%u\n", async_listener_port(listener));
    fflush(stdout);
    while (async_accept(listener, &tcp) == 0)
        contest_require(async_spawn(NULL, "client", serve, tcp) == 0, "async_spawn");
    return 0;
}

int main(void)
{
    return async_run(start, NULL, NULL) != 0;
}
