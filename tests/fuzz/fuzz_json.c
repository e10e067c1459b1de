/* SPDX-License-Identifier: MIT */
/* A JSON body; also: repaired text needs no second repair, and the scanner agrees with jansson. */
#include <stdlib.h>

#include <jansson.h>

#include "fuzz_event.h"
#include "json_scan.h"

static void check_repair(struct slice body)
{
	char *repaired;
	char *again;
	struct slice text = bizmail_json_repair(body, &repaired);

	/* A text that is not repaired may lose a byte order mark only. */
	REPOSTAL_ASSERT(text_is_utf8(text));
	if (repaired == NULL)
		REPOSTAL_ASSERT(body.size - text.size == 0 || body.size - text.size == 3);
	if (repaired != NULL) {
		(void)bizmail_json_repair(text, &again);
		REPOSTAL_ASSERT(again == NULL);
	}
	free(repaired);
}

/* The deepest nesting of what stands outside of strings. */
static int depth_of(struct slice text)
{
	bool in_string = false;
	int depth = 0, deepest = 0;

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			deepest = ++depth > deepest ? depth : deepest;
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
	}
	return deepest;
}

/* Names and strings decode to what a well-known library makes of them. */
static void check_member(void *context, const struct json_scan_member *member)
{
	const json_t *root = context;
	char *name = memory_alloc(member->name.size + 1);
	char *text = memory_alloc(member->value.size + 1);
	size_t name_size = json_scan_decode(member->name, name);
	const json_t *value;

	name[name_size] = '\0';
	REPOSTAL_ASSERT(name_size <= member->name.size);
	/* jansson refuses names with a NUL, and of two members of one name has the last. */
	value = root == NULL ? NULL : json_object_get(root, name);
	if (root != NULL)
		REPOSTAL_ASSERT(value != NULL);
	if (member->kind == JSON_SCAN_STRING) {
		size_t size = json_scan_decode(member->value, text);

		REPOSTAL_ASSERT(size <= member->value.size && text_is_utf8(slice_of(text, size)));
	}
	free(text);
	free(name);
}

static void ignore(void *context, const struct json_scan_member *member)
{
	(void)context;
	(void)member;
}

static void check_scan(struct slice body)
{
	char *repaired;
	struct slice text = bizmail_json_repair(body, &repaired);
	json_error_t failure;
	json_t *root = json_loadb(text.data, text.size, JSON_ALLOW_NUL | JSON_DECODE_ANY, &failure);
	int line = 0;
	enum json_scan_result result = json_scan(text, ignore, NULL, &line);

	/* jansson takes a NUL outside of strings for the end of the text. */
	if (root != NULL && result == JSON_SCAN_INVALID)
		REPOSTAL_ASSERT(depth_of(text) > JSON_SCAN_DEPTH_MAX ||
				memchr(text.data, '\0', text.size) != NULL);
	if (root == NULL && result != JSON_SCAN_INVALID)
		REPOSTAL_ASSERT(json_error_code(&failure) == json_error_numeric_overflow ||
				json_error_code(&failure) == json_error_null_byte_in_key);
	if (root != NULL && result != JSON_SCAN_INVALID)
		REPOSTAL_ASSERT(json_is_object(root) == (result == JSON_SCAN_OBJECT));
	(void)json_scan(text, check_member, result == JSON_SCAN_OBJECT ? root : NULL, &line);
	json_decref(root);
	free(repaired);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_of((const char *)data, size);

	check_repair(body);
	check_scan(body);
	fuzz_event(BIZMAIL_ENCODING_JSON, slice_of(NULL, 0), body);
	fuzz_labels(body);
	return 0;
}
