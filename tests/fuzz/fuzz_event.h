/* SPDX-License-Identifier: MIT */
/*
 * fuzz_event.h - what holds for every event, whatever the bytes were
 *
 * Promise    Parses the body as each sub-path would and stops the fuzzer when an event breaks the
 *            promise of bizmail.h.
 */
#ifndef REPOSTAL_FUZZ_EVENT_H
#define REPOSTAL_FUZZ_EVENT_H

#include <stdint.h>

#include "repostal/bizmail.h"
#include "repostal/memory.h"
#include "repostal/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check_text(const struct bizmail_event *event)
{
	const struct slice texts[] = { event->id, event->recipient, event->mx_hostname,
		event->response, event->category, event->reason, event->return_path,
		event->time_text };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		REPOSTAL_ASSERT(text_is_utf8(texts[i]));
}

static inline void fuzz_check_line(struct slice text, size_t size_max)
{
	REPOSTAL_ASSERT(text.size <= size_max);
	for (size_t i = 0; i < text.size; i++)
		REPOSTAL_ASSERT((unsigned char)text.data[i] >= ' ' && text.data[i] != 0x7f);
}

static inline void fuzz_check_address(struct slice address)
{
	fuzz_check_line(address, BIZMAIL_ADDRESS_SIZE_MAX);
	if (address.size > 0)
		REPOSTAL_ASSERT(memchr(address.data, '@', address.size) != NULL);
}

static inline void fuzz_check_problem(
	const struct bizmail_event *event, enum bizmail_problem problem)
{
	switch (problem) {
	case BIZMAIL_PROBLEM_NONE:
		REPOSTAL_ASSERT(event->kind != BIZMAIL_UNKNOWN && event->id.size > 0 &&
				event->recipient.size > 0);
		return;
	case BIZMAIL_PROBLEM_UNPARSEABLE:
		REPOSTAL_ASSERT(event->kind == BIZMAIL_UNKNOWN && event->memory == NULL &&
				event->id.size == 0);
		return;
	case BIZMAIL_PROBLEM_UNKNOWN_KIND:
		REPOSTAL_ASSERT(event->kind == BIZMAIL_UNKNOWN);
		return;
	case BIZMAIL_PROBLEM_NO_ID:
		REPOSTAL_ASSERT(event->kind != BIZMAIL_UNKNOWN && event->id.size == 0);
		return;
	case BIZMAIL_PROBLEM_NO_RECIPIENT:
		REPOSTAL_ASSERT(event->kind != BIZMAIL_UNKNOWN && event->id.size > 0 &&
				event->recipient.size == 0);
		return;
	}
}

static inline void fuzz_event(
	enum bizmail_encoding encoding, struct slice content_type, struct slice body)
{
	for (int hint = BIZMAIL_UNKNOWN; hint < BIZMAIL_KIND_COUNT; hint++) {
		struct error err = { .text = "" };
		struct bizmail_event event;
		enum bizmail_problem problem;

		problem = bizmail_parse(
			encoding, content_type, body, (enum bizmail_kind)hint, &event, &err);
		REPOSTAL_ASSERT((problem == BIZMAIL_PROBLEM_UNPARSEABLE) == (err.text[0] != '\0'));
		REPOSTAL_ASSERT(text_is_utf8(slice_text(err.text)));
		REPOSTAL_ASSERT(event.time_ms >= 0);
		REPOSTAL_ASSERT(event.time_ms == 0 || event.time_text.size == 0);
		REPOSTAL_ASSERT(!event.permanent || event.kind == BIZMAIL_BOUNCE);
		fuzz_check_problem(&event, problem);
		fuzz_check_text(&event);
		fuzz_check_line(event.id, BIZMAIL_ID_SIZE_MAX);
		fuzz_check_address(event.recipient);
		fuzz_check_address(event.return_path);
		bizmail_event_release(&event);
	}
}

/* The same body under every label: the bytes decide, so whatever is named JSON is not read as a form. */
static inline void fuzz_labels(struct slice body)
{
	static const char *const labels[] = { "", "application/json",
		"application/x-www-form-urlencoded", "multipart/form-data; boundary=other" };
	struct slice text = slice_trim(body);

	for (size_t i = 0; i < ARRAY_COUNT(labels); i++) {
		struct slice label = slice_text(labels[i]);
		enum bizmail_encoding encoding = bizmail_encoding_of(label, body);

		if (text.size > 0 && text.data[0] == '{')
			REPOSTAL_ASSERT(encoding == BIZMAIL_ENCODING_JSON);
		if (encoding != BIZMAIL_ENCODING_NONE)
			fuzz_event(encoding, label, body);
	}
}

#endif
