/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "commit.h"
#include "repostal/digest.h"
#include "repostal/http.h"
#include "repostal/store.h"

static const char help[] =
	"Usage: repostal version\n"
	"\n"
	"Prints the version, the commit that it was built from, and the versions of the\n"
	"libraries in use. repostal --version prints the version alone.\n"
	"\n"
	"Exit: 0 done, 2 wrong usage.\n";

int command_version(int argc, char **argv)
{
	char libpq[STORE_LIBRARY_VERSION_SIZE];

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return cli_help(help);
	if (argc > 1)
		return cli_usage_error("version", "unexpected argument '%s'", argv[1]);
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
