/* SPDX-License-Identifier: MIT */
#include "report/escape.h"
#include "report/screen_internal.h"

#include <inttypes.h>

enum { LOSS_WIDTH = 240, LOSSES = 8 };

static void print_loss(FILE *out, const struct ad_loss *loss)
{
    char text[LOSS_WIDTH];
    fprintf(out, "%s: %s\n", loss->partial ? "lost" : "note", ad_escape(text, sizeof(text), loss->what));
}

/* What is missing comes before what is only good to know; at most `room` of them. */
static size_t print_those(FILE *out, const struct ad_vector *losses, bool partial, size_t room)
{
    size_t printed = 0;
    for (size_t i = 0; i < losses->count && printed < room; i++) {
        const struct ad_loss *loss = &AD_ITEMS(struct ad_loss, losses)[i];
        if (loss->partial != partial)
            continue;
        print_loss(out, loss);
        printed++;
    }
    return printed;
}

static void print_stop_note(FILE *out, const struct ad_snapshot *snapshot)
{
    char text[LOSS_WIDTH];
    if (!snapshot->stop_note)
        return;
    fprintf(out, "note: %s ", ad_escape(text, sizeof(text), snapshot->description));
    fprintf(out, "%s\n", ad_escape(text, sizeof(text), snapshot->stop_note));
}

struct ad_error *ad_screen_losses(FILE *out, const struct ad_snapshot *snapshot, size_t bytes)
{
    const struct ad_vector *losses = &snapshot->losses;
    if (!losses->count && !snapshot->stop_note)
        return NULL;
    ad_auto_buffer struct ad_buffer rows = {0};
    AD_TRY(ad_buffer_open(&rows));
    size_t lost = print_those(rows.file, losses, true, LOSSES);
    lost += print_those(rows.file, losses, false, LOSSES - lost);
    print_stop_note(rows.file, snapshot);
    AD_TRY(ad_buffer_close(&rows));
    fputc('\n', out);
    size_t printed = ad_table_print(out, rows.text, NULL, 0, bytes);
    size_t all = losses->count + (snapshot->stop_note ? 1 : 0);
    if (printed < all)
        fprintf(out, "%zu more of these (--json lists them)\n", all - printed);
    return NULL;
}
