/* SPDX-License-Identifier: MIT */
/*
 * examples/openapi.json has every route of the table, and no other; what it refers to is there.
 */
#include <stdio.h>
#include <string.h>

#include "control_fixture.h"
#include "control_private.h"

static json_t *document;

static int load(void **state)
{
	json_error_t error;

	(void)state;
	document = json_load_file("examples/openapi.json", JSON_REJECT_DUPLICATES, &error);
	if (document == NULL)
		fail_msg("examples/openapi.json:%d: %s", error.line, error.text);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(document);
	return 0;
}

static const char *method_key(const char *method)
{
	static const struct {
		const char *method, *key;
	} keys[] = { { "GET", "get" }, { "POST", "post" }, { "DELETE", "delete" } };

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (strcmp(keys[i].method, method) == 0)
			return keys[i].key;
	fail_msg("%s: a method that this test does not know", method);
	return NULL;
}

static void test_every_route_is_described(void **state)
{
	json_t *paths = json_object_get(document, "paths");

	(void)state;
	for (size_t i = 0; i < control_routes_count; i++) {
		const struct route *route = &control_routes[i];
		json_t *path = json_object_get(paths, route->pattern);

		if (json_object_get(path, method_key(route->method)) == NULL)
			fail_msg("%s %s is not described", route->method, route->pattern);
	}
}

static bool has_route(const char *key, const char *pattern)
{
	for (size_t i = 0; i < control_routes_count; i++)
		if (strcmp(control_routes[i].pattern, pattern) == 0 &&
			strcmp(method_key(control_routes[i].method), key) == 0)
			return true;
	return false;
}

static void test_nothing_else_is_described(void **state)
{
	const char *pattern, *key;
	json_t *methods, *operation;

	(void)state;
	json_object_foreach(json_object_get(document, "paths"), pattern, methods)
		json_object_foreach(methods, key, operation) if (!has_route(key, pattern))
			fail_msg("%s %s is described, but not there", key, pattern);
}

/* "#/components/schemas/Target" */
static json_t *resolve(const char *reference)
{
	struct slice rest = slice_text(reference);
	json_t *at = document;

	slice_cut(&rest, '/');
	while (at != NULL && rest.size > 0) {
		struct slice part = slice_cut(&rest, '/');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)part.size, part.data);
		at = json_object_get(at, key);
	}
	return at;
}

static void check_references(const json_t *json)
{
	const char *reference = json_string_value(json_object_get(json, "$ref"));
	const char *key;
	json_t *value;
	size_t i;

	if (reference != NULL && resolve(reference) == NULL)
		fail_msg("%s is not there", reference);
	if (json_is_object(json)) {
		json_object_foreach((json_t *)(uintptr_t)json, key, value) check_references(value);
	}
	json_array_foreach(json, i, value) check_references(value);
}

static void test_references_lead_somewhere(void **state)
{
	(void)state;
	check_references(document);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route_is_described),
		cmocka_unit_test(test_nothing_else_is_described),
		cmocka_unit_test(test_references_lead_somewhere),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
