/* SPDX-License-Identifier: MIT */
/*
 * Where the store's own filter says all that is meant, the store finds and changes in one go. Else the
 * reader finds: hashes have to be compared with texts, or new uuids made of what events say, and that is no
 * work for the thread that writes.
 */
#include "job_run.h"

#include "listing.h"
#include "repostal/clock.h"

enum {
	PORTION_MAX = 500,
	SCAN_MAX = 20000,
	PORTIONS_PER_SECOND = 5,
	ITEMS_MAX = 25, /* each takes round trips of its own, on the thread that writes */
};

static size_t portion_count(const struct job_run *run, size_t count_max)
{
	double count = run->rate_per_second / PORTIONS_PER_SECOND;

	if (run->rate_per_second <= 0 || count >= (double)count_max)
		return count_max;
	return count < 1 ? 1 : (size_t)count;
}

/* False: stop. */
static bool report(const struct job_run *run, const struct job_progress *progress, size_t changed)
{
	if (!run->on_progress(run->context, progress))
		return false;
	if (run->rate_per_second <= 0 || changed == 0)
		return true;
	return run->wait(run->context, (int64_t)((double)changed * 1000 / run->rate_per_second));
}

static enum status run_exact(const struct job_run *run, struct error *err)
{
	struct job_progress progress = { .matched = -1 };
	struct store_change change = {
		.kind = run->kind,
		.filter = run->filter->store,
		.count_max = portion_count(run, PORTION_MAX),
		.scan_limit = SCAN_MAX,
	};
	enum status status;

	do {
		change.now_ms = clock_schedule_ms();
		status = change_portion(run->control, &change, err);
		if (status != STATUS_OK)
			return status;
		progress.changed += (int64_t)change.changed;
		progress.scanned = progress.changed;
	} while (report(run, &progress, change.changed) && !change.done);
	return STATUS_OK;
}

struct found {
	const struct job_run *run;
	const struct names *names;
	struct change_item items[LISTING_LIMIT_MAX];
	size_t count;
};

static void on_row(void *context, const struct store_row *row, const struct parsed_event *parsed)
{
	struct found *found = context;

	found->items[found->count++] = (struct change_item){
		.event = row->event,
		.target = row->target,
		.states = UINT32_C(1) << row->state,
		/* What has no uuid cannot have another one. */
		.as_new = found->run->as_new && parsed->problem == BIZMAIL_PROBLEM_NONE,
		.uuid = parsed->identity.uuid,
		.target_name = names_target(found->names, row->target),
	};
}

/* A page is large, because looking is what costs; transactions are short, because senders wait for them. */
static enum status change_found(const struct found *found, size_t *changed_out, struct error *err)
{
	enum status status = STATUS_OK;

	*changed_out = 0;
	for (size_t i = 0; status == STATUS_OK && i < found->count; i += ITEMS_MAX) {
		size_t left = found->count - i, changed = 0;

		status = change_items(found->run->control, found->run->kind, found->items + i,
			left < ITEMS_MAX ? left : ITEMS_MAX, clock_schedule_ms(), &changed, err);
		*changed_out += changed;
	}
	return status;
}

static enum status run_found(const struct job_run *run, struct store_reader *reader,
	const struct names *names, struct error *err)
{
	struct job_progress progress = { 0 };
	struct found found = { .run = run, .names = names };
	struct listing listing = {
		.reader = reader,
		.names = names,
		.filter = run->filter,
		.visit = on_row,
		.context = &found,
	};
	enum status status;
	int64_t next = 0;
	size_t changed;

	do {
		found.count = 0;
		status = listing_page(
			&listing, next, portion_count(run, LISTING_LIMIT_MAX), &next, err);
		if (status == STATUS_OK)
			status = change_found(&found, &changed, err);
		if (status != STATUS_OK)
			return status;
		progress.scanned = listing.scanned;
		progress.matched += (int64_t)found.count;
		progress.changed += (int64_t)changed;
	} while (report(run, &progress, changed) && next != 0);
	return STATUS_OK;
}

enum status job_run(const struct job_run *run, struct error *err)
{
	struct store_reader *reader = NULL;
	struct names names = { 0 };
	enum status status;

	if (filter_is_exact(run->filter) && !run->as_new)
		return run_exact(run, err);
	status = store_reader_open(run->control->settings.store, &reader, err);
	if (status == STATUS_OK)
		status = names_read(reader, &names, err);
	if (status == STATUS_OK)
		status = run_found(run, reader, &names, err);
	names_free(&names);
	store_reader_close(&reader);
	return status;
}
