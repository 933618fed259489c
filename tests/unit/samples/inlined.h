/* SPDX-License-Identifier: MIT */
/* First in the sample's code, so that its line program begins with a file that is not the main one. */
static NOINLINE void in_header(void)
{
    probe(__LINE__, 0, 0, "in_header");
    sink++;
}
