/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/memory.h"
#include "roff.h"

enum {
	TEXT_SIZE_MAX = 1024 * 1024,
	PATH_SIZE_MAX = 4096,
	NAME_SIZE = 64,
	CHUNK_SIZE = 64 * 1024,
};

static const char mark[] = ".\\\" generated\n";

static _Noreturn void die(const char *path)
{
	fprintf(stderr, "repostal-pages: %s: %s\n", path, strerror(errno));
	exit(1);
}

static void read_file(struct buf *out, const char *path, bool may_be_missing)
{
	FILE *file = fopen(path, "re");
	char chunk[CHUNK_SIZE];
	size_t size;

	if (file == NULL && may_be_missing && errno == ENOENT)
		return;
	if (file == NULL)
		die(path);
	while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_append(out, chunk, size);
	if (ferror(file))
		die(path);
	REPOSTAL_ASSERT(!out->overflowed);
	fclose(file);
}

void page_read(struct buf *out, const char *path)
{
	read_file(out, path, false);
}

void page_read_source(
	struct buf *out, const struct folders *folders, const char *name, bool may_be_missing)
{
	struct buf path;

	buf_init(&path, PATH_SIZE_MAX);
	buf_printf(&path, "%s/%s", folders->sources, name);
	read_file(out, path.data, may_be_missing);
	buf_free(&path);
}

void page_write(const struct folders *folders, const char *name, const struct buf *text)
{
	struct buf path;
	FILE *file;

	REPOSTAL_ASSERT(!text->overflowed);
	buf_init(&path, PATH_SIZE_MAX);
	buf_printf(&path, "%s/%s", folders->out, name);
	file = fopen(path.data, "we");
	if (file == NULL || fwrite(text->data, 1, text->size, file) != text->size ||
		fclose(file) != 0)
		die(path.data);
	buf_free(&path);
}

/* In capitals, as in all heads of pages. */
static void append_title(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++)
		buf_append_char(
			out, *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name);
}

/* The part above the mark goes to the page's front. */
static struct slice cut_before(struct page *page)
{
	struct slice text = buf_slice(&page->manual);
	size_t mark_size = sizeof(mark) - 1;

	page->after = text;
	for (size_t i = 0; i + mark_size <= text.size; i++) {
		if (memcmp(text.data + i, mark, mark_size) != 0)
			continue;
		page->after = slice_of(text.data + i + mark_size, text.size - i - mark_size);
		return slice_of(text.data, i);
	}
	return slice_of(text.data, 0);
}

void page_begin(struct page *page, const struct folders *folders, const char *name, int section,
	const char *summary)
{
	char manual[NAME_SIZE + sizeof("manual/.1")];

	*page = (struct page){ .folders = folders, .name = name, .section = section };
	buf_init(&page->text, TEXT_SIZE_MAX);
	buf_init(&page->manual, TEXT_SIZE_MAX);
	(void)snprintf(manual, sizeof(manual), "manual/%s.%d", name, section);
	page_read_source(&page->manual, folders, manual, true);
	buf_append_text(&page->text,
		".\\\" Made from the tables of the program and src/pages/manual.\n.TH \"");
	append_title(&page->text, name);
	buf_printf(&page->text, "\" \"%d\" \"%s\" \"repostal %s\" \"repostal\"\n", section,
		REPOSTAL_DATE, REPOSTAL_VERSION);
	buf_append_text(&page->text, ".nh\n.ad l\n");
	roff_append_heading(&page->text, "NAME");
	roff_append_plain(&page->text, slice_text(name));
	buf_append_text(&page->text, " \\- ");
	roff_append_plain(&page->text, slice_text(summary));
	buf_append_char(&page->text, '\n');
}

void page_append_before(struct page *page)
{
	buf_append_slice(&page->text, cut_before(page));
}

static void append_see_also(struct page *page)
{
	static const struct {
		const char *name;
		int section;
	} pages[] = { { "repostal", 1 }, { "repostal.conf", 5 }, { "repostal-api", 7 } };
	const char *separator = "";

	roff_append_heading(&page->text, "SEE ALSO");
	for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
		if (strcmp(pages[i].name, page->name) == 0)
			continue;
		buf_printf(&page->text, "%s.BR ", separator);
		roff_append_plain(&page->text, slice_text(pages[i].name));
		buf_printf(&page->text, " (%d)", pages[i].section);
		separator = ",\n";
	}
	buf_append_char(&page->text, '\n');
}

void page_end(struct page *page)
{
	char name[NAME_SIZE + sizeof("man1/.1")];

	buf_append_slice(&page->text, page->after);
	append_see_also(page);
	(void)snprintf(name, sizeof(name), "man%d/%s.%d", page->section, page->name, page->section);
	page_write(page->folders, name, &page->text);
	buf_free(&page->manual);
	buf_free(&page->text);
}
