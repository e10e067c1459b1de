/* SPDX-License-Identifier: MIT */
#include "completion.h"

#include <string.h>

bool completion_is_file(const char *value)
{
	return value != NULL && (strstr(value, "FILE") != NULL || strcmp(value, "PATH") == 0);
}
