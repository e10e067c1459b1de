/* SPDX-License-Identifier: MIT */
#include "log_queue.h"

#include <string.h>

#include "repostal/memory.h"

/* In front of each line. */
typedef uint16_t line_size;

_Static_assert(LOG_LINE_SIZE_MAX <= UINT16_MAX, "a line's size fits its header");

static void put(struct log_queue *queue, const void *data, size_t size)
{
	size_t at = (queue->begin + queue->used) % LOG_QUEUE_SIZE;
	size_t first = size < LOG_QUEUE_SIZE - at ? size : LOG_QUEUE_SIZE - at;

	memcpy(queue->bytes + at, data, first);
	memcpy(queue->bytes, (const char *)data + first, size - first);
	queue->used += size;
}

static void get(struct log_queue *queue, void *out, size_t size)
{
	size_t at = queue->begin;
	size_t first = size < LOG_QUEUE_SIZE - at ? size : LOG_QUEUE_SIZE - at;

	memcpy(out, queue->bytes + at, first);
	memcpy((char *)out + first, queue->bytes, size - first);
	queue->begin = (at + size) % LOG_QUEUE_SIZE;
	queue->used -= size;
}

bool log_queue_push(struct log_queue *queue, struct slice line)
{
	line_size size = (line_size)line.size;

	REPOSTAL_ASSERT(line.size > 0 && line.size <= LOG_LINE_SIZE_MAX);
	if (queue->lost > 0 || queue->used + sizeof(size) + line.size > LOG_QUEUE_SIZE) {
		queue->lost++;
		return false;
	}
	put(queue, &size, sizeof(size));
	put(queue, line.data, line.size);
	return true;
}

size_t log_queue_pop(struct log_queue *queue, char out[LOG_LINE_SIZE_MAX])
{
	line_size size;

	if (queue->used == 0)
		return 0;
	get(queue, &size, sizeof(size));
	get(queue, out, size);
	return size;
}

int64_t log_queue_take_lost(struct log_queue *queue)
{
	int64_t lost = queue->lost;

	if (queue->used > LOG_QUEUE_SIZE / 2)
		return 0;
	queue->lost = 0;
	return lost;
}
