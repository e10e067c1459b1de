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

static void add(struct problems *problems, int line, bool warning, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));

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
		size_t control = text_control_sequence(out + i, size - i);

		memset(out + i, '?', control);
		i += control > 0 ? control : 1;
	}
	return out;
}

static void add(struct problems *problems, int line, bool warning, const char *format, va_list args)
{
	char text[PROBLEM_TEXT_SIZE];

	if (!warning)
		problems->errors_count++;
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
		.warning = warning,
		.text = readable(text),
	};
	problems->count++;
}

void problems_error(struct problems *problems, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, line, false, format, args);
	va_end(args);
}

void problems_warn(struct problems *problems, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, line, true, format, args);
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
			problem->warning ? "warning: " : "", problem->text);
	}
}

void problems_free(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->list[i].text);
	free(problems->list);
	free(problems->places);
	*problems = (struct problems){ 0 };
}
