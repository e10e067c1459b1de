/* SPDX-License-Identifier: MIT */
/* A JSON body; also: repaired text needs no second repair. */
#include <stdlib.h>

#include "fuzz_event.h"

static void check_repair(struct slice body)
{
	char *repaired;
	char *again;
	struct slice text = bizmail_json_repair(body, &repaired);

	/* A text that is not repaired may lose a byte order mark only. */
	REPOSTAL_ASSERT(text_is_utf8(text));
	if (repaired == NULL)
		REPOSTAL_ASSERT(body.size - text.size == 0 || body.size - text.size == 3);
	if (repaired != NULL) {
		(void)bizmail_json_repair(text, &again);
		REPOSTAL_ASSERT(again == NULL);
	}
	free(repaired);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_of((const char *)data, size);

	check_repair(body);
	fuzz_event(BIZMAIL_ENCODING_JSON, slice_of(NULL, 0), body);
	fuzz_labels(body);
	return 0;
}
