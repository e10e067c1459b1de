/* SPDX-License-Identifier: MIT */
#include "query.h"

#include <stdlib.h>

#include "repostal/memory.h"
#include "repostal/text.h"

static struct slice decoded(struct slice part)
{
	/* The text is the query's own. */
	char *data = (char *)(uintptr_t)part.data;

	return slice_of(data, part.size == 0 ? 0 : text_percent_decode(data, part.size, false));
}

bool query_parse(struct query *query, struct slice text)
{
	struct slice rest;

	*query = (struct query){ .text = memory_copy_bytes(text.data, text.size) };
	rest = slice_of(query->text, text.size);
	while (rest.size > 0) {
		struct slice pair = slice_cut(&rest, '&');
		struct slice name = slice_cut(&pair, '=');

		if (name.size == 0 && pair.size == 0)
			continue;
		if (query->count == QUERY_PARAMETERS_MAX)
			return false;
		query->parameters[query->count].name = decoded(name);
		query->parameters[query->count++].value = decoded(pair);
	}
	return true;
}

void query_free(struct query *query)
{
	free(query->text);
	*query = (struct query){ 0 };
}

bool query_take(struct query *query, const char *name, struct slice *value_out)
{
	for (size_t i = 0; i < query->count; i++) {
		if (query->parameters[i].is_taken || !slice_is(query->parameters[i].name, name))
			continue;
		query->parameters[i].is_taken = true;
		*value_out = query->parameters[i].value;
		return true;
	}
	return false;
}
