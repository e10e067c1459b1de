/* SPDX-License-Identifier: MIT */
/*
 * store_thread.h - the one thread that writes, and its group commit
 *
 * Promise    Requests are carried out in the order they were posted, everything that has arrived in
 *            one transaction; under load the batch grows by itself, and waits store_gather_us() for
 *            more. Without load only deferrable requests wait, for others of their kind.
 *            done() runs after the commit that holds the request, or after it failed. Verdicts are
 *            kept and repeated until a commit holds them.
 * Threads    Any thread posts. done() and on_batch_done() run on the store thread: short, no
 *            blocking.
 * Ownership  A request belongs to the store thread from the post until its done().
 * Errors     done() gets what store.h says of the step; nothing of the request is stored then
 *            (STATUS_UNCERTAIN: it may be). A refusal that leaves the transaction intact concerns its
 *            request alone. The thread continues, and recovers when the disk
 *            does.
 */
#ifndef REPOSTAL_STORE_THREAD_H
#define REPOSTAL_STORE_THREAD_H

#include "repostal/mailbox.h"
#include "repostal/metric.h"
#include "repostal/store.h"

enum store_request_kind {
	STORE_REQUEST_APPEND,     /* struct store_append_request */
	STORE_REQUEST_QUARANTINE, /* struct store_quarantine_request */
	STORE_REQUEST_VERDICT, /* struct store_verdict_request; OK, unless the thread ends first */
	STORE_REQUEST_CLAIM,   /* struct store_claim_request */
	STORE_REQUEST_PAUSE,   /* struct store_pause_request */
	STORE_REQUEST_CALL,    /* store_thread_call() */
	STORE_REQUEST_HINT,    /* the thread's own: poll now */
};

enum {
	STORE_DEFER_MS = 5
};

/* First member of each request. */
struct store_request {
	struct mailbox_item item;
	enum store_request_kind kind;
	bool is_deferrable; /* may wait STORE_DEFER_MS for the next commit */
	enum status status; /* private to the store thread until done() */
	void (*done)(struct store_request *request, enum status status, void *context);
};

struct store_append_request {
	struct store_request request;
	struct store_event event;
};

struct store_quarantine_request {
	struct store_request request;
	struct store_quarantined quarantined;
};

struct store_verdict_request {
	struct store_request request;
	struct store_verdict verdict;
};

struct store_claim_request {
	struct store_request request;
	struct store_claim claim;
};

struct store_pause_request {
	struct store_request request;
	uint16_t target;
	bool paused;
	const char *reason; /* static */
};

/* Read by the metrics page on any thread. */
struct store_metrics {
	struct histogram commit_seconds;
	struct histogram batch_events; /* new events in a commit that has any */
	struct gauge backlog;          /* open deliveries, as of the last commit */
	struct gauge bytes;
	struct gauge quarantined;
	struct gauge failing_since_ms; /* monotonic; 0: the last commit succeeded */
	struct gauge heartbeat_ms;     /* monotonic; when the store thread last went round */
	struct gauge differing;        /* store_differing() */
	struct gauge lease_until_ms;   /* monotonic; store_lease_until_ms() */
	struct counter leases_expired; /* struct store_takeovers */
	struct counter verdicts_late;
	struct {
		struct gauge open;
		struct gauge retrying;
		struct gauge dead;
		struct gauge oldest_waiting_us; /* Unix; 0: none */
		struct gauge discarded;         /* by operators; since the start, only grows */
	} targets[STORE_TARGETS_MAX];
};

struct store_thread;

/*
 * Takes the store. context goes to every done(); on_batch_done (may be NULL) is called once after all
 * done() of a batch, for hand-overs that are cheaper in bulk.
 */
enum status store_thread_start(struct store **store_taken, void (*on_batch_done)(void *context),
	void *context, struct store_thread **thread_out, struct error *err);
/* What happens in other processes that share the store goes there, on the store thread. */
void store_thread_follow(struct store_thread *thread, const struct store_news *news);
void store_thread_post(struct store_thread *thread, struct store_request *request);
void store_thread_post_chain(struct store_thread *thread, struct mailbox_chain *chain);
/*
 * Runs a function on the store thread, outside a transaction, and waits for its end: for what people
 * ask for, not for the hot path. run may begin and commit transactions of its own and registers names
 * as it likes; it should take a few milliseconds. Not on the store thread itself.
 */
enum status store_thread_call(struct store_thread *thread,
	enum status (*run)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err);
/* Why nothing can be written at the moment; "": it can. Any thread. */
void store_thread_read_trouble(struct store_thread *thread, struct error *trouble_out);
struct store_metrics *store_thread_metrics(struct store_thread *thread);
/* Carries out what was posted, then ends the thread and closes the store. */
void store_thread_stop(struct store_thread **threadp);

#endif
