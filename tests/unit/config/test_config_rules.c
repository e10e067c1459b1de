/* SPDX-License-Identifier: MIT */
/* What a text must look like beyond its length, and what must hold between settings. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "load_text.h"
#include "repostal/memory.h"
#include "smallest.h"

enum {
	TEXT_SIZE = 2048
};

struct value_case {
	const char *value;
	const char *want; /* a part of the report; NULL: good */
};

/* The value in quotes between the two is a whole file. */
static void check_values(
	const char *before, const char *behind, const struct value_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[TEXT_SIZE];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text), "%s\"%s\"%s", before, cases[i].value, behind);
		loaded = load_text(text);
		if ((loaded.status == STATUS_OK) != (cases[i].want == NULL) ||
			(cases[i].want != NULL && strstr(loaded.report, cases[i].want) == NULL))
			fail_msg("%s: %s", text, loaded.report);
		loaded_free(&loaded);
	}
}

static void test_names(void **state)
{
	static const struct value_case cases[] = {
		{ "a", NULL },
		{ "App-1.prod_x", NULL },
		{ "123456789012345678901234567890123456789012345678901234567890123", NULL },
		{ "1234567890123456789012345678901234567890123456789012345678901234", "1 to 63" },
		{ "a b", "letters, digits" },
		{ "a/b", "letters, digits" },
		{ "\\xc3\\xa4", "letters, digits" },
	};

	(void)state;
	check_values(SOURCE "targets = ( { url = \"https://h/\"; name = ", "; } );\n", cases,
		ARRAY_COUNT(cases));
}

static void test_source_paths(void **state)
{
	static const struct value_case cases[] = {
		{ "/", NULL },
		{ "/a", NULL },
		{ "/webhooks/biz-mail.v1/~x", NULL },
		{ "/healthzz", NULL },
		{ "/a/healthz", NULL },
		{ "a", "must begin with '/'" },
		{ "/a/", "must not end with '/'" },
		{ "//", "must not end with '/'" },
		{ "/a//b", "no empty segment" },
		{ "/a/../b", "plain path" },
		{ "/.", "plain path" },
		{ "/a?b", "no query" },
		{ "/a b", "plain path" },
		{ "/a%20b", "no %xx" },
		{ "/a#b", "plain path" },
		{ "/healthz", "must not be /healthz" },
		{ "/healthz/a", "must not be /healthz" },
		{ "/.well-known", "must not be /.well-known" },
		{ "/.well-known/jwks.json", "must not be /.well-known" },
	};

	(void)state;
	check_values(TARGET "sources = ( { name = \"s\"; auth = \"none\"; path = ", "; } );\n",
		cases, ARRAY_COUNT(cases));
}

static void test_target_urls(void **state)
{
	static const struct value_case cases[] = {
		{ "http://localhost", NULL },
		{ "HTTPS://Example.com:8443/a/b?c=d&e=%20", NULL },
		{ "http://user:pass@127.0.0.1/", NULL },
		{ "http://[::1]:3000/", NULL },
		{ "https://a_b.example?x", NULL },
		{ "example.com/a", "with a scheme" },
		{ "//example.com", "with a scheme" },
		{ "://example.com", "with a scheme" },
		{ "env:TARGET_URL", "with a scheme" },
		{ "ftp://example.com", "http:// or https://" },
		{ "file:///etc/passwd", "with a host" },
		{ "http://", "with a host" },
		{ "http:///path", "with a host" },
		{ "http://:80/", "with a host" },
		{ "http://user@/", "with a host" },
		{ "http://a@b@c/", "with a host" },
		{ "http://a:0/", "a port from 1" },
		{ "http://a:65536/", "a port from 1" },
		{ "http://a:/", "a port from 1" },
		{ "http://a:8x/", "a port from 1" },
		{ "http://[::1/", "with a host" },
		{ "http://[127.0.0.1]/", "with a host" },
		{ "http://[::1]x/", "with a host" },
		{ "http://::1/", "a port from 1" },
		{ "http://a/b#c", "without a fragment" },
		{ "http://a/b c", "written as %xx" },
		{ "http://a/\\xc3\\xa4", "written as %xx" },
		{ "http://a\\\\b/", "written as %xx" },
		{ "http://a/\\n", "control characters" },
	};

	(void)state;
	check_values(
		SOURCE "targets = ( { name = \"t\"; url = ", "; } );\n", cases, ARRAY_COUNT(cases));
}

static void test_proxies(void **state)
{
	static const struct value_case cases[] = {
		{ "", NULL },
		{ "http://proxy:3128", NULL },
		{ "https://u:p@proxy:3128/", NULL },
		{ "socks5://127.0.0.1:1080", NULL },
		{ "socks5h://[::1]:1080", NULL },
		{ "proxy:3128", "with a scheme" },
		{ "ftp://proxy", "must begin with http://" },
		{ "http://proxy/path", "must end behind" },
		{ "http://proxy?q", "must end behind" },
	};

	(void)state;
	check_values(SOURCE "targets = ( { name = \"t\"; url = \"https://h/\"; proxy = ",
		"; } );\n", cases, ARRAY_COUNT(cases));
}

static void test_addresses(void **state)
{
	static const struct value_case cases[] = {
		{ "0.0.0.0", NULL },
		{ "::", NULL },
		{ "192.0.2.1", NULL },
		{ "localhost", "IPv4 or IPv6" },
		{ "*", "IPv4 or IPv6" },
		{ "127.0.0.1:80", "IPv4 or IPv6" },
		{ "127.0.0.0/8", "IPv4 or IPv6" },
	};

	(void)state;
	check_values(SOURCE TARGET "listen: { address = ", "; };\n", cases, ARRAY_COUNT(cases));
}

static void test_store_paths(void **state)
{
	static const struct value_case cases[] = {
		{ "/tmp/a.db", NULL },
		{ "a.db", NULL },
		{ ":memory:", "path of a file" },
	};

	(void)state;
	check_values(SOURCE TARGET "store: { path = ", "; };\n", cases, ARRAY_COUNT(cases));
}

static void test_files_to_read(void **state)
{
	static const struct value_case cases[] = {
		{ "/nonexistent/key.pem",
			"must be a file that can be read: /nonexistent/key.pem: No "
			"such file or directory" },
		{ "", "texts of 1 to" },
		{ "/proc/self/status", NULL },
	};

	(void)state;
	check_values(SOURCE TARGET "signing: { keys = [ ", " ]; };\n", cases, ARRAY_COUNT(cases));
}

#define TOKEN "auth = { token = \"t\"; };"
#define SOURCE_OF(settings) "sources = ( { " settings " } );\n"
#define TARGET_OF(settings) "targets = ( { " settings " } );\n"

/* Rules between settings; the line of the report is part of what is wanted. */
static const struct {
	const char *name;
	const char *text;
	enum status status;
	const char *want;
} rule_cases[] = {
	{ "source without auth", TARGET SOURCE_OF("name = \"s\"; path = \"/s\";"), STATUS_INVALID,
		"2: source 's' has no 'auth': give it a token" },
	{ "source with empty auth", TARGET SOURCE_OF("name = \"s\"; path = \"/s\"; auth: {};"),
		STATUS_INVALID, "2: source 's' has no 'auth': give it a token" },
	{ "auth = \"none\"", TARGET SOURCE_OF("name = \"s\"; path = \"/s\"; auth = \"none\";"),
		STATUS_OK, "2: warning: auth = \"none\": everybody" },
	{ "basic without a colon",
		TARGET SOURCE_OF("name = \"s\"; path = \"/s\"; auth: { basic = \"u\"; };"),
		STATUS_INVALID, "2: 'sources.auth.basic' must be \"user:password\"\n" },
	{ "two sources, one name",
		TARGET "sources = ( { name = \"s\"; path = \"/a\"; " TOKEN " },\n"
		       "{ name = \"s\"; path = \"/b\"; " TOKEN " } );\n",
		STATUS_INVALID, "3: two sources have the name 's'\n" },
	{ "two sources, one path",
		TARGET "sources = ( { name = \"s\"; path = \"/a\"; " TOKEN " },\n"
		       "{ name = \"t\";\npath = \"/a\"; " TOKEN " } );\n",
		STATUS_INVALID, "4: the paths of two sources" },
	{ "one path below another",
		TARGET "sources = ( { name = \"s\"; path = \"/a/b\"; " TOKEN " },\n"
		       "{ name = \"t\"; path = \"/a\"; " TOKEN " } );\n",
		STATUS_INVALID, "3: the paths of two sources" },
	{ "the root is above all",
		TARGET "sources = ( { name = \"s\"; path = \"/\"; " TOKEN " },\n"
		       "{ name = \"t\"; path = \"/a\"; " TOKEN " } );\n",
		STATUS_INVALID, "below each other: '/' and '/a'\n" },
	{ "paths that begin alike",
		TARGET "sources = ( { name = \"s\"; path = \"/a\"; " TOKEN " },\n"
		       "{ name = \"t\"; path = \"/ab\"; " TOKEN " } );\n",
		STATUS_OK, "" },
	{ "two targets, one name",
		SOURCE "targets = ( { name = \"t\"; url = \"https://h/\"; },\n"
		       "{ name = \"t\"; url = \"https://h/\"; } );\n",
		STATUS_INVALID, "3: two targets have the name 't'\n" },
	{ "no such source",
		SOURCE TARGET_OF("name = \"t\"; url = \"https://h/\";\nsources = [ \"x\" ];"),
		STATUS_INVALID, "3: there is no source 'x'; did you mean 's'?\n" },
	{ "no such source, nothing near",
		SOURCE TARGET_OF("name = \"t\"; url = \"https://h/\"; sources = [ \"other\" ];"),
		STATUS_INVALID, "2: there is no source 'other'\n" },
	{ "listener: certificate without key",
		SOURCE TARGET "listen: { tls: { certificate = \"/proc/self/status\"; }; };",
		STATUS_INVALID, "3: 'listen.tls.certificate' needs 'listen.tls.key' too\n" },
	{ "listener: key without certificate",
		SOURCE TARGET "listen: { tls: { key = \"/proc/self/status\"; }; };", STATUS_INVALID,
		"3: 'listen.tls.key' needs 'listen.tls.certificate' too\n" },
	{ "listener: both",
		SOURCE TARGET "listen: { tls: { key = \"/proc/self/status\"; "
			      "certificate = \"/proc/self/status\"; }; };",
		STATUS_OK, "" },
	{ "target: certificate without key",
		SOURCE TARGET_OF("name = \"t\"; url = \"https://h/\"; tls: { certificate = "
				 "\"/proc/self/status\"; key = \"\"; };"),
		STATUS_INVALID, "2: 'targets.tls.certificate' needs 'targets.tls.key' too\n" },
	{ "admin for everybody", SOURCE TARGET "admin: { address = \"0.0.0.0\"; };", STATUS_INVALID,
		"3: 'admin.token' is required" },
	{ "admin for everybody with a token",
		SOURCE TARGET "admin: { address = \"::\"; token = \"t\"; };", STATUS_OK, "" },
	{ "admin on loopback", SOURCE TARGET "admin: { address = \"::1\"; };", STATUS_OK, "" },
	{ "one port", SOURCE TARGET "listen: { port = 8026; };", STATUS_INVALID,
		"3: 'listen.port' and 'admin.port' must differ" },
	{ "one port, two addresses",
		SOURCE TARGET "listen: { address = \"192.0.2.1\"; port = 8026; };", STATUS_OK, "" },
	{ "any two ports", SOURCE TARGET "listen: { port = 0; }; admin: { port = 0; };", STATUS_OK,
		"" },
	{ "postgresql without dsn", SOURCE TARGET "store: { backend = \"postgresql\"; };",
		STATUS_INVALID,
		"3: 'store.dsn' is required when 'store.backend' is \"postgresql\"" },
	{ "dsn without postgresql", SOURCE TARGET "store: { dsn = \"host=db\"; };", STATUS_INVALID,
		"3: 'store.dsn' has no effect without" },
	{ "dsn with postgresql",
		SOURCE TARGET "store: { backend = \"postgresql\"; dsn = \"host=db\"; };", STATUS_OK,
		"" },
	{ "window longer than kept",
		SOURCE TARGET "store: { keep_delivered = \"1d\";\n dedup_window = \"2d\"; };",
		STATUS_OK, "4: warning: 'store.dedup_window' is longer" },
	{ "kept shorter than the window", SOURCE TARGET "store: { keep_delivered = \"1d\"; };",
		STATUS_OK, "3: warning: 'store.dedup_window' is longer" },
	{ "disabled", SOURCE TARGET_OF("name = \"t\"; url = \"https://h/\"; enabled = false;"),
		STATUS_OK, "2: warning: target 't' is disabled" },
	{ "unencrypted", SOURCE TARGET_OF("name = \"t\"; url = \"http://10.0.0.1/\";"), STATUS_OK,
		"2: warning: target 't' is reached by http" },
	{ "unchecked certificate",
		SOURCE TARGET_OF("name = \"t\"; url = \"https://h/\"; tls: { verify = false; };"),
		STATUS_OK, "2: warning: target 't': its certificate is not checked" },
	{ "signing key for everybody",
		SOURCE TARGET "signing: { keys = [ \"/proc/self/status\" ]; };", STATUS_OK,
		"3: warning: 'signing.keys': everybody can read /proc/self/status: chmod o-r\n" },
	{ "listener's key for everybody",
		SOURCE TARGET "listen: { tls: { certificate = \"/proc/self/status\";\n"
			      "key = \"/proc/self/status\"; }; };",
		STATUS_OK, "4: warning: 'listen.tls.key': everybody can read" },
	{ "target's key for everybody",
		SOURCE TARGET_OF("name = \"t\"; url = \"https://h/\"; tls: { certificate = "
				 "\"/proc/self/status\";\nkey = \"/proc/self/status\"; };"),
		STATUS_OK, "3: warning: 'targets.tls.key': everybody can read" },
	{ "secret for everybody",
		SOURCE TARGET "admin: { token = \"file:/proc/sys/kernel/ostype\"; };", STATUS_OK,
		"3: warning: 'admin.token' stands in a file that everybody can read" },
	{ "listener on all addresses",
		SOURCE TARGET "listen: { address = \"0.0.0.0\"; port = 8026; };", STATUS_INVALID,
		"3: 'listen.port' and 'admin.port' must differ on the same address: 0.0.0.0 port "
		"8026 and 127.0.0.1 port 8026" },
	{ "listener on all addresses of both kinds",
		SOURCE TARGET "listen: { address = \"::\"; port = 8026; };", STATUS_INVALID,
		"3: 'listen.port' and 'admin.port' must differ" },
	{ "the other kind of address", SOURCE TARGET "listen: { address = \"::1\"; port = 8026; };",
		STATUS_OK, "warning: signing is off" },
	{ "all addresses of the other kind",
		SOURCE TARGET "listen: { address = \"0.0.0.0\"; port = 8026; };\n"
			      "admin: { address = \"::1\"; };",
		STATUS_OK, "warning: signing is off" },
	{ "target is the public listener",
		SOURCE TARGET_OF("name = \"t\"; url = \"http://localhost:8025/s\";"), STATUS_OK,
		"2: warning: 'targets.url': localhost port 8025 is repostal's own 'listen'" },
	{ "target is the admin listener",
		SOURCE TARGET_OF("name = \"t\"; url = \"http://127.0.0.1:8026/api\";"), STATUS_OK,
		"2: warning: 'targets.url': 127.0.0.1 port 8026 is repostal's own 'admin'" },
	{ "target is all addresses",
		"listen: { address = \"0.0.0.0\"; };\n" SOURCE TARGET_OF(
			"name = \"t\"; url = \"http://[::1]:8025/s\";"),
		STATUS_OK, "3: warning: 'targets.url': ::1 port 8025 is repostal's own 'listen'" },
	{ "events that are not made",
		SOURCE TARGET_OF("name = \"t\"; url = \"https://h/\"; events = [ \"MessageSent\", "
				 "\"MessageHeld\" ];"),
		STATUS_OK, "2: warning: 'targets.events': nothing becomes MessageHeld" },
	{ "short token of a source",
		TARGET SOURCE_OF(
			"name = \"s\"; path = \"/s\"; auth: { token = \"fifteen-letters\"; };"),
		STATUS_OK, "2: warning: 'sources.auth.token' can be guessed" },
	{ "short admin token", SOURCE TARGET "admin: { token = \"t\"; };", STATUS_OK,
		"3: warning: 'admin.token' can be guessed" },
	{ "one token for both", SOURCE TARGET "admin: { token = \"t\";\nread_token = \"t\"; };",
		STATUS_OK, "4: warning: 'admin.read_token' is the same as 'admin.token'" },
	{ "a relative socket", SOURCE TARGET "admin: { socket = \"admin.sock\"; };", STATUS_INVALID,
		"3: 'admin.socket' must be a path that begins with '/', or \"none\"" },
	{ "no socket", SOURCE TARGET "admin: { socket = \"none\"; };", STATUS_OK, "" },
	{ "path with postgresql",
		SOURCE TARGET
		"store: { backend = \"postgresql\"; dsn = \"host=h\";\n path = \"/a\"; };",
		STATUS_OK, "4: warning: 'store.path' has no effect" },
	{ "number in quotes", SOURCE TARGET "listen: { port = \"8025\"; };", STATUS_INVALID,
		"3: 'listen.port' must be a whole number from 0 to 65535, not a text of 4 bytes: "
		"write the number without quotes\n" },
	{ "text without quotes", SOURCE TARGET "listen: { address = 127; };", STATUS_INVALID,
		", not 127: write it in quotes\n" },
	{ "list without brackets", SOURCE TARGET "signing: { keys = \"/a\"; };", STATUS_INVALID,
		", not a text of 2 bytes: write it in brackets, [ \"...\" ]\n" },
	{ "byte order mark", "\xef\xbb\xbf" SOURCE TARGET, STATUS_OK, "warning: signing is off" },
	{ "empty keys", SOURCE TARGET "signing: { keys = [ ]; };", STATUS_OK,
		"3: warning: signing is off" },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rule_cases); i++) {
		struct loaded loaded = load_text(rule_cases[i].text);

		if (loaded.status != rule_cases[i].status ||
			strstr(loaded.report, rule_cases[i].want) == NULL)
			fail_msg("%s: %s", rule_cases[i].name, loaded.report);
		loaded_free(&loaded);
	}
}

/* A refused value is one problem, and not also what follows from its absence. */
static void test_no_follow_up_problems(void **state)
{
	static const char *const texts[] = {
		SOURCE TARGET "admin: { address = \"0.0.0.0\"; token = \"\"; };",
		SOURCE TARGET "listen: { tls: { key = \"/proc/self/environ\"; "
			      "certificate = \"/nonexistent\"; }; };",
		SOURCE TARGET "signing: { keys = [ \"/nonexistent\" ]; };",
		TARGET SOURCE_OF("name = \"s\"; path = \"/s\"; auth: { token = \"\"; };"),
		TARGET SOURCE_OF("name = \"s\"; path = \"/s\"; auth = \"token\";"),
		SOURCE TARGET_OF("name = 1; url = \"http://localhost/\";"),
		SOURCE TARGET_OF("name = \"t\"; url = 1;"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct loaded loaded = load_text(texts[i]);
		size_t count = 0;

		for (const char *c = loaded.report; *c != '\0'; c++)
			count += *c == '\n';
		if (strstr(loaded.report, "warning: signing is off") != NULL)
			count--;
		if (loaded.status != STATUS_INVALID || count != 1)
			fail_msg("%s: %s", texts[i], loaded.report);
		loaded_free(&loaded);
	}
}

static void test_quiet_urls(void **state)
{
	static const char *const urls[] = { "https://example.com/", "http://localhost/",
		"http://app.localhost:80/", "http://127.1.2.3/", "http://[::1]/" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
		char text[TEXT_SIZE];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text), SOURCE TARGET_OF("name = \"t\"; url = \"%s\";"),
			urls[i]);
		loaded = load_text(text);
		if (loaded.status != STATUS_OK || strstr(loaded.report, "reached by http") != NULL)
			fail_msg("%s: %s", urls[i], loaded.report);
		loaded_free(&loaded);
	}
}

static void test_where_the_socket_is(void **state)
{
	static const struct {
		const char *admin, *store, *runtime_directory;
		enum config_socket want;
		const char *path;
	} cases[] = {
		{ "", "path = \"/a/b.db\";", NULL, CONFIG_SOCKET_FOUND, "/a/admin.sock" },
		{ "", "path = \"b.db\";", NULL, CONFIG_SOCKET_FOUND, "admin.sock" },
		{ "", "path = \"/b.db\";", "", CONFIG_SOCKET_FOUND, "/admin.sock" },
		{ "", "path = \"/a/b.db\";", "/run/x", CONFIG_SOCKET_FOUND, "/run/x/admin.sock" },
		{ "", "path = \"/a/b.db\";", "/run/x:/run/y", CONFIG_SOCKET_FOUND,
			"/run/x/admin.sock" },
		{ "socket = \"/s/t\";", "path = \"/a/b.db\";", "/run/x", CONFIG_SOCKET_GIVEN,
			"/s/t" },
		{ "socket = \"none\";", "path = \"/a/b.db\";", "/run/x", CONFIG_SOCKET_NONE, "" },
		{ "", "backend = \"postgresql\"; dsn = \"host=h\";", NULL, CONFIG_SOCKET_NONE, "" },
		{ "", "backend = \"postgresql\"; dsn = \"host=h\";", "/run/x", CONFIG_SOCKET_FOUND,
			"/run/x/admin.sock" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[TEXT_SIZE];
		struct loaded loaded;
		struct buf path;

		(void)snprintf(text, sizeof(text), SOURCE TARGET "admin: { %s };\nstore: { %s };\n",
			cases[i].admin, cases[i].store);
		loaded = load_text(text);
		assert_int_equal(loaded.status, STATUS_OK);
		buf_init(&path, TEXT_SIZE);
		if (config_admin_socket(loaded.config, cases[i].runtime_directory, &path) !=
				cases[i].want ||
			!slice_is(buf_slice(&path), cases[i].path))
			fail_msg("%s: %.*s", text, (int)path.size, path.data);
		buf_free(&path);
		loaded_free(&loaded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_source_paths),
		cmocka_unit_test(test_target_urls),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_store_paths),
		cmocka_unit_test(test_files_to_read),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_no_follow_up_problems),
		cmocka_unit_test(test_quiet_urls),
		cmocka_unit_test(test_where_the_socket_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
