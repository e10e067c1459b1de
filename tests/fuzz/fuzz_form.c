/* SPDX-License-Identifier: MIT */
#include "fuzz_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_of((const char *)data, size);

	fuzz_event(BIZMAIL_ENCODING_FORM, slice_of(NULL, 0), body);
	fuzz_labels(body);
	return 0;
}
