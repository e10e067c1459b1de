/* SPDX-License-Identifier: MIT */
/*
 * libh2o 2.2.5 takes Transfer-Encoding over Content-Length, the first of several Content-Length, and the
 * last of several Transfer-Encoding and Host. RFC 9112 (sections 3.2 and 6.3) wants such a request
 * refused, or the connection closed behind it.
 */
#include "framing.h"

struct seen {
	int content_lengths;
	int transfer_encodings;
	int hosts;
};

static void look_at(struct slice line, struct seen *seen)
{
	struct slice name = slice_cut(&line, ':');

	seen->content_lengths += slice_is_nocase(name, "content-length");
	seen->transfer_encodings += slice_is_nocase(name, "transfer-encoding");
	seen->hosts += slice_is_nocase(name, "host");
}

static bool is_http_1_0(struct slice request_line)
{
	static const char version[] = " HTTP/1.0";
	struct slice line = slice_trim(request_line);
	size_t size = sizeof(version) - 1;

	return line.size > size && memcmp(line.data + line.size - size, version, size) == 0;
}

bool framing_is_clear(struct slice bytes)
{
	struct slice request_line = slice_cut(&bytes, '\n');
	struct seen seen = { 0 };

	/* libh2o lets one empty line pass in front of a request. */
	if (slice_trim(request_line).size == 0)
		request_line = slice_cut(&bytes, '\n');
	while (bytes.size > 0) {
		struct slice line = slice_cut(&bytes, '\n');

		if (line.size == 0 || line.data[0] == '\r')
			break;
		/* A folded line: libh2o joins it to the one before, others take it for a header. */
		if (line.data[0] == ' ' || line.data[0] == '\t')
			return false;
		look_at(line, &seen);
	}
	if (seen.content_lengths + seen.transfer_encodings > 1 || seen.hosts > 1)
		return false;
	/* HTTP/1.0 knows no Transfer-Encoding: such a proxy would read to the end of the connection. */
	return seen.transfer_encodings == 0 || !is_http_1_0(request_line);
}
