/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "repostal/buf.h"
#include "repostal/rsa_key.h"

enum {
	PRINT_SIZE_MAX = 16 * 1024
};

static const char help[] =
	"Usage: repostal keygen FILE\n"
	"\n"
	"Makes an RSA-2048 key for signing webhooks and writes it to FILE (PEM, mode\n"
	"0600). A file that exists is never overwritten.\n"
	"\n"
	"Prints what receivers need to verify the signatures. Lines with '#' are for\n"
	"people:\n"
	"\n"
	"  -----BEGIN PUBLIC KEY-----   the public key as PEM, as in a .pem file\n"
	"  p: BASE64                    the same as bare base64: Postal's p= value,\n"
	"                               which most receivers ask for\n"
	"  kid: HEX                     key id: X-Postal-Signature-KID, kid in the JWKS\n"
	"\n"
	"For scripts:\n"
	"\n"
	"  repostal keygen signing.key > public.txt\n"
	"  sed -n '/BEGIN/,/END/p' public.txt   the PEM\n"
	"  sed -n 's/^p: //p' public.txt        the bare base64\n"
	"  sed -n 's/^kid: //p' public.txt      the key id\n"
	"\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit: 0 done, 1 it failed or FILE exists, 2 wrong usage.\n";

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

int command_keygen(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int found;

	opterr = 0;
	while ((found = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (found == 'h')
			return cli_help(help);
		return cli_option_error("keygen", found, argv, options);
	}
	if (optind == argc)
		return cli_usage_error("keygen", "FILE is missing");
	if (optind + 1 < argc)
		return cli_usage_error("keygen", "one FILE only, not also '%s'", argv[optind + 1]);
	if (argv[optind][0] == '\0')
		return cli_usage_error("keygen", "FILE is empty");
	return generate(argv[optind]);
}
