/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "load_text.h"
#include "repostal/config.h"
#include "repostal/memory.h"

#define SOURCE "sources = ( { name = \"s\"; path = \"/s\"; auth = \"none\"; } );\n"
#define SOURCE_WITH(settings) "sources = ( { name = \"s\"; path = \"/s\"; " settings " } );\n"
#define TARGET "targets = ( { name = \"t\"; url = \"http://127.0.0.1/\"; } );\n"
#define TARGET_WITH(settings) \
	"targets = ( { name = \"t\"; url = \"http://127.0.0.1/\"; " settings " } );\n"

#define TARGET_URL(url) "targets = ( { name = \"t\"; url = \"" url "\"; } );\n"

static const struct {
	const char *name;
	const char *changed;
	const char *needs_restart; /* NULL: a running gateway can follow */
	bool is_same;              /* nothing has changed in fact */
	bool is_target_same;
} cases[] = {
	{ "nothing", SOURCE TARGET, NULL, true, true },
	{ "comments and spaces", "# a word\n" SOURCE "\n\n" TARGET, NULL, true, true },
	{ "a default written out", SOURCE TARGET_WITH("concurrency = 16;"), NULL, true, true },
	{ "a preset written out",
		SOURCE TARGET_WITH("retry = [ \"2m\", \"3m\", \"6m\", \"10m\", \"15m\", \"30m\", "
				   "\"1h\", \"2h\", \"4h\", \"8h\", \"12h\", \"24h\" ];"),
		NULL, true, true },
	{ "concurrency", SOURCE TARGET_WITH("concurrency = 17;"), NULL, false, false },
	{ "retry", SOURCE TARGET_WITH("retry = \"postal\";"), NULL, false, false },
	{ "jitter", SOURCE TARGET_WITH("jitter = 0.2;"), NULL, false, false },
	{ "ordering", SOURCE TARGET_WITH("ordering = \"message\";"), NULL, false, false },
	{ "outcomes", SOURCE TARGET_WITH("outcomes = \"final\";"), NULL, false, false },
	{ "statuses", SOURCE TARGET_WITH("give_up: { status = [ 404 ]; };"), NULL, false, false },
	{ "an age", SOURCE TARGET_WITH("give_up: { age = \"1d\"; };"), NULL, false, false },
	{ "events", SOURCE TARGET_WITH("events = [ \"MessageSent\" ];"), NULL, false, false },
	{ "a header", SOURCE TARGET_WITH("headers: { A = \"1\"; };"), NULL, false, false },
	{ "a rate", SOURCE TARGET_WITH("rate = \"1/s\";"), NULL, false, false },
	{ "enabled", SOURCE TARGET_WITH("enabled = false;"), NULL, false, false },
	{ "a source's token", SOURCE_WITH("auth: { token = \"x\"; };") TARGET, NULL, false, true },
	{ "an allow list", SOURCE_WITH("auth: { allow = [ \"10.0.0.0/8\" ]; };") TARGET, NULL,
		false, true },
	{ "trusted proxies", SOURCE TARGET "listen: { trusted_proxies = [ \"10.0.0.0/8\" ]; };",
		NULL, false, true },
	{ "HTTP/2", SOURCE TARGET "listen: { http2 = false; };", NULL, false, true },
	{ "egress", SOURCE TARGET "egress: { deny = [ ]; };", NULL, false, true },
	{ "translation", SOURCE TARGET "translate: { dropped = \"MessageHeld\"; };", NULL, false,
		true },
	{ "log", SOURCE TARGET "log: { level = \"debug\"; };", NULL, false, true },
	{ "shutdown", SOURCE TARGET "shutdown_timeout = \"1s\";", NULL, false, true },
	{ "the port", SOURCE TARGET "listen: { port = 1; };", "listen.port", false, true },
	{ "threads", SOURCE TARGET "listen: { threads = 7; };", "listen.threads", false, true },
	{ "the body's limit", SOURCE TARGET "listen: { max_body = \"2MiB\"; };", "listen.max_body",
		false, true },
	{ "the admin port", SOURCE TARGET "admin: { port = 1; };", "admin.port", false, true },
	{ "the admin token", SOURCE TARGET "admin: { token = \"x\"; };", "admin.token", true,
		true },
	{ "the store", SOURCE TARGET "store: { path = \"/tmp/other.db\"; };", "store.path", false,
		true },
	{ "TLS from none",
		SOURCE TARGET "listen: { tls: { certificate = \"/proc/self/status\"; "
			      "key = \"/proc/self/status\"; }; };",
		"listen.tls", false, true },
};

static void test_changes(void **state)
{
	struct loaded base = load_text(SOURCE TARGET);

	(void)state;
	assert_int_equal(base.status, STATUS_OK);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct loaded next = load_text(cases[i].changed);
		const char *restart;

		if (next.status != STATUS_OK)
			fail_msg("%s: %s", cases[i].name, next.report);
		restart = config_needs_restart(base.config, next.config);
		if ((restart == NULL) != (cases[i].needs_restart == NULL) ||
			(restart != NULL && strcmp(restart, cases[i].needs_restart) != 0))
			fail_msg("%s: %s", cases[i].name, restart == NULL ? "(none)" : restart);
		if ((base.config->fingerprint == next.config->fingerprint) != cases[i].is_same)
			fail_msg("%s: the file's fingerprint", cases[i].name);
		if ((base.config->targets[0].fingerprint == next.config->targets[0].fingerprint) !=
			cases[i].is_target_same)
			fail_msg("%s: the target's fingerprint", cases[i].name);
		loaded_free(&next);
	}
	loaded_free(&base);
}

/* Each pair differs in one secret: no number that is shown may tell them apart. */
static const struct {
	const char *name;
	const char *one, *other;
	bool is_target_same;
} secrets[] = {
	{ "a source's token", SOURCE_WITH("auth: { token = \"x\"; };") TARGET,
		SOURCE_WITH("auth: { token = \"y\"; };") TARGET, true },
	{ "a source's password", SOURCE_WITH("auth: { basic = \"u:x\"; };") TARGET,
		SOURCE_WITH("auth: { basic = \"v:y\"; };") TARGET, true },
	{ "the admin token", SOURCE TARGET "admin: { token = \"x\"; };",
		SOURCE TARGET "admin: { token = \"y\"; };", true },
	{ "the database", SOURCE TARGET "store: { backend = \"postgresql\"; dsn = \"host=x\"; };",
		SOURCE TARGET "store: { backend = \"postgresql\"; dsn = \"host=y\"; };", true },
	{ "a header", SOURCE TARGET_WITH("headers: { A = \"1\"; };"),
		SOURCE TARGET_WITH("headers: { A = \"2\"; };"), false },
	{ "a password in a URL", SOURCE TARGET_URL("http://u:x@127.0.0.1/"),
		SOURCE TARGET_URL("http://u:y@127.0.0.1/"), false },
	{ "a token in a URL", SOURCE TARGET_URL("http://x@127.0.0.1/"),
		SOURCE TARGET_URL("http://y@127.0.0.1/"), false },
	{ "a proxy's password", SOURCE TARGET_WITH("proxy = \"http://u:x@127.0.0.1:1\";"),
		SOURCE TARGET_WITH("proxy = \"http://u:y@127.0.0.1:1\";"), false },
};

static void test_secrets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(secrets); i++) {
		struct loaded one = load_text(secrets[i].one), other = load_text(secrets[i].other);

		if (one.status != STATUS_OK || other.status != STATUS_OK)
			fail_msg("%s: %s%s", secrets[i].name, one.report, other.report);
		if (one.config->fingerprint != other.config->fingerprint)
			fail_msg("%s: the file's fingerprint shows it", secrets[i].name);
		if (one.config->shared_fingerprint != other.config->shared_fingerprint)
			fail_msg("%s: the shared fingerprint shows it", secrets[i].name);
		if ((one.config->targets[0].fingerprint == other.config->targets[0].fingerprint) !=
			secrets[i].is_target_same)
			fail_msg("%s: the target's change is not seen", secrets[i].name);
		loaded_free(&one);
		loaded_free(&other);
	}
}

#define TARGETS(first, second)                                                 \
	"targets = ( { name = \"" first "\"; url = \"http://127.0.0.1/\"; }, " \
	"{ name = \"" second "\"; url = \"http://127.0.0.1/\"; } );\n"

static const struct {
	const char *name;
	const char *one, *other;
	bool is_same;
} shared[] = {
	{ "where it listens", SOURCE TARGET, SOURCE TARGET "listen: { port = 1; };", true },
	{ "the admin's port", SOURCE TARGET, SOURCE TARGET "admin: { port = 1; };", true },
	{ "the log", SOURCE TARGET, SOURCE TARGET "log: { level = \"debug\"; };", true },
	{ "the order of targets", SOURCE TARGETS("a", "b"), SOURCE TARGETS("b", "a"), true },
	{ "a name", SOURCE TARGETS("a", "b"), SOURCE TARGETS("a", "c"), false },
	{ "one target more", SOURCE TARGETS("t", "b"), SOURCE TARGET, false },
	{ "a target's rate", SOURCE TARGET, SOURCE TARGET_WITH("rate = \"1/s\";"), false },
	{ "a source's defaults", SOURCE TARGET,
		SOURCE_WITH("auth = \"none\"; defaults: { tag = \"x\"; };") TARGET, false },
	{ "translation", SOURCE TARGET, SOURCE TARGET "translate: { dropped = \"MessageHeld\"; };",
		false },
};

static void test_shared(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(shared); i++) {
		struct loaded one = load_text(shared[i].one), other = load_text(shared[i].other);

		if (one.status != STATUS_OK || other.status != STATUS_OK)
			fail_msg("%s: %s%s", shared[i].name, one.report, other.report);
		if ((one.config->shared_fingerprint == other.config->shared_fingerprint) !=
			shared[i].is_same)
			fail_msg("%s", shared[i].name);
		loaded_free(&one);
		loaded_free(&other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
