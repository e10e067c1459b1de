/* SPDX-License-Identifier: MIT */
/*
 * rules.h - what must hold between settings, and what deserves a warning
 *
 * Promise    Works on configs that have problems already, too; what is missing there is passed
 *            over.
 * Threads    One owner of everything.
 */
#ifndef REPOSTAL_CONFIG_RULES_H
#define REPOSTAL_CONFIG_RULES_H

#include "problems.h"
#include "repostal/config.h"

void rules_check(const struct config *config, struct problems *problems);

/* rules_network.c */
void rule_ports_differ(const struct config *config, struct problems *problems);
void rule_target_is_elsewhere(const struct config *config, size_t index, struct problems *problems);

#endif
