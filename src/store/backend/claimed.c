/* SPDX-License-Identifier: MIT */
#include "claimed.h"

#include <stdlib.h>
#include <string.h>

#include "repostal/memory.h"

/* Puts the bytes at *end and moves it past them. */
static struct slice place(char **end, struct slice bytes)
{
	struct slice placed = slice_of(*end, bytes.size);

	if (bytes.size > 0)
		memcpy(*end, bytes.data, bytes.size);
	*end += bytes.size;
	return placed;
}

struct store_claimed *store_claimed_new(
	const struct store_claimed *head, struct slice content_type, struct slice raw)
{
	struct store_claimed *claimed =
		memory_alloc(sizeof(*claimed) + content_type.size + raw.size);
	char *end = (char *)(claimed + 1);

	*claimed = *head;
	claimed->content_type = place(&end, content_type);
	claimed->raw = place(&end, raw);
	return claimed;
}

void store_claimed_free(struct store_claimed **listp)
{
	struct store_claimed *next;

	for (struct store_claimed *claimed = *listp; claimed != NULL; claimed = next) {
		next = claimed->next;
		free(claimed);
	}
	*listp = NULL;
}
