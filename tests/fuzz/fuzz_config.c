/* SPDX-License-Identifier: MIT */
/*
 * The text of a configuration file. Whatever it says, loading ends with a config or with problems, and
 * no file is touched but the one that was named and those it names as secrets. The linker sends our
 * calls of open(), access(), stat() and getenv() here (--wrap); fopen() is libconfig's, whose @include
 * must never come as far as that.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "repostal/config.h"

enum {
	REPORT_SIZE_MAX = 16 * 1024 * 1024,
	PATH_SIZE = 64
};

int __real_open(const char *path, int flags, ...);
int __real_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *out);
char *__real_getenv(const char *name);
int __wrap_open(const char *path, int flags, ...);
int __wrap_access(const char *path, int mode);
int __wrap_stat(const char *path, struct stat *out);
char *__wrap_getenv(const char *name);

#if LIBCONFIG_VER_MAJOR == 1 && LIBCONFIG_VER_MINOR < 7
/* It forgets a text that stands where its grammar expects none; loading fails then. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}
#endif

static bool is_loading;
static char config_path[PATH_SIZE]; /* of a file in memory, which has no other name */
static int config_fd = -1;

int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	int mode = 0;

	va_start(arguments, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(arguments, int);
	va_end(arguments);
	if (!is_loading || strcmp(path, config_path) == 0)
		return __real_open(path, flags, mode);
	REPOSTAL_ASSERT((flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY);
	/* The secret of this name is the configuration itself; there is no other. */
	if (strcmp(path, "/secret") == 0)
		return __real_open(config_path, flags, mode);
	errno = ENOENT;
	return -1;
}

int __wrap_access(const char *path, int mode)
{
	if (!is_loading)
		return __real_access(path, mode);
	if (strcmp(path, "/key.pem") == 0)
		return 0;
	errno = EACCES;
	return -1;
}

int __wrap_stat(const char *path, struct stat *out)
{
	if (!is_loading || strcmp(path, config_path) == 0)
		return __real_stat(path, out);
	errno = ENOENT;
	return -1;
}

char *__wrap_getenv(const char *name)
{
	static char secret[] = "secret:of the environment";

	if (!is_loading)
		return __real_getenv(name);
	return strcmp(name, "SECRET") == 0 ? secret : NULL;
}

FILE *fopen(const char *path, const char *mode)
{
	FILE *(*real_fopen)(const char *, const char *);

	REPOSTAL_ASSERT(!is_loading);
	*(void **)&real_fopen = dlsym(RTLD_NEXT, "fopen");
	return real_fopen(path, mode);
}

static void write_file(struct slice text)
{
	if (config_fd < 0) {
		config_fd = memfd_create("repostal.conf", MFD_CLOEXEC);
		REPOSTAL_ASSERT(config_fd >= 0);
		snprintf(config_path, sizeof(config_path), "/proc/self/fd/%d", config_fd);
	}
	REPOSTAL_ASSERT(ftruncate(config_fd, 0) == 0);
	REPOSTAL_ASSERT(
		pwrite(config_fd, text.data, text.size, 0) == (ssize_t)text.size || text.size == 0);
}

static enum status load(struct slice text, struct config **config_out, struct buf *report)
{
	enum status status;

	write_file(text);
	is_loading = true;
	status = config_load(config_path, CONFIG_SECRETS_ALL, config_out, report);
	is_loading = false;
	return status;
}

/* "PATH:LINE: text" or "PATH:LINE: warning: text": none of them can pass for another. */
static bool is_error(struct slice line)
{
	static const char warning[] = " warning: ";
	size_t path_size = strlen(config_path);
	int64_t number;

	REPOSTAL_ASSERT(line.size > path_size && memcmp(line.data, config_path, path_size) == 0);
	line = slice_of(line.data + path_size, line.size - path_size);
	REPOSTAL_ASSERT(slice_cut(&line, ':').size == 0);
	REPOSTAL_ASSERT(text_parse_uint(slice_cut(&line, ':'), &number));
	return line.size < sizeof(warning) || memcmp(line.data, warning, sizeof(warning) - 1) != 0;
}

static void check_report(const struct buf *report, enum status status)
{
	struct slice rest = buf_slice(report);
	bool has_error = false;

	REPOSTAL_ASSERT(!report->overflowed && fuzz_is_plain_text(rest));
	while (rest.size > 0)
		has_error |= is_error(slice_cut(&rest, '\n'));
	REPOSTAL_ASSERT(has_error == (status != STATUS_OK));
}

static void check_config(struct config *config)
{
	struct buf first, second;

	REPOSTAL_ASSERT(config_needs_restart(config, config) == NULL);
	REPOSTAL_ASSERT(config->listen.threads > 0);
	buf_init(&first, REPORT_SIZE_MAX);
	buf_init(&second, REPORT_SIZE_MAX);
	config_print(config, &first);
	config_print(config, &second);
	REPOSTAL_ASSERT(!first.overflowed && slice_equal(buf_slice(&first), buf_slice(&second)));
	REPOSTAL_ASSERT(fuzz_is_plain_text(buf_slice(&first)));
	REPOSTAL_ASSERT(!fuzz_contains(buf_slice(&first), SLICE_LITERAL("of the environment")));
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL;
	struct buf report;
	enum status status;

	buf_init(&report, REPORT_SIZE_MAX);
	status = load(fuzz_input(data, size), &config, &report);
	REPOSTAL_ASSERT(status == STATUS_OK || status == STATUS_INVALID ||
			(status == STATUS_IO && size > 1024 * 1024));
	REPOSTAL_ASSERT((status == STATUS_OK) == (config != NULL));
	check_report(&report, status);
	if (config != NULL)
		check_config(config);
	config_free(&config);
	buf_free(&report);
	return 0;
}
