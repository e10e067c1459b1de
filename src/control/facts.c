/* SPDX-License-Identifier: MIT */
#include "facts.h"

void facts_read(struct facts *facts_out, struct slice source, struct slice content_type,
	struct slice raw, uint8_t kind)
{
	facts_out->problem = bizmail_parse(bizmail_encoding_of(content_type, raw), content_type,
		raw, (enum bizmail_kind)kind, &facts_out->event, NULL);
	facts_out->uuid[0] = '\0';
	if (facts_out->problem != BIZMAIL_PROBLEM_NONE)
		return;
	facts_out->identity = translate_identity(source, &facts_out->event);
	uuid_format(&facts_out->identity.uuid, facts_out->uuid);
}

void facts_of_row(struct facts *facts_out, const struct names *names, const struct store_row *row)
{
	facts_read(facts_out, names_source(names, row->source), row->content_type, row->raw,
		row->kind);
}

void facts_free(struct facts *facts)
{
	bizmail_event_release(&facts->event);
}

static char folded(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool facts_same_text(struct slice a, struct slice b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (folded(a.data[i]) != folded(b.data[i]))
			return false;
	return true;
}
