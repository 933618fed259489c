/* SPDX-License-Identifier: MIT */
/** @file coredumpctl.h - the cores that systemd-coredump keeps, asked for through its own coredumpctl. */
#ifndef ASYNCDUMP_CLI_COREDUMPCTL_H
#define ASYNCDUMP_CLI_COREDUMPCTL_H

#include "target/core.h"

/**
 * The newest core that matches (as coredumpctl's MATCH: a PID, a name, a path, FIELD=value; NULL: any), with a
 * note that says which. `source` gives the progress to tell. AD_ERROR_UNUSABLE: no coredumpctl, no match,
 * or no core kept of it; AD_ERROR_PERMISSION: the core is another user's.
 */
struct ad_error *coredumpctl_open(const char *match, const struct ad_core_source *source,
                                  const struct ad_limits *limits, struct ad_target **target_ret) ad_must_check;

#endif
