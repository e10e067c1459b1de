/* SPDX-License-Identifier: MIT */
/*
 * Requests of the admin API: the input is a row of them, each ended by a NUL byte. The first line is
 * method and target (behind /api/v1), the rest is the body. The store is a real one; it is made anew
 * now and then, since requests change it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz.h"
#include "repostal/control.h"
#include "repostal/event_row.h"

enum {
	REQUESTS_MAX = 8,
	CHANGES_PER_STORE = 4,
	EVENTS_COUNT = 6,
	TARGETS_COUNT = 2,
	PATH_SIZE = 256,
};

#define URL_SECRET "nobody-may-read-this"
#define RECEIVED_US INT64_C(1763683200000000)

static char folder[] = "/dev/shm/repostal-fuzz-XXXXXX";
static char fallback_folder[] = "/tmp/repostal-fuzz-XXXXXX";

static struct stage {
	const char *folder;
	char path[PATH_SIZE];
	struct store_settings settings;
	pthread_mutex_t mutex; /* of the store: jobs have a thread of their own */
	struct store *store;
	struct control *control;
	uint16_t targets[TARGETS_COUNT];
	uint16_t source;
	struct target_settings target_settings[TARGETS_COUNT];
	struct source_settings source_settings;
	struct translate_settings translate;
	struct event_route routes[TARGETS_COUNT];
	struct routed_source routed;
	struct control_snapshot snapshot;
} stage = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* The backend. */

static enum status stage_call(void *context,
	enum status (*run)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	enum status status;

	(void)context;
	pthread_mutex_lock(&stage.mutex);
	status = run(stage.store, argument, err);
	pthread_mutex_unlock(&stage.mutex);
	return status;
}

static void stage_look(void *context, uint16_t target)
{
	(void)context;
	REPOSTAL_ASSERT(target == stage.targets[0] || target == stage.targets[1]);
}

static void stage_pause(void *context, uint16_t target, bool paused)
{
	(void)paused;
	stage_look(context, target);
}

static const struct control_snapshot *stage_acquire(void *context)
{
	(void)context;
	return &stage.snapshot;
}

static void stage_release(void *context, const struct control_snapshot *snapshot)
{
	(void)context;
	REPOSTAL_ASSERT(snapshot == &stage.snapshot);
}

static bool stage_observe(void *context, uint16_t target, struct control_target *out)
{
	(void)context;
	*out = (struct control_target){ .state = "active" };
	return target == stage.targets[0];
}

static void stage_observe_totals(void *context, struct control_totals *out)
{
	(void)context;
	*out = (struct control_totals){ .uptime_s = 12, .quarantined = 3, .store_bytes = 4096 };
}

static const struct control_backend backend = {
	.call = stage_call,
	.look = stage_look,
	.pause = stage_pause,
	.acquire = stage_acquire,
	.release = stage_release,
	.observe = stage_observe,
	.observe_totals = stage_observe_totals,
};

/* The store. */

static void must(enum status status)
{
	REPOSTAL_ASSERT(status == STATUS_OK);
}

static void append_event(int number)
{
	char raw[256];
	struct event_record record = {
		.source = stage.source,
		.source_name = SLICE_LITERAL("bizmail"),
		.received_us = RECEIVED_US + number,
		.content_type = SLICE_LITERAL("application/json"),
	};
	struct store_new_delivery deliveries[TARGETS_COUNT];
	struct parsed_event parsed;
	struct store_event stored;

	snprintf(raw, sizeof(raw),
		"{\"event\":\"bounce\",\"id\":\"id-%d\",\"recipient\":\"r%d@x.example\","
		"\"time\":1713100000,\"response\":\"550 \\ud800 \\u0000 no\"}",
		number, number / 2);
	record.raw = slice_text(raw);
	REPOSTAL_ASSERT(event_parse(&record, &parsed) == BIZMAIL_PROBLEM_NONE);
	stored = event_row(&record, &parsed, translate_type(&stage.translate, &parsed.event));
	stored.deliveries = deliveries;
	stored.deliveries_count = 1 + (size_t)(number & 1);
	for (int i = 0; i < TARGETS_COUNT; i++)
		deliveries[i] = (struct store_new_delivery){
			.target = stage.targets[i],
			.order_key = i == 1 ? 77 : 0,
		};
	must(store_append(stage.store, &stored, NULL));
	parsed_event_release(&parsed);
}

static void append_quarantined(const char *raw)
{
	struct store_quarantined quarantined = {
		.received_us = RECEIVED_US,
		.source = stage.source,
		.reason = "unparseable",
		.content_type = SLICE_LITERAL("application/json"),
		.raw = slice_text(raw),
	};

	must(store_quarantine(stage.store, &quarantined, NULL));
}

static void fill_store(void)
{
	static const char *const names[TARGETS_COUNT] = { "app", "other" };

	must(store_open(&stage.settings, RECEIVED_US / 1000, &stage.store, NULL));
	for (int i = 0; i < TARGETS_COUNT; i++)
		must(store_register_target(stage.store, names[i], &stage.targets[i], NULL));
	must(store_register_source(stage.store, "bizmail", &stage.source, NULL));
	must(store_begin(stage.store, NULL));
	for (int i = 0; i < EVENTS_COUNT; i++)
		append_event(i);
	append_quarantined("\xff not \x1b[31m JSON");
	append_quarantined("{\"event\":\"delivered\",\"id\":\"x\",\"recipient\":\"a@b.example\"}");
	append_quarantined("");
	must(store_commit(stage.store, NULL));
}

static void empty_folder(void)
{
	DIR *directory = opendir(stage.folder);
	struct dirent *entry;

	REPOSTAL_ASSERT(directory != NULL);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
}

static void stage_close(void)
{
	control_close(&stage.control);
	store_close(&stage.store);
	empty_folder();
}

static void stage_end(void)
{
	stage_close();
	rmdir(stage.folder);
}

/* What never changes. */
static void stage_begin(void)
{
	stage.folder = mkdtemp(folder);
	if (stage.folder == NULL)
		stage.folder = mkdtemp(fallback_folder);
	REPOSTAL_ASSERT(stage.folder != NULL);
	snprintf(stage.path, sizeof(stage.path), "%s/store.db", stage.folder);
	stage.settings = (struct store_settings){
		.backend = STORE_SQLITE,
		.path = stage.path,
		.keep_delivered_ms = INT64_C(86400000),
		.keep_dead_ms = INT64_C(86400000),
		.keep_quarantine_ms = INT64_C(86400000),
		.dedup_window_ms = INT64_C(86400000),
		.max_backlog = 1000,
	};
	stage.translate = (struct translate_settings){
		.soft_bounce = POSTAL_MESSAGE_DELAYED,
		.hard_bounce = POSTAL_MESSAGE_BOUNCED,
		.dropped = POSTAL_MESSAGE_HELD,
	};
	stage.source_settings.name = (char *)(uintptr_t) "bizmail";
	stage.target_settings[0].name = (char *)(uintptr_t) "app";
	stage.target_settings[1].name = (char *)(uintptr_t) "other";
	for (int i = 0; i < TARGETS_COUNT; i++) {
		stage.target_settings[i].url =
			(char *)(uintptr_t) "https://me:" URL_SECRET "@host.example/?a@b";
		stage.target_settings[i].enabled = i == 0;
	}
	atexit(stage_end);
}

static void stage_open(void)
{
	fill_store();
	for (int i = 0; i < TARGETS_COUNT; i++)
		stage.routes[i] = (struct event_route){
			.target = stage.targets[i],
			.events = UINT32_MAX,
		};
	stage.routed = (struct routed_source){
		.settings = &stage.source_settings,
		.number = stage.source,
		.routes = stage.routes,
		.routes_count = TARGETS_COUNT,
	};
	stage.snapshot = (struct control_snapshot){
		.generation = 7,
		.rules = {
			.translate = &stage.translate,
			.sources = &stage.routed,
			.sources_count = 1,
		},
		.targets = stage.target_settings,
		.target_numbers = stage.targets,
		.targets_count = TARGETS_COUNT,
	};
}

/* The requests. */

static bool is_expected(int status)
{
	static const int expected[] = { 200, 202, 400, 404, 405, 409, 413, 422, 503 };

	for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
		if (expected[i] == status)
			return true;
	return false;
}

/* Byte by byte, and masked: what libFuzzer sees compared, it puts into requests. */
static bool shows_secret(struct slice text)
{
	static const char secret[] = URL_SECRET;
	size_t size = sizeof(secret) - 1;
	volatile char mask = 0x55;

	for (size_t i = 0; i + size <= text.size; i++) {
		size_t same = 0;

		while (same < size && (text.data[i + same] ^ mask) == (secret[same] ^ mask))
			same++;
		if (same == size)
			return true;
	}
	return false;
}

static void check_answer(const struct control_answer *answer)
{
	json_t *json = json_loadb(answer->body.data, answer->body.size,
		JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	REPOSTAL_ASSERT(is_expected(answer->status));
	REPOSTAL_ASSERT(json_is_object(json));
	REPOSTAL_ASSERT(json_is_array(json_object_get(json, "errors")) == (answer->status >= 400));
	REPOSTAL_ASSERT((answer->allow[0] != '\0') == (answer->status == 405));
	REPOSTAL_ASSERT(fuzz_is_plain_text(buf_slice(&answer->body)));
	REPOSTAL_ASSERT(!shows_secret(buf_slice(&answer->body)));
	json_decref(json);
}

/* Of an input, on the next one. */
struct effects {
	bool has_job; /* whose thread would go on */
	bool has_changed;
};

static void ask(struct slice text, struct effects *effects)
{
	struct slice body = text;
	struct slice target = slice_cut(&body, '\n');
	struct slice method = slice_cut(&target, ' ');
	struct slice query = target;
	struct control_request request = {
		.method = method,
		.path = slice_cut(&query, '?'),
		.content_type = SLICE_LITERAL("application/json"),
		.body = body,
	};
	struct control_answer answer;

	request.query = query;
	control_handle(stage.control, &request, &answer);
	check_answer(&answer);
	effects->has_job |= answer.status == 202;
	effects->has_changed |= answer.status < 300 && !slice_is(method, "GET");
	buf_free(&answer.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int changes = CHANGES_PER_STORE;
	struct slice rest = fuzz_input(data, size);
	struct effects effects = { .has_job = false };

	if (stage.folder == NULL)
		stage_begin();
	if (changes >= CHANGES_PER_STORE) {
		stage_close();
		stage_open();
		changes = 0;
	}
	if (stage.control == NULL)
		stage.control = control_open(&(struct control_settings){
			.backend = &backend,
			.store = &stage.settings,
		});
	for (int i = 0; i < REQUESTS_MAX && rest.size > 0; i++)
		ask(slice_cut(&rest, '\0'), &effects);
	if (effects.has_job)
		control_close(&stage.control);
	changes += effects.has_changed;
	return 0;
}
