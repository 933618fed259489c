/* SPDX-License-Identifier: MIT */
/**
 * @file demangle.h - names as in the source for those that compilers of C++ and Rust hand to linkers.
 *
 * By libiberty, which knows C++ (Itanium ABI) and both of Rust's forms, legacy and v0 (RFC 2603). Names are a
 * file's, and a short one can stand for a text of any length; so a child with hardly any right makes
 * them, and a name that is too much for it stays as it is.
 */
#ifndef AD_SYMBOL_DEMANGLE_H
#define AD_SYMBOL_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/pool.h"

struct ad_mangled {
    const char *name;
    const char **plain_ret; /**< set only when `name` can be demangled */
};

/** Whether a name may be a mangled one; takes NULL. */
bool ad_is_mangled(const char *name);

/** Demangles all, without the types of arguments; texts go into the pool. Sorts `names`. */
struct ad_error *ad_demangle(struct ad_mangled *names, size_t count, const struct ad_limits *limits,
                             struct ad_pool *pool) ad_must_check;

#endif
