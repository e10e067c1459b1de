/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli/command/command.h"
#include "cli/command/command_line.h"
#include "cli/command/message.h"
#include "cli/commands.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/rsa_key.h"

enum {
	PRINT_SIZE_MAX = 16 * 1024
};

static int generate(const char *path)
{
	struct rsa_key *key = NULL;
	struct error err;
	struct buf out;

	if (rsa_key_generate(path, &key, &err) != STATUS_OK)
		return cli_failure("keygen", "%s", err.text);
	buf_init(&out, PRINT_SIZE_MAX);
	buf_append_text(&out, "# public key\n");
	rsa_key_print_pem(key, &out);
	buf_append_text(&out, "# the same as bare base64, Postal's p= value\np: ");
	rsa_key_print_base64(key, &out);
	buf_printf(&out, "\n# key id, X-Postal-Signature-KID\nkid: %s\n", rsa_key_id(key));
	fwrite(out.data, 1, out.size, stdout);
	buf_free(&out);
	rsa_key_free(&key);
	return EXIT_OK;
}

static const struct command_action actions[] = {
	{ .operand = "FILE", .need = OPERAND_REQUIRED, .usage = "FILE" },
};

static const struct command_option rows[] = {
	OPTION_ROW_HELP,
};

const struct command command_keygen = {
	.name = "keygen",
	.summary = "make a signing key",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about =
		"Makes an RSA-2048 key for signing webhooks and writes it to FILE (PEM, mode "
		"0600). A file that exists is never overwritten.\n\n"
		"Prints what receivers need to verify the signatures. Lines with '#' are for "
		"people:\n\n"
		"  -----BEGIN PUBLIC KEY-----   the public key as PEM, as in a .pem file\n"
		"  p: BASE64                    the same as bare base64: Postal's p= value,\n"
		"                               which most receivers ask for\n"
		"  kid: HEX                     key id: X-Postal-Signature-KID, kid in the JWKS\n\n"
		"For scripts:\n\n"
		"  repostal keygen signing.key > public.txt\n"
		"  sed -n '/BEGIN/,/END/p' public.txt   the PEM\n"
		"  sed -n 's/^p: //p' public.txt        the bare base64\n"
		"  sed -n 's/^kid: //p' public.txt      the key id",
	.exit_ok = "done",
	.exit_failed = "it failed or FILE exists",
};

int run_keygen(int argc, char **argv)
{
	struct command_line line;

	if (!command_line_read(&command_keygen, argc, argv, NULL, &line))
		return line.exit_code;
	return generate(command_line_operand(&line));
}
