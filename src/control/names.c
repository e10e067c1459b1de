/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <stdlib.h>

#include "repostal/buf.h"
#include "repostal/memory.h"

enum {
	NAME_SHOWN_MAX = 60
};

static void on_target(void *context, uint16_t number, const char *name,
	const struct store_target_counts *counts, bool is_paused, const char *reason)
{
	struct names *names = context;
	struct named_target *target = &names->targets[number];

	if (target->name != NULL)
		return;
	target->name = memory_copy_text(name);
	target->reason = memory_copy_text(reason == NULL ? "" : reason);
	target->is_paused = is_paused;
	target->counts = *counts;
	if (number >= names->targets_count)
		names->targets_count = (size_t)number + 1;
}

static void on_source(void *context, uint16_t number, const char *name)
{
	struct names *names = context;

	if (names->sources[number] != NULL)
		return;
	names->sources[number] = memory_copy_text(name);
	if (number >= names->sources_count)
		names->sources_count = (size_t)number + 1;
}

enum status names_read(struct store_reader *reader, struct names *names_out, struct error *err)
{
	*names_out = (struct names){
		.targets = memory_array(STORE_TARGETS_MAX, sizeof(struct named_target)),
		.sources = memory_array(STORE_SOURCES_MAX, sizeof(char *)),
	};
	return store_reader_names(reader, on_target, on_source, names_out, err);
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->targets_count; i++) {
		free(names->targets[i].name);
		free(names->targets[i].reason);
	}
	for (size_t i = 0; i < names->sources_count; i++)
		free(names->sources[i]);
	free(names->targets);
	free(names->sources);
	*names = (struct names){ 0 };
}

int names_find_target(const struct names *names, struct slice name)
{
	for (size_t i = 0; i < names->targets_count; i++)
		if (names->targets[i].name != NULL && slice_is(name, names->targets[i].name))
			return (int)i;
	return -1;
}

void names_refuse_target(const struct names *names, struct slice name, struct error *err)
{
	const char *separator = " is no target here, which are ";
	bool is_first = true;
	struct buf text;

	buf_init(&text, ERROR_TEXT_SIZE - sizeof(", ..."));
	buf_printf(&text, "'%.*s'", (int)(name.size < NAME_SHOWN_MAX ? name.size : NAME_SHOWN_MAX),
		name.data);
	for (size_t i = 0; i < names->targets_count && !text.overflowed; i++) {
		if (names->targets[i].name == NULL)
			continue;
		buf_printf(&text, "%s%s", separator, names->targets[i].name);
		separator = ", ";
		is_first = false;
	}
	error_set(err, "%.*s%s", (int)text.size, text.data,
		text.overflowed ? ", ..."
		: is_first      ? " is no target here: there is none"
				: "");
	buf_free(&text);
}

struct slice names_target(const struct names *names, uint16_t number)
{
	return number < names->targets_count ? slice_text(names->targets[number].name)
					     : slice_of(NULL, 0);
}

struct slice names_source(const struct names *names, uint16_t number)
{
	return number < names->sources_count ? slice_text(names->sources[number])
					     : slice_of(NULL, 0);
}
