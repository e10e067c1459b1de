/* SPDX-License-Identifier: MIT */
#include "problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repostal/error.h"
#include "repostal/memory.h"
#include "repostal/text.h"

/* A damaged file of the largest size could have more; nobody reads them. */
enum {
	PROBLEMS_MAX = 1000,
	PROBLEM_TEXT_SIZE = 1024
};

static void add(struct problems *problems, int line, enum config_finding finding,
	const char *format, va_list args) __attribute__((format(printf, 4, 0)));

/* Names and paths come from the file as they are, and messages are cut anywhere. */
static char *readable(const char *text)
{
	struct buf repaired;
	char *out;

	/* A bad byte becomes three. */
	buf_init(&repaired, 3 * PROBLEM_TEXT_SIZE);
	text_append_utf8_repaired(&repaired, slice_text(text));
	out = buf_take(&repaired);
	for (size_t i = 0, size = strlen(out); i < size;) {
		size_t control = text_hidden_sequence(out + i, size - i);

		memset(out + i, '?', control);
		i += control > 0 ? control : 1;
	}
	return out;
}

static void add(struct problems *problems, int line, enum config_finding finding,
	const char *format, va_list args)
{
	char text[PROBLEM_TEXT_SIZE];

	problems->errors_count += finding == CONFIG_WRONG;
	problems->unavailable_count += finding == CONFIG_UNAVAILABLE;
	if (problems->count >= PROBLEMS_MAX)
		return;
	if (problems->count == problems->capacity) {
		problems->capacity = problems->capacity * 2 + 8;
		problems->list =
			memory_regrow(problems->list, problems->capacity, sizeof(*problems->list));
	}
	(void)vsnprintf(text, sizeof(text), format, args);
	problems->list[problems->count] = (struct problem){
		.line = line,
		.number = problems->count,
		.finding = finding,
		.text = readable(text),
	};
	problems->count++;
}

void problems_error(struct problems *problems, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, line, CONFIG_WRONG, format, args);
	va_end(args);
}

void problems_warn(struct problems *problems, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, line, CONFIG_WARNING, format, args);
	va_end(args);
}

void problems_place(struct problems *problems, const void *field, int line, bool refused)
{
	if (problems->places_count == problems->places_capacity) {
		problems->places_capacity = problems->places_capacity * 2 + 64;
		problems->places = memory_regrow(
			problems->places, problems->places_capacity, sizeof(*problems->places));
	}
	problems->places[problems->places_count++] = (struct place){ field, line, refused };
}

/* The last wins: a struct has the address of its first field, which is noted later. */
static const struct place *find(const struct problems *problems, const void *field)
{
	for (size_t i = problems->places_count; i > 0; i--) {
		if (problems->places[i - 1].field == field)
			return &problems->places[i - 1];
	}
	return NULL;
}

bool problems_was_given(const struct problems *problems, const void *field)
{
	return find(problems, field) != NULL;
}

bool problems_was_refused(const struct problems *problems, const void *field)
{
	const struct place *place = find(problems, field);

	return place != NULL && place->refused;
}

int problems_line(const struct problems *problems, const void *field, const void *owner)
{
	const struct place *place = find(problems, field);

	if (place == NULL)
		place = find(problems, owner);
	return place == NULL ? 1 : place->line;
}

void config_report(struct problems *problems, enum config_finding finding, const void *field,
	const void *owner, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, problems_line(problems, field, owner), finding, format, args);
	va_end(args);
}

void config_report_line(
	struct problems *problems, enum config_finding finding, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, line, finding, format, args);
	va_end(args);
}

void problems_file(struct problems *problems, const char *path, const char *name, int line)
{
	if (problems->files_count == problems->files_capacity) {
		problems->files_capacity = problems->files_capacity * 2 + 8;
		problems->files = memory_regrow(
			problems->files, problems->files_capacity, sizeof(*problems->files));
	}
	problems->files[problems->files_count++] = (struct config_file){
		.path = memory_copy_text(path),
		.name = memory_copy_text(name),
		.line = line,
	};
}

const struct config_file *config_files(const struct problems *problems, size_t *count_out)
{
	*count_out = problems->files_count;
	return problems->files;
}

void problems_origin(struct problems *problems, const void *field, const char *text)
{
	struct config_origins *origins = problems->origins;

	if (origins == NULL)
		return;
	if (origins->count == origins->capacity) {
		origins->capacity = origins->capacity * 2 + 8;
		origins->list =
			memory_regrow(origins->list, origins->capacity, sizeof(*origins->list));
	}
	origins->list[origins->count++] = (struct config_origin){ field, memory_copy_text(text) };
}

const char *origin_of(const struct config_origins *origins, const void *field)
{
	for (size_t i = 0; origins != NULL && i < origins->count; i++) {
		if (origins->list[i].field == field)
			return origins->list[i].text;
	}
	return NULL;
}

void origins_free(struct config_origins **originsp)
{
	struct config_origins *origins = *originsp;

	if (origins == NULL)
		return;
	*originsp = NULL;
	for (size_t i = 0; i < origins->count; i++)
		free(origins->list[i].text);
	free(origins->list);
	free(origins);
}

bool config_was_refused(const struct problems *problems, const void *field)
{
	return problems_was_refused(problems, field);
}

bool config_was_given(const struct problems *problems, const void *field)
{
	return problems_was_given(problems, field);
}

int config_line(const struct problems *problems, const void *field, const void *owner)
{
	return problems_line(problems, field, owner);
}

static int compare_problems(const void *left, const void *right)
{
	const struct problem *a = left;
	const struct problem *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

void problems_print(struct problems *problems, const char *path, struct buf *report)
{
	if (problems->count > 1)
		qsort(problems->list, problems->count, sizeof(*problems->list), compare_problems);
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->list[i];

		buf_printf(report, "%s:%d: %s%s\n", path, problem->line,
			problem->finding == CONFIG_WARNING ? "warning: " : "", problem->text);
	}
}

void problems_free(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->list[i].text);
	free(problems->list);
	free(problems->places);
	for (size_t i = 0; i < problems->files_count; i++) {
		free(problems->files[i].path);
		free(problems->files[i].name);
	}
	free(problems->files);
	*problems = (struct problems){ 0 };
}
