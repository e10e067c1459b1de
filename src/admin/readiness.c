/* SPDX-License-Identifier: MIT */
#include "admin_private.h"

#include "repostal/clock.h"

enum {
	STUCK_AFTER_MS = 10 * 1000
};

static void add_reason(struct buf *out, const char *reason)
{
	if (out->size > 1)
		buf_append_char(out, ',');
	buf_append_json_string(out, slice_text(reason));
}

static bool is_late(const struct gauge *heartbeat_ms, int64_t now_ms)
{
	return now_ms - gauge_read(heartbeat_ms) > STUCK_AFTER_MS;
}

static void add_missing_store(struct admin *admin, struct buf *out)
{
	struct error reason;

	admin_read_reason(admin, &reason);
	error_prefix(&reason, "the store is not there yet");
	add_reason(out, reason.text);
}

static void add_failing_store(struct store_thread *store, struct buf *out)
{
	struct error reason;

	store_thread_read_trouble(store, &reason);
	/* It may have recovered since it was asked. */
	if (reason.text[0] == '\0')
		error_set(&reason, "the store is not writable");
	else
		error_prefix(&reason, "the store is not writable");
	add_reason(out, reason.text);
}

static void add_troubles(const struct admin_view *view, int64_t now_ms, struct buf *out)
{
	const struct store_metrics *store = store_thread_metrics(view->store);

	if (gauge_read(&store->failing_since_ms) != 0)
		add_failing_store(view->store, out);
	if (gauge_read(&store->backlog) >= view->max_backlog)
		add_reason(out, "the backlog is full");
	if (is_late(&store->heartbeat_ms, now_ms))
		add_reason(out, "the store is stuck");
	if (is_late(&dispatcher_metrics(view->dispatcher)->heartbeat_ms, now_ms))
		add_reason(out, "delivery is stuck");
	if (!http_server_goes_round(view->public_server, now_ms, STUCK_AFTER_MS))
		add_reason(out, "the listener is stuck");
}

bool admin_print_reasons(struct admin *admin, int64_t now_ms, struct buf *out)
{
	const struct admin_view *view = admin->view;

	buf_append_char(out, '[');
	if (view->store == NULL)
		add_missing_store(admin, out);
	else
		add_troubles(view, now_ms, out);
	buf_append_char(out, ']');
	return out->size == 2;
}

bool admin_sees_work(struct admin *admin, int64_t now_ms)
{
	const struct admin_view *view = admin->view;

	if (!http_server_goes_round(view->public_server, now_ms, STUCK_AFTER_MS) ||
		!http_server_goes_round(view->admin_server, now_ms, STUCK_AFTER_MS))
		return false;
	return view->store == NULL ||
	       (!is_late(&store_thread_metrics(view->store)->heartbeat_ms, now_ms) &&
		       !is_late(&dispatcher_metrics(view->dispatcher)->heartbeat_ms, now_ms));
}

bool admin_is_ready(struct admin *admin, struct buf *reasons_out)
{
	return admin_print_reasons(admin, clock_monotonic_ms(), reasons_out);
}
