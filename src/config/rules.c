/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include <string.h>

#include "file.h"
#include "repostal/memory.h"
#include "repostal/nearest.h"
#include "url.h"

/* A required text that was refused is NULL; all others are set. */
static bool is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool is_loopback(const char *address_text)
{
	struct address address;

	return address_parse(slice_text(address_text), &address) && address_is_loopback(&address);
}

static void tls_needs_both(const char *name, char *const *certificate, char *const *key,
	const void *owner, struct problems *problems)
{
	bool has_certificate = (*certificate)[0] != '\0';
	bool has_key = (*key)[0] != '\0';

	if (has_certificate && !has_key && !problems_was_refused(problems, key))
		problems_error(problems, problems_line(problems, certificate, owner),
			"'%s.certificate' needs '%s.key' too", name, name);
	else if (has_key && !has_certificate && !problems_was_refused(problems, certificate))
		problems_error(problems, problems_line(problems, key, owner),
			"'%s.key' needs '%s.certificate' too", name, name);
}

static void listen_tls_is_complete(const struct config *config, struct problems *problems)
{
	tls_needs_both("listen.tls", &config->listen.tls_certificate, &config->listen.tls_key, NULL,
		problems);
}

/* Whoever reads a key can pass for its owner. */
static void key_is_private(const char *name, const char *path, int line, struct problems *problems)
{
	if (path[0] != '\0' && file_is_world_readable(path))
		problems_warn(problems, line, "'%s': everybody can read %s: chmod o-r", name, path);
}

static void own_keys_are_private(const struct config *config, struct problems *problems)
{
	const struct signing_settings *signing = &config->signing;

	for (size_t i = 0; i < signing->keys_count; i++)
		key_is_private("signing.keys", signing->keys[i],
			problems_line(problems, &signing->keys, NULL), problems);
	key_is_private("listen.tls.key", config->listen.tls_key,
		problems_line(problems, &config->listen.tls_key, NULL), problems);
}

static void admin_has_token(const struct config *config, struct problems *problems)
{
	if (config->admin.token != NULL || is_loopback(config->admin.address) ||
		problems_was_refused(problems, &config->admin.token))
		return;
	problems_error(problems, problems_line(problems, &config->admin.address, NULL),
		"'admin.token' is required when 'admin.address' is not a loopback address");
}

static void read_token_is_another(const struct config *config, struct problems *problems)
{
	const struct admin_settings *admin = &config->admin;

	if (admin->token == NULL || admin->read_token == NULL ||
		strcmp(admin->token, admin->read_token) != 0 || admin->token[0] == '\0')
		return;
	problems_warn(problems, problems_line(problems, &admin->read_token, NULL),
		"'admin.read_token' is the same as 'admin.token': whoever has it may change "
		"everything");
}

/* One that is there and not used is a mistake that nobody would see. */
static void store_has_its_place(const struct config *config, struct problems *problems)
{
	bool has_dsn =
		config->store.dsn != NULL || problems_was_refused(problems, &config->store.dsn);

	if (config->store.backend == STORE_POSTGRESQL && !has_dsn)
		problems_error(problems, problems_line(problems, &config->store.backend, NULL),
			"'store.dsn' is required when 'store.backend' is \"postgresql\"");
	if (config->store.backend == STORE_SQLITE && has_dsn)
		problems_error(problems, problems_line(problems, &config->store.dsn, NULL),
			"'store.dsn' has no effect without backend = \"postgresql\"");
}

static void path_is_used(const struct config *config, struct problems *problems)
{
	if (config->store.backend == STORE_POSTGRESQL &&
		problems_was_given(problems, &config->store.path))
		problems_warn(problems, problems_line(problems, &config->store.path, NULL),
			"'store.path' has no effect with backend = \"postgresql\"");
}

static void repeats_are_remembered(const struct config *config, struct problems *problems)
{
	if (config->store.dedup_window_ms <= config->store.keep_delivered_ms)
		return;
	problems_warn(problems,
		problems_line(
			problems, &config->store.dedup_window_ms, &config->store.keep_delivered_ms),
		"'store.dedup_window' is longer than 'store.keep_delivered': "
		"delivered events are kept for the window");
}

static void signing_is_on(const struct config *config, struct problems *problems)
{
	const void *keys = &config->signing.keys;

	if (config->signing.keys_count == 0 && !problems_was_refused(problems, keys))
		problems_warn(problems, problems_line(problems, keys, NULL),
			"signing is off: 'signing.keys' names no key ('repostal keygen' makes "
			"one)");
}

static void source_name_is_unique(
	const struct config *config, size_t index, struct problems *problems)
{
	const struct source_settings *source = &config->sources[index];

	for (size_t i = 0; i < index; i++) {
		if (is_same(config->sources[i].name, source->name)) {
			problems_error(problems, problems_line(problems, &source->name, source),
				"two sources have the name '%s'", source->name);
			return;
		}
	}
}

/* "/a" contains "/a" and "/a/b", but not "/ab". */
static bool path_contains(const char *folder, const char *path)
{
	size_t size = strlen(folder);

	return strncmp(folder, path, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static const char *shown_path(const char *path)
{
	return path[0] == '\0' ? "/" : path;
}

/* A source takes everything below its path: kinds and tokens. */
static void source_path_is_apart(
	const struct config *config, size_t index, struct problems *problems)
{
	const struct source_settings *source = &config->sources[index];

	for (size_t i = 0; i < index && source->path != NULL; i++) {
		const char *other = config->sources[i].path;

		if (other == NULL ||
			!(path_contains(other, source->path) || path_contains(source->path, other)))
			continue;
		problems_error(problems, problems_line(problems, &source->path, source),
			"the paths of two sources must not be the same or below each other: "
			"'%s' and '%s'",
			shown_path(other), shown_path(source->path));
		return;
	}
}

static void source_has_auth(const struct config *config, size_t index, struct problems *problems)
{
	const struct source_settings *source = &config->sources[index];
	const struct auth_settings *auth = &source->auth;

	if (auth->none) {
		problems_warn(problems, problems_line(problems, &auth->none, source),
			"auth = \"none\": everybody who reaches this source can post events");
		return;
	}
	if (problems_was_given(problems, &auth->none) ||
		problems_was_given(problems, &auth->token) ||
		problems_was_given(problems, &auth->basic) ||
		problems_was_given(problems, &auth->allow.list))
		return;
	problems_error(problems, problems_line(problems, source, NULL),
		"source '%s' has no 'auth': give it a token, as in "
		"auth = { token = \"env:NAME\"; }, or write auth = \"none\"",
		source->name == NULL ? "?" : source->name);
}

static void target_name_is_unique(
	const struct config *config, size_t index, struct problems *problems)
{
	const struct target_settings *target = &config->targets[index];

	for (size_t i = 0; i < index; i++) {
		if (is_same(config->targets[i].name, target->name)) {
			problems_error(problems, problems_line(problems, &target->name, target),
				"two targets have the name '%s'", target->name);
			return;
		}
	}
}

static bool source_exists(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->sources_count; i++) {
		if (is_same(config->sources[i].name, name))
			return true;
	}
	return false;
}

static void target_sources_exist(
	const struct config *config, size_t index, struct problems *problems)
{
	const struct target_settings *target = &config->targets[index];
	int line = problems_line(problems, &target->sources, target);

	for (size_t i = 0; i < target->sources_count; i++) {
		const char *name = target->sources[i];
		struct nearest nearest;

		if (source_exists(config, name))
			continue;
		nearest_init(&nearest, name);
		for (size_t j = 0; j < config->sources_count; j++) {
			if (config->sources[j].name != NULL)
				nearest_offer(&nearest, config->sources[j].name);
		}
		if (nearest.best[0] == '\0')
			problems_error(problems, line, "there is no source '%.64s'", name);
		else
			problems_error(problems, line,
				"there is no source '%.64s'; did you mean '%s'?", name,
				nearest.best);
	}
}

static void target_tls_is_complete(
	const struct config *config, size_t index, struct problems *problems)
{
	const struct target_settings *target = &config->targets[index];

	tls_needs_both("targets.tls", &target->tls_certificate, &target->tls_key, target, problems);
	key_is_private("targets.tls.key", target->tls_key,
		problems_line(problems, &target->tls_key, target), problems);
}

static void target_is_private(const struct config *config, size_t index, struct problems *problems)
{
	const struct target_settings *target = &config->targets[index];
	struct url_parts parts;

	if (target->url == NULL || !url_split(slice_text(target->url), &parts, NULL))
		return;
	if (slice_is_nocase(parts.scheme, "http") && !url_is_loopback(&parts))
		problems_warn(problems, problems_line(problems, &target->url, target),
			"target '%s' is reached by http: webhooks travel unencrypted",
			target->name == NULL ? "?" : target->name);
	if (!target->tls_verify)
		problems_warn(problems, problems_line(problems, &target->tls_verify, target),
			"target '%s': its certificate is not checked",
			target->name == NULL ? "?" : target->name);
}

/* What the translation makes, as bits. */
static uint32_t events_made(const struct translate_settings *translate)
{
	return UINT32_C(1) << POSTAL_MESSAGE_SENT | UINT32_C(1) << translate->soft_bounce |
	       UINT32_C(1) << translate->hard_bounce | UINT32_C(1) << translate->dropped;
}

/* A list of all says "whatever comes", and so does none. */
static void target_events_are_made(
	const struct config *config, size_t index, struct problems *problems)
{
	const struct target_settings *target = &config->targets[index];
	uint32_t all = (UINT32_C(1) << POSTAL_EVENT_TYPE_COUNT) - 1;
	uint32_t vain = target->events & ~events_made(&config->translate);

	if (target->events == all)
		return;
	for (int type = 0; type < POSTAL_EVENT_TYPE_COUNT; type++) {
		if ((vain & UINT32_C(1) << type) != 0)
			problems_warn(problems, problems_line(problems, &target->events, target),
				"'targets.events': nothing becomes %s by the settings of "
				"'translate'",
				postal_event_type_name((enum postal_event_type)type));
	}
}

static void target_is_enabled(const struct config *config, size_t index, struct problems *problems)
{
	const struct target_settings *target = &config->targets[index];

	if (!target->enabled)
		problems_warn(problems, problems_line(problems, &target->enabled, target),
			"target '%s' is disabled: it takes no new events",
			target->name == NULL ? "?" : target->name);
}

typedef void file_rule(const struct config *config, struct problems *problems);
typedef void element_rule(const struct config *config, size_t index, struct problems *problems);

static file_rule *const file_rules[] = {
	listen_tls_is_complete,
	own_keys_are_private,
	admin_has_token,
	read_token_is_another,
	rule_ports_differ,
	store_has_its_place,
	path_is_used,
	repeats_are_remembered,
	signing_is_on,
};
static element_rule *const source_rules[] = {
	source_name_is_unique,
	source_path_is_apart,
	source_has_auth,
};
static element_rule *const target_rules[] = {
	target_name_is_unique,
	target_sources_exist,
	target_tls_is_complete,
	target_is_private,
	target_events_are_made,
	rule_target_is_elsewhere,
	target_is_enabled,
};

void rules_check(const struct config *config, struct problems *problems)
{
	for (size_t i = 0; i < ARRAY_COUNT(file_rules); i++)
		file_rules[i](config, problems);
	for (size_t i = 0; i < config->sources_count; i++) {
		/* Not even a group: there is nothing to say about its settings. */
		if (!problems_was_given(problems, &config->sources[i]))
			continue;
		for (size_t j = 0; j < ARRAY_COUNT(source_rules); j++)
			source_rules[j](config, i, problems);
	}
	for (size_t i = 0; i < config->targets_count; i++) {
		if (!problems_was_given(problems, &config->targets[i]))
			continue;
		for (size_t j = 0; j < ARRAY_COUNT(target_rules); j++)
			target_rules[j](config, i, problems);
	}
}
