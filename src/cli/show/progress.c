/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <inttypes.h>

#include "json_show.h"

enum {
	TEXT_SIZE_MAX = 256,
	BAR_WIDTH_MAX = 40,
	BAR_WIDTH_MIN = 10,
	BAR_FRAME_WIDTH = 4, /* brackets and two blanks */
	RATE_AFTER_MS = 500, /* before, a rate would be a guess */
};

static int64_t rate_per_second(const struct progress *progress)
{
	if (progress->elapsed_ms < RATE_AFTER_MS)
		return 0;
	return (int64_t)((double)progress->changed * 1000.0 / (double)progress->elapsed_ms);
}

static void append_bar(struct buf *out, double share, size_t width)
{
	size_t full = (size_t)(share * (double)width);

	buf_append_char(out, '[');
	for (size_t i = 0; i < width; i++)
		buf_append_char(out, i < full ? '#' : '-');
	buf_append_text(out, "]  ");
}

static void append_known(struct buf *out, const struct progress *progress, size_t width_max)
{
	int64_t rate = rate_per_second(progress);
	int64_t left = progress->expected - progress->changed;
	double share = progress->expected == 0
			       ? 1.0
			       : (double)progress->changed / (double)progress->expected;
	size_t bar = BAR_WIDTH_MAX;
	struct buf text;

	if (share > 1.0)
		share = 1.0;
	buf_init(&text, TEXT_SIZE_MAX);
	buf_printf(&text, "%3d %%  %" PRId64 " of %" PRId64, (int)(share * 100.0),
		progress->changed, progress->expected);
	if (rate > 0)
		buf_printf(&text, ", %" PRId64 "/s", rate);
	if (rate > 0 && left > 0) {
		buf_append_text(&text, ", ");
		show_append_seconds(&text, (left + rate - 1) / rate);
		buf_append_text(&text, " left");
	}
	if (text.size + BAR_FRAME_WIDTH + bar > width_max)
		bar = width_max > text.size + BAR_FRAME_WIDTH
			      ? width_max - text.size - BAR_FRAME_WIDTH
			      : 0;
	if (bar >= BAR_WIDTH_MIN)
		append_bar(out, share, bar);
	buf_append_slice(out, buf_slice(&text));
	buf_free(&text);
}

void progress_append(struct buf *out, const struct progress *progress, size_t width_max)
{
	size_t begin = out->size;
	int64_t rate = rate_per_second(progress);

	if (progress->expected >= 0) {
		append_known(out, progress, width_max);
	} else {
		buf_printf(out, "%" PRId64 " changed of %" PRId64 " seen", progress->changed,
			progress->scanned);
		if (rate > 0)
			buf_printf(out, ", %" PRId64 "/s", rate);
	}
	if (out->size - begin > width_max)
		out->size = begin + width_max; /* ASCII: any byte is a place to cut */
}
