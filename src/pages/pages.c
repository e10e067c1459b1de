/* SPDX-License-Identifier: MIT */
/*
 * pages.c - repostal-pages: the manual and the completion of shells, from the tables of the program
 *
 * Run by the build: repostal-pages SOURCES OPENAPI FOLDER, where SOURCES is src/pages.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api_page.h"
#include "command_page.h"
#include "completion.h"
#include "conf_page.h"
#include "repostal/memory.h"

enum {
	PATH_SIZE_MAX = 4096
};

static int make_folders(const char *out)
{
	static const char *const names[] = { "", "/man1", "/man5", "/man7", "/bash", "/zsh" };
	struct buf path;

	buf_init(&path, PATH_SIZE_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		buf_reset(&path);
		buf_printf(&path, "%s%s", out, names[i]);
		if (mkdir(path.data, 0755) != 0 && errno != EEXIST) {
			fprintf(stderr, "repostal-pages: %s: %s\n", path.data, strerror(errno));
			buf_free(&path);
			return 1;
		}
	}
	buf_free(&path);
	return 0;
}

int main(int argc, char **argv)
{
	struct folders folders;

	if (argc != 4) {
		fputs("Usage: repostal-pages SOURCES OPENAPI FOLDER\n", stderr);
		return 2;
	}
	folders = (struct folders){ .sources = argv[1], .openapi = argv[2], .out = argv[3] };
	if (make_folders(folders.out) != 0)
		return 1;
	command_pages_write(&folders);
	conf_page_write(&folders);
	api_page_write(&folders);
	bash_completion_write(&folders);
	zsh_completion_write(&folders);
	return 0;
}
