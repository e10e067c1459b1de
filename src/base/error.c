/* SPDX-License-Identifier: MIT */
#include "repostal/error.h"

#include <stdio.h>
#include <string.h>

/*
 * Both functions write beside err->text first: the arguments may well be the present text.
 */

void error_set(struct error *err, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE] = "";
	va_list arguments;

	if (err == NULL)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	memcpy(err->text, text, sizeof(text));
}

/* Appends what fits into ERROR_TEXT_SIZE, with the NUL. */
static void append(char *text, const char *more)
{
	size_t size = strlen(text);
	size_t more_size = strnlen(more, ERROR_TEXT_SIZE - 1 - size);

	memcpy(text + size, more, more_size);
	text[size + more_size] = '\0';
}

void error_prefix(struct error *err, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE] = "";
	va_list arguments;

	if (err == NULL)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	append(text, ": ");
	append(text, err->text);
	memcpy(err->text, text, sizeof(text));
}
