/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repostal/local_path.h"
#include "repostal/memory.h"

#define LONG_NAME                                                       \
	"a-folder-with-a-name-that-does-not-fit-into-the-address-of-a-" \
	"socket-together-with-the-folder-that-it-is-in-and-so-on"

static void test_paths(void **state)
{
	char folder[] = "/tmp/repostal-test-XXXXXX";
	char long_folder[256], path[512];
	const struct {
		const char *name, *folder, *file;
		enum status want;
	} cases[] = {
		{ "short", folder, "a.sock", STATUS_OK },
		{ "a long folder", long_folder, "a.sock", STATUS_OK },
		{ "a long name", folder, LONG_NAME, STATUS_INVALID },
		{ "no name", folder, "", STATUS_INVALID },
		{ "no folder", "/nonexistent", "a.sock", STATUS_NOT_FOUND },
		{ "a file for a folder", "/dev/null", "a.sock", STATUS_IO },
	};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(long_folder, sizeof(long_folder), "%s/%s", folder, LONG_NAME);
	assert_int_equal(mkdir(long_folder, 0700), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct local_path place;
		struct error err;

		snprintf(path, sizeof(path), "%s/%s", cases[i].folder, cases[i].file);
		if (local_path_open(path, &place, &err) != cases[i].want)
			fail_msg("%s", cases[i].name);
		if (cases[i].want != STATUS_OK)
			continue;
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		assert_int_equal(
			bind(fd, (struct sockaddr *)&place.address, sizeof(place.address)), 0);
		assert_int_equal(access(path, F_OK), 0);
		assert_int_equal(unlink(path), 0);
		close(fd);
		local_path_close(&place);
	}
	rmdir(long_folder);
	rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
