/* SPDX-License-Identifier: MIT */
/*
 * The same code while no gateway runs.
 */
#include <string.h>

#include "control_fixture.h"

static struct control *open_offline(struct fixture *fixture, struct control_offline **offline_out)
{
	*offline_out = control_offline_new(&(struct control_offline_settings){
		.store = &fixture->settings,
		.sources = &fixture->source_settings,
		.sources_count = 1,
		.targets = fixture->target_settings,
		.targets_count = CONFIGURED_COUNT,
		.translate = &fixture->translate,
		.fingerprint = 1,
	});
	return control_open(&(struct control_settings){
		.backend = &control_offline_backend,
		.context = *offline_out,
		.store = &fixture->settings,
	});
}

static void ask(
	struct control *control, const char *method, const char *path, int status, const char *want)
{
	struct control_answer answer;

	control_handle(control,
		&(struct control_request){
			.method = slice_text(method),
			.path = slice_text(path),
		},
		&answer);
	if (answer.status != status || strstr(answer.body.data, want) == NULL)
		fail_msg("%s %s: %d %s", method, path, answer.status, answer.body.data);
	buf_free(&answer.body);
}

static void test_the_store_is_taken_with_the_first_change(void **state)
{
	struct fixture *fixture = *state;
	struct control_offline *offline;
	struct control *control = open_offline(fixture, &offline);
	struct error err;

	fixture->target_settings[APP].events = UINT32_MAX;
	fixture_quarantine(fixture, "no_id", "{\"event\":\"drop\",\"id\":\"a@x\",\"to\":\"b@x\"}");
	ask(control, "GET", "/stats", 200, "\"uptime_seconds\":null,\"generation\":0");
	ask(control, "GET", "/stats", 200, "\"quarantined\":1");
	ask(control, "GET", "/stats", 200, "\"ready\":null,\"reasons\":null");
	ask(control, "GET", "/targets/app", 200, "\"state\":null");
	ask(control, "GET", "/targets/app", 200, "\"inflight\":null");
	ask(control, "POST", "/targets/app/pause", 503, "errors");
	assert_int_equal(control_offline_take(offline, &err), STATUS_BUSY);
	store_close(&fixture->store);
	assert_int_equal(control_offline_take(offline, &err), STATUS_OK);
	ask(control, "POST", "/targets/app/pause", 200, "\"state\":\"paused\"");
	ask(control, "GET", "/targets/app", 200, "\"state\":\"paused\"");
	ask(control, "POST", "/quarantine/1/replay", 200, "\"status\":\"accepted\"");
	ask(control, "GET", "/deliveries", 200, "\"target\":\"app\",\"state\":\"ready\"");
	control_close(&control);
	control_offline_free(&offline);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONTROL_TEST(test_the_store_is_taken_with_the_first_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
