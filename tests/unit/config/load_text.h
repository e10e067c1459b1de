/* SPDX-License-Identifier: MIT */
/*
 * load_text.h - a configuration from a text, for tests
 *
 * Promise    The text goes through a file (mode 0600), as it does for an operator.
 * Ownership  loaded_free() frees all of it.
 */
#ifndef REPOSTAL_TESTS_CONFIG_LOAD_TEXT_H
#define REPOSTAL_TESTS_CONFIG_LOAD_TEXT_H

#include "repostal/config.h"

struct loaded {
	enum status status;
	struct config *config; /* NULL: refused */
	char *report;          /* with the file's name cut off: "LINE: text\n" */
};

struct loaded load_text(const char *text);
/* The same with these permissions. */
struct loaded load_text_mode(const char *text, unsigned int mode);
/* With no more than these secrets; the others load all. */
struct loaded load_text_with(const char *text, enum config_secrets secrets);
struct loaded load_file_with(const char *path, enum config_secrets secrets);
struct loaded load_file(const char *path);
void loaded_free(struct loaded *loaded);

/* config_print() as a text to be freed. */
char *printed(const struct config *config);

#endif
