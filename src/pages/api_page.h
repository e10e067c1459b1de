/* SPDX-License-Identifier: MIT */
/*
 * api_page.h - repostal-api.7, from examples/openapi.json
 *
 * Threads    One.
 */
#ifndef REPOSTAL_PAGES_API_PAGE_H
#define REPOSTAL_PAGES_API_PAGE_H

#include "page.h"

void api_page_write(const struct folders *folders);

#endif
