/* SPDX-License-Identifier: MIT */
/*
 * expect.h - what a body should become, as a row of a table
 *
 * A wanted text that is NULL is not looked at; "" means that the event must not have it.
 */
#ifndef REPOSTAL_TESTS_BIZMAIL_EXPECT_H
#define REPOSTAL_TESTS_BIZMAIL_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repostal/bizmail.h"
#include "repostal/memory.h"

/* For the members body and body_size: a literal, which may hold NUL. */
#define BODY(text) .body = (text), .body_size = sizeof(text) - 1

struct expect {
	const char *name;
	const char *content_type;
	const char *body;
	size_t body_size;
	enum bizmail_kind hint;
	enum bizmail_problem problem;
	enum bizmail_kind kind;
	bool permanent;
	const char *id;
	const char *recipient;
	const char *mx_hostname;
	const char *response;
	const char *category;
	const char *reason;
	const char *return_path;
	int64_t time_ms;
};

static inline void expect_text(
	const char *row, const char *what, struct slice got, const char *want)
{
	if (want != NULL && !slice_is(got, want))
		fail_msg("%s: %s is '%.*s', want '%s'", row, what, (int)got.size, got.data, want);
}

static inline void expect_row(enum bizmail_encoding encoding, const struct expect *row)
{
	struct bizmail_event event;
	struct error err = { .text = "" };
	enum bizmail_problem problem;

	problem = bizmail_parse(encoding, slice_text(row->content_type),
		slice_of(row->body, row->body_size), row->hint, &event, &err);
	if (problem != row->problem)
		fail_msg("%s: problem is %s (%s), want %s", row->name,
			bizmail_problem_name(problem), err.text,
			bizmail_problem_name(row->problem));
	if ((problem == BIZMAIL_PROBLEM_UNPARSEABLE) != (err.text[0] != '\0'))
		fail_msg("%s: the error text is '%s'", row->name, err.text);
	if (event.kind != row->kind)
		fail_msg("%s: kind is %s, want %s", row->name, bizmail_kind_name(event.kind),
			bizmail_kind_name(row->kind));
	if (event.permanent != row->permanent)
		fail_msg("%s: permanent is %d", row->name, event.permanent);
	if (event.time_ms != row->time_ms)
		fail_msg("%s: time is %lld, want %lld", row->name, (long long)event.time_ms,
			(long long)row->time_ms);
	expect_text(row->name, "id", event.id, row->id);
	expect_text(row->name, "recipient", event.recipient, row->recipient);
	expect_text(row->name, "mx_hostname", event.mx_hostname, row->mx_hostname);
	expect_text(row->name, "response", event.response, row->response);
	expect_text(row->name, "category", event.category, row->category);
	expect_text(row->name, "reason", event.reason, row->reason);
	expect_text(row->name, "return_path", event.return_path, row->return_path);
	bizmail_event_release(&event);
	assert_null(event.memory);
}

static inline void expect_rows(
	enum bizmail_encoding encoding, const struct expect *rows, size_t row_count)
{
	for (size_t i = 0; i < row_count; i++)
		expect_row(encoding, &rows[i]);
}

#endif
