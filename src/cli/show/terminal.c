/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "repostal/text.h"

enum {
	WIDTH_DEFAULT = 80,
	WIDTH_MAX = 10000,
};

/* Bytes of the control character at the front of text, or 0 when there is none. */
static size_t control_size(struct slice text, enum show_lines lines)
{
	if (text.data[0] == '\n')
		return lines == SHOW_ONE_LINE;
	return text_hidden_sequence(text.data, text.size);
}

void show_append_printable(struct buf *out, struct slice text, enum show_lines lines)
{
	size_t clean = 0; /* what is before it is written */

	for (size_t i = 0; i < text.size; i++) {
		size_t size = control_size(slice_of(text.data + i, text.size - i), lines);

		if (size == 0)
			continue;
		buf_append(out, text.data + clean, i - clean);
		buf_append_unicode_escape(out, text_code_point(text.data + i, size));
		i += size - 1;
		clean = i + 1;
	}
	buf_append(out, text.data + clean, text.size - clean);
}

void show_append_wrapped(struct buf *out, struct slice text, size_t indent, size_t width_max)
{
	size_t column = indent;

	for (bool is_first = true; text.size > 0; is_first = false) {
		struct slice word = slice_cut(&text, ' ');
		bool fits = width_max == 0 || column + 1 + word.size <= width_max;

		if (!is_first && fits) {
			buf_append_char(out, ' ');
			column++;
		} else if (!is_first) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		show_append_printable(out, word, SHOW_ONE_LINE);
		column += word.size;
	}
}

size_t show_width_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { 0 };
	int64_t width;

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	if (columns != NULL && text_parse_uint(slice_text(columns), &width) && width > 0 &&
		width <= WIDTH_MAX)
		return (size_t)width;
	return WIDTH_DEFAULT;
}

size_t show_terminal_width(void)
{
	return show_width_of(STDOUT_FILENO);
}
