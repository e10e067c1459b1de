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

static void format_as_new(
	const struct facts *facts, struct slice target, int number, char out[UUID_TEXT_SIZE])
{
	struct uuid uuid = translate_uuid_as_new(&facts->identity.uuid, target, number);

	uuid_format(&uuid, out);
}

void facts_uuid_sent(const struct facts *facts, const struct names *names,
	const struct store_row *row, char out[UUID_TEXT_SIZE])
{
	out[0] = '\0';
	if (facts->problem == BIZMAIL_PROBLEM_NONE)
		format_as_new(facts, names_target(names, row->target), row->as_new, out);
}

int facts_first_as_new(const struct store_row *row)
{
	return row->as_new > FACTS_AS_NEW_MAX ? row->as_new - FACTS_AS_NEW_MAX + 1 : 1;
}

bool facts_was_sent_as(const struct facts *facts, const struct names *names,
	const struct store_row *row, struct slice uuid)
{
	char text[UUID_TEXT_SIZE];

	if (facts->problem != BIZMAIL_PROBLEM_NONE)
		return false;
	for (int n = facts_first_as_new(row); n <= row->as_new; n++) {
		format_as_new(facts, names_target(names, row->target), n, text);
		if (facts_same_text(slice_text(text), uuid))
			return true;
	}
	return false;
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
