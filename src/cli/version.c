/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <curl/curl.h>

#include "cli/command/command.h"
#include "cli/command/command_line.h"
#include "cli/commands.h"
#include "commit.h"
#include "repostal/digest.h"
#include "repostal/http.h"
#include "repostal/memory.h"
#include "repostal/store.h"

static const struct command_action actions[] = {
	{ .usage = "" },
};

static const struct command_option rows[] = {
	OPTION_ROW_HELP,
};

const struct command command_version = {
	.name = "version",
	.summary = "say which version, commit and libraries this is",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Prints the version, the commit that it was built from, and the versions of the "
		 "libraries in use. repostal --version prints the version alone.",
	.exit_ok = "done",
};

int run_version(int argc, char **argv)
{
	char libpq[STORE_LIBRARY_VERSION_SIZE];
	struct command_line line;

	if (!command_line_read(&command_version, argc, argv, NULL, &line))
		return line.exit_code;
	store_libpq_version(libpq);
	printf("repostal  " REPOSTAL_VERSION "\n"
	       "commit    " REPOSTAL_COMMIT "\n"
	       "libh2o    %s\n"
	       "libcurl   %s\n"
	       "SQLite    %s\n"
	       "OpenSSL   %s\n"
	       "libpq     %s\n",
		http_library_version(), curl_version_info(CURLVERSION_NOW)->version,
		store_sqlite_version(), digest_library_version(), libpq);
	return EXIT_OK;
}
