/* SPDX-License-Identifier: MIT */
/* What the manual says of the settings: the examples of all of them, together, are a configuration. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "load_text.h"
#include "repostal/config_settings.h"
#include "repostal/memory.h"

enum {
	TEXT_SIZE_MAX = 64 * 1024,
	NAME_SIZE_MAX = 256,
};

/* A file in the making, and the group that is open: "targets.tls". */
struct composed {
	struct buf text;
	char group[NAME_SIZE_MAX];
	size_t count;
};

/* These exclude another one. */
static const char *const left_out[] = { "sources.auth", "store.path" };

static bool is_list(const char *name)
{
	return strcmp(name, "sources") == 0 || strcmp(name, "targets") == 0;
}

static bool is_inside(const char *name, const char *group)
{
	size_t size = strlen(group);

	return size == 0 || (strncmp(name, group, size) == 0 && name[size] == '.');
}

static void close_groups(struct composed *composed, const char *name)
{
	while (!is_inside(name, composed->group)) {
		char *dot = strrchr(composed->group, '.');

		buf_append_text(&composed->text, is_list(composed->group) ? "} );\n" : "};\n");
		if (dot == NULL)
			dot = composed->group;
		*dot = '\0';
	}
}

static const char *rest_of(const struct composed *composed, const char *name)
{
	return composed->group[0] == '\0' ? name : name + strlen(composed->group) + 1;
}

static void open_groups(struct composed *composed, const char *name)
{
	const char *rest, *dot;

	while (rest = rest_of(composed, name), dot = strchr(rest, '.'), dot != NULL) {
		size_t size = (size_t)(dot - name);

		buf_printf(&composed->text, "%.*s: ", (int)(dot - rest), rest);
		assert_true(size < sizeof(composed->group));
		memcpy(composed->group, name, size);
		composed->group[size] = '\0';
		buf_append_text(&composed->text, is_list(composed->group) ? "( {\n" : "{\n");
	}
}

static bool is_left_out(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(left_out); i++)
		if (strcmp(name, left_out[i]) == 0)
			return true;
	return false;
}

static void on_setting(void *context, const struct config_setting *setting)
{
	struct composed *composed = context;

	if (strlen(setting->meaning) == 0 || strlen(setting->expected) == 0)
		fail_msg("%s: nothing is said about it", setting->name);
	if (is_list(setting->name)) {
		assert_null(setting->example);
		return;
	}
	if (setting->example == NULL)
		fail_msg("%s: no example", setting->name);
	if (setting->fallback != NULL && strcmp(setting->example, setting->fallback) == 0)
		fail_msg("%s: its example is its default", setting->name);
	if (is_left_out(setting->name))
		return;
	close_groups(composed, setting->name);
	open_groups(composed, setting->name);
	buf_printf(
		&composed->text, "%s = %s;\n", rest_of(composed, setting->name), setting->example);
	composed->count++;
}

static void test_the_examples_are_a_configuration(void **state)
{
	struct composed composed = { .group = "" };
	struct loaded loaded;

	(void)state;
	buf_init(&composed.text, TEXT_SIZE_MAX);
	config_settings_walk(on_setting, &composed);
	close_groups(&composed, "");
	assert_false(composed.text.overflowed);
	assert_true(composed.count > 60);
	loaded = load_text_with(composed.text.data, CONFIG_SECRETS_NONE);
	if (loaded.status != STATUS_OK)
		fail_msg("%s\n%s", composed.text.data, loaded.report);
	assert_string_equal(loaded.config->targets[0].name, "app");
	loaded_free(&loaded);
	buf_free(&composed.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_examples_are_a_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
