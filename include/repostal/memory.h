/* SPDX-License-Identifier: MIT */
/*
 * memory.h - allocation that does not fail
 *
 * Promise    Every function returns usable memory or ends the process with a message: the queue is
 *            durable and the supervisor starts us again. Inputs are bounded elsewhere, so running
 *            out is never a sender's doing.
 * Threads    Any.
 * Ownership  The caller frees with free().
 */
#ifndef REPOSTAL_MEMORY_H
#define REPOSTAL_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
/* count * size bytes, zeroed; the product is checked. */
void *memory_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows to count * size bytes; the old contents stay, the rest is not zeroed. */
void *memory_regrow(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy that ends in NUL. */
char *memory_copy_text(const char *text) __attribute__((malloc, returns_nonnull));
char *memory_copy_bytes(const void *bytes, size_t size) __attribute__((malloc, returns_nonnull));

/* Our own mistake: stop before the bad state reaches the disk. On in every build. */
#define REPOSTAL_ASSERT(condition) \
	((condition) ? (void)0 : memory_assert_failed(#condition, __FILE__, __LINE__))
void memory_assert_failed(const char *condition, const char *file, int line)
	__attribute__((noreturn));

/* Who says the message instead of standard error, and returns soon; NULL: nobody. */
void memory_on_fatal(void (*say)(const char *text));

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
