/* SPDX-License-Identifier: MIT */
/*
 * control.h - the operator's hand on the queue: the admin API without its transport
 *
 * Promise    Looking never disturbs the gateway: it reads beside the store, a page at a time.
 *            Changes go through the store's owner in small portions. Hits of a search are compared
 *            with the text itself before they are shown or changed. The same code serves a running
 *            gateway and, while none runs, the command line.
 * Threads    control_handle() blocks: on one thread at a time, never on a loop. Jobs run on a thread
 *            of control's own, one after another; the backend's functions are called from both.
 * Ownership  The settings' strings and the backend's context must outlive the control.
 * Errors     Refusals are answers: {"errors":[{"msg":..,"param":..,"location":..}]}.
 */
#ifndef REPOSTAL_CONTROL_H
#define REPOSTAL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/buf.h"
#include "repostal/cause.h"
#include "repostal/error.h"
#include "repostal/event_route.h"
#include "repostal/slice.h"
#include "repostal/source_settings.h"
#include "repostal/store.h"
#include "repostal/target_settings.h"
#include "repostal/translate.h"

/* One configuration, as it is from acquire() to release(). */
struct control_snapshot {
	int64_t generation; /* 0: no gateway runs */
	uint64_t fingerprint;
	struct event_rules rules;
	const struct target_settings *targets;
	const uint16_t *target_numbers; /* of the store, for each */
	size_t targets_count;
};

enum {
	CONTROL_HINT_SIZE = 512
};

/* Why the last attempt that failed did so. */
struct control_target_error {
	int64_t time_ms;    /* Unix */
	const char *result; /* "4xx", "timeout", ..; static */
	int http_status;    /* 0: no answer */
	char cause[CAUSE_SIZE];
	char hint[CONTROL_HINT_SIZE]; /* what may help; "": nothing is known */
};

/* What only a running gateway knows of a target. Times: Unix; 0: there is none. */
struct control_target {
	const char *state; /* "active", "paused", "open", "probing", ..; static */
	int64_t since_ms;  /* of that state */
	int64_t next_probe_ms;
	int64_t next_try_ms;
	unsigned types_failing; /* bit 1 << enum postal_event_type: refused by the receiver */
	struct control_target_error error; /* time_ms 0: none yet */
	int64_t in_flight;                 /* attempts */
	int64_t attempts_last_minute;
	int64_t delivered_last_minute;
	int64_t oldest_received_us; /* of what is not delivered; 0: none; negative: not known */
};

enum {
	CONTROL_RELOAD_ERROR_SIZE = 1024
};

/* The last time that a gateway was told to read its configuration again. */
struct control_reload {
	int64_t time_ms;                       /* Unix; 0: never */
	char error[CONTROL_RELOAD_ERROR_SIZE]; /* "": it has the new one */
};

struct control_totals {
	int64_t uptime_s; /* negative: no gateway runs; then only the next two are given */
	int64_t quarantined;
	int64_t store_bytes;
	int64_t started_ms; /* Unix */
	struct control_reload reload;
	bool is_ready;
	struct buf reasons; /* a JSON array, why it is not ready; the caller frees it */
	/* Without a gateway: how old what is seen may be. As in store_reader.h. */
	int64_t changed_ms;
	int64_t gateways;
};

/* What a target answered to a sample envelope. */
struct control_test {
	const char *event; /* its type; static */
	char uuid[UUID_TEXT_SIZE];
	bool is_signed;
	const char *result; /* "2xx", "timeout", ..; static */
	int http_status;    /* 0: no answer */
	int64_t duration_ms;
	char cause[CAUSE_SIZE]; /* "": a 2xx */
	size_t answer_size;
	char answer[STORE_ANSWER_SIZE_MAX];
};

struct control_backend {
	/* Sends one now and waits for the answer. NULL: no gateway runs. */
	enum status (*test)(
		void *context, uint16_t target, struct control_test *test_out, struct error *err);
	/* Runs a function with the store, outside a transaction, and waits for its end. */
	enum status (*call)(void *context,
		enum status (*run)(struct store *store, void *argument, struct error *err),
		void *argument, struct error *err);
	/* Something for this target is due on disk. */
	void (*look)(void *context, uint16_t target);
	/* What the store has been told already. */
	void (*pause)(void *context, uint16_t target, bool paused);
	const struct control_snapshot *(*acquire)(void *context);
	void (*release)(void *context, const struct control_snapshot *snapshot);
	/* False: there is no such target at work. */
	bool (*observe)(void *context, uint16_t target, struct control_target *out);
	void (*observe_totals)(void *context, struct control_totals *out);
};

struct control_settings {
	const struct control_backend *backend;
	void *context;
	const struct store_settings *store; /* to read beside its owner */
	double rate_per_second;             /* of a job that names none; 0: no limit */
};

struct control;

struct control *control_open(const struct control_settings *settings);
/* Cuts a running job off between two portions. Before the backend goes. */
void control_close(struct control **controlp);

struct control_request {
	struct slice method;
	struct slice path;  /* begins behind /api/v1; not decoded */
	struct slice query; /* without the '?' */
	struct slice content_type;
	struct slice body;
	bool shows_urls; /* of targets as a whole: of their paths some are secrets */
};

enum {
	CONTROL_BODY_SIZE_MAX = 64 * 1024,
	CONTROL_ALLOW_SIZE = 32
};

struct control_answer {
	int status;
	char allow[CONTROL_ALLOW_SIZE]; /* of 405, for the header of that name; else "" */
	struct buf body;                /* JSON */
};

/* Fills the answer; the caller frees its body. */
void control_handle(struct control *control, const struct control_request *request,
	struct control_answer *answer_out);

/*
 * The backend while no gateway runs. It takes the store with the first change, and gives it back with
 * control_offline_free(); STATUS_BUSY: a process owns it.
 */
struct control_offline_settings {
	const struct store_settings *store;
	const struct source_settings *sources;
	size_t sources_count;
	const struct target_settings *targets;
	size_t targets_count;
	const struct translate_settings *translate;
	uint64_t fingerprint;
};

struct control_offline;

/* What it is given must outlive it. */
struct control_offline *control_offline_new(const struct control_offline_settings *settings);
void control_offline_free(struct control_offline **offlinep);
/* The context of control_offline_backend. */
extern const struct control_backend control_offline_backend;

/*
 * Takes the store now. STATUS_BUSY: a process owns it. Without this the first change does it, and its
 * answer is a 503.
 */
enum status control_offline_take(struct control_offline *offline, struct error *err);

#endif
