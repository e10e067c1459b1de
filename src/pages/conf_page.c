/* SPDX-License-Identifier: MIT */
#include "conf_page.h"

#include <stdbool.h>
#include <string.h>

#include "repostal/config_settings.h"
#include "repostal/memory.h"
#include "roff.h"

/* What the groups are about; the settings themselves are in the table of the configuration. */
static const struct {
	const char *name;
	const char *about;
} groups[] = {
	{ "listen", "The public listener: BizMail's events, the signing keys and a health check." },
	{ "admin", "The private listener: metrics, health and the admin API. Keep it off the "
		   "internet." },
	{ "store", "Every accepted event is on disk here before BizMail gets its answer." },
	{ "sources",
		"Who sends events: a list, ( { ... }, { ... } ), with one group for each BizMail "
		"account." },
	{ "translate", "What BizMail's events become, where Postal knows several ways." },
	{ "signing", "Postal's signature headers, and the keys at /.well-known/jwks.json. repostal "
		     "keygen makes a key." },
	{ "targets",
		"Who receives webhooks: a list with one group for each. Targets do not affect each "
		"other." },
	{ "egress", "Where webhooks must never go, whatever the URL, its spelling or its DNS name "
		    "says." },
	{ "log", "Lines on standard error; with priorities, and without a time in the text format, "
		 "when "
		 "that is the journal." },
	{ "shutdown_timeout", "A setting of its own, in no group." },
};

struct settings_page {
	struct page page;
	size_t group; /* the next one */
};

static bool is_in(const char *name, const char *group)
{
	size_t size = strlen(group);

	return strncmp(name, group, size) == 0 && (name[size] == '.' || name[size] == '\0');
}

static void begin_group(struct settings_page *settings, const char *name)
{
	struct buf *out = &settings->page.text;

	if (settings->group > 0 && is_in(name, groups[settings->group - 1].name))
		return;
	REPOSTAL_ASSERT(
		settings->group < ARRAY_COUNT(groups) && is_in(name, groups[settings->group].name));
	buf_printf(out, ".SS %s\n", groups[settings->group].name);
	roff_append_text(out, slice_text(groups[settings->group].about));
	buf_append_char(out, '\n');
	settings->group++;
}

static void append_row(struct buf *out, const char *title, const char *text, bool is_typed)
{
	if (text == NULL)
		return;
	buf_printf(out, ".br\n%s%s", title, is_typed ? "\\fB" : "");
	roff_append_plain(out, slice_text(text));
	buf_append_text(out, is_typed ? "\\fR\n" : "\n");
}

static void on_setting(void *context, const struct config_setting *setting)
{
	struct settings_page *settings = context;
	struct buf *out = &settings->page.text;

	begin_group(settings, setting->name);
	if (setting->example == NULL)
		return; /* a list: its group says it */
	buf_append_text(out, ".TP\n.B ");
	roff_append_plain(out, slice_text(setting->name));
	buf_append_char(out, '\n');
	roff_append_text(out, slice_text(setting->meaning));
	buf_append_text(out, ".\n");
	append_row(out, "Value: ", setting->expected, false);
	if (setting->fallback == NULL)
		append_row(out, "Default: ", setting->required ? "none, it must be given" : "none",
			false);
	append_row(out, "Default: ", setting->fallback, true);
	append_row(out, "Example: ", setting->example, true);
}

void conf_page_write(const struct folders *folders)
{
	struct settings_page settings = { .group = 0 };

	page_begin(&settings.page, folders, "repostal.conf", 5, "configuration of repostal");
	page_append_before(&settings.page);
	roff_append_heading(&settings.page.text, "SETTINGS");
	config_settings_walk(on_setting, &settings);
	REPOSTAL_ASSERT(settings.group == ARRAY_COUNT(groups));
	page_end(&settings.page);
}
