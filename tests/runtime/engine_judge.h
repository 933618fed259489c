/* SPDX-License-Identifier: MIT */
/** @file engine_judge.h - asyncdump's own reader of the contract as a judge of single steps (stepper.h). */
#ifndef ENGINE_JUDGE_H
#define ENGINE_JUDGE_H

#include "stepper.h"

const char *engine_judge(const struct step *step);

#endif
