/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <sys/sysinfo.h>
#include <time.h>

#include <curl/curl.h>

#include "cli/command/command_line.h"
#include "cli/command/message.h"
#include "receiver.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/text.h"
#include "trial/trial.h"

enum {
	PORT_DEFAULT = 3000,
	PORT_MAX = 65535,
	THREADS_MAX = 4,
	BODY_SIZE_MAX = 1024 * 1024,
	CONNECTIONS_MAX = 4096,
	REQUEST_TIMEOUT_MS = 30 * 1000,
	DELAY_MS_MAX = 60 * 60 * 1000,
};

#define ADDRESS_DEFAULT "127.0.0.1"

struct listen_options {
	struct receiver_settings receiver;
	char *address;
	int64_t port;
	const char *key;
	const char *jwks;
};

static bool take_delay(void *options, const struct command_option *option, char *text)
{
	struct listen_options *settings = options;
	int64_t delay_ms;

	(void)option;
	if (!text_parse_uint(slice_text(text), &delay_ms) &&
		!text_parse_duration_ms(slice_text(text), &delay_ms)) {
		cli_usage_error("listen",
			"--delay '%s': neither milliseconds nor a time such as \"2s\"", text);
		return false;
	}
	if (delay_ms > DELAY_MS_MAX) {
		cli_usage_error("listen", "--delay '%s': more than an hour", text);
		return false;
	}
	settings->receiver.delay_ms = delay_ms;
	return true;
}

static bool take_answer(void *options, const struct command_option *option, char *text)
{
	struct listen_options *settings = options;
	struct error err;

	(void)option;
	if (answer_plan_add(&settings->receiver.plan, slice_text(text), &err) == STATUS_OK)
		return true;
	cli_usage_error("listen", "--answer '%s': %s", text, err.text);
	return false;
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

static int listen_with_keys(struct listen_options *settings)
{
	int exit_code;

	if (settings->key != NULL && settings->jwks != NULL)
		return cli_usage_error("listen", "either --key or --jwks, not both");
	exit_code = load_keys(settings, &settings->receiver.keys);
	if (exit_code == EXIT_OK)
		exit_code = serve(settings);
	receiver_keys_free(&settings->receiver.keys);
	return exit_code;
}

static const struct command_action actions[] = {
	{ .usage = "[OPTION...]" },
};

static const struct command_option rows[] = {
	{ .name = "port",
		.letter = 'p',
		.value = "PORT",
		.kind = OPTION_NUMBER,
		OPTION_INTO(struct listen_options, port),
		.max = PORT_MAX,
		.fallback = "3000",
		.help = "0 takes any free one" },
	{ .name = "address",
		.value = "ADDRESS",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct listen_options, address),
		.fallback = ADDRESS_DEFAULT,
		.help = "where to listen" },
	{ .name = "key",
		.value = "PUB",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct listen_options, key),
		.help = "check X-Postal-Signature and -256 with this public key: a file with PEM "
			"or bare base64, or the base64" },
	{ .name = "jwks",
		.value = "URL",
		.kind = OPTION_TEXT,
		OPTION_INTO(struct listen_options, jwks),
		.help = "check with the keys at this URL; fetched at the start, and when an "
			"unknown key id arrives (at most once in 10 s)" },
	{ .name = "answer",
		.value = "CODE[:SHARE]",
		.kind = OPTION_OWN,
		.take = take_answer,
		.help = "answer CODE, or CODE to a share (such as 0.25) of the requests; may be "
			"repeated; the rest gets 200" },
	{ .name = "delay",
		.value = "MS",
		.kind = OPTION_OWN,
		.take = take_delay,
		.help = "answer after so many milliseconds (also \"2s\")" },
	{ .name = "quiet",
		.letter = 'q',
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct listen_options, receiver.quiet),
		.help = "do not print each envelope, but each second a line of totals if something "
			"arrived" },
	OPTION_ROW_HELP,
};

const struct command command_listen = {
	.name = "listen",
	.summary = "receive Postal webhooks, print and verify them",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Receives Postal webhooks on any path, for trying out: prints each envelope and "
		 "checks its signatures. The first line printed is \"listening on URL\".",
	.notes = "Signatures are verified, BAD, none (not sent), or not checked (no key given). "
		 "Totals are printed as name=value; distinct and duplicates count uuids, up to "
		 "six million of them. Ctrl-C stops and prints the totals.",
	.exit_ok = "done",
	.exit_failed = "it failed or a signature was bad",
};

int run_listen(int argc, char **argv)
{
	static char address[] = ADDRESS_DEFAULT;
	struct listen_options settings = { .address = address, .port = PORT_DEFAULT };
	struct command_line line;
	int exit_code;

	answer_plan_init(&settings.receiver.plan);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (command_line_read(&command_listen, argc, argv, &settings, &line))
		exit_code = listen_with_keys(&settings);
	else
		exit_code = line.exit_code;
	curl_global_cleanup();
	return exit_code;
}
