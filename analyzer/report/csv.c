/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "report/fields.h"
#include "report/report.h"
#include "report/table.h"

/* RFC 4180: a cell that holds a comma or a quote is put in quotes. There are no line ends in escaped texts. */
static void print_cell(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\" ")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static struct ad_error *print_field(FILE *out, const struct ad_snapshot *snapshot, const struct ad_field *field,
                                    uint32_t task)
{
    const struct ad_field_name name = {.field = field};
    ad_auto_buffer struct ad_buffer cell = {0};
    AD_TRY(ad_buffer_open(&cell));
    ad_field_print(cell.file, &name, snapshot, task);
    AD_TRY(ad_buffer_close(&cell));
    print_cell(out, cell.text);
    return NULL;
}

struct ad_error *ad_report_csv(FILE *out, const struct ad_snapshot *snapshot, const struct ad_findings *findings,
                               const struct ad_report_options *options)
{
    const struct ad_selection *selection = options->selection;
    const struct ad_field *field;
    (void)findings;
    for (size_t i = 0; (field = ad_field_at(i)); i++)
        fprintf(out, "%s%s", i ? "," : "", field->name);
    fputc('\n', out);
    for (size_t task = 0; task < selection->count && !ferror(out); task++) {
        for (size_t i = 0; (field = ad_field_at(i)); i++) {
            fputs(i ? "," : "", out);
            AD_TRY(print_field(out, snapshot, field, selection->tasks[task]));
        }
        fputc('\n', out);
    }
    return NULL;
}

struct ad_error *ad_report_task(FILE *out, const struct ad_snapshot *snapshot, const struct ad_findings *findings,
                                const struct ad_report_options *options)
{
    const struct ad_selection *selection = options->selection;
    AD_TRY(ad_report_tasks(out, snapshot, findings, options));
    for (size_t i = 0; selection->count == 1 && ad_field_at(i); i++) {
        const struct ad_field_name name = {.field = ad_field_at(i)};
        ad_auto_buffer struct ad_buffer cell = {0};
        if (ad_field_is_several(name.field) && name.field->type != AD_FIELD_OWNERS)
            continue; /* the stack is there already */
        AD_TRY(ad_buffer_open(&cell));
        ad_field_print(cell.file, &name, snapshot, selection->tasks[0]);
        AD_TRY(ad_buffer_close(&cell));
        if (*cell.text)
            fprintf(out, "%s  %-13s %s%s\n", i ? "" : "\n", name.field->name, cell.text,
                    name.field->type == AD_FIELD_DURATION ? " ns" : "");
    }
    return NULL;
}
