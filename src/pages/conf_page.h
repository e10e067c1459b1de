/* SPDX-License-Identifier: MIT */
/*
 * conf_page.h - repostal.conf.5
 *
 * Threads    One.
 */
#ifndef REPOSTAL_PAGES_CONF_PAGE_H
#define REPOSTAL_PAGES_CONF_PAGE_H

#include "page.h"

void conf_page_write(const struct folders *folders);

#endif
