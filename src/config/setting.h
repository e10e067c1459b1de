/* SPDX-License-Identifier: MIT */
/*
 * setting.h - what a setting is; the tables of all of them
 *
 * Promise    The tables are the only place that knows a path, a default or a limit. Loading,
 *            printing, freeing and the tests walk them.
 * Threads    Constants; any.
 */
#ifndef REPOSTAL_CONFIG_SETTING_H
#define REPOSTAL_CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/error.h"
#include "repostal/slice.h"

/* How it is written in the file, and (behind the dash) what it becomes in memory. */
enum setting_kind {
	SETTING_TEXT,     /* - char * */
	SETTING_URL,      /* - char *; a password in it is never shown */
	SETTING_ROUTE,    /* path of a URL - char *; "/" becomes "" */
	SETTING_SECRET,   /* literal, "env:NAME", "file:/path" - char *, NULL when not given */
	SETTING_INTEGER,  /* - int or int64_t */
	SETTING_FRACTION, /* - double */
	SETTING_DURATION, /* "5s" - int64_t, milliseconds */
	SETTING_SIZE,     /* "1MiB" - int64_t, bytes */
	SETTING_RATE,     /* "100/s" or "none" - double, per second, 0 for none */
	SETTING_BOOLEAN,  /* - bool */
	SETTING_CHOICE,   /* one of .choices - an enum or bool */
	SETTING_EVENT,    /* one of .events - enum postal_event_type */
	SETTING_EVENTS,   /* some of .events - uint32_t, a bit for each */
	SETTING_RETRY, /* name of a preset or list of durations - delays of struct retry_settings */
	SETTING_STATUSES, /* list of 404 or "4xx" - statuses of struct give_up_settings */
	SETTING_TEXTS,    /* - char ** and its count */
	SETTING_RANGES,   /* addresses - struct address_range * and its count */
	SETTING_HEADERS,  /* group of any names - struct target_header * and its count */
	SETTING_ELEMENTS, /* list of groups - array of structs and its count */
};

struct setting_choice {
	const char *name;
	int value;
};

struct setting {
	const char *path; /* inside its table, such as "listen.tls.key" */
	enum setting_kind kind;
	bool required;
	bool or_group; /* stands in place of the group of the same name */
	size_t offset;
	size_t size;         /* of the field */
	size_t count_offset; /* of the size_t that belongs to a list */
	const char *
		fallback; /* as it would be written in the file; NULL: none, the field stays zero */
	/* In the unit of the field; bytes of a text, elements of a list, delays of a retry. */
	int64_t min, max;
	const struct setting_choice *choices; /* ends with a null name */
	uint32_t events;                      /* bit 1 << enum postal_event_type */
	/* The error completes "'listen.address' ...", and never quotes the value. */
	bool (*format)(struct slice value, struct error *err);
	bool may_be_none; /* of a duration: "" is 0, whatever the limits */
	bool is_file;     /* what it names must be readable; format checks that */
	const struct settings_table *element;
	int64_t safe_size; /* a shorter secret is a warning; 0: none is too short */
	const char *mask;  /* printed for a secret; NULL: "***" */
	const char *
		example; /* a good value that is not the default, as in the file; of all but ELEMENTS */
	const char *help; /* one line; the comment in repostal.conf */
};

struct settings_table {
	const char *name; /* "" for the file itself */
	const struct setting *rows;
	size_t rows_count;
	size_t struct_size;
};

enum {
	SETTING_ROWS_MAX = 64, /* of one table */
	SETTING_PATH_SIZE = 160,
	SETTING_TEXT_SIZE_MAX = 4095, /* of an element of a list of texts */
};

/* The file; struct config. The tables of sources and targets hang below it. */
extern const struct settings_table settings_of_file;

const struct setting *settings_find(const struct settings_table *table, const char *path);
/* Whether some setting lies in this group. */
bool settings_have_group(const struct settings_table *table, const char *path);
/* "targets.timeout" or "listen.port": how a person is told of a path in the table. */
void settings_name(
	const struct settings_table *table, const char *path, char out[SETTING_PATH_SIZE]);

/* Field access by row; base is the struct that the table describes. */
void *setting_field(const struct setting *row, void *base);
const void *setting_field_const(const struct setting *row, const void *base);
size_t *setting_count(const struct setting *row, void *base);
size_t setting_count_const(const struct setting *row, const void *base);
/* For INTEGER, CHOICE and EVENT, whatever the width of the field. */
void setting_store_integer(const struct setting *row, void *base, int64_t value);
int64_t setting_fetch_integer(const struct setting *row, const void *base);

/* Frees what the rows own inside base, elements included. */
void settings_release(const struct settings_table *table, void *base);

#endif
