/* SPDX-License-Identifier: MIT */
/*
 * command_page.h - repostal.1 and a page for each command
 *
 * Threads    One.
 */
#ifndef REPOSTAL_PAGES_COMMAND_PAGE_H
#define REPOSTAL_PAGES_COMMAND_PAGE_H

#include "page.h"

void command_pages_write(const struct folders *folders);

#endif
