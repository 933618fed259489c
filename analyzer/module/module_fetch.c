/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "module/fetch.h"
#include "module/module_internal.h"

static bool may_ask(const struct ad_modules *modules, const struct ad_image *image, enum ad_fetch_kind kind)
{
    const struct ad_module *module = &image->module;
    return modules->options.debuginfod && !modules->servers_fail && !module->is_vdso && module->build_id.size &&
           !image->asked[kind];
}

/* NULL when the file is the one asked for; servers can be wrong. */
static const char *judge(struct ad_modules *modules, const struct ad_module *module, const struct ad_elf_file *file,
                         enum ad_fetch_kind kind)
{
    if (!ad_build_id_equal(ad_elf_build_id(file), &module->build_id))
        return ad_modules_text(modules, "what debuginfod gave for %s has another build-id", module->name);
    if (kind == AD_FETCH_DEBUG && !ad_elf_has_section(file, ".debug_info"))
        return ad_modules_text(modules, "what debuginfod gave for %s has no debug information", module->name);
    return NULL;
}

/* The file, proven, or NULL and why there is none. */
static struct ad_error *fetch(struct ad_modules *modules, struct ad_image *image, enum ad_fetch_kind kind,
                              struct ad_elf_file **file_ret, const char **why_ret, bool *refused_ret)
{
    struct ad_module *module = &image->module;
    const struct ad_fetch job = {kind, &module->build_id, module->name, &modules->options, modules->limits};
    *file_ret = NULL;
    *refused_ret = false;
    image->asked[kind] = true;
    struct ad_error *error = ad_fetch_file(&job, file_ret);
    if (error == &ad_error_nomem)
        return error;
    *why_ret = error ? ad_modules_text(modules, "%s", error->message) : judge(modules, module, *file_ret, kind);
    modules->servers_fail = error && error->kind == AD_ERROR_LIMIT;
    *refused_ret = *file_ret && *why_ret;
    ad_error_destroy(error);
    if (*refused_ret)
        ad_elf_close(ad_take(*file_ret));
    return NULL;
}

struct ad_error *ad_module_fetch_debug(struct ad_modules *modules, struct ad_module *module)
{
    struct ad_image *image = (struct ad_image *)module;
    const char *why;
    bool refused;
    if (module->debug || !may_ask(modules, image, AD_FETCH_DEBUG))
        return NULL;
    AD_TRY(fetch(modules, image, AD_FETCH_DEBUG, &module->debug, &why, &refused));
    if (module->debug)
        module->debug_refused = module->debug_sought = NULL;
    else if (refused && !module->debug_refused)
        module->debug_refused = why;
    else
        module->debug_sought = ad_modules_text(modules, "%s; %s", module->debug_sought, why);
    return NULL;
}

struct ad_error *ad_module_fetch_file(struct ad_modules *modules, struct ad_module *module)
{
    struct ad_image *image = (struct ad_image *)module;
    const char *why;
    bool refused;
    if (module->file || !may_ask(modules, image, AD_FETCH_PROGRAM))
        return NULL;
    AD_TRY(fetch(modules, image, AD_FETCH_PROGRAM, &module->file, &why, &refused));
    if (!module->file) {
        module->problem = ad_modules_text(modules, "%s; %s", module->problem, why);
        return NULL;
    }
    module->status = AD_MODULE_OK;
    module->problem = NULL;
    AD_TRY(ad_image_complete(modules, image));
    if (!module->debug)
        ad_image_find_debug(modules, image);
    return NULL;
}
