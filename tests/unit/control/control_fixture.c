/* SPDX-License-Identifier: MIT */
#include "control_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repostal/clock.h"
#include "repostal/event_row.h"
#include "repostal/text.h"

static const char *const target_names[TARGETS_COUNT] = { "app", "other", "gone" };

void fixture_must(enum status status, const char *call, const char *file, int line)
{
	if (status == STATUS_OK)
		return;
	print_error("%s: status %d\n", call, (int)status);
	_fail(file, line);
}

static enum status fake_call(void *context,
	enum status (*run)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	struct fixture *fixture = context;
	enum status status = STATUS_IO;

	pthread_mutex_lock(&fixture->mutex);
	if (fixture->is_failing)
		error_set(err, "the disk is full");
	else
		status = run(fixture->store, argument, err);
	pthread_mutex_unlock(&fixture->mutex);
	return status;
}

static int index_of(const struct fixture *fixture, uint16_t number)
{
	for (int i = 0; i < TARGETS_COUNT; i++)
		if (fixture->targets[i] == number)
			return i;
	fail_msg("nobody asked for target %d", number);
	return -1;
}

static void fake_look(void *context, uint16_t target)
{
	struct fixture *fixture = context;

	pthread_mutex_lock(&fixture->mutex);
	fixture->looks[index_of(fixture, target)]++;
	pthread_mutex_unlock(&fixture->mutex);
}

static void fake_pause(void *context, uint16_t target, bool paused)
{
	struct fixture *fixture = context;

	pthread_mutex_lock(&fixture->mutex);
	fixture->pauses[index_of(fixture, target)] += paused ? 1 : -1;
	pthread_mutex_unlock(&fixture->mutex);
}

static const struct control_snapshot *fake_acquire(void *context)
{
	struct fixture *fixture = context;

	return &fixture->snapshot;
}

static void fake_release(void *context, const struct control_snapshot *snapshot)
{
	struct fixture *fixture = context;

	assert_ptr_equal(snapshot, &fixture->snapshot);
}

static bool fake_observe(void *context, uint16_t target, struct control_target *out)
{
	struct fixture *fixture = context;

	if (target != fixture->targets[APP] || fixture->view.state == NULL)
		return false;
	*out = fixture->view;
	return true;
}

static void fake_observe_totals(void *context, struct control_totals *out)
{
	(void)context;
	*out = (struct control_totals){ .uptime_s = 12, .quarantined = 3, .store_bytes = 4096 };
}

static const struct control_backend backend = {
	.call = fake_call,
	.look = fake_look,
	.pause = fake_pause,
	.acquire = fake_acquire,
	.release = fake_release,
	.observe = fake_observe,
	.observe_totals = fake_observe_totals,
};

static void configure(struct fixture *fixture)
{
	fixture->source_settings.name = (char *)(uintptr_t) "bizmail";
	fixture->translate = (struct translate_settings){
		.soft_bounce = POSTAL_MESSAGE_DELAYED,
		.hard_bounce = POSTAL_MESSAGE_DELIVERY_FAILED,
		.dropped = POSTAL_MESSAGE_DELIVERY_FAILED,
	};
	for (int i = 0; i < CONFIGURED_COUNT; i++) {
		fixture->target_settings[i] = (struct target_settings){
			.name = (char *)(uintptr_t)target_names[i],
			.url = (char *)(uintptr_t) "https://me:secret@host.example/path?a@b",
			.enabled = i != OTHER,
		};
		fixture->routes[i] = (struct event_route){
			.target = fixture->targets[i],
			.events = i == APP ? UINT32_MAX : 0,
		};
	}
	fixture->control_source = (struct routed_source){
		.settings = &fixture->source_settings,
		.number = fixture->source,
		.routes = fixture->routes,
		.routes_count = CONFIGURED_COUNT,
	};
	fixture->snapshot = (struct control_snapshot){
		.generation = 7,
		.fingerprint = 0xabc,
		.rules = {
			.translate = &fixture->translate,
			.sources = &fixture->control_source,
			.sources_count = 1,
		},
		.targets = fixture->target_settings,
		.target_numbers = fixture->targets,
		.targets_count = CONFIGURED_COUNT,
	};
}

static char *make_folder(void)
{
	const char *base = getenv("TMPDIR");
	struct buf folder;
	char *path;

	buf_init(&folder, 4096);
	buf_printf(&folder, "%s/control-XXXXXX", base == NULL ? "/tmp" : base);
	path = buf_take(&folder);
	assert_non_null(mkdtemp(path));
	return path;
}

int fixture_setup(void **state)
{
	struct fixture *fixture = memory_zalloc(sizeof(*fixture));
	struct buf path;
	struct error err;

	fixture->folder = make_folder();
	buf_init(&path, 4096);
	buf_printf(&path, "%s/store.db", fixture->folder);
	fixture->settings = (struct store_settings){
		.backend = STORE_SQLITE,
		.path = buf_take(&path),
		.keep_delivered_ms = INT64_C(86400000),
		.keep_dead_ms = INT64_C(86400000),
		.keep_quarantine_ms = INT64_C(86400000),
		.dedup_window_ms = INT64_C(86400000),
		.max_backlog = 1000,
	};
	MUST(store_open(&fixture->settings, clock_unix_ms(), &fixture->store, &err));
	for (int i = 0; i < TARGETS_COUNT; i++)
		MUST(store_register_target(
			fixture->store, target_names[i], &fixture->targets[i], &err));
	MUST(store_register_source(fixture->store, "bizmail", &fixture->source, &err));
	pthread_mutex_init(&fixture->mutex, NULL);
	configure(fixture);
	fixture->control = control_open(&(struct control_settings){
		.backend = &backend,
		.context = fixture,
		.store = &fixture->settings,
	});
	*state = fixture;
	return 0;
}

static void remove_folder(const char *folder)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(folder);
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	control_close(&fixture->control);
	store_close(&fixture->store);
	remove_folder(fixture->folder);
	pthread_mutex_destroy(&fixture->mutex);
	free(fixture->settings.path);
	free(fixture->folder);
	free(fixture);
	return 0;
}

static void write_raw(struct buf *raw, const struct fixture_event *event)
{
	buf_printf(raw, "{\"event\":\"%s\",\"id\":\"%s\",\"recipient\":\"%s\",\"time\":%d%s}",
		event->is_bounce ? "bounce" : "delivered", event->message_id, event->recipient,
		1713100000, event->is_bounce ? ",\"category\":\"hard_bounce\"" : "");
}

int64_t fixture_append(
	struct fixture *fixture, const struct fixture_event *event, char uuid_out[UUID_TEXT_SIZE])
{
	struct store_new_delivery deliveries[TARGETS_COUNT];
	struct event_record record = {
		.source = fixture->source,
		.source_name = SLICE_LITERAL("bizmail"),
		.received_us =
			event->received_s == 0 ? clock_unix_us() : event->received_s * 1000000,
		.content_type = SLICE_LITERAL("application/json"),
	};
	struct parsed_event parsed;
	struct store_event stored;
	struct error err;
	struct buf raw;

	buf_init(&raw, 4096);
	write_raw(&raw, event);
	record.raw = buf_slice(&raw);
	assert_int_equal(event_parse(&record, &parsed), BIZMAIL_PROBLEM_NONE);
	stored = event_row(&record, &parsed, translate_type(&fixture->translate, &parsed.event));
	stored.deliveries = deliveries;
	for (int i = 0; i < TARGETS_COUNT; i++)
		if ((event->targets >> i & 1) != 0)
			deliveries[stored.deliveries_count++] = (struct store_new_delivery){
				.target = fixture->targets[i],
				.leased = event->is_leased,
				.order_key = event->order_key,
			};
	if (uuid_out != NULL)
		memcpy(uuid_out, parsed.uuid, UUID_TEXT_SIZE);
	parsed_event_release(&parsed);
	MUST(store_begin(fixture->store, &err));
	MUST(store_append(fixture->store, &stored, &err));
	MUST(store_commit(fixture->store, &err));
	buf_free(&raw);
	assert_false(stored.duplicate);
	return stored.id;
}

void fixture_record(struct fixture *fixture, int64_t event, int target, enum delivery_state next,
	int http_status)
{
	struct store_verdict verdict = {
		.event = event,
		.target = fixture->targets[target],
		.next = next,
		.attempts = 1,
		.due_ms = clock_unix_ms() + 60000,
		.started_ms = clock_unix_ms(),
		.duration_ms = 12,
		.http_status = http_status,
		.answer = SLICE_LITERAL("no \"thanks\" \xff"),
	};
	struct error err;

	MUST(store_begin(fixture->store, &err));
	MUST(store_record(fixture->store, &verdict, &err));
	MUST(store_commit(fixture->store, &err));
}

int64_t fixture_quarantine(struct fixture *fixture, const char *reason, const char *raw)
{
	struct store_quarantined quarantined = {
		.received_us = clock_unix_us(),
		.source = fixture->source,
		.reason = reason,
		.content_type = SLICE_LITERAL("application/json"),
		.raw = slice_text(raw),
	};
	struct error err;

	MUST(store_begin(fixture->store, &err));
	MUST(store_quarantine(fixture->store, &quarantined, &err));
	MUST(store_commit(fixture->store, &err));
	return quarantined.id;
}

json_t *fixture_ask(struct fixture *fixture, const char *method, const char *target,
	const char *body, int expected_status)
{
	struct slice query = slice_text(target);
	struct slice path = slice_cut(&query, '?');
	struct control_request request = {
		.method = slice_text(method),
		.path = path,
		.query = query,
		.content_type = SLICE_LITERAL("application/json"),
		.body = slice_text(body),
		.shows_urls = fixture->shows_urls,
	};
	struct control_answer answer;
	json_error_t error;
	json_t *json;

	control_handle(fixture->control, &request, &answer);
	if (answer.status != expected_status)
		fail_msg("%s %s %s: got %d, want %d: %s", method, target, body == NULL ? "" : body,
			answer.status, expected_status, answer.body.data);
	json = json_loadb(answer.body.data, answer.body.size, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(json))
		fail_msg("%s %s: %s: %s", method, target, error.text, answer.body.data);
	if (answer.status == 405)
		json_object_set_new(json, "allow", json_string(answer.allow));
	if (answer.status >= 400)
		assert_non_null(json_object_get(json, "errors"));
	buf_free(&answer.body);
	return json;
}

void fixture_do(struct fixture *fixture, const char *method, const char *target, const char *body,
	int expected_status)
{
	json_decref(fixture_ask(fixture, method, target, body, expected_status));
}

const char *fixture_at(const json_t *json, const char *path)
{
	static char text[512];
	struct slice rest = slice_text(path);

	while (json != NULL && rest.size > 0) {
		struct slice part = slice_cut(&rest, '.');
		char key[64];
		int64_t index;

		snprintf(key, sizeof(key), "%.*s", (int)part.size, part.data);
		if (json_is_array(json) && text_parse_uint(part, &index))
			json = json_array_get(json, (size_t)index);
		else
			json = json_object_get(json, key);
	}
	if (json_is_string(json))
		snprintf(text, sizeof(text), "%s", json_string_value(json));
	else if (json_is_integer(json))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(json));
	else if (json_is_array(json))
		snprintf(text, sizeof(text), "%zu entries", json_array_size(json));
	else if (json_is_boolean(json))
		snprintf(text, sizeof(text), "%s", json_is_true(json) ? "true" : "false");
	else
		snprintf(text, sizeof(text), "%s", json_is_null(json) ? "null" : "nothing there");
	return text;
}

void fixture_assert_at(
	const json_t *json, const char *path, const char *expected, const char *file, int line)
{
	const char *found = fixture_at(json, path);
	char *dump;

	if (strcmp(found, expected) == 0)
		return;
	dump = json_dumps(json, 0);
	print_error("%s: got '%s', want '%s' in %s\n", path, found, expected, dump);
	free(dump);
	_fail(file, line);
}
