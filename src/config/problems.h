/* SPDX-License-Identifier: MIT */
/*
 * problems.h - what is wrong with a file, and where each setting was given
 *
 * Promise    Problems come out in the order of their lines, whatever the order they were found in.
 *            Their texts are one line of UTF-8 without control characters, and never hold a secret.
 * Threads    One owner.
 */
#ifndef REPOSTAL_CONFIG_PROBLEMS_H
#define REPOSTAL_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "repostal/buf.h"
#include "repostal/config.h"

struct problem {
	int line;
	size_t number; /* in the order found */
	enum config_finding finding;
	char *text;
};

struct place {
	const void *field;
	int line;
	bool refused; /* its value would not do; there is a problem already */
};

/* A secret that stands elsewhere: what the file says in its place. */
struct config_origin {
	const void *field;
	char *text;
};
struct config_origins {
	struct config_origin *list;
	size_t count;
	size_t capacity;
};

/* Value-initialise with { 0 }. */
struct problems {
	struct problem *list;
	size_t count;
	size_t capacity;
	size_t errors_count;
	size_t unavailable_count; /* what may be good at another time; not among the errors */
	struct place *places;
	size_t places_count;
	size_t places_capacity;
	struct config_file *files;
	size_t files_count;
	size_t files_capacity;
	struct config_origins *origins; /* NULL: nobody wants to know */
};

void problems_error(struct problems *problems, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void problems_warn(struct problems *problems, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The setting kept in field, or the struct at field, was given in this line. */
void problems_place(struct problems *problems, const void *field, int line, bool refused);
bool problems_was_given(const struct problems *problems, const void *field);
bool problems_was_refused(const struct problems *problems, const void *field);
/* The line of field, else that of the struct around it, else 1. */
int problems_line(const struct problems *problems, const void *field, const void *owner);

/* The file that setting name gives in this line. */
void problems_file(struct problems *problems, const char *path, const char *name, int line);
/* The secret kept in field was given as text. */
void problems_origin(struct problems *problems, const void *field, const char *text);
/* NULL: it was not given, or stands in the file itself. */
const char *origin_of(const struct config_origins *origins, const void *field);
void origins_free(struct config_origins **originsp);

/* Appends "PATH:LINE: text" lines. */
void problems_print(struct problems *problems, const char *path, struct buf *report);
void problems_free(struct problems *problems);

#endif
