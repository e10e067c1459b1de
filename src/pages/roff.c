/* SPDX-License-Identifier: MIT */
#include "roff.h"

#include <stdbool.h>
#include <string.h>

#include "cli/command/help.h"

static void append_character(struct buf *out, char c)
{
	/* What groff would show as another character, or take for its own. */
	static const struct {
		char character;
		const char *escape;
	} escapes[] = {
		{ '\\', "\\e" },
		{ '-', "\\-" },
		{ '\'', "\\(aq" },
		{ '`', "\\(ga" },
		{ '^', "\\(ha" },
		{ '~', "\\(ti" },
	};

	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (escapes[i].character == c) {
			buf_append_text(out, escapes[i].escape);
			return;
		}
	/* At the beginning of a line it is a request. */
	if (c == '.' && (out->size == 0 || out->data[out->size - 1] == '\n'))
		buf_append_text(out, "\\&");
	buf_append_char(out, c);
}

void roff_append_plain(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.size; i++)
		append_character(out, text.data[i]);
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Bytes of an option at the front: "--like-this". */
static size_t option_size(struct slice text)
{
	size_t size = 2;

	if (text.size < 3 || memcmp(text.data, "--", 2) != 0 || !is_lower(text.data[2]))
		return 0;
	while (size < text.size && (is_lower(text.data[size]) || text.data[size] == '-'))
		size++;
	return size;
}

void roff_append_text(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.size;) {
		struct slice rest = slice_of(text.data + i, text.size - i);
		size_t size = option_size(rest);

		if (size == 0) {
			append_character(out, text.data[i++]);
			continue;
		}
		buf_append_text(out, "\\fB");
		roff_append_plain(out, slice_of(rest.data, size));
		buf_append_text(out, "\\fR");
		i += size;
	}
}

/* Bytes of the name of a value at the front: "FILE", "EVENT-FILE". */
static size_t value_size(struct slice text)
{
	size_t size = 0;

	while (size < text.size &&
		(is_upper(text.data[size]) ||
			(size > 0 && text.data[size] == '-' && size + 1 < text.size &&
				is_upper(text.data[size + 1]))))
		size++;
	return size;
}

/* Bytes of a word that is typed as it stands. */
static size_t word_size(struct slice text)
{
	size_t size = 0;

	while (size < text.size && (is_lower(text.data[size]) || text.data[size] == '-'))
		size++;
	return size;
}

void roff_append_typed(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.size;) {
		struct slice rest = slice_of(text.data + i, text.size - i);
		size_t size = value_size(rest);
		const char *font = "\\fI";

		if (size == 0) {
			size = word_size(rest);
			font = "\\fB";
		}
		if (size == 0) {
			append_character(out, text.data[i++]);
			continue;
		}
		buf_append_text(out, font);
		roff_append_plain(out, slice_of(rest.data, size));
		buf_append_text(out, "\\fR");
		i += size;
	}
}

void roff_append_heading(struct buf *out, const char *title)
{
	buf_printf(out, ".SH %s\n", title);
}

void roff_append_paragraphs(struct buf *out, const char *text)
{
	struct slice rest = slice_text(text);

	while (rest.size > 0) {
		struct slice paragraph = help_cut_paragraph(&rest);
		bool is_kept = paragraph.data[0] == ' ';

		buf_append_text(out, is_kept ? ".PP\n.EX\n" : ".PP\n");
		if (is_kept)
			roff_append_plain(out, paragraph);
		else
			roff_append_text(out, paragraph);
		buf_append_text(out, is_kept ? "\n.EE\n" : "\n");
	}
}
