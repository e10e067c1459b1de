/* SPDX-License-Identifier: MIT */
#include "http_private.h"

void http_pace_begin(struct http_connection *connection)
{
	http_connection_enter(connection, HTTP_READING);
	h2o_linklist_insert(&connection->loop->paced, &connection->pace);
}

bool http_pace_is_waiting(struct http_loop *loop)
{
	return !h2o_linklist_is_empty(&loop->paced);
}

void http_pace_forget(struct http_connection *connection)
{
	if (h2o_linklist_is_linked(&connection->pace))
		h2o_linklist_unlink(&connection->pace);
}

void http_pace_run(struct http_loop *loop, int64_t now_ms)
{
	if (now_ms < loop->turn_ms)
		return;
	loop->turn_ms = now_ms + HTTP_PACE_MS;
	for (int i = 0; i < HTTP_PACE_BURST && http_pace_is_waiting(loop); i++) {
		struct http_connection *connection =
			H2O_STRUCT_FROM_MEMBER(struct http_connection, pace, loop->paced.next);

		http_pace_forget(connection);
		http_gate_continue(connection);
	}
}
