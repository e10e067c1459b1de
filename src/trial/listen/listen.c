/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/sysinfo.h>
#include <time.h>

#include <curl/curl.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "receiver.h"
#include "repostal/clock.h"
#include "repostal/text.h"

enum {
	PORT_DEFAULT = 3000,
	PORT_MAX = 65535,
	THREADS_MAX = 4,
	BODY_SIZE_MAX = 1024 * 1024,
	CONNECTIONS_MAX = 4096,
	REQUEST_TIMEOUT_MS = 30 * 1000,
	DELAY_MS_MAX = 60 * 60 * 1000,
};

static const char help[] =
	"Usage: repostal listen [OPTION...]\n"
	"\n"
	"Receives Postal webhooks on any path, for trying out: prints each envelope and\n"
	"checks its signatures. The first line printed is \"listening on URL\".\n"
	"\n"
	"  -p, --port PORT            0 takes any free one (3000)\n"
	"      --address ADDRESS      where to listen (127.0.0.1)\n"
	"      --key PUB              check X-Postal-Signature and -256 with this public\n"
	"                             key: a file with PEM or bare base64, or the base64\n"
	"      --jwks URL             check with the keys at this URL; fetched at the\n"
	"                             start, and when an unknown key id arrives (at most\n"
	"                             once in 10 s)\n"
	"      --answer CODE[:SHARE]  answer CODE, or CODE to a share (such as 0.25) of\n"
	"                             the requests; may be repeated; the rest gets 200\n"
	"      --delay MS             answer after so many milliseconds (also \"2s\")\n"
	"  -q, --quiet                do not print each envelope, but each second a line\n"
	"                             of totals if something arrived\n"
	"  -h, --help                 this text\n"
	"\n"
	"Signatures are verified, BAD, none (not sent), or not checked (no key given).\n"
	"Totals are printed as name=value; distinct and duplicates count uuids, up to six\n"
	"million of them. Ctrl-C stops and prints the totals.\n"
	"\n"
	"Exit: 0 done, 1 it failed or a signature was bad, 2 wrong usage.\n";

enum option_name {
	OPTION_ADDRESS = 256,
	OPTION_KEY,
	OPTION_JWKS,
	OPTION_ANSWER,
	OPTION_DELAY
};

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "address", required_argument, NULL, OPTION_ADDRESS },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "jwks", required_argument, NULL, OPTION_JWKS },
	{ "answer", required_argument, NULL, OPTION_ANSWER },
	{ "delay", required_argument, NULL, OPTION_DELAY },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct listen_options {
	struct receiver_settings receiver;
	char *address;
	int64_t port;
	const char *key;
	const char *jwks;
	bool help;
};

static int parse_delay(const char *text, int64_t *out_ms)
{
	int64_t delay_ms;

	if (!text_parse_uint(slice_text(text), &delay_ms) &&
		!text_parse_duration_ms(slice_text(text), &delay_ms))
		return cli_usage_error("listen",
			"--delay '%s': neither milliseconds nor a time such as \"2s\"", text);
	if (delay_ms > DELAY_MS_MAX)
		return cli_usage_error("listen", "--delay '%s': more than an hour", text);
	*out_ms = delay_ms;
	return EXIT_OK;
}

static int parse_answer(const char *text, struct answer_plan *plan)
{
	struct error err;

	if (answer_plan_add(plan, slice_text(text), &err) != STATUS_OK)
		return cli_usage_error("listen", "--answer '%s': %s", text, err.text);
	return EXIT_OK;
}

/* EXIT_OK, or the exit code after the message. */
static int take_option(struct listen_options *settings, int found, char **argv)
{
	switch (found) {
	case 'p':
		if (!cli_parse_number("listen", "-p, --port", optarg, 0, PORT_MAX, &settings->port))
			return EXIT_USAGE;
		return EXIT_OK;
	case 'q':
		settings->receiver.quiet = true;
		return EXIT_OK;
	case 'h':
		settings->help = true;
		return EXIT_OK;
	case OPTION_ADDRESS:
		settings->address = optarg;
		return EXIT_OK;
	case OPTION_KEY:
		settings->key = optarg;
		return EXIT_OK;
	case OPTION_JWKS:
		settings->jwks = optarg;
		return EXIT_OK;
	case OPTION_ANSWER:
		return parse_answer(optarg, &settings->receiver.plan);
	case OPTION_DELAY:
		return parse_delay(optarg, &settings->receiver.delay_ms);
	default:
		return cli_option_error("listen", found, argv, options);
	}
}

static int load_keys(const struct listen_options *settings, struct receiver_keys **keys_out)
{
	struct error err;

	if (settings->key != NULL && receiver_keys_load(settings->key, keys_out, &err) != STATUS_OK)
		return cli_failure("listen", "--key '%s': %s", settings->key, err.text);
	/* A gateway that is started after its receiver has its JWKS a moment later. */
	if (settings->jwks != NULL &&
		receiver_keys_fetch(settings->jwks, keys_out, &err) != STATUS_OK)
		cli_failure("listen", "no keys yet, will try again: %s", err.text);
	return EXIT_OK;
}

static int thread_count(void)
{
	int cores = get_nprocs();

	return cores < THREADS_MAX ? cores : THREADS_MAX;
}

/* Blocked in every thread, so that only the main one hears of them. */
static void block_stop_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static void run_until_stopped(struct receiver *receiver, bool quiet, const sigset_t *signals)
{
	int64_t next_ms = clock_monotonic_ms() + 1000;

	for (;;) {
		int64_t left_ms = next_ms - clock_monotonic_ms();
		struct timespec timeout = { 0 };

		if (left_ms <= 0) {
			next_ms += 1000;
			if (quiet)
				receiver_print_progress(receiver);
			continue;
		}
		timeout.tv_sec = left_ms / 1000;
		timeout.tv_nsec = left_ms % 1000 * 1000000;
		if (sigtimedwait(signals, NULL, &timeout) > 0)
			return;
	}
}

static int serve(struct listen_options *settings)
{
	struct http_settings http = {
		.address = settings->address,
		.port = (int)settings->port,
		.threads = thread_count(),
		.max_body = BODY_SIZE_MAX,
		.max_connections = CONNECTIONS_MAX,
		.request_timeout_ms = REQUEST_TIMEOUT_MS,
	};
	struct receiver *receiver = receiver_new(&settings->receiver);
	int exit_code = EXIT_OK;
	struct error err;
	sigset_t signals;

	block_stop_signals(&signals);
	if (receiver_start(receiver, &http, &err) != STATUS_OK) {
		exit_code = cli_failure("listen", "%s", err.text);
		goto out;
	}
	run_until_stopped(receiver, settings->receiver.quiet, &signals);
	/* A second signal ends the process at once. */
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	receiver_stop(receiver);
	receiver_print_totals(receiver);
	if (receiver_saw_bad_signature(receiver))
		exit_code = EXIT_FAILED;
out:
	receiver_free(&receiver);
	return exit_code;
}

static int run(struct listen_options *settings, int argc, char **argv)
{
	int exit_code;

	if (optind < argc)
		return cli_usage_error("listen", "unexpected argument '%s'", argv[optind]);
	if (settings->key != NULL && settings->jwks != NULL)
		return cli_usage_error("listen", "either --key or --jwks, not both");
	exit_code = load_keys(settings, &settings->receiver.keys);
	if (exit_code == EXIT_OK)
		exit_code = serve(settings);
	receiver_keys_free(&settings->receiver.keys);
	return exit_code;
}

int command_listen(int argc, char **argv)
{
	static char address_default[] = "127.0.0.1";
	struct listen_options settings = { .address = address_default, .port = PORT_DEFAULT };
	int exit_code = EXIT_OK;
	int found;

	answer_plan_init(&settings.receiver.plan);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	opterr = 0;
	while (exit_code == EXIT_OK && !settings.help &&
		(found = getopt_long(argc, argv, ":p:qh", options, NULL)) != -1)
		exit_code = take_option(&settings, found, argv);
	if (exit_code == EXIT_OK)
		exit_code = settings.help ? cli_help(help) : run(&settings, argc, argv);
	curl_global_cleanup();
	return exit_code;
}
