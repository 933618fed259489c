/* SPDX-License-Identifier: MIT */
/*
 * echo, the load: connections that each send a message, wait for all of it to come back, and send the next.
 * Arguments: port, bytes of a message, connections. A count is messages, over all connections.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contest.h"

struct connection {
    int fd;
    size_t awaited; /**< bytes that have not come back yet */
};

struct load {
    int epoll;
    size_t size;
    char *message;
    char *answer;
    uint64_t to_send; /**< messages of this count that were not sent yet */
    uint64_t to_come; /**< that were not answered yet */
};

static void open_connection(struct load *load, struct connection *connection, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    contest_require(connection->fd >= 0, "socket");
    contest_require(connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    contest_require(setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "setsockopt");
    contest_require(epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0, "epoll_ctl");
}

/* One message is far less than a socket's buffer holds, and the one before it is back. */
static void send_message(struct load *load, struct connection *connection)
{
    if (!load->to_send)
        return;
    load->to_send--;
    connection->awaited = load->size;
    contest_require(write(connection->fd, load->message, load->size) == (ssize_t)load->size, "write");
}

static void receive(struct load *load, struct connection *connection)
{
    ssize_t count = read(connection->fd, load->answer, connection->awaited);
    contest_require(count > 0, "read");
    contest_require(memcmp(load->answer, load->message + load->size - connection->awaited, (size_t)count) == 0,
                    "comparing an answer with its message");
    connection->awaited -= (size_t)count;
    if (connection->awaited)
        return;
    load->to_come--;
    send_message(load, connection);
}

static void converse(struct load *load, struct connection *connections, unsigned long connection_count)
{
    struct epoll_event events[64];
    for (unsigned long i = 0; i < connection_count; i++)
        send_message(load, &connections[i]);
    while (load->to_come) {
        int count = epoll_wait(load->epoll, events, 64, -1);
        contest_require(count > 0, "epoll_wait");
        for (int i = 0; i < count; i++)
            receive(load, events[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t)contest_argument(argc, argv, 1);
    struct load load = {.epoll = epoll_create1(0), .size = contest_argument(argc, argv, 2)};
    unsigned long connection_count = contest_argument(argc, argv, 3);
    struct connection *connections = calloc(connection_count, sizeof(*connections));
    load.message = malloc(load.size);
    load.answer = malloc(load.size);
    contest_require(load.message && load.answer && connections && load.epoll >= 0, "allocating");
    for (size_t i = 0; i < load.size; i++)
        load.message[i] = (char)(i * 7 + i / 256);
    for (unsigned long i = 0; i < connection_count; i++)
        open_connection(&load, &connections[i], port);
    while (contest_next(&load.to_send)) {
        load.to_come = load.to_send;
        uint64_t begun = contest_clock();
        converse(&load, connections, connection_count);
        contest_answer(contest_clock() - begun);
    }
    return 0;
}
