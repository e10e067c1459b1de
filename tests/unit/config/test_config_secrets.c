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
#include "smallest.h"

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Every place that takes a secret, in every way that one is given; then looks for them. */
static void test_secrets(void **state)
{
	char file[] = "/tmp/repostal-secret-XXXXXX";
	char text[2048];
	struct loaded loaded;
	char *print;

	(void)state;
	write_file(file, "SECRET1\r\n");
	setenv("REPOSTAL_TEST_VALUE", "SECRET2", 1);
	(void)snprintf(text, sizeof(text),
		"admin: { token = \"file:%s\"; };\n"
		"sources = ( { name = \"s\"; path = \"/s\"; auth: { token = "
		"\"env:REPOSTAL_TEST_VALUE\"; basic = \"u:SECRET3\"; }; } );\n"
		"targets = ( { name = \"t\"; url = \"http://u:SECRET4@10.0.0.1/\";\n"
		"proxy = \"socks5h://SECRET5@proxy:1080\";\n"
		"headers: { A = \"SECRET6\"; B = \"env:REPOSTAL_TEST_VALUE\"; }; } );\n",
		file);
	loaded = load_text(text);
	unlink(file);
	assert_int_equal(loaded.status, STATUS_OK);
	assert_string_equal(loaded.config->admin.token, "SECRET1");
	assert_string_equal(loaded.config->sources[0].auth.token, "SECRET2");
	assert_string_equal(loaded.config->sources[0].auth.basic, "u:SECRET3");
	assert_string_equal(loaded.config->targets[0].url, "http://u:SECRET4@10.0.0.1/");
	assert_string_equal(loaded.config->targets[0].headers[0].value, "SECRET6");
	assert_string_equal(loaded.config->targets[0].headers[1].value, "SECRET2");
	assert_null(strstr(loaded.report, "SECRET"));

	print = printed(loaded.config);
	assert_null(strstr(print, "SECRET"));
	assert_non_null(strstr(print, "\"http://u:***@10.0.0.1/\""));
	assert_non_null(strstr(print, "\"socks5h://***@proxy:1080\""));
	assert_non_null(strstr(print, "{ A = \"***\"; B = \"env:REPOSTAL_TEST_VALUE\"; }"));
	free(print);
	loaded_free(&loaded);
}

/* What is not there, by group, and who can do without it. */
static void test_secrets_that_are_not_needed(void **state)
{
	static const struct {
		const char *name, *text;
		bool all, control, none;
	} cases[] = {
		{ "admin", "admin: { token = \"env:REPOSTAL_TEST_UNSET\"; };\n" MINIMAL, false,
			false, true },
		{ "store",
			"store: { backend = \"postgresql\"; dsn = \"file:/nonexistent\"; "
			"};\n" MINIMAL,
			false, false, true },
		{ "source",
			"sources: ( { name = \"s\"; path = \"/s\"; auth: { token = "
			"\"env:REPOSTAL_TEST_UNSET\"; basic = \"file:/nonexistent\"; }; } "
			");\n" TARGET,
			false, true, true },
		{ "target's header",
			SOURCE "targets: ( { name = \"t\"; url = \"http://127.0.0.1/\"; "
			       "headers: { A = \"env:REPOSTAL_TEST_UNSET\"; }; } );\n",
			false, true, true },
		{ "files of keys and certificates",
			MINIMAL "signing: { keys = [ \"/nonexistent\" ]; };\nlisten: { tls: { "
				"certificate = \"/nonexistent\"; key = \"/nonexistent\"; }; };\n",
			false, true, true },
		{ "a literal is looked at as always", "admin: { token = \"\"; };\n" MINIMAL, false,
			false, false },
		{ "so is everything else", MINIMAL "log: { level = \"loud\"; };\n", false, false,
			false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const bool want[] = { cases[i].all, cases[i].control, cases[i].none };

		for (int secrets = CONFIG_SECRETS_ALL; secrets <= CONFIG_SECRETS_NONE; secrets++) {
			struct loaded loaded =
				load_text_with(cases[i].text, (enum config_secrets)secrets);

			if ((loaded.status == STATUS_OK) != want[secrets])
				fail_msg("%s, %d: %s", cases[i].name, secrets, loaded.report);
			loaded_free(&loaded);
		}
	}
}

/* What was printed does not work with the mask as its secret. */
static void test_masks_are_no_secrets(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "token", "admin: { token = \"***\"; };\n" MINIMAL, "1: 'admin.token' is the" },
		{ "basic",
			"sources: ( { name = \"s\"; path = \"/s\"; auth: { basic = \"***:***\"; }; "
			"} "
			");\n" TARGET,
			"1: 'sources.auth.basic' is the" },
		{ "header",
			SOURCE "targets: ( { name = \"t\"; url = \"http://127.0.0.1/\"; "
			       "headers: { A = \"***\"; }; } );\n",
			"2: 'targets.headers.A' is the" },
		{ "password of a URL",
			SOURCE "targets: ( { name = \"t\"; url = \"https://u:***@h/\"; } );\n",
			"2: 'targets.url' holds the" },
		{ "user alone",
			SOURCE "targets: ( { name = \"t\"; url = \"https://***@h/\"; } );\n",
			"2: 'targets.url' holds the" },
		{ "proxy",
			SOURCE "targets: ( { name = \"t\"; url = \"https://h/\"; "
			       "proxy = \"http://u:***@h\"; } );\n",
			"2: 'targets.proxy' holds the" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct loaded loaded = load_text(cases[i].text);

		if (loaded.status != STATUS_INVALID || strstr(loaded.report, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].name, loaded.report);
		loaded_free(&loaded);
	}
}

/* Refusals do not quote what may be a secret, also one in the wrong place. */
static void test_refused_secrets(void **state)
{
	static const char *const texts[] = {
		"admin: { token = \"SECRET\\n\"; };\n" MINIMAL,
		"admin: { token = [ \"SECRET\" ]; };\n" MINIMAL,
		"admin: { address = \"SECRET\"; };\n" MINIMAL,
		"admin: { port = \"SECRET\"; };\n" MINIMAL,
		TARGET "sources = ( { name = \"s\"; path = \"/s\"; auth = \"SECRET\"; } );\n",
		TARGET
		"sources = ( { name = \"s\"; path = \"/s\"; auth: { basic = \"SECRET\"; }; } );\n",
		TARGET "sources = ( { name = \"s\"; path = \"/s\"; auth: { allow = [ \"SECRET\" ]; "
		       "}; } );\n",
		SOURCE "targets = ( { name = \"t\"; url = \"http://u:SECRET@/\"; } );\n",
		SOURCE "targets = ( { name = \"t\"; url = \"ftp://u:SECRET@host/\"; } );\n",
		SOURCE "targets = ( { name = \"t\"; url = \"http://h\"; "
		       "headers: { A = \"SECRET\\n\"; }; } );\n",
		SOURCE
		"targets = ( { name = \"t\"; url = \"http://h\"; headers = \"SECRET\"; } );\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct loaded loaded = load_text(texts[i]);

		if (loaded.status != STATUS_INVALID || strstr(loaded.report, "SECRET") != NULL)
			fail_msg("%s: %s", texts[i], loaded.report);
		loaded_free(&loaded);
	}
}

static void test_literal_secret_for_everybody(void **state)
{
	static const char by_reference[] =
		TARGET "sources = ( { name = \"s\"; path = \"/s\";\n"
		       "auth = { token = \"env:REPOSTAL_TEST_SECRET\"; }; } );\n";
	struct loaded loaded = load_text_mode(MINIMAL, 0644);

	(void)state;
	assert_int_equal(loaded.status, STATUS_OK);
	assert_non_null(strstr(loaded.report,
		"1: warning: 'sources.auth.token' is written in a file that everybody can read"));
	loaded_free(&loaded);
	setenv("REPOSTAL_TEST_SECRET", "SECRET2", 1);
	loaded = load_text_mode(by_reference, 0644);
	assert_int_equal(loaded.status, STATUS_OK);
	assert_null(strstr(loaded.report, "everybody can read"));
	loaded_free(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_secrets_that_are_not_needed),
		cmocka_unit_test(test_masks_are_no_secrets),
		cmocka_unit_test(test_refused_secrets),
		cmocka_unit_test(test_literal_secret_for_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
