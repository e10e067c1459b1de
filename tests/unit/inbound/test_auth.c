/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth.h"
#include "repostal/memory.h"

static struct address address_of(const char *text)
{
	struct address address;

	assert_true(address_parse(slice_text(text), &address));
	return address;
}

static struct address_ranges ranges_of(struct address_range *range, const char *text)
{
	struct address_ranges ranges = { .list = range, .count = 0 };

	if (text != NULL) {
		assert_true(address_range_parse(slice_text(text), range));
		ranges.count = 1;
	}
	return ranges;
}

static void test_credentials(void **state)
{
	static const struct {
		const char *name;
		const char *token, *basic; /* what the source asks for */
		const char *query, *path_token, *authorization;
		enum auth_result want;
	} cases[] = {
		{ "nothing is asked for", NULL, NULL, "", "", "", AUTH_OK },
		{ "token in the query", "s3cret", NULL, "token=s3cret", "", "", AUTH_OK },
		{ "token among others", "s3cret", NULL, "a=1&token=s3cret&b=2", "", "", AUTH_OK },
		{ "token, percent-encoded", "a b/c", NULL, "token=a%20b%2Fc", "", "", AUTH_OK },
		{ "plus is a plus", "a+b", NULL, "token=a+b", "", "", AUTH_OK },
		{ "token as last segment", "s3cret", NULL, "", "s3cret", "", AUTH_OK },
		{ "segment, percent-encoded", "a/b", NULL, "", "a%2fb", "", AUTH_OK },
		{ "bearer", "s3cret", NULL, "", "", "Bearer s3cret", AUTH_OK },
		{ "bearer, any case and space", "s3cret", NULL, "", "", "bEARER   s3cret ",
			AUTH_OK },
		{ "one right place is enough", "s3cret", NULL, "token=x", "s3cret", "", AUTH_OK },
		{ "token missing", "s3cret", NULL, "", "", "", AUTH_UNAUTHORIZED },
		{ "token empty", "s3cret", NULL, "token=", "", "", AUTH_UNAUTHORIZED },
		{ "token wrong", "s3cret", NULL, "token=s3creT", "", "", AUTH_UNAUTHORIZED },
		{ "token too short", "s3cret", NULL, "token=s3cre", "", "", AUTH_UNAUTHORIZED },
		{ "token too long", "s3cret", NULL, "token=s3cret1", "", "", AUTH_UNAUTHORIZED },
		{ "another name", "s3cret", NULL, "Token=s3cret", "", "", AUTH_UNAUTHORIZED },
		{ "bearer without a scheme", "s3cret", NULL, "", "", "s3cret", AUTH_UNAUTHORIZED },
		{ "basic", NULL, "user:pass", "", "", "Basic dXNlcjpwYXNz", AUTH_OK },
		{ "basic, colon in the password", NULL, "u:a:b", "", "",
			"Basic dTphOmI=", AUTH_OK },
		{ "basic wrong", NULL, "user:pass", "", "", "Basic dXNlcjpwYXNT",
			AUTH_UNAUTHORIZED },
		{ "basic not base64", NULL, "user:pass", "", "", "Basic ****", AUTH_UNAUTHORIZED },
		{ "basic missing", NULL, "user:pass", "", "", "", AUTH_UNAUTHORIZED },
		{ "bearer where basic is due", NULL, "user:pass", "", "", "Bearer user:pass",
			AUTH_UNAUTHORIZED },
		{ "both asked for and given", "t", "user:pass", "token=t", "", "Basic dXNlcjpwYXNz",
			AUTH_OK },
		{ "both asked for, token only", "t", "user:pass", "token=t", "", "",
			AUTH_UNAUTHORIZED },
		{ "both asked for, basic only", "t", "user:pass", "", "", "Basic dXNlcjpwYXNz",
			AUTH_UNAUTHORIZED },
	};
	struct address_ranges nobody = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct auth_settings settings = {
			.token = (char *)(uintptr_t)cases[i].token,
			.basic = (char *)(uintptr_t)cases[i].basic,
		};
		struct http_request request = {
			.query = slice_text(cases[i].query),
			.authorization = slice_text(cases[i].authorization),
			.peer = address_of("127.0.0.1"),
		};

		if (auth_check(&settings, &nobody, &request, slice_text(cases[i].path_token)) !=
			cases[i].want)
			fail_msg("%s", cases[i].name);
	}
}

static void test_addresses(void **state)
{
	static const struct {
		const char *name;
		const char *allow, *trusted, *peer, *forwarded_for;
		enum auth_result want;
	} cases[] = {
		{ "inside", "203.0.113.0/24", NULL, "203.0.113.9", "", AUTH_OK },
		{ "outside", "203.0.113.0/24", NULL, "203.0.114.9", "", AUTH_FORBIDDEN },
		{ "IPv4 inside IPv6", "203.0.113.0/24", NULL, "::ffff:203.0.113.9", "", AUTH_OK },
		{ "IPv6 inside", "2001:db8::/32", NULL, "2001:db8::1", "", AUTH_OK },
		{ "through a trusted proxy", "203.0.113.0/24", "127.0.0.1/32", "127.0.0.1",
			"203.0.113.9", AUTH_OK },
		{ "through two trusted proxies", "203.0.113.0/24", "10.0.0.0/8", "10.0.0.1",
			"203.0.113.9, 10.0.0.2", AUTH_OK },
		{ "a stranger's header is not believed", "203.0.113.0/24", "127.0.0.1/32",
			"198.51.100.7", "203.0.113.9", AUTH_FORBIDDEN },
		{ "only the last hop is believed", "203.0.113.0/24", "127.0.0.1/32", "127.0.0.1",
			"203.0.113.9, 198.51.100.7", AUTH_FORBIDDEN },
		{ "the proxy itself, no header", "203.0.113.0/24", "127.0.0.1/32", "127.0.0.1", "",
			AUTH_FORBIDDEN },
		{ "rubbish in the header", "203.0.113.0/24", "127.0.0.1/32", "127.0.0.1",
			"203.0.113.9, unknown", AUTH_FORBIDDEN },
		{ "a port", "203.0.113.0/24", "127.0.0.1/32", "127.0.0.1", "203.0.113.5:49152",
			AUTH_OK },
		{ "a wrong address with a port", "203.0.113.0/24", "127.0.0.1/32", "127.0.0.1",
			"198.51.100.7:49152", AUTH_FORBIDDEN },
		{ "brackets, port and quotes", "2001:db8::/32", "127.0.0.1/32", "127.0.0.1",
			"\"[2001:db8::1]:443\"", AUTH_OK },
		{ "a port at each hop", "203.0.113.0/24", "10.0.0.0/8", "10.0.0.1",
			"203.0.113.9:1, 10.0.0.2:2", AUTH_OK },
		{ "all hops trusted", "10.0.0.0/8", "10.0.0.0/8", "10.0.0.1", "10.0.0.3,10.0.0.2",
			AUTH_OK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct address_range allow, trusted;
		struct auth_settings settings = { .allow = ranges_of(&allow, cases[i].allow) };
		struct address_ranges proxies = ranges_of(&trusted, cases[i].trusted);
		const struct slice line = slice_text(cases[i].forwarded_for);
		struct http_request request = {
			.forwarded_for = { .list = &line, .count = 1 },
			.peer = address_of(cases[i].peer),
		};

		if (auth_check(&settings, &proxies, &request, slice_of(NULL, 0)) != cases[i].want)
			fail_msg("%s", cases[i].name);
	}
}

/* Several lines are one list; what is left of the last thirty-two proxies is not looked at. */
static void test_lines(void **state)
{
	static const struct {
		const char *name;
		const char *lines[3];
		size_t count;
		const char *want;
	} cases[] = {
		{ "none", { NULL }, 0, "10.0.0.1" },
		{ "one", { "203.0.113.9" }, 1, "203.0.113.9" },
		{ "the last is looked at first", { "203.0.113.9", "198.51.100.7" }, 2,
			"198.51.100.7" },
		{ "from one to the next", { "203.0.113.9", "10.0.0.3, 10.0.0.2" }, 2,
			"203.0.113.9" },
		{ "an empty one ends it", { "203.0.113.9", "", "10.0.0.2" }, 3, "10.0.0.2" },
	};
	struct address_range range;
	struct address_ranges proxies = ranges_of(&range, "10.0.0.0/8");
	struct address peer = address_of("10.0.0.1");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice lines[3];
		struct address want = address_of(cases[i].want), got;

		for (size_t j = 0; j < cases[i].count; j++)
			lines[j] = slice_text(cases[i].lines[j]);
		got = auth_client_address(&proxies, &peer,
			(struct http_lines){ .list = lines, .count = cases[i].count });
		if (memcmp(&got, &want, sizeof(got)) != 0)
			fail_msg("%s", cases[i].name);
	}
}

static void test_many_proxies(void **state)
{
	struct slice lines[AUTH_PROXIES_MAX + 1];
	struct address_range range;
	struct address_ranges proxies = ranges_of(&range, "10.0.0.0/8");
	struct address peer = address_of("10.0.0.1"), stranger = address_of("203.0.113.9"), got;

	(void)state;
	lines[0] = slice_text("203.0.113.9");
	for (size_t i = 1; i <= AUTH_PROXIES_MAX; i++)
		lines[i] = slice_text("10.0.0.2");
	got = auth_client_address(
		&proxies, &peer, (struct http_lines){ .list = lines, .count = AUTH_PROXIES_MAX });
	assert_memory_equal(&got, &stranger, sizeof(got));
	got = auth_client_address(&proxies, &peer,
		(struct http_lines){ .list = lines, .count = AUTH_PROXIES_MAX + 1 });
	assert_memory_not_equal(&got, &stranger, sizeof(got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_many_proxies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
