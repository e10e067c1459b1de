/* SPDX-License-Identifier: MIT */
/*
 * store.h - the durable home of every accepted event
 *
 * Promise    What a successful store_commit() covered survives kill -9 and power loss. What was not
 *            committed leaves no trace. After any crash store_open() succeeds by itself (it needs room
 *            on the disk, or the database server), and every delivery that the crashed process had
 *            leased is waiting again: at once where one process owns the store (SQLite), when the lease
 *            has ended where several share it (PostgreSQL).
 * Threads    A store belongs to the thread that uses it; everybody else sends requests to that
 *            thread (store_thread.h).
 * Ownership  What a step is given must stay until the transaction ends; what a step fills is complete
 *            when store_commit() returns, for a backend may carry several steps to its server at once.
 *            Claimed deliveries belong to the caller, also after a failed commit.
 * Errors     Inside a transaction STATUS_IO (the disk is full, or refuses) loses the transaction:
 *            the caller rolls back, and a later one may succeed. Three refusals leave it intact
 *            (store_is_intact_after()), with nothing written for that one item: STATUS_FULL from
 *            store_append(), max_backlog or its source's half of it is reached; STATUS_INVALID from
 *            store_append() and store_quarantine(), more than STORE_RAW_SIZE_MAX bytes;
 *            STATUS_NOT_FOUND from store_unquarantine() and store_number_anew(). STATUS_UNCERTAIN
 *            from store_commit(): written, but not known to be safe, or the answer got lost; the
 *            caller rolls back, and the events may be there all the same, due to be delivered.
 *            STATUS_BUSY from store_open(): another process owns the store. STATUS_INVALID from
 *            store_open(): not a store, damaged, or newer than this program; what is there is left
 *            alone. STATUS_IO from store_open(): the text says what the system refused.
 *
 * The front (src/store/store.c) validates and counts; a backend (sqlite/, postgres/) only stores. The
 * contract suite under tests/contract runs against every backend.
 */
#ifndef REPOSTAL_STORE_H
#define REPOSTAL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/slice.h"

enum store_backend {
	STORE_SQLITE,
	STORE_POSTGRESQL
};

struct store_settings {
	enum store_backend backend;
	char *path; /* of the SQLite file */
	char *dsn;  /* of PostgreSQL: a connection string or URI as libpq takes it; a secret */
	int64_t keep_delivered_ms;
	int64_t keep_dead_ms;
	int64_t keep_quarantine_ms;
	int64_t dedup_window_ms;
	int64_t max_backlog; /* deliveries not yet delivered or dead, over all targets */
};

enum {
	STORE_TARGETS_MAX = 1024, /* names that one store has at a time */
	STORE_SOURCES_MAX = 1024,
	STORE_ANSWER_SIZE_MAX = 1024, /* of a receiver's answer that is kept */
	STORE_NAME_SIZE_MAX = 64,
	STORE_SECRET_SIZE = 32,
	STORE_RAW_SIZE_MAX = 64 * 1024 * 1024,
	STORE_LEASE_MS = 30000, /* unless store_set_lease_ms() says otherwise */
	/* Types of event that the queue of a target tells apart; larger ones count as the last. */
	STORE_TYPES = 8,
};

/* The numbers are stored: never reuse one. */
enum delivery_state {
	DELIVERY_LEASED = 0,    /* in this process's memory, or was when it died */
	DELIVERY_WAITING = 1,   /* on disk only; due at due_ms */
	DELIVERY_DELIVERED = 2, /* final */
	DELIVERY_DEAD = 3,      /* final; an operator may replay it */
	DELIVERY_DISCARDED = 4, /* final; an operator said so */
};
enum {
	DELIVERY_STATE_COUNT = 5
};

/*
 * What people search events by. A key is a 63-bit hash that the caller makes of a text (0: none), each
 * use with a prefix of its own, so that one index serves all.
 */
enum {
	STORE_SEARCH_KEYS = 3
};

/* One (event, target) that is to be delivered. */
struct store_new_delivery {
	uint16_t target; /* from store_register_target() */
	bool leased; /* continues from memory, its first attempt counted; else it waits, due at once */
	/*
	 * Not 0: of the deliveries of this target that have the same key, one is due at a time, in the
	 * order of their events; leased must be false. The next one becomes due when the one before it
	 * is delivered, dead or discarded.
	 */
	int64_t order_key;
	/*
	 * Open deliveries that its target may have, 0: half of max_backlog, INT64_MAX: any number. What comes
	 * beyond is stored as dead at once, without a lease or an order, so that the others continue.
	 */
	int64_t max_open;
	bool is_refused; /* filled, unless the event is a duplicate: that is what became of it */
};
/* The transport of such a delivery: a number that enum transport has, too. */
enum {
	STORE_TRANSPORT_BACKLOG_FULL = 9
};

struct store_event {
	int64_t occurred_ms; /* part of the identity: 0 when the sender gave no time */
	uint64_t identity;   /* 63 bits */
	int64_t received_us; /* Unix */
	uint16_t source;     /* from store_register_source() */
	uint8_t kind;        /* stored as given */
	uint8_t type; /* stored as given; what lists are filtered by, and deliveries claimed by */
	int64_t search_keys[STORE_SEARCH_KEYS];
	struct slice content_type;
	struct slice raw;
	struct store_new_delivery *deliveries; /* none: kept, but no target wants it */
	size_t deliveries_count;
	/* filled */
	int64_t id;     /* of the event; of the one that was there when duplicate */
	int64_t lease;  /* of its leased deliveries: what their verdicts have to name */
	bool duplicate; /* was there already, received within dedup_window: nothing was added */
};

struct store_quarantined {
	int64_t received_us;
	uint16_t source;
	uint8_t kind;       /* that the sub-path said, or 0 */
	const char *reason; /* a stable word */
	struct slice content_type;
	struct slice raw;
	int64_t id; /* filled; the same bytes from the same source again keep their row and are
		       counted */
};

/* What became of a leased delivery. */
struct store_verdict {
	int64_t event;
	int64_t lease; /* as it was given; after another one took the delivery over nothing changes */
	uint16_t target;
	uint16_t source;          /* of the event */
	enum delivery_state next; /* WAITING, DELIVERED or DEAD */
	bool release;        /* WAITING, and its lease's attempt was not made: do not count it */
	int attempts;        /* as claimed, this one counted */
	int64_t due_ms;      /* of WAITING */
	int64_t started_ms;  /* of the attempt, Unix */
	int64_t duration_ms; /* started_ms + duration_ms: from when keep_* counts */
	int http_status;     /* 0: no answer */
	int transport;       /* enum transport, stored as given */
	struct slice
		answer; /* first bytes of the receiver's answer, or the error; cut to the maximum */
};

/* A delivery handed out by store_claim(), with its event. One allocation: free() it. */
struct store_claimed {
	struct store_claimed *next;
	int64_t event;
	int64_t lease;
	int64_t received_us;
	int attempts;   /* the coming one counted */
	bool is_replay; /* it had attempts before an operator had it tried anew */
	int as_new;     /* the number that store_number_anew() gave it last, else 0 */
	uint16_t target;
	uint16_t source;
	uint8_t kind;
	uint8_t type;              /* below STORE_TYPES */
	const char *source_name;   /* valid until the store is closed */
	struct slice content_type; /* both point to bytes after the struct */
	struct slice raw;
};

/* What is due for one target, of each type as many as the caller can use. */
struct store_claim {
	uint16_t target;
	size_t count_max[STORE_TYPES]; /* 0: none of this type */
	size_t bytes_max; /* of raw bytes; at least one of a type is given all the same */
	/* filled */
	struct store_claimed *list; /* type by type, by due time */
	size_t count;
	/* Of what still waits of a type that was asked for; INT64_MAX: nothing does. */
	int64_t next_due_ms[STORE_TYPES];
};

struct store_target_counts {
	int64_t open;     /* leased or waiting */
	int64_t retrying; /* of these: waiting after at least one attempt */
	int64_t dead;
};

struct store;

/* What can be said of settings without opening anything: STATUS_INVALID, and err names the setting. */
enum status store_check_settings(const struct store_settings *settings, struct error *err);

/*
 * Opens or creates, migrates the schema forwards, and makes every delivery wait, due at now_ms, whose
 * lease is void. SQLite: takes exclusive ownership for this process, so that every lease is.
 */
enum status store_open(const struct store_settings *settings, int64_t now_ms,
	struct store **store_out, struct error *err);
/* Rolls back what is open, and closes. */
void store_close(struct store **storep);

/*
 * The number that stands for a name in this store; below STORE_TARGETS_MAX (SOURCES). It is the name's as
 * long as this process lives, and after that as long as the store has anything of it, or there is room for
 * others.
 * Outside a transaction. STATUS_FULL: too many names; STATUS_INVALID: empty or too long.
 */
enum status store_register_target(
	struct store *store, const char *name, uint16_t *number_out, struct error *err);
enum status store_register_source(
	struct store *store, const char *name, uint16_t *number_out, struct error *err);

/*
 * Every name, by number: 0 .. count-1. A name is valid until the store is closed; new ones only come by
 * store_register_*(). The number of one that is free (store_name_is_free()) stands for nothing now.
 */
size_t store_targets_count(const struct store *store);
const char *store_target_name(const struct store *store, uint16_t number);
size_t store_sources_count(const struct store *store);
const char *store_source_name(const struct store *store, uint16_t number);

bool store_name_is_free(const char *name);

/*
 * Removes a target that is not configured: its dead, discarded and delivered deliveries with their attempts, in
 * portions, and at last its name. Outside a transaction; repeat with the same struct until done. STATUS_FULL:
 * deliveries of it are open; STATUS_BUSY: another process may have it configured.
 */
struct store_forget {
	uint16_t target;
	int64_t after; /* 0 at first, then as the last portion left it */
	bool done;     /* filled */
};
enum status store_forget(struct store *store, struct store_forget *forget, struct error *err);

/*
 * One transaction at a time: begins it, takes the step, and commits when that says STATUS_OK. Whatever else it
 * says is rolled back and handed on, as is a commit that failed.
 */
enum status store_transaction(struct store *store,
	enum status (*step)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err);
/* The same by hand. store_rollback() is always allowed and cannot fail. */
enum status store_begin(struct store *store, struct error *err);
enum status store_commit(struct store *store, struct error *err);
/* Of a step's status: whether the transaction can continue, with all that was written before. */
static inline bool store_is_intact_after(enum status status)
{
	return status == STATUS_OK || status == STATUS_FULL || status == STATUS_INVALID ||
	       status == STATUS_NOT_FOUND;
}
void store_rollback(struct store *store);

/*
 * Inside a transaction: carries out what the steps so far have only gathered, so that what they fill
 * can be read before the commit. Seldom needed, and it costs what a commit would have saved.
 */
enum status store_flush(struct store *store, struct error *err);

/* Inside a transaction: */
enum status store_append(struct store *store, struct store_event *event, struct error *err);
enum status store_quarantine(
	struct store *store, struct store_quarantined *quarantined, struct error *err);
/* A verdict for a delivery that is not leased, or by a newer lease, changes nothing; it is counted. */
enum status store_record(
	struct store *store, const struct store_verdict *verdict, struct error *err);
/* Leases what is due, oldest due time first, and counts the coming attempt. */
enum status store_claim(
	struct store *store, int64_t now_ms, struct store_claim *claim, struct error *err);
void store_claimed_free(struct store_claimed **listp);
/* As if nothing had been claimed: frees the list, and nothing is known to wait. */
void store_claim_clear(struct store_claim *claim);

/* Which deliveries; everything that is given must hold. */
struct store_filter {
	int target;         /* number, or -1 */
	uint32_t states;    /* bit 1 << enum delivery_state; 0: any */
	int type;           /* of the event, or -1 */
	int64_t since_us;   /* received at or after; 0: any */
	int64_t until_us;   /* received before; 0: any */
	int64_t search_key; /* of the event; 0: any */
	int64_t event;      /* one event; 0: any */
};

enum store_change_kind {
	/*
	 * Dead, discarded, delivered or waiting becomes waiting, due at once (whatever else of its
	 * order_key is open), with its full number of attempts; the earlier ones stay readable and are
	 * not overwritten. Leased ones stay as they are, and so does what waits for an earlier one of
	 * its order_key. max_backlog does not count here.
	 */
	STORE_CHANGE_RETRY,
	STORE_CHANGE_DISCARD, /* waiting or dead becomes discarded */
};

/* A portion of a change; repeat with the same struct until done. */
struct store_change {
	enum store_change_kind kind;
	struct store_filter filter;
	int64_t now_ms;
	size_t count_max;  /* deliveries to change in this portion */
	size_t scan_limit; /* deliveries to read in this portion */
	int64_t after; /* delivery to continue after; 0 at first, then as the last portion left it */
	/* filled by store_change() */
	size_t changed; /* in this portion */
	bool done;
	uint64_t touched_targets[STORE_TARGETS_MAX /
				 64]; /* bits, added to: these have something due */
};

/* Inside a transaction: */
enum status store_change(struct store *store, struct store_change *change, struct error *err);
/*
 * A delivery that is to go out as if it were of another event has a number of its own for that, 0 at
 * first; adds more to it, and says what it is now. Carried out at once. STATUS_NOT_FOUND when there is no
 * such delivery.
 */
enum status store_number_anew(struct store *store, int64_t event, uint16_t target, int more,
	int *number_out, struct error *err);
/* The event is found by this key, too. */
enum status store_add_search_key(
	struct store *store, int64_t event, int64_t key, int64_t now_ms, struct error *err);
/* Persists whether a target is paused; reason (may be NULL) is for people, cut to 200 bytes. */
enum status store_pause(
	struct store *store, uint16_t target, bool paused, const char *reason, struct error *err);
/* STATUS_NOT_FOUND when there is no such row. */
enum status store_unquarantine(struct store *store, int64_t id, struct error *err);

/* As of the last commit; reason is valid until the next store_pause(), "" when there is none. */
bool store_is_paused(const struct store *store, uint16_t target, const char **reason_out);

/*
 * Outside a transaction: one small step (a few milliseconds) of removing what is older than the
 * settings say and giving free space back. *more_out says whether there is more to do now. An event
 * goes as a whole when its dedup_window is over and each of its deliveries has been delivered for
 * keep_delivered, or dead or discarded for keep_dead (without deliveries: keep_delivered from its
 * arrival); what was kept because of its deliveries is examined again about once an hour. A failure
 * is harmless.
 */
enum status store_sweep(struct store *store, int64_t now_ms, bool *more_out, struct error *err);

/*
 * Where several processes share a store. What happened elsewhere is told by store_poll(), which also
 * renews the leases of this process: call it once a second, and soon after a hint. Outside a
 * transaction. STATUS_IO: the server cannot be reached; leases hold until store_lease_until_ms().
 * Where one process owns the store these do nothing.
 */
struct store_news {
	void *context;
	void (*on_due)(void *context, uint16_t target); /* something of it is due */
	void (*on_pause)(void *context, uint16_t target, bool paused);
};
enum status store_poll(
	struct store *store, int64_t now_ms, const struct store_news *news, struct error *err);
/* hint() runs on any thread, whenever store_poll() may find something; NULL: no more. */
void store_set_hint(struct store *store, void (*hint)(void *context), void *context);
/* How long a lease lasts when it is not renewed: longer than any request takes. */
void store_set_lease_ms(struct store *store, int64_t lease_ms);
/*
 * A number that stands for this process's configuration, of which the bits from STORE_CONFIG_MARK_BITS on
 * stand for the release: others of the same release and a different mark are counted. 0: not compared.
 */
#define STORE_CONFIG_MARK_BITS 48
void store_set_config_mark(struct store *store, int64_t mark);
/* Other processes alive that share the store and are configured differently, as of the last poll. */
int64_t store_differing(const struct store *store);
/* Monotonic: until then no other process takes over what this one has leased; INT64_MAX: always. */
int64_t store_lease_until_ms(const struct store *store);

/*
 * How long it is worth waiting for more requests before a transaction, when the last one had several: half
 * of those that come together would otherwise cost a second one. 0: not at all.
 */
int64_t store_gather_us(const struct store *store);

/* Since store_open(). */
struct store_takeovers {
	int64_t leases_expired; /* of other processes, ended by this one */
	int64_t verdicts_late;  /* came when the lease had ended: the delivery may go out twice */
};
struct store_takeovers store_takeovers(const struct store *store);

/* As of the last commit, in a shared store up to a second older. Reading costs no statement. */
struct store_target_counts store_counts(const struct store *store, uint16_t target);
int64_t store_backlog(const struct store *store);                      /* sum of open */
int64_t store_source_open(const struct store *store, uint16_t source); /* of its events */
/* By this process since store_open(). */
int64_t store_discarded(const struct store *store, uint16_t target);
/* When the oldest event that waits on disk for this target was received, Unix microseconds; 0:
 * none. Outside a transaction. */
int64_t store_oldest_waiting_us(struct store *store, uint16_t target);
int64_t store_quarantine_count(const struct store *store);
/* Bytes on disk, log included. */
int64_t store_bytes(struct store *store);

/* Of SQLite and libpq, as they are in use. */
enum {
	STORE_LIBRARY_VERSION_SIZE = 24
};
const char *store_sqlite_version(void);
void store_libpq_version(char text[STORE_LIBRARY_VERSION_SIZE]);

#endif
