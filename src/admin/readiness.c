/* SPDX-License-Identifier: MIT */
#include "admin_private.h"

enum {
	STUCK_AFTER_MS = 10 * 1000
};

static void add_reason(struct buf *out, const char *reason)
{
	if (out->size > 1)
		buf_append_char(out, ',');
	buf_append_json_string(out, slice_text(reason));
}

bool admin_print_reasons(const struct admin_view *view, int64_t now_ms, struct buf *out)
{
	const struct store_metrics *store = store_thread_metrics(view->store);
	const struct dispatcher_metrics *dispatcher = dispatcher_metrics(view->dispatcher);

	buf_append_char(out, '[');
	if (gauge_read(&store->failing_since_ms) != 0)
		add_reason(out, "the store is not writable");
	if (gauge_read(&store->backlog) >= view->max_backlog)
		add_reason(out, "the backlog is full");
	if (now_ms - gauge_read(&store->heartbeat_ms) > STUCK_AFTER_MS)
		add_reason(out, "the store is stuck");
	if (now_ms - gauge_read(&dispatcher->heartbeat_ms) > STUCK_AFTER_MS)
		add_reason(out, "delivery is stuck");
	buf_append_char(out, ']');
	return out->size == 2;
}
