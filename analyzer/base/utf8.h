/* SPDX-License-Identifier: MIT */
/** @file utf8.h - one character of UTF-8 that nobody vouches for. */
#ifndef AD_BASE_UTF8_H
#define AD_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of the character here, 0 when it is not one in shortest form. Reads no byte behind a NUL. */
size_t ad_utf8_decode(const char *text, uint32_t *character_ret);

#endif
