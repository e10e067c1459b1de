/* SPDX-License-Identifier: MIT */
/*
 * rules.h - what must hold between settings, and what deserves a warning
 *
 * Promise    Works on configs that have problems already, too; what is missing there is passed
 *            over.
 * Threads    One owner of everything.
 */
#ifndef POSTHORN_CONFIG_RULES_H
#define POSTHORN_CONFIG_RULES_H

#include "posthorn/config.h"
#include "problems.h"

void rules_check(const struct config *config, struct problems *problems);

#endif
