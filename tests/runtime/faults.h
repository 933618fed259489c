/* SPDX-License-Identifier: MIT */
/**
 * @file faults.h - a libc and a kernel that fail now and then, as a seed says, and count what they gave. For
 * a program that is linked as CMakeLists.txt says.
 *
 *     malloc, calloc, realloc, strdup, mmap of the runtime; libuv's malloc and calloc     no memory
 *     read, readv, recvmsg, write, writev, sendmsg on descriptors that were named         EINTR, EAGAIN
 *     write, writev likewise                                                              less than asked
 *     accept4, epoll_wait, epoll_pwait                                                    EINTR
 *
 * And not what no kernel does or libuv does not bear: an eventfd never writes in part; a read that returns
 * less than there is, at a closed connection, is the end of it for libuv (what is written in part is read in
 * part anyway); and libuv aborts where its realloc fails, since it cannot enlarge its table of descriptors.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/** SplitMix64. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/** 0 <= the result < bound. */
static inline unsigned random_below(uint64_t *state, unsigned bound)
{
    return (unsigned)((random_next(state) >> 32) * bound >> 32);
}

/** Before the first loop. */
void faults_install(void);

/** From now on one call in `one_in` fails; 0: none does. */
void faults_begin(uint64_t seed, unsigned one_in);
void faults_end(void);

/** Reading and writing it fails too, until faults_begin. A connection that is accepted is named by that. */
void faults_name_file(int fd);

/** While it is set, none in calls of the first task, which cannot bear them. */
extern bool faults_held;

/** How many calls have failed since faults_begin. */
unsigned faults_made(void);

/** Pieces of memory and mappings that the runtime and libuv hold. */
long faults_memory(void);
long faults_mappings(void);

#endif
