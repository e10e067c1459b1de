/* SPDX-License-Identifier: MIT */
/*
 * The process_* metrics that every Prometheus client library exposes, from /proc/self (proc(5)).
 */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin_private.h"
#include "repostal/text.h"

enum {
	STAT_SIZE_MAX = 4096,
	STAT_FIELDS_MAX = 52
};

/* Numbers of proc(5)'s fields of /proc/self/stat. */
enum {
	STAT_THREADS = 20,
	STAT_START = 22,
	STAT_VSIZE = 23,
	STAT_RSS = 24
};

static size_t read_small_file(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t got;

	if (file == NULL)
		return 0;
	got = fread(out, 1, size - 1, file);
	fclose(file);
	out[got] = '\0';
	return got;
}

/* Field 2 is the program's name in parentheses and may hold spaces: counting starts behind it. */
static bool read_stat(int64_t fields[STAT_FIELDS_MAX + 1])
{
	char text[STAT_SIZE_MAX];
	size_t size = read_small_file("/proc/self/stat", text, sizeof(text));
	char *end = size > 0 ? strrchr(text, ')') : NULL;
	struct slice rest;

	memset(fields, 0, (STAT_FIELDS_MAX + 1) * sizeof(*fields));
	if (end == NULL || end[1] == '\0')
		return false;
	rest = slice_trim(slice_text(end + 2));
	for (int field = 3; field <= STAT_FIELDS_MAX && rest.size > 0; field++) {
		int64_t number;

		if (text_parse_uint(slice_cut(&rest, ' '), &number))
			fields[field] = number;
	}
	return true;
}

static int64_t boot_time_s(void)
{
	static const char key[] = "\nbtime ";
	char text[64 * 1024];
	size_t size = read_small_file("/proc/stat", text, sizeof(text));
	char *at = size > 0 ? strstr(text, key) : NULL;
	int64_t seconds = 0;

	if (at != NULL) {
		struct slice rest = slice_text(at + sizeof(key) - 1);

		text_parse_uint(slice_cut(&rest, '\n'), &seconds);
	}
	return seconds;
}

static int64_t count_open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int64_t count = 0;

	if (folder == NULL)
		return 0;
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count - 3; /* ".", ".." and the folder itself */
}

static void print_double(
	struct buf *out, const char *name, const char *type, const char *help, double value)
{
	metric_print_head(out, name, type, help);
	metric_print_double(out, name, "", value);
}

static void print_int(struct buf *out, const char *name, const char *help, int64_t value)
{
	metric_print_head(out, name, "gauge", help);
	metric_print_int(out, name, "", value);
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void print_memory(struct buf *out)
{
	struct mallinfo2 heap = mallinfo2();
	struct rlimit limit;

	print_int(out, "process_heap_bytes", "What malloc(3) has from the system.",
		(int64_t)(heap.arena + heap.hblkhd));
	if (getrlimit(RLIMIT_AS, &limit) == 0)
		print_double(out, "process_virtual_memory_max_bytes", "gauge",
			"Most virtual memory; 2^64 when there is no limit.",
			(double)limit.rlim_cur);
}

void admin_print_process_metrics(struct buf *out)
{
	int64_t fields[STAT_FIELDS_MAX + 1];
	double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
	struct rlimit files;
	struct rusage usage;

	print_int(out, "process_open_fds", "Open file descriptors.", count_open_files());
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		print_int(out, "process_max_fds", "Most file descriptors that may be open.",
			(int64_t)files.rlim_cur);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		print_double(out, "process_cpu_seconds_total", "counter",
			"User and system time used, in seconds.",
			seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
	if (!read_stat(fields))
		return;
	print_int(out, "process_threads", "Threads.", fields[STAT_THREADS]);
	print_int(out, "process_virtual_memory_bytes", "Virtual memory.", fields[STAT_VSIZE]);
	print_memory(out);
	print_int(out, "process_resident_memory_bytes", "Resident memory.",
		fields[STAT_RSS] * sysconf(_SC_PAGESIZE));
	print_double(out, "process_start_time_seconds", "gauge",
		"When the process started, Unix time in seconds.",
		(double)boot_time_s() + (double)fields[STAT_START] / ticks_per_s);
}
