/* SPDX-License-Identifier: MIT */
/*
 * control_private.h - one request on its way through control; only src/control includes this
 *
 * Promise    A handler writes its answer into call->answer, or refuses; what the call holds is given
 *            back by control.c.
 * Threads    The caller's of control_handle().
 */
#ifndef REPOSTAL_CONTROL_PRIVATE_H
#define REPOSTAL_CONTROL_PRIVATE_H

#include <jansson.h>

#include "filter.h"
#include "out.h"
#include "query.h"
#include "repostal/control.h"

struct jobs;

struct control {
	struct control_settings settings;
	struct store_reader *reader; /* NULL: not open (yet, or any more) */
	struct jobs *jobs;
};

struct call {
	struct control *control;
	const struct control_request *request;
	struct control_answer *answer;
	const struct control_snapshot *snapshot;
	struct names names;
	struct query query;
	struct slice parameter; /* what stands in the path where the pattern has {..}; decoded */
	int64_t number;         /* the same, of {id} */
	int64_t now_us;
};

/* What the API has: in control.c, compared with the OpenAPI file by a test. */
struct route {
	const char *method;
	const char *pattern;
	void (*handle)(struct call *call);
	bool takes_body; /* else one with members is refused: it was meant for something else */
};
extern const struct route control_routes[];
extern const size_t control_routes_count;

/* Whatever was written before is replaced. */
void call_refuse(struct call *call, int status, const char *param, const char *location,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What the store said, in words for its user. */
void call_refuse_status(struct call *call, enum status status, const struct error *err);

/* Functions of the kind "take": false when they have refused. */

/* Query parameters into a filter, limit and cursor. */
struct paging {
	size_t limit;
	int64_t before;
};
bool call_take_paging(struct call *call, struct paging *paging_out);
/* paging NULL: there is none. */
bool call_take_filter(struct call *call, struct filter *filter, struct paging *paging_out);
/* No parameter but those that were taken. */
bool call_take_query_end(struct call *call);
/* *body_out is an object, to be released; NULL when there is no body. */
bool call_take_body(struct call *call, json_t **body_out);
/* There is none, or it says nothing. */
bool call_take_no_body(struct call *call);
/* {"all":true} */
bool call_take_all(struct call *call);

void call_write_next(struct call *call, int64_t next);

/* The handlers. */
void stats_show(struct call *call);
void targets_list(struct call *call);
void target_show(struct call *call);
void target_pause(struct call *call);
void target_resume(struct call *call);
void target_test(struct call *call);
void target_forget(struct call *call);
void deliveries_list(struct call *call);
void deliveries_count(struct call *call);
void messages_list(struct call *call);
void event_show(struct call *call);
void event_retry(struct call *call);
void event_discard(struct call *call);
void jobs_post(struct call *call);
void jobs_list(struct call *call);
void job_show(struct call *call);
void job_cancel(struct call *call);
void quarantine_list(struct call *call);
void quarantine_show(struct call *call);
void quarantine_replay_one(struct call *call);
void quarantine_replay_all(struct call *call);
void quarantine_discard_one(struct call *call);
void quarantine_discard_all(struct call *call);

/* deliveries.c */
void delivery_write_members(struct buf *out, const struct names *names, const struct store_row *row,
	const struct parsed_event *parsed);
/* null, or what the last attempt came to: "2xx", "timeout", .. */
void delivery_write_result(struct buf *out, int attempts, int http_status, int transport);

/* change.c */
struct change_item {
	int64_t event;
	int target;      /* -1: every one */
	uint32_t states; /* of the store; 0: any */
	/* Retried under a new uuid; then target is one, and the rest is needed, too. */
	bool as_new;
	struct uuid uuid; /* of the event */
	struct slice target_name;
};
/* Takes a step with the store in a transaction of its own, on its thread, and waits for its end. */
enum status control_write(const struct control *control,
	enum status (*step)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err);
/* One transaction; targets are told afterwards. */
enum status change_portion(
	const struct control *control, struct store_change *change, struct error *err);
enum status change_items(const struct control *control, enum store_change_kind kind,
	const struct change_item *items, size_t items_count, int64_t now_ms, size_t *changed_out,
	struct error *err);

/* jobs.c */
struct jobs *jobs_new(const struct control *control);
void jobs_free(struct jobs **jobsp);

#endif
