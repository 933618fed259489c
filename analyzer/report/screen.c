/* SPDX-License-Identifier: MIT */
#include "report/screen_internal.h"

#include <stdint.h>

#include "report/finding_words.h"

/* The first screen fits a terminal and a chat message, whatever the size of the target. */
enum { SCREEN_BYTES = 4000, FINDINGS_BYTES = 1950, LOSSES_BYTES = 500 };

/* Head, findings and losses first: the groups get what is left. */
static struct ad_error *fill(const struct ad_screen *screen, struct ad_buffer *top, struct ad_buffer *losses)
{
    AD_TRY(ad_buffer_open(top));
    ad_screen_head(top->file, screen);
    AD_TRY(ad_screen_findings(top->file, screen, FINDINGS_BYTES));
    AD_TRY(ad_buffer_close(top));
    AD_TRY(ad_buffer_open(losses));
    AD_TRY(ad_screen_losses(losses->file, screen->snapshot, LOSSES_BYTES));
    return ad_buffer_close(losses);
}

struct ad_error *ad_report_screen(FILE *out, const struct ad_snapshot *snapshot,
                                  const struct ad_findings *findings, const struct ad_report_options *options)
{
    struct ad_screen screen = {.snapshot = snapshot, .findings = findings, .options = options};
    AD_TRY(ad_findings_signature(snapshot, findings, &screen.signature));
    ad_auto_buffer struct ad_buffer top = {0};
    ad_auto_buffer struct ad_buffer losses = {0};
    AD_TRY(fill(&screen, &top, &losses));
    size_t used = top.size + losses.size;
    fwrite(top.text, 1, top.size, out);
    /* Who asks for a number of groups gets them. */
    AD_TRY(ad_screen_groups(out, &screen, options->groups ? SIZE_MAX : SCREEN_BYTES - used));
    fwrite(losses.text, 1, losses.size, out);
    return NULL;
}
