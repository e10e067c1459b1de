/* SPDX-License-Identifier: MIT */
/*
 * page.h - one manual page in the making
 *
 * Promise    What is written by hand comes from manual/NAME.SECTION: what is above its line '.\" generated'
 *            before what the tables say, the rest after it (all of it when there is no such line). A page may
 *            have none.
 * Threads    One owner.
 * Errors     They end the program, with a message: this is part of the build.
 */
#ifndef REPOSTAL_PAGES_PAGE_H
#define REPOSTAL_PAGES_PAGE_H

#include <stdbool.h>

#include "repostal/buf.h"
#include "repostal/slice.h"

/* Where it is read from, and written to. */
struct folders {
	const char *sources; /* src/pages */
	const char *openapi; /* the file */
	const char *out;
};

struct page {
	const struct folders *folders;
	const char *name;
	int section;
	struct buf text;
	struct buf manual;  /* what is written by hand */
	struct slice after; /* what of it is still to come */
};

/* Head, name and summary. */
void page_begin(struct page *page, const struct folders *folders, const char *name, int section,
	const char *summary);
/* What is written by hand and comes before the tables. */
void page_append_before(struct page *page);
/* The rest of it and what else to see; writes the file. */
void page_end(struct page *page);

/* Appends the whole file. */
void page_read(struct buf *out, const char *path);
/* The same of one below src/pages; nothing when it is missing and may be. */
void page_read_source(
	struct buf *out, const struct folders *folders, const char *name, bool may_be_missing);
void page_write(const struct folders *folders, const char *name, const struct buf *text);

#endif
