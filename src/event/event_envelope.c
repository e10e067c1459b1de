/* SPDX-License-Identifier: MIT */
#include "repostal/event_envelope.h"

static void add_default(struct slice *text, const char *source_default)
{
	if (text->size == 0)
		*text = slice_text(source_default);
}

bool event_envelope(const struct event_rules *rules, const struct parsed_event *parsed,
	const struct known_message *known, struct buf *out)
{
	const struct routed_source *source = event_rules_find(rules, parsed->source);
	struct known_message all = *known;
	struct postal_event postal;

	if (source != NULL) {
		add_default(&all.from, source->settings->defaults.from);
		add_default(&all.subject, source->settings->defaults.subject);
		add_default(&all.tag, source->settings->defaults.tag);
	}
	translate_event(rules->translate, &all, parsed, &postal);
	return envelope_write(&postal, out);
}
