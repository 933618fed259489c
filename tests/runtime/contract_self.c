/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "contract_reader.h"
#include "descriptor.h"
#include "test.h"

static bool read_self(void *context, uint64_t address, void *buffer, size_t size)
{
    (void)context;
    if (address < 4096)
        return false;
    memcpy(buffer, (const void *)(uintptr_t)address, size);
    return true;
}

struct reader reader_load_self(void)
{
    struct reader reader = {.read = read_self};
    if (!reader_load(&reader, (uintptr_t)&async_debug_descriptor))
        test_fail(__FILE__, __LINE__, reader.problem);
    return reader;
}
