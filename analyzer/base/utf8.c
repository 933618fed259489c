/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdbool.h>

size_t ad_utf8_decode(const char *text, uint32_t *character_ret)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t length = bytes[0] >= 0xf0 && bytes[0] < 0xf8   ? 4
                    : bytes[0] >= 0xe0 && bytes[0] < 0xf0 ? 3
                    : bytes[0] >= 0xc0 && bytes[0] < 0xe0 ? 2
                                                          : 0;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!length)
        return 0;
    uint32_t character = bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) /* stops at a NUL as well */
            return 0;
        character = character << 6 | (bytes[i] & 0x3f);
    }
    bool surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < smallest[length] || character > 0x10ffff || surrogate)
        return 0;
    *character_ret = character;
    return length;
}
