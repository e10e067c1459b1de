/* SPDX-License-Identifier: MIT */
#include "repostal/memory.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LAST_WORDS_SIZE = 512
};

static void (*_Atomic fatal_hook)(const char *text);

void memory_on_fatal(void (*say)(const char *text))
{
	atomic_store(&fatal_hook, say);
}

static void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *format, ...)
{
	/* Taken, so that a hook that fails itself does not come here for ever. */
	void (*say)(const char *text) = atomic_exchange(&fatal_hook, NULL);
	char text[LAST_WORDS_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (say != NULL)
		say(text);
	else
		fputs(text, stderr);
	abort();
}

static void *usable_or_die(void *memory, size_t count, size_t size)
{
	if (memory == NULL)
		die("repostal: out of memory (%zu times %zu bytes)\n", count, size);
	return memory;
}

/* Nothing asked for still gives a pointer that is not null and may be freed. */
static size_t at_least_one(size_t size)
{
	return size == 0 ? 1 : size;
}

void *memory_alloc(size_t size)
{
	return usable_or_die(malloc(at_least_one(size)), 1, size);
}

void *memory_zalloc(size_t size)
{
	return memory_array(1, size);
}

void *memory_array(size_t count, size_t size)
{
	return usable_or_die(calloc(at_least_one(count), at_least_one(size)), count, size);
}

void *memory_regrow(void *old, size_t count, size_t size)
{
	return usable_or_die(
		reallocarray(old, at_least_one(count), at_least_one(size)), count, size);
}

char *memory_copy_text(const char *text)
{
	return memory_copy_bytes(text, strlen(text));
}

char *memory_copy_bytes(const void *bytes, size_t size)
{
	char *copy;

	REPOSTAL_ASSERT(size < SIZE_MAX);
	copy = memory_alloc(size + 1);
	if (size > 0)
		memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

void memory_assert_failed(const char *condition, const char *file, int line)
{
	die("repostal: %s:%d: assertion failed: %s\n", file, line, condition);
}
