/* SPDX-License-Identifier: MIT */
/*
 * What handlers have in common: refusing, and taking parameters and bodies.
 */
#include <stdio.h>
#include <string.h>

#include "control_private.h"
#include "listing.h"
#include "repostal/text.h"

enum {
	LIMIT_DEFAULT = 50,
	NAME_SHOWN_MAX = 60
};

void call_refuse(struct call *call, int status, const char *param, const char *location,
	const char *format, ...)
{
	struct buf *out = &call->answer->body;
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	call->answer->status = status;
	buf_reset(out);
	out_open(out, '{');
	out_open_at(out, "errors", '[');
	out_open(out, '{');
	out_text(out, "msg", slice_text(text));
	out_text(out, "param", slice_text(param));
	out_text(out, "location", slice_text(location));
	buf_append_text(out, "}]}");
}

void call_refuse_status(struct call *call, enum status status, const struct error *err)
{
	int http_status = 503;

	switch (status) {
	case STATUS_OK:
	case STATUS_INVALID:
		http_status = 500;
		break;
	case STATUS_NOT_FOUND:
	case STATUS_FULL:
	case STATUS_BUSY:
	case STATUS_IO:
	case STATUS_UNCERTAIN:
		break;
	}
	call_refuse(call, http_status, "server", "server", "%s", err->text);
}

static bool take_limit(struct call *call, size_t *limit_out)
{
	struct slice value;
	int64_t limit = LIMIT_DEFAULT;

	if (query_take(&call->query, "limit", &value) &&
		(!text_parse_uint(value, &limit) || limit < 1 || limit > LISTING_LIMIT_MAX)) {
		call_refuse(call, 400, "limit", "query", "a number from 1 to %d is expected",
			LISTING_LIMIT_MAX);
		return false;
	}
	*limit_out = (size_t)limit;
	return true;
}

bool call_take_paging(struct call *call, struct paging *paging_out)
{
	struct slice value;

	paging_out->before = 0;
	if (!take_limit(call, &paging_out->limit))
		return false;
	if (query_take(&call->query, "cursor", &value) &&
		(!text_parse_uint(value, &paging_out->before) || paging_out->before == 0)) {
		call_refuse(call, 400, "cursor", "query", "not a cursor that an answer has given");
		return false;
	}
	return true;
}

bool call_take_filter(struct call *call, struct filter *filter, struct paging *paging_out)
{
	struct error err;

	if (paging_out != NULL && !call_take_paging(call, paging_out))
		return false;
	for (size_t i = 0; i < call->query.count; i++) {
		struct slice name = call->query.parameters[i].name;

		if (call->query.parameters[i].is_taken)
			continue;
		switch (filter_set(filter, &call->names, name, call->query.parameters[i].value,
			call->now_us, &err)) {
		case FILTER_SET:
			call->query.parameters[i].is_taken = true;
			break;
		case FILTER_NO_SUCH_KEY:
			break;
		case FILTER_BAD_VALUE: {
			char key[NAME_SHOWN_MAX + 1];

			snprintf(key, sizeof(key), "%.*s", (int)name.size, name.data);
			call_refuse(call, 400, key, "query", "%s", err.text);
			return false;
		}
		}
	}
	return call_take_query_end(call);
}

bool call_take_query_end(struct call *call)
{
	for (size_t i = 0; i < call->query.count; i++) {
		struct slice name = call->query.parameters[i].name;
		char key[NAME_SHOWN_MAX + 1];

		if (call->query.parameters[i].is_taken)
			continue;
		snprintf(key, sizeof(key), "%.*s",
			(int)(name.size < NAME_SHOWN_MAX ? name.size : NAME_SHOWN_MAX), name.data);
		call_refuse(call, 400, key, "query", "there is no such parameter here");
		return false;
	}
	return true;
}

bool call_take_body(struct call *call, json_t **body_out)
{
	struct slice body = slice_trim(call->request->body);
	json_error_t error;

	*body_out = NULL;
	if (body.size == 0)
		return true;
	if (call->request->body.size > CONTROL_BODY_SIZE_MAX) {
		call_refuse(call, 413, "body", "body", "more than %d bytes", CONTROL_BODY_SIZE_MAX);
		return false;
	}
	*body_out = json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(*body_out))
		return true;
	call_refuse(call, 400, "body", "body", "not a JSON object%s%s",
		*body_out == NULL ? ": " : "", *body_out == NULL ? error.text : "");
	json_decref(*body_out);
	*body_out = NULL;
	return false;
}

bool call_take_no_body(struct call *call)
{
	json_t *body = NULL;
	bool is_empty;

	if (!call_take_body(call, &body))
		return false;
	is_empty = json_object_size(body) == 0;
	json_decref(body);
	if (!is_empty)
		call_refuse(call, 400, "body", "body", "nothing is expected in the body here");
	return is_empty;
}

bool call_take_all(struct call *call)
{
	json_t *body = NULL;
	bool is_all;

	if (!call_take_query_end(call) || !call_take_body(call, &body))
		return false;
	is_all = json_is_true(json_object_get(body, "all")) && json_object_size(body) == 1;
	json_decref(body);
	if (!is_all)
		call_refuse(call, 400, "all", "body", "{\"all\":true} is expected");
	return is_all;
}

void call_write_next(struct call *call, int64_t next)
{
	struct buf *out = &call->answer->body;

	if (next == 0) {
		out_null(out, "next");
		return;
	}
	out_key(out, "next");
	buf_append_char(out, '"');
	buf_append_int(out, next);
	buf_append_char(out, '"');
}
