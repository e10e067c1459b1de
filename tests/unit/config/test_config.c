/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load_text.h"
#include "repostal/memory.h"
#include "setting.h"
#include "smallest.h"

/* The contract with the users, written out: the tables must not be their own judge. */
static const struct {
	const char *path;
	const char *fallback;
} defaults[] = {
	{ "listen.address", "\"127.0.0.1\"" },
	{ "listen.port", "8025" },
	{ "listen.threads", "0" },
	{ "listen.max_body", "\"128KiB\"" },
	{ "listen.max_connections", "4096" },
	{ "listen.request_timeout", "\"10s\"" },
	{ "listen.tls.certificate", "\"\"" },
	{ "listen.tls.key", "\"\"" },
	{ "listen.http2", "true" },
	{ "listen.trusted_proxies", "[ \"127.0.0.1/32\" ]" },
	{ "admin.address", "\"127.0.0.1\"" },
	{ "admin.port", "8026" },
	{ "admin.token", NULL },
	{ "admin.read_token", NULL },
	{ "admin.socket", "\"\"" },
	{ "store.backend", "\"sqlite\"" },
	{ "store.path", "\"/var/lib/repostal/repostal.db\"" },
	{ "store.dsn", NULL },
	{ "store.keep_delivered", "\"7d\"" },
	{ "store.keep_dead", "\"30d\"" },
	{ "store.keep_quarantine", "\"30d\"" },
	{ "store.dedup_window", "\"3d\"" },
	{ "store.max_backlog", "10000000" },
	{ "sources", NULL },
	{ "sources.name", NULL },
	{ "sources.path", NULL },
	{ "sources.auth", NULL },
	{ "sources.auth.token", NULL },
	{ "sources.auth.basic", NULL },
	{ "sources.auth.allow", NULL },
	{ "sources.defaults.from", "\"\"" },
	{ "sources.defaults.subject", "\"\"" },
	{ "sources.defaults.tag", "\"\"" },
	{ "translate.soft_bounce", "\"MessageDelayed\"" },
	{ "translate.hard_bounce", "\"MessageDeliveryFailed\"" },
	{ "translate.dropped", "\"MessageDeliveryFailed\"" },
	{ "translate.sent_with_ssl", "\"false\"" },
	{ "translate.time", "\"0\"" },
	{ "signing.keys", "[ ]" },
	{ "targets", NULL },
	{ "targets.name", NULL },
	{ "targets.url", NULL },
	{ "targets.enabled", "true" },
	{ "targets.events", "[ \"MessageSent\", \"MessageDelayed\", \"MessageDeliveryFailed\", "
			    "\"MessageHeld\", \"MessageBounced\" ]" },
	{ "targets.outcomes", "\"all\"" },
	{ "targets.sources", "[ ]" },
	{ "targets.timeout", "\"5s\"" },
	{ "targets.connect_timeout", "\"2s\"" },
	{ "targets.concurrency", "16" },
	{ "targets.rate", "\"none\"" },
	{ "targets.retry", "\"postal-extended\"" },
	{ "targets.jitter", "0.1" },
	{ "targets.retry_share", "0.25" },
	{ "targets.retry_after_max", "\"1h\"" },
	{ "targets.ordering", "\"none\"" },
	{ "targets.max_backlog", "0" },
	{ "targets.headers", "{ }" },
	{ "targets.http2", "false" },
	{ "targets.proxy", "\"\"" },
	{ "targets.tls.ca", "\"\"" },
	{ "targets.tls.certificate", "\"\"" },
	{ "targets.tls.key", "\"\"" },
	{ "targets.tls.verify", "true" },
	{ "targets.breaker.failures", "10" },
	{ "targets.breaker.cooldown", "\"30s\"" },
	{ "targets.give_up.status", "[ ]" },
	{ "targets.give_up.age", "\"\"" },
	{ "egress.deny", "[ \"169.254.0.0/16\", \"fe80::/10\" ]" },
	{ "log.level", "\"info\"" },
	{ "log.format", "\"text\"" },
	{ "shutdown_timeout", "\"10s\"" },
};

static size_t compare_defaults(const struct settings_table *table, size_t index)
{
	char name[SETTING_PATH_SIZE];

	for (size_t i = 0; i < table->rows_count; i++, index++) {
		const struct setting *row = &table->rows[i];
		const char *want = defaults[index].fallback;

		settings_name(table, row->path, name);
		assert_true(index < ARRAY_COUNT(defaults));
		assert_string_equal(name, defaults[index].path);
		if ((want == NULL) != (row->fallback == NULL) ||
			(want != NULL && strcmp(want, row->fallback) != 0))
			fail_msg("%s: the default is %s", name,
				row->fallback == NULL ? "none" : row->fallback);
		if (row->element != NULL)
			index = compare_defaults(row->element, index + 1) - 1;
	}
	return index;
}

static void test_defaults_of_the_tables(void **state)
{
	(void)state;
	assert_int_equal(compare_defaults(&settings_of_file, 0), ARRAY_COUNT(defaults));
}

static void test_minimal(void **state)
{
	struct loaded loaded = load_text(MINIMAL);
	const struct target_settings *target;
	const struct config *config = loaded.config;

	(void)state;
	assert_int_equal(loaded.status, STATUS_OK);
	assert_string_equal(config->listen.address, "127.0.0.1");
	assert_int_equal(config->listen.port, 8025);
	assert_in_range(config->listen.threads, 1, 4);
	assert_int_equal(config->listen.max_body, 128 * 1024);
	assert_int_equal(config->listen.request_timeout_ms, 10 * 1000);
	assert_string_equal(config->listen.tls_certificate, "");
	assert_int_equal(config->trusted_proxies.count, 1);
	assert_null(config->admin.token);
	assert_int_equal(config->store.backend, STORE_SQLITE);
	assert_int_equal(config->store.dedup_window_ms, INT64_C(3) * 24 * 3600 * 1000);
	assert_int_equal(config->store.max_backlog, 10000000);
	assert_int_equal(config->translate.soft_bounce, POSTAL_MESSAGE_DELAYED);
	assert_int_equal(config->translate.sent_with_ssl, POSTAL_FALSE);
	assert_false(config->translate.time_null);
	assert_int_equal(config->signing.keys_count, 0);
	assert_int_equal(config->egress.deny.count, 2);
	assert_int_equal(config->log.level, LOG_LEVEL_INFO);
	assert_int_equal(config->shutdown_timeout_ms, 10 * 1000);

	assert_int_equal(config->sources_count, 1);
	assert_string_equal(config->sources[0].path, "/s");
	assert_string_equal(config->sources[0].auth.token, "t0ken-of-sixteen");
	assert_null(config->sources[0].auth.basic);
	assert_false(config->sources[0].auth.none);
	assert_string_equal(config->sources[0].defaults.tag, "");

	assert_int_equal(config->targets_count, 1);
	target = &config->targets[0];
	assert_true(target->enabled);
	assert_int_equal(target->events, (1 << POSTAL_EVENT_TYPE_COUNT) - 1);
	assert_int_equal(target->sources_count, 0);
	assert_int_equal(target->timeout_ms, 5000);
	assert_true(target->rate_per_second == 0);
	assert_int_equal(target->retry.delays_count, 12);
	assert_true(target->retry.jitter > 0.099 && target->retry.jitter < 0.101);
	assert_int_equal(target->retry.retry_after_max_ms, 3600 * 1000);
	assert_int_equal(target->headers_count, 0);
	assert_string_equal(target->proxy, "");
	assert_true(target->tls_verify);
	assert_int_equal(target->breaker.failures, 10);
	assert_int_equal(target->breaker.cooldown_ms, 30 * 1000);
	assert_int_equal(target->give_up.statuses_count, 0);
	assert_int_equal(target->give_up.age_ms, 0);
	assert_string_equal(loaded.report, "1: warning: signing is off: 'signing.keys' names no "
					   "key ('repostal keygen' makes one)\n");
	loaded_free(&loaded);
}

/* Line 1 is the text of the row, behind it comes a good file. */
static void test_unknown_settings(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want;
	} cases[] = {
		{ "in a group", "listen: { prot = 1; };",
			"unknown setting 'listen.prot'; did you mean 'listen.port'?" },
		{ "a group", "lisen: { port = 1; };",
			"unknown setting 'lisen'; did you mean 'listen'?" },
		{ "a nested group", "listen: { tsl: { key = \"\"; }; };",
			"unknown setting 'listen.tsl'; did you mean 'listen.tls'?" },
		{ "in a nested group", "listen: { tls: { certifcate = \"\"; }; };",
			"unknown setting 'listen.tls.certifcate'; did you mean "
			"'listen.tls.certificate'?" },
		{ "at the top", "shutdown_timeuot = \"1s\";",
			"unknown setting 'shutdown_timeuot'; did you mean 'shutdown_timeout'?" },
		{ "in the wrong group", "max_backlog = 1;",
			"unknown setting 'max_backlog'; did you mean 'store.max_backlog'?" },
		{ "nothing near", "colour = \"red\";", "unknown setting 'colour'\n" },
		{ "in a group's place", "listen: { address: { ip = \"::1\"; }; };",
			"'listen.address' must be a text in quotes" },
		{ "longer than any",
			"listen: { " /* 100 letters */
			"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
			"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee = 1; };",
			"unknown setting 'listen.aaaaaaaaaabbbbbbbbbb" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[1024];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text), "%s\n%s", cases[i].text, MINIMAL);
		loaded = load_text(text);
		if (loaded.status != STATUS_INVALID || strstr(loaded.report, "1: ") == NULL ||
			strstr(loaded.report, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].name, loaded.report);
		loaded_free(&loaded);
	}
}

static void test_all_problems_in_one_run(void **state)
{
	static const char text[] =
		"shutdown_timeout = 10;\n"
		"targets = (\n"
		"  { name = \"t\"; uri = \"http://x/\";\n"
		"    concurrency = 0;\n"
		"    retry = [ \"5s\", \"6 s\" ]; },\n"
		"  7,\n"
		"  { name = \"t\"; url = \"ftp://x/\"; sources = [ \"bizmial\" ]; }\n"
		");\n"
		"sources = ( { name = \"bizmail\";\n"
		"  path = \"x\"; } );\n"
		"listen: { port = 65536;\n"
		"  prot = 1; };\n"
		"admin: { address = \"0.0.0.0\"; };\n";
	static const char *const want[] = {
		"1: 'shutdown_timeout' must be a duration from \"0\" to \"1h\", in quotes",
		"1: warning: signing is off",
		"3: unknown setting 'targets.uri'; did you mean 'targets.url'?\n",
		"3: 'targets.url' is missing",
		"4: 'targets.concurrency' must be a whole number from 1 to 1024, not 0\n",
		"5: 'targets.retry' must be",
		"not \"6 s\"\n",
		"6: 'targets' must be a list of 1 to 1024 groups",
		"7: 'targets.url' must begin with http:// or https://\n",
		"7: two targets have the name 't'\n",
		"7: there is no source 'bizmial'; did you mean 'bizmail'?\n",
		"9: source 'bizmail' has no 'auth'",
		"10: 'sources.path' must begin with '/'\n",
		"11: 'listen.port' must be a whole number from 0 to 65535, not 65536\n",
		"12: unknown setting 'listen.prot'",
		"13: 'admin.token' is required",
	};
	struct loaded loaded = load_text(text);
	const char *at = loaded.report;

	(void)state;
	assert_int_equal(loaded.status, STATUS_INVALID);
	for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
		const char *found = strstr(at, want[i]);

		if (found == NULL)
			fail_msg("not there, or not in order: \"%s\"\n%s", want[i], loaded.report);
		at = found + 1;
	}
	assert_null(strchr(strchr(at, '\n') + 1, '\n')); /* nothing else */
	loaded_free(&loaded);
}

static void test_broken_files(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want;
	} cases[] = {
		{ "empty", "", "1: 'sources' is missing" },
		{ "only a comment", "# nothing\n", "1: 'targets' is missing" },
		{ "syntax", MINIMAL "listen: { port = ; };\n", "3: syntax error\n" },
		{ "unfinished", MINIMAL "listen: {\n", "4: syntax error\n" },
		{ "texts and numbers between brackets that do not belong together",
			MINIMAL "signing: { keys = [ \"a\", 4 ); };\n",
			"3: mismatched element type in array\n" },
		{ "texts and numbers without an end", MINIMAL "signing: { keys = [ \"a\", 4 ; };\n",
			"3: mismatched element type in array\n" },
		{ "texts and a list", MINIMAL "signing: { keys = [ \"a\", ( 4 ) ]; };\n",
			"3: syntax error\n" },
		{ "a number among texts", MINIMAL "signing: { keys = [ \"]\", # ]\n 4 ]; };\n",
			"4: 'signing.keys' must be a list of texts in quotes; element 2 is not\n" },
		{ "twice", MINIMAL "listen: { port = 1; };\nlisten: { port = 2; };\n",
			"4: 'listen' is given twice, first in line 3\n" },
		{ "twice in a group, once in another",
			MINIMAL "listen: { port = 1; # port\nport = 2; };\nadmin: { port = 3; };\n",
			"4: 'port' is given twice, first in line 3\n" },
		{ "twice in an element of a list",
			SOURCE "targets = ( { name = \"a\"; url = \"http://h/\"; }, { name = "
			       "\"b\"; /* */ name\n= \"c\"; } );\n",
			"3: 'name' is given twice, first in line 2\n" },
		{ "mixed array", MINIMAL "egress: { deny = [ \"::1\", 1 ]; };\n",
			"3: 'egress.deny' must be a list of texts in quotes; element 2 is not\n" },
		{ "include", MINIMAL "@include \"/etc\"\n", "3: @include is not supported" },
		{ "not text", "\177ELF", "1: syntax error\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct loaded loaded = load_text(cases[i].text);

		if (loaded.status != STATUS_INVALID || strstr(loaded.report, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].name, loaded.report);
		loaded_free(&loaded);
	}
}

static void test_unreadable_files(void **state)
{
	static const struct {
		const char *path;
		const char *want;
	} cases[] = {
		{ "/nonexistent/repostal.conf", " cannot be read: No such file or directory\n" },
		{ "/", " cannot be read: Is a directory\n" },
		{ "/dev/zero", " cannot be read: it is larger than 1048576 bytes\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct loaded loaded = load_file(cases[i].path);

		assert_int_equal(loaded.status, STATUS_IO);
		assert_string_equal(loaded.report, cases[i].want);
		loaded_free(&loaded);
	}
}

/* What libconfig makes of these by itself is another number, or another end of a comment. */
static void test_numbers_and_comments(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want; /* NULL: good */
	} cases[] = {
		{ "wraps to 8025", "listen: { port = 4294975321; };", "not 4294975321\n" },
		{ "wraps below zero", "listen: { port = 2147483648; };", "not 2147483648\n" },
		{ "long", "listen: { port = 4294975321L; };", "not 4294975321\n" },
		{ "hexadecimal", "listen: { port = 0x100001F59; };", "not 4294975321\n" },
		{ "hexadecimal, good", "listen: { port = 0x1F59; };", NULL },
		{ "beyond 64 bits", "listen: { port = 18446744073709559641; };",
			"not 9223372036854775807\n" },
		{ "negative", "listen: { port = -4294959271; };", "not -4294959271\n" },
		{ "not octal", "listen: { port = 0200000; };", "not 200000\n" },
		{ "not octal, good", "listen: { port = 08025; };", NULL },
		{ "not octal, long", "listen: { port = 0200000L; };", "not 200000\n" },
		{ "zeros", "listen: { port = 000; };", NULL },
		{ "zeros before hexadecimal", "listen: { port = 000x1F59; };", "syntax error\n" },
		{ "zeros in a list", "egress: { deny = [ 01, 2 ]; };", "must be a list of texts" },
		{ "in comments", "# 4294975321 @include \"\n// \" @\n/* \" @ \n 4294975321 */",
			NULL },
		{ "in a text", "log: { level = \"in\" \"fo\"; }; /* \"*/ # \\\"", NULL },
		{ "behind a quote", "store: { path = \"/tmp/\\\"4294975321 # @include\"; };",
			NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[1024];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text), "%s%s\n", MINIMAL, cases[i].text);
		loaded = load_text(text);
		if (cases[i].want == NULL ? loaded.status != STATUS_OK
					  : strstr(loaded.report, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].name, loaded.report);
		loaded_free(&loaded);
	}
}

/* What a file holds reaches logs and terminals by way of the problems. */
static void test_problems_are_plain_text(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want;
	} cases[] = {
		{ "bad UTF-8", "admin: { token = \"file:/no\xa9\"; };\n" MINIMAL,
			"1: 'admin.token' needs the file /no\xef\xbf\xbd: " },
		{ "escape sequence", "admin: { token = \"file:/\x1b[31m\"; };\n" MINIMAL,
			"1: 'admin.token' needs the file /?[31m: " },
		{ "a line of its own", "admin: { token = \"env:A\\nB\"; };\n" MINIMAL,
			"1: 'admin.token' needs the environment variable A?B, " },
		{ "C1 control", "admin: { token = \"env:A\xc2\x9b\"; };\n" MINIMAL,
			"1: 'admin.token' needs the environment variable A??, " },
		{ "C1 control in a text", "store: { path = \"/a\xc2\x9b\"; };\n" MINIMAL,
			"1: 'store.path' must not hold control characters" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct loaded loaded = load_text(cases[i].text);

		if (loaded.status != STATUS_INVALID || strstr(loaded.report, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].name, loaded.report);
		loaded_free(&loaded);
	}
}

/* Nothing at its default. */
static const char unusual[] =
	"listen: { address = \"::\"; port = 0; threads = 3; max_body = \"1KiB\"; "
	"max_connections = 7; request_timeout = \"1500ms\"; http2 = false; trusted_proxies = [ ]; "
	"};\n"
	"admin: { address = \"0.0.0.0\"; port = 0; token = \"t\"; read_token = \"r\"; "
	"socket = \"none\"; };\n"
	"store: { path = \"/tmp/a \\\"b\\\" \\\\ c\"; keep_delivered = \"1d\"; keep_dead = \"1h\"; "
	"keep_quarantine = \"90m\"; dedup_window = \"0\"; max_backlog = 5; };\n"
	"sources = ( { name = \"a\"; path = \"/\"; auth = \"none\"; } );\n"
	"translate: { soft_bounce = \"MessageDeliveryFailed\"; hard_bounce = \"MessageBounced\"; "
	"dropped = \"MessageHeld\"; sent_with_ssl = \"null\"; time = \"null\"; };\n"
	"targets = ( { name = \"x\"; url = \"https://[::1]:8443/a?b=c\"; enabled = false; "
	"events = [ \"MessageSent\", \"MessageHeld\" ]; sources = [ \"a\" ]; timeout = \"1m\"; "
	"connect_timeout = \"10ms\"; concurrency = 1; rate = \"7/m\"; "
	"retry = [ \"1s\", \"90s\", \"1d\" ]; jitter = 1; retry_after_max = \"0\"; "
	"headers: { X-A = \"1\"; }; http2 = true; proxy = \"http://p:3128\"; "
	"tls: { verify = false; }; breaker: { failures = 0; cooldown = \"1s\"; }; "
	"give_up: { status = [ 404, \"5xx\", \"403\" ]; age = \"90m\"; }; },\n"
	"{ name = \"y\"; url = \"http://localhost\"; retry = \"postal\"; jitter = 0; },\n"
	"{ name = \"z\"; url = \"http://localhost\"; retry = [ ]; rate = \"3/h\"; } );\n"
	"egress: { deny = [ \"10.0.0.0/8\", \"::1\", \"192.0.2.1\", \"::/0\" ]; };\n"
	"log: { level = \"debug\"; format = \"json\"; };\n"
	"shutdown_timeout = \"0\";\n";

/* A copy in which each mask is a secret again. */
static char *with_secrets(const char *text)
{
	char *copy = memory_copy_text(text);

	for (char *mask = copy; (mask = strstr(mask, "***")) != NULL;)
		memcpy(mask, "xyz", 3);
	return copy;
}

/* What is printed is a configuration, and printing that gives the same again. */
static void test_print_is_a_configuration(void **state)
{
	static const char *const texts[] = { MINIMAL, unusual };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct loaded first = load_text(texts[i]);
		struct loaded second;
		char *first_print;
		char *filled;
		char *second_print;

		if (first.status != STATUS_OK)
			fail_msg("%s: %s", texts[i], first.report);
		first_print = printed(first.config);
		filled = with_secrets(first_print);
		second = load_text(filled);
		if (second.status != STATUS_OK)
			fail_msg("%s: %s", first_print, second.report);
		second_print = printed(second.config);
		assert_string_equal(first_print, second_print);
		free(first_print);
		free(filled);
		free(second_print);
		loaded_free(&first);
		loaded_free(&second);
	}
}

static void test_unusual_values(void **state)
{
	struct loaded loaded = load_text(unusual);
	const struct config *config = loaded.config;

	(void)state;
	assert_int_equal(loaded.status, STATUS_OK);
	assert_int_equal(config->listen.threads, 3);
	assert_false(config->listen.http2);
	assert_int_equal(config->trusted_proxies.count, 0);
	assert_string_equal(config->store.path, "/tmp/a \"b\" \\ c");
	assert_string_equal(config->sources[0].path, "");
	assert_true(config->sources[0].auth.none);
	assert_int_equal(config->translate.hard_bounce, POSTAL_MESSAGE_BOUNCED);
	assert_int_equal(config->translate.dropped, POSTAL_MESSAGE_HELD);
	assert_int_equal(config->translate.sent_with_ssl, POSTAL_NULL);
	assert_true(config->translate.time_null);
	assert_int_equal(config->targets_count, 3);
	assert_int_equal(
		config->targets[0].events, 1 << POSTAL_MESSAGE_SENT | 1 << POSTAL_MESSAGE_HELD);
	assert_string_equal(config->targets[0].sources[0], "a");
	assert_true(config->targets[0].rate_per_second > 0.116);
	assert_int_equal(config->targets[0].retry.delays_count, 3);
	assert_int_equal(config->targets[0].retry.delays_ms[1], 90 * 1000);
	assert_true(config->targets[0].retry.jitter == 1);
	assert_int_equal(config->targets[0].give_up.statuses_count, 3);
	assert_int_equal(config->targets[0].give_up.statuses[0], 404);
	assert_int_equal(config->targets[0].give_up.statuses[1], 5);
	assert_int_equal(config->targets[0].give_up.statuses[2], 403);
	assert_int_equal(config->targets[0].give_up.age_ms, 90 * 60 * 1000);
	assert_int_equal(config->targets[1].retry.delays_count, 5);
	assert_int_equal(config->targets[2].retry.delays_count, 0);
	assert_int_equal(config->egress.deny.count, 4);
	assert_int_equal(config->log.format, LOG_FORMAT_JSON);
	loaded_free(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_of_the_tables),
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_unknown_settings),
		cmocka_unit_test(test_all_problems_in_one_run),
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_unreadable_files),
		cmocka_unit_test(test_numbers_and_comments),
		cmocka_unit_test(test_problems_are_plain_text),
		cmocka_unit_test(test_print_is_a_configuration),
		cmocka_unit_test(test_unusual_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
