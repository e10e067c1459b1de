/* SPDX-License-Identifier: MIT */
/*
 * bizmail.h - BizMail's webhook bodies, understood
 *
 * Promise    Any bytes give an event, a reason for quarantine or "not parseable"; never a crash,
 *            never more work than linear in the size. All text of an event is valid UTF-8.
 * Threads    Pure; any.
 * Ownership  An event owns its text until bizmail_event_release(); the slices point into it.
 * Source     BizMail API 1.0 "Webhook Tracking"; where that contradicts itself, both ways are
 *            taken.
 */
#ifndef REPOSTAL_BIZMAIL_H
#define REPOSTAL_BIZMAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/slice.h"

/* The numbers are stored: never reuse one. */
enum bizmail_kind {
	BIZMAIL_UNKNOWN = 0,
	BIZMAIL_DELIVERED = 1,
	BIZMAIL_BOUNCE = 2,
	BIZMAIL_DROP = 3,
};
enum {
	BIZMAIL_KIND_COUNT = 4
};

/* "unknown", "delivered", "bounce", "drop": for metrics, logs and identities. */
const char *bizmail_kind_name(enum bizmail_kind kind);
/* delivered, bounce, bounced, drop, dropped, in any case; UNKNOWN otherwise. Also for sub-paths. */
enum bizmail_kind bizmail_kind_parse(struct slice text);

enum bizmail_encoding {
	BIZMAIL_ENCODING_NONE = 0, /* not one that we take: 415 */
	BIZMAIL_ENCODING_JSON,
	BIZMAIL_ENCODING_FORM,
	BIZMAIL_ENCODING_MULTIPART,
};

/*
 * application/json and text/json (parameters ignored), application/x-www-form-urlencoded and
 * multipart/form-data are taken, and then the bytes decide: '{' (after white space and a byte order
 * mark) is JSON, a first line "--x" multipart, a first name with '=' a form; the label only where they
 * do not tell. An empty type counts as JSON when the body starts with '{'.
 */
enum bizmail_encoding bizmail_encoding_of(struct slice content_type, struct slice body);

/* Why an event that was understood as JSON or form cannot be translated. */
enum bizmail_problem {
	BIZMAIL_PROBLEM_NONE = 0,
	BIZMAIL_PROBLEM_UNPARSEABLE, /* not a JSON object, not a form */
	BIZMAIL_PROBLEM_UNKNOWN_KIND,
	BIZMAIL_PROBLEM_NO_ID,        /* missing, too long, or with a control character in it */
	BIZMAIL_PROBLEM_NO_RECIPIENT, /* missing, not an address, or too long */
};
enum {
	BIZMAIL_PROBLEM_COUNT = 5
};
/* "unparseable", "unknown_kind", "no_id", "no_recipient": metric label and quarantine reason. */
const char *bizmail_problem_name(enum bizmail_problem problem);

enum {
	BIZMAIL_ID_SIZE_MAX = 998, /* a header line, RFC 5322 section 2.1.1 */
	BIZMAIL_ADDRESS_SIZE_MAX = 1024,
	BIZMAIL_FIELDS_MAX = 1000, /* of a form; more make it unparseable */
};

struct bizmail_event {
	enum bizmail_kind kind;
	bool permanent;         /* of a bounce: hard, by category or else by the reply's code */
	struct slice id;        /* without angle brackets */
	struct slice recipient; /* bare address */
	struct slice mx_hostname;
	struct slice response;
	struct slice category; /* as sent */
	struct slice reason;
	struct slice return_path; /* bare address, or empty */
	int64_t time_ms; /* as sent, Unix milliseconds; 0 when missing, zero or not understood */
	struct slice time_text; /* as sent, when it is there but not understood; else empty */
	void *memory;           /* private: what the slices point into */
};

/*
 * Understands body. hint is the kind that the sub-path names, or BIZMAIL_UNKNOWN; it decides only
 * when the body does not say. With a problem other than UNPARSEABLE the event still holds what was
 * found (the id, for the answer). err (may be NULL) is told what is not parseable. The event must
 * be released in every case.
 */
enum bizmail_problem bizmail_parse(enum bizmail_encoding encoding, struct slice content_type,
	struct slice body, enum bizmail_kind hint, struct bizmail_event *event_out,
	struct error *err);
void bizmail_event_release(struct bizmail_event *event);

/*
 * The first usable address of a list, without display name and angle brackets; empty when there is
 * none. Usable: something on both sides of an @, no white space, no control character.
 */
struct slice bizmail_address(struct slice text);
/* A message id without its angle brackets; empty when it cannot serve as one. */
struct slice bizmail_id(struct slice text);

/*
 * When it happened, in Unix milliseconds: time_ms, or received_ms when that is 0 or more than a day
 * ahead of received_ms.
 */
int64_t bizmail_event_occurred_ms(const struct bizmail_event *event, int64_t received_ms);

/*
 * Makes a JSON text that a strict parser takes, as far as bytes go: bad UTF-8 and lone surrogate
 * escapes become U+FFFD, raw control characters inside strings become escapes, a byte order mark
 * goes. A clean text is returned as it is (*repaired_out NULL); otherwise *repaired_out is to be
 * freed. Exposed for its tests.
 */
struct slice bizmail_json_repair(struct slice body, char **repaired_out);

#endif
