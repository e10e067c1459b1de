/* SPDX-License-Identifier: MIT */
#include "load_config.h"

#include <stdio.h>

#include "command.h"
#include "repostal/buf.h"

enum {
	REPORT_SIZE_MAX = 4 * 1024 * 1024
};

int cli_load_config(const char *path, enum config_secrets secrets, struct config **config_out)
{
	enum status status;
	struct buf report;

	buf_init(&report, REPORT_SIZE_MAX);
	status = config_load(path, secrets, config_out, &report);
	/* That a token is short is for whoever runs the gateway, not for who asks it something. */
	if (status != STATUS_OK)
		fwrite(report.data, 1, report.size, stderr);
	buf_free(&report);
	return status == STATUS_OK ? EXIT_OK : EXIT_CONFIG;
}

int cli_examine_config(
	const char *path, config_examiner *examine, void *context, struct config **config_out)
{
	enum status status;
	struct buf report;

	buf_init(&report, REPORT_SIZE_MAX);
	status = config_load_examined(path, examine, context, config_out, &report);
	if (report.size > 0)
		fwrite(report.data, 1, report.size, stderr);
	buf_free(&report);
	if (status == STATUS_BUSY)
		return EXIT_FAILED;
	return status == STATUS_OK ? EXIT_OK : EXIT_CONFIG;
}
