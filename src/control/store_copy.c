/* SPDX-License-Identifier: MIT */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/memory.h"

enum {
	POLL_INTERVAL_MS = 1000,
	SIGNATURE_SIZE = 15
};

/* Opening a store makes what is missing, and that would be the wrong answer to a misspelt path. */
static enum status check_file(const struct store_copy *settings, struct error *err)
{
	static const char signature[SIGNATURE_SIZE + 1] = "SQLite format 3";
	char text[SIGNATURE_SIZE] = "";
	struct stat from, to;
	ssize_t size;
	int fd = open(settings->from, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		bool is_missing = errno == ENOENT || errno == ENOTDIR;

		error_set(err, "store '%s': %s", settings->from, strerror(errno));
		return is_missing ? STATUS_NOT_FOUND : STATUS_IO;
	}
	size = pread(fd, text, sizeof(text), 0);
	if (fstat(fd, &from) != 0 || !S_ISREG(from.st_mode) || size != SIGNATURE_SIZE ||
		memcmp(text, signature, SIGNATURE_SIZE) != 0) {
		close(fd);
		error_set(err, "'%s' is not a store", settings->from);
		return STATUS_INVALID;
	}
	close(fd);
	if (settings->to->backend == STORE_SQLITE && stat(settings->to->path, &to) == 0 &&
		from.st_dev == to.st_dev && from.st_ino == to.st_ino) {
		error_set(
			err, "store '%s' is the one that the configuration names", settings->from);
		return STATUS_INVALID;
	}
	return STATUS_OK;
}

static enum status open_source(struct copy *copy, struct error *err)
{
	struct store_settings settings = *copy->settings->to;
	char *path = memory_copy_text(copy->settings->from);
	enum status status;

	settings.backend = STORE_SQLITE;
	settings.path = path;
	settings.dsn = NULL;
	status = store_open(&settings, clock_unix_ms(), &copy->from, err);
	if (status == STATUS_OK)
		status = store_reader_open(&settings, &copy->reader, err);
	if (status == STATUS_OK)
		status = names_read(copy->reader, &copy->names, err);
	free(path);
	return status;
}

/*
 * max_backlog is looked at in copy_events.c: what is delivered counts as open until its verdict. And
 * without a window a second run would take its own events for new ones.
 */
static enum status open_destination(struct copy *copy, struct error *err)
{
	struct store_settings settings = *copy->settings->to;

	settings.max_backlog = INT64_MAX / 2;
	if (settings.dedup_window_ms < 1)
		settings.dedup_window_ms = 1;
	return store_open(&settings, clock_unix_ms(), &copy->to, err);
}

static bool keeps_order(const struct store_copy *settings, const char *target)
{
	for (size_t i = 0; i < settings->targets_count; i++)
		if (strcmp(settings->targets[i].name, target) == 0)
			return settings->targets[i].ordering == TARGET_ORDERING_MESSAGE;
	return false;
}

static enum status register_names(struct copy *copy, struct error *err)
{
	const struct names *names = &copy->names;
	enum status status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < names->sources_count; i++)
		if (names->sources[i] != NULL)
			status = store_register_source(
				copy->to, names->sources[i], &copy->sources[i], err);
	for (size_t i = 0; status == STATUS_OK && i < names->targets_count; i++) {
		const char *name = names->targets[i].name;

		if (name == NULL)
			continue;
		copy->is_ordered[i] = keeps_order(copy->settings, name);
		status = store_register_target(copy->to, name, &copy->targets[i], err);
	}
	return status;
}

/* Before the events: a gateway that works on the destination must not deliver them at once. */
static enum status copy_pauses(struct copy *copy, struct error *err)
{
	struct store_copy_counts added = { 0 };
	enum status status = store_begin(copy->to, err);

	for (size_t i = 0; status == STATUS_OK && i < copy->names.targets_count; i++) {
		const struct named_target *target = &copy->names.targets[i];

		if (target->name == NULL || !target->is_paused ||
			store_is_paused(copy->to, copy->targets[i], NULL))
			continue;
		status = store_pause(copy->to, copy->targets[i], true, target->reason, err);
		added.paused++;
	}
	return status == STATUS_OK ? copy_commit(copy, &added, err) : status;
}

enum status copy_source_number(
	const struct copy *copy, uint16_t source, uint16_t *number_out, struct error *err)
{
	if (names_source(&copy->names, source).size == 0) {
		error_set(err, "store '%s' is damaged: it has no name for its source number %d",
			copy->settings->from, source);
		return STATUS_INVALID;
	}
	*number_out = copy->sources[source];
	return STATUS_OK;
}

static void on_due(void *context, uint16_t target)
{
	(void)context;
	(void)target;
}

static void on_pause(void *context, uint16_t target, bool paused)
{
	(void)context;
	(void)target;
	(void)paused;
}

static enum status poll_destination(struct copy *copy, struct error *err)
{
	static const struct store_news news = { .on_due = on_due, .on_pause = on_pause };
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - copy->polled_ms < POLL_INTERVAL_MS)
		return STATUS_OK;
	copy->polled_ms = now_ms;
	return store_poll(copy->to, clock_unix_ms(), &news, err);
}

static void add_counts(struct store_copy_counts *to, const struct store_copy_counts *added)
{
	to->events += added->events;
	to->duplicates += added->duplicates;
	for (size_t state = 0; state < DELIVERY_STATE_COUNT; state++)
		to->deliveries[state] += added->deliveries[state];
	to->unreadable += added->unreadable;
	to->quarantined += added->quarantined;
	to->quarantined_known += added->quarantined_known;
	to->paused += added->paused;
}

enum status copy_commit(struct copy *copy, const struct store_copy_counts *added, struct error *err)
{
	const struct store_copy *settings = copy->settings;
	enum status status = store_commit(copy->to, err);

	if (status != STATUS_OK)
		return status;
	add_counts(&copy->counts, added);
	if (settings->on_progress != NULL)
		settings->on_progress(settings->context, &copy->counts);
	return poll_destination(copy, err);
}

static enum status run(struct copy *copy, struct error *err)
{
	enum status status = check_file(copy->settings, err);

	if (status == STATUS_OK)
		status = open_source(copy, err);
	if (status == STATUS_OK)
		status = open_destination(copy, err);
	if (status == STATUS_OK)
		status = register_names(copy, err);
	if (status == STATUS_OK)
		status = copy_known_read(copy, err);
	if (status == STATUS_OK)
		status = copy_pauses(copy, err);
	if (status == STATUS_OK)
		status = copy_events(copy, err);
	if (status == STATUS_OK)
		status = copy_quarantine(copy, err);
	return status;
}

enum status store_copy(
	const struct store_copy *settings, struct store_copy_counts *counts_out, struct error *err)
{
	struct copy *copy = memory_zalloc(sizeof(*copy));
	enum status status;

	copy->settings = settings;
	status = run(copy, err);
	*counts_out = copy->counts;
	copy_known_free(&copy->known);
	names_free(&copy->names);
	store_reader_close(&copy->reader);
	store_close(&copy->to);
	store_close(&copy->from);
	free(copy);
	return status;
}
