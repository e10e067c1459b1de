/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "repostal/address.h"
#include "repostal/memory.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* NULL: refused */
		bool loopback;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.255.0.9", "127.255.0.9", true },
		{ "128.0.0.1", "128.0.0.1", false },
		{ "0.0.0.0", "0.0.0.0", false },
		{ "::1", "::1", true },
		{ "::", "::", false },
		{ "::2", "::2", false },
		{ "::ffff:127.0.0.1", "127.0.0.1", true },
		{ "::ffff:7f00:1", "127.0.0.1", true },
		{ "2001:DB8::1", "2001:db8::1", false },
		{ "", NULL, false },
		{ "127.1", NULL, false },
		{ "127.0.0.1 ", NULL, false },
		{ "127.0.0.256", NULL, false },
		{ "127.0.0.01", NULL, false },
		{ "[::1]", NULL, false },
		{ "fe80::1%lo", NULL, false },
		{ "localhost", NULL, false },
		{ "127.0.0.1:80", NULL, false },
		{ "00000000000000000000000000000000000000000000000000000000000000001", NULL,
			false },
	};
	struct address address;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[ADDRESS_TEXT_SIZE];
		bool accepted = address_parse(slice_text(cases[i].text), &address);

		if (accepted != (cases[i].want != NULL))
			fail_msg("'%s': %s", cases[i].text, accepted ? "accepted" : "refused");
		if (!accepted)
			continue;
		address_format(&address, text);
		assert_string_equal(text, cases[i].want);
		if (address_is_loopback(&address) != cases[i].loopback)
			fail_msg("'%s': loopback", cases[i].text);
	}
	assert_false(address_parse(slice_of(NULL, 0), &address));
	assert_false(address_parse(SLICE_LITERAL("127.0.0.1\0x"), &address));
	assert_true(address_parse(slice_of("127.0.0.19", 9), &address));
	assert_int_equal(address.bytes[15], 1);
}

static void test_from_sockaddr(void **state)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
	struct sockaddr local = { .sa_family = AF_UNIX };
	struct address address;
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	inet_pton(AF_INET, "203.0.113.7", &ipv4.sin_addr);
	assert_true(address_from_sockaddr((struct sockaddr *)&ipv4, &address));
	address_format(&address, text);
	assert_string_equal(text, "203.0.113.7");
	inet_pton(AF_INET6, "::ffff:203.0.113.8", &ipv6.sin6_addr);
	assert_true(address_from_sockaddr((struct sockaddr *)&ipv6, &address));
	address_format(&address, text);
	assert_string_equal(text, "203.0.113.8");
	assert_false(address_from_sockaddr(&local, &address));
}

static void test_range_parse(void **state)
{
	static const struct {
		const char *text;
		int prefix_bits; /* -1: refused */
	} cases[] = {
		{ "203.0.113.0/24", 120 },
		{ "203.0.113.7", 128 },
		{ "203.0.113.7/32", 128 },
		{ "0.0.0.0/0", 96 },
		{ "fe80::/10", 10 },
		{ "::/0", 0 },
		{ "::1", 128 },
		{ "::ffff:203.0.113.0/120", 120 },
		{ "203.0.113.1/24", -1 },
		{ "fe80::1/64", -1 },
		{ "203.0.113.0/33", -1 },
		{ "::/129", -1 },
		{ "::/99999999999999999999", -1 },
		{ "203.0.113.0/", -1 },
		{ "203.0.113.0/-1", -1 },
		{ "203.0.113.0/24/8", -1 },
		{ "203.0.113.0/255.255.255.0", -1 },
		{ "/24", -1 },
		{ "", -1 },
		{ "example.com", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct address_range range = { 0 };
		bool accepted = address_range_parse(slice_text(cases[i].text), &range);

		if (accepted != (cases[i].prefix_bits >= 0) ||
			(accepted && range.prefix_bits != cases[i].prefix_bits))
			fail_msg("'%s': %d, /%d", cases[i].text, accepted, range.prefix_bits);
	}
}

static void test_in_ranges(void **state)
{
	static const struct {
		const char *range;
		const char *address;
		bool inside;
	} cases[] = {
		{ "203.0.113.0/24", "203.0.113.255", true },
		{ "203.0.113.0/24", "203.0.114.0", false },
		{ "203.0.113.0/24", "::ffff:203.0.113.1", true },
		{ "::ffff:203.0.113.0/120", "203.0.113.1", true },
		{ "169.254.0.0/15", "169.255.1.1", true },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "fe80::/10", "febf::1", true },
		{ "fe80::/10", "fec0::1", false },
		{ "::1", "::1", true },
		{ "0.0.0.0/0", "198.51.100.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "198.51.100.1", false },
	};
	struct address address;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct address_range list[2];
		struct address_ranges ranges = { .list = list, .count = 2 };

		assert_true(address_range_parse(SLICE_LITERAL("192.0.2.77"), &list[0]));
		assert_true(address_range_parse(slice_text(cases[i].range), &list[1]));
		assert_true(address_parse(slice_text(cases[i].address), &address));
		if (address_in_ranges(&address, &ranges) != cases[i].inside)
			fail_msg("%s in %s", cases[i].address, cases[i].range);
	}
	assert_false(address_in_ranges(&address, &(struct address_ranges){ 0 }));
}

static void test_nodes(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* NULL: none */
	} cases[] = {
		{ "203.0.113.5", "203.0.113.5" },
		{ " 203.0.113.5:49152 ", "203.0.113.5" },
		{ "\"203.0.113.5:49152\"", "203.0.113.5" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "[2001:db8::1]:65535", "2001:db8::1" },
		{ "\"[2001:db8::1]:443\"", "2001:db8::1" },
		{ "203.0.113.5:", NULL },
		{ "203.0.113.5:65536", NULL },
		{ "203.0.113.5:x", NULL },
		{ "203.0.113.5:_port", NULL },
		{ "[203.0.113.5]:80", NULL },
		{ "[2001:db8::1", NULL },
		{ "[2001:db8::1]443", NULL },
		{ "[]", NULL },
		{ "[]:1", NULL },
		{ ":80", NULL },
		{ "unknown", NULL },
		{ "_hidden", NULL },
		{ "\"", NULL },
		{ "\"\"", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct address address;
		char text[ADDRESS_TEXT_SIZE] = "";
		bool parsed = address_parse_node(slice_text(cases[i].text), &address);

		if (parsed)
			address_format(&address, text);
		if (parsed != (cases[i].want != NULL) ||
			(parsed && strcmp(text, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].text, parsed ? text : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_from_sockaddr),
		cmocka_unit_test(test_range_parse),
		cmocka_unit_test(test_in_ranges),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
