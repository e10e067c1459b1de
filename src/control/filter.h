/* SPDX-License-Identifier: MIT */
/*
 * filter.h - which deliveries are meant, as people say it
 *
 * Promise    A filter is set key by key; the same keys serve query parameters and job bodies. Where
 *            the store's own filter is too coarse (it searches by hashes, and has fewer states),
 *            filter_wants() decides about a row.
 * Ownership  filter_free() frees the texts.
 * Threads    Values.
 */
#ifndef REPOSTAL_CONTROL_FILTER_H
#define REPOSTAL_CONTROL_FILTER_H

#include "names.h"
#include "repostal/parsed_event.h"

/* A delivery's state as it is shown. */
enum shown_state {
	SHOWN_READY,   /* waits on disk, never attempted */
	SHOWN_WAITING, /* for its next attempt */
	SHOWN_IN_FLIGHT,
	SHOWN_HELD, /* behind an earlier event of its message */
	SHOWN_DELIVERED,
	SHOWN_DEAD,
	SHOWN_DISCARDED,
};
enum {
	SHOWN_STATE_COUNT = 7
};

enum shown_state shown_state_of(const struct store_row *row);
const char *shown_state_name(enum shown_state state);

struct filter {
	struct store_filter store;
	uint32_t shown_states; /* bit 1 << enum shown_state; 0: any */
	char *message_id;      /* NULL: any */
	char *recipient;       /* NULL: any */
	bool is_empty;         /* nothing was set */
};

enum filter_set {
	FILTER_SET,
	FILTER_NO_SUCH_KEY,
	FILTER_BAD_VALUE, /* err says why */
};

void filter_init(struct filter *filter);
void filter_free(struct filter *filter);
enum filter_set filter_set(struct filter *filter, const struct names *names, struct slice key,
	struct slice value, int64_t now_us, struct error *err);

/* The states are those of a change that says none itself. */
void filter_default_states(struct filter *filter, uint32_t shown_states);

/* The store's own filter says all: filter_wants() is not needed. */
bool filter_is_exact(const struct filter *filter);
/* parsed: needed for a message_id and a recipient only. */
bool filter_wants(const struct filter *filter, const struct store_row *row,
	const struct parsed_event *parsed);

#endif
