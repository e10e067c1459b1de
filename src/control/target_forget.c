/* SPDX-License-Identifier: MIT */
/* A target that is configured no more, with all that is left of it. */
#include "control_private.h"

static bool is_configured(const struct call *call, uint16_t number)
{
	for (size_t i = 0; i < call->snapshot->targets_count; i++)
		if (call->snapshot->target_numbers[i] == number)
			return true;
	return false;
}

static enum status run_forget(struct store *store, void *argument, struct error *err)
{
	return store_forget(store, argument, err);
}

/* One portion a call, so that the store's owner has time for events between them. */
static void forget(struct call *call, uint16_t number)
{
	const struct control_settings *control = &call->control->settings;
	struct store_forget portion = { .target = number };
	struct buf *out = &call->answer->body;
	enum status status = STATUS_OK;
	struct error err;

	while (status == STATUS_OK && !portion.done)
		status = control->backend->call(control->context, run_forget, &portion, &err);
	if (status == STATUS_FULL || status == STATUS_BUSY) {
		call_refuse(call, 409, "name", "path", "%s", err.text);
		return;
	}
	if (status != STATUS_OK) {
		call_refuse_status(call, status, &err);
		return;
	}
	out_open(out, '{');
	out_text(out, "name", call->parameter);
	out_bool(out, "forgotten", true);
	out_close(out, '}');
}

void target_forget(struct call *call)
{
	int number = names_find_target(&call->names, call->parameter);
	struct error err;

	if (number < 0) {
		names_refuse_target(&call->names, call->parameter, &err);
		call_refuse(call, 404, "name", "path", "%s", err.text);
		return;
	}
	if (!call_take_query_end(call))
		return;
	if (is_configured(call, (uint16_t)number))
		call_refuse(call, 409, "name", "path",
			"'%.*s' is configured: take it out of the configuration and reload first",
			(int)call->parameter.size, call->parameter.data);
	else
		forget(call, (uint16_t)number);
}
