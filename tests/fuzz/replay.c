/* SPDX-License-Identifier: MIT */
/* Every file of a fuzzer's corpus once, without a fuzzer: replay FOLDER... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "repostal/buf.h"

enum {
	INPUT_SIZE_MAX = 4 * 1024 * 1024,
	READ_SIZE = 16 * 1024,
	PATH_SIZE_MAX = 4096
};

static bool replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char chunk[READ_SIZE];
	struct buf input;
	char *exact;
	size_t size;

	if (file == NULL)
		return false;
	buf_init(&input, INPUT_SIZE_MAX);
	while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_append(&input, chunk, size);
	fclose(file);
	/* A block of just this size: a sanitizer sees the first byte that is read behind it. */
	size = input.size;
	exact = memory_alloc(size);
	if (size > 0)
		memcpy(exact, input.data, size);
	buf_free(&input);
	LLVMFuzzerTestOneInput((const uint8_t *)exact, size);
	free(exact);
	return true;
}

static int replay_folder(const char *folder)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	int count = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		char path[PATH_SIZE_MAX];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		/* On standard error before it begins: the last name is the one that stopped us. */
		fprintf(stderr, "%s\n", path);
		count += replay_file(path);
	}
	closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++)
		count += replay_folder(argv[i]);
	printf("%d inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
