/* SPDX-License-Identifier: MIT */
/* The first line is the content type, the rest is the body. */
#include "fuzz_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_of((const char *)data, size);
	struct slice content_type = slice_cut(&body, '\n');

	(void)bizmail_encoding_of(content_type, body);
	fuzz_event(BIZMAIL_ENCODING_MULTIPART, content_type, body);
	fuzz_labels(body);
	return 0;
}
