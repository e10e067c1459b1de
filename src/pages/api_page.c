/* SPDX-License-Identifier: MIT */
#include "api_page.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "repostal/memory.h"
#include "roff.h"

enum {
	OPENAPI_SIZE_MAX = 4 * 1024 * 1024
};

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* What "$ref": "#/components/parameters/name" stands for; any other value for itself. */
static const json_t *follow(const json_t *openapi, const json_t *value)
{
	struct slice rest = slice_text(text_of(value, "$ref"));

	if (rest.size == 0)
		return value;
	value = openapi;
	(void)slice_cut(&rest, '/');
	while (rest.size > 0) {
		struct slice step = slice_cut(&rest, '/');

		value = json_object_getn(value, step.data, step.size);
	}
	REPOSTAL_ASSERT(value != NULL);
	return value;
}

static void append_line(struct buf *out, const char *text)
{
	roff_append_text(out, slice_text(text));
	buf_append_char(out, '\n');
}

/* "one of retry, discard" of an enum, else the type. */
static void append_type(struct buf *out, const json_t *schema)
{
	const json_t *values = json_object_get(schema, "enum");
	const json_t *value;
	size_t i;

	json_array_foreach(values, i, value)
	{
		buf_append_text(out, i == 0 ? "one of " : ", ");
		roff_append_plain(out, slice_text(json_string_value(value)));
	}
	if (json_array_size(values) == 0)
		roff_append_plain(out, slice_text(text_of(schema, "type")));
}

/* One that is named in the request; says what it is, and what its value may be. */
static void append_named(struct buf *out, const char *name, const char *where,
	const char *description, const json_t *schema)
{
	buf_append_text(out, ".TP\n.B ");
	roff_append_plain(out, slice_text(name));
	buf_printf(out, "\n%s, ", where);
	append_type(out, schema);
	buf_append_text(out, ".");
	if (description == NULL)
		description = text_of(schema, "description");
	if (description != NULL) {
		buf_append_char(out, ' ');
		roff_append_text(out, slice_text(description));
	}
	buf_append_char(out, '\n');
}

static void append_parameters(struct buf *out, const json_t *openapi, const json_t *operation)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(operation, "parameters"), i, entry)
	{
		const json_t *parameter = follow(openapi, entry);
		bool in_path = strcmp(text_of(parameter, "in"), "path") == 0;

		append_named(out, text_of(parameter, "name"), in_path ? "In the path" : "Parameter",
			text_of(parameter, "description"),
			follow(openapi, json_object_get(parameter, "schema")));
	}
}

static void append_body(struct buf *out, const json_t *openapi, const json_t *operation)
{
	const json_t *content =
		json_object_get(json_object_get(operation, "requestBody"), "content");
	const json_t *schema = follow(
		openapi, json_object_get(json_object_get(content, "application/json"), "schema"));
	json_t *properties = json_object_get(schema, "properties");
	const char *name;
	json_t *property;

	json_object_foreach(properties, name, property)
		append_named(out, name, "In the body", NULL, follow(openapi, property));
}

/* "Answers 200, 404." */
static void append_answers(struct buf *out, json_t *responses)
{
	const char *separator = "Answers ";
	const char *status;
	json_t *response;

	buf_append_text(out, ".PP\n");
	json_object_foreach(responses, status, response)
	{
		buf_printf(out, "%s%s", separator, status);
		separator = ", ";
	}
	buf_append_text(out, ".\n");
}

static void append_operation(struct buf *out, const json_t *openapi, const char *method,
	const char *path, const json_t *operation)
{
	buf_append_text(out, ".SS ");
	for (; *method != '\0'; method++)
		buf_append_char(out, (char)(*method - 'a' + 'A'));
	buf_append_char(out, ' ');
	roff_append_plain(out, slice_text(path));
	buf_append_char(out, '\n');
	roff_append_text(out, slice_text(text_of(operation, "summary")));
	buf_append_text(out, ".\n");
	if (text_of(operation, "description") != NULL)
		append_line(out, text_of(operation, "description"));
	append_parameters(out, openapi, operation);
	append_body(out, openapi, operation);
	append_answers(out, json_object_get(operation, "responses"));
}

static json_t *load(const struct folders *folders)
{
	json_t *openapi;
	struct buf text;

	buf_init(&text, OPENAPI_SIZE_MAX);
	page_read(&text, folders->openapi);
	openapi = json_loadb(text.data, text.size, 0, NULL);
	REPOSTAL_ASSERT(openapi != NULL);
	buf_free(&text);
	return openapi;
}

void api_page_write(const struct folders *folders)
{
	json_t *openapi = load(folders);
	json_t *paths = json_object_get(openapi, "paths");
	const char *path, *method;
	json_t *methods, *operation;
	struct page page;

	page_begin(&page, folders, "repostal-api", 7, "the admin API of repostal");
	roff_append_heading(&page.text, "DESCRIPTION");
	append_line(&page.text, text_of(json_object_get(openapi, "info"), "description"));
	page_append_before(&page);
	roff_append_heading(&page.text, "REQUESTS");
	json_object_foreach(paths, path, methods) json_object_foreach(methods, method, operation)
		append_operation(&page.text, openapi, method, path, operation);
	page_end(&page);
	json_decref(openapi);
}
