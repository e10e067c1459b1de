/* SPDX-License-Identifier: MIT */
#include "pauses.h"

#include <stdlib.h>
#include <string.h>

#include "repostal/memory.h"

struct pauses_change {
	struct pauses_change *next;
	uint16_t target;
	bool is_paused;
	char *reason;
};

size_t pauses_reason_size(const char *reason)
{
	size_t size = strlen(reason);

	if (size <= PAUSE_REASON_SIZE_MAX)
		return size;
	size = PAUSE_REASON_SIZE_MAX;
	while (size > 0 && ((unsigned char)reason[size] & 0xc0) == 0x80)
		size--;
	return size;
}

bool pauses_read(const struct pauses *pauses, uint16_t target, const char **reason_out)
{
	const char *reason = pauses->reason[target];

	if (reason_out != NULL)
		*reason_out = reason == NULL ? "" : reason;
	return pauses->is_paused[target];
}

void pauses_add(struct pauses *pauses, uint16_t target, bool is_paused, struct slice reason)
{
	struct pauses_change *change = memory_zalloc(sizeof(*change));

	change->target = target;
	change->is_paused = is_paused;
	if (reason.size > 0) {
		change->reason = memory_zalloc(reason.size + 1);
		memcpy(change->reason, reason.data, reason.size);
	}
	if (pauses->last == NULL)
		pauses->first = change;
	else
		pauses->last->next = change;
	pauses->last = change;
}

static struct pauses_change *pop(struct pauses *pauses)
{
	struct pauses_change *change = pauses->first;

	if (change == NULL)
		return NULL;
	pauses->first = change->next;
	if (pauses->first == NULL)
		pauses->last = NULL;
	return change;
}

void pauses_commit(struct pauses *pauses)
{
	struct pauses_change *change;

	while ((change = pop(pauses)) != NULL) {
		free(pauses->reason[change->target]);
		pauses->reason[change->target] = change->reason;
		pauses->is_paused[change->target] = change->is_paused;
		free(change);
	}
}

void pauses_rollback(struct pauses *pauses)
{
	struct pauses_change *change;

	while ((change = pop(pauses)) != NULL) {
		free(change->reason);
		free(change);
	}
}

void pauses_free(struct pauses *pauses)
{
	pauses_rollback(pauses);
	for (size_t i = 0; i < STORE_TARGETS_MAX; i++)
		free(pauses->reason[i]);
}
