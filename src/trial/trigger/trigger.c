/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cli/command/command_line.h"
#include "cli/command/message.h"
#include "cli/show/json_show.h"
#include "load.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/secret.h"
#include "repostal/text.h"
#include "repostal/url.h"
#include "trial/trial.h"

enum {
	COUNT_DEFAULT = 10,
	CONCURRENCY_DEFAULT = 4,
	CONCURRENCY_MAX = 10000,
	TIMEOUT_MS_DEFAULT = 30 * 1000,
	SUMMARY_SIZE_MAX = 64 * 1024,
	URL_SIZE_MAX = 256 * 1024,
	SCHEME_SIZE_MAX = 64,
	HEADER_SIZE_MAX = 256 * 1024,
};

#define COUNT_MAX INT64_C(1000000000000)
static const double RATE_MAX = 1e6;

struct trigger_options {
	struct load_settings load;
	char *token; /* owned; NULL: none */
	bool json;
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int number)
{
	(void)number;
	stop_asked = 1;
}

/* A second signal ends the process at once. */
static void catch_stop(void)
{
	struct sigaction action = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool take_rate(void *options, const struct command_option *option, char *text)
{
	struct trigger_options *settings = options;
	double rate;

	(void)option;
	if (!text_parse_rate(slice_text(text), &rate) &&
		!text_parse_double(slice_text(text), &rate)) {
		cli_usage_error("trigger",
			"-r, --rate '%s': not a rate such as \"100\" or \"600/m\"", text);
		return false;
	}
	if (rate <= 0 || rate > RATE_MAX) {
		cli_usage_error("trigger", "-r, --rate '%s': not above 0 and at most %.0f/s", text,
			RATE_MAX);
		return false;
	}
	settings->load.rate_per_second = rate;
	return true;
}

/* Other accounts see it in the list of processes. Its length says nothing either: what is left is an empty text. */
static void hide_argument(char *argument)
{
	size_t size = strlen(argument);

	if (strncmp(argument, "env:", 4) == 0 || strncmp(argument, "file:", 5) == 0)
		return;
	memset(argument, 0, size);
	memcpy(argument, "***", size < 3 ? size : 3);
}

static bool is_token_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* What "env:NAME" or "file:/path" stands for, to be freed; NULL after the message. */
static char *resolve_secret(const char *option, const char *text)
{
	struct error err;
	char *secret = secret_resolve(text, &err);

	if (secret == NULL)
		cli_usage_error("trigger", "%s %s", option, err.text);
	return secret;
}

static void append_header(struct trigger_options *settings, struct slice name, const char *value)
{
	struct buf header;

	buf_init(&header, HEADER_SIZE_MAX);
	buf_append_slice(&header, name);
	buf_printf(&header, ": %s", value);
	settings->load.headers = curl_slist_append(settings->load.headers, header.data);
	REPOSTAL_ASSERT(settings->load.headers != NULL);
	buf_free(&header);
}

/* "Name: value" on one line; curl would silently drop or misread anything else. */
static bool take_header(void *options, const struct command_option *option, char *text)
{
	struct trigger_options *settings = options;
	size_t name_size = 0;
	char *value;
	char *secret;
	bool is_good;

	(void)option;
	while (is_token_character(text[name_size]))
		name_size++;
	if (name_size == 0 || text[name_size] != ':') {
		cli_usage_error(
			"trigger", "-H, --header '%s': not of the form 'Name: value'", text);
		return false;
	}
	value = text + name_size + 1;
	value += strspn(value, " \t");
	secret = resolve_secret("-H, --header", value);
	if (secret == NULL)
		return false;
	hide_argument(value);
	is_good = strpbrk(secret, "\r\n") == NULL && strlen(secret) < HEADER_SIZE_MAX / 2;
	if (is_good)
		append_header(settings, slice_of(text, name_size), secret);
	else
		cli_usage_error("trigger",
			"-H, --header '%.*s': the value is too long, or has more than one line",
			(int)name_size, text);
	free(secret);
	return is_good;
}

static bool take_token(void *options, const struct command_option *option, char *text)
{
	struct trigger_options *settings = options;

	(void)option;
	free(settings->token);
	settings->token = resolve_secret("--token", text);
	hide_argument(text);
	return settings->token != NULL;
}

static bool take_timeout(void *options, const struct command_option *option, char *text)
{
	struct trigger_options *settings = options;
	int64_t *timeout_ms = &settings->load.timeout_ms;

	(void)option;
	if (text_parse_duration_ms(slice_text(text), timeout_ms) && *timeout_ms > 0 &&
		*timeout_ms <= INT32_MAX)
		return true;
	cli_usage_error("trigger", "--timeout '%s': not a time such as \"500ms\" or \"5s\"", text);
	return false;
}

static bool is_http(const struct url *url)
{
	struct buf scheme;
	bool is;

	buf_init(&scheme, SCHEME_SIZE_MAX);
	url_append_part(url, URL_SCHEME, &scheme);
	is = slice_is(buf_slice(&scheme), "http") || slice_is(buf_slice(&scheme), "https");
	buf_free(&scheme);
	return is;
}

/* The URL with the token in its query; false after the message. */
static bool make_url(const char *text, const char *token, struct buf *out)
{
	struct url *url = url_parse(text);
	bool is_good = url != NULL && is_http(url);

	if (!is_good) {
		cli_usage_error("trigger", "'%s' is not an http:// or https:// URL", text);
	} else if (token != NULL && !url_add_parameter(url, "token", token)) {
		cli_usage_error("trigger", "--token is too long");
		is_good = false;
	} else {
		url_append(url, out);
	}
	url_free(&url);
	return is_good;
}

/* A token may be in the path, in the query, or before the '@'; the host stays. */
static void hide_url(char *text)
{
	char *host = strstr(text, "://");
	char *rest, *at;

	host = host == NULL ? text : host + 3;
	rest = host + strcspn(host, "/?#");
	if (rest[0] != '\0' && rest[1] != '\0')
		hide_argument(rest + 1);
	at = memchr(host, '@', (size_t)(rest - host));
	if (at != NULL)
		memset(host, '*', (size_t)(at - host));
}

static void print_result(const struct load_result *result, bool as_json)
{
	json_t *json;
	struct buf text;

	if (as_json) {
		json = load_to_json(result);
		show_print_json(json);
		putchar('\n');
		json_decref(json);
		return;
	}
	buf_init(&text, SUMMARY_SIZE_MAX);
	load_print(result, &text);
	fwrite(text.data, 1, text.size, stdout);
	buf_free(&text);
}

static int post_all(const struct trigger_options *settings)
{
	struct load_result *result = memory_zalloc(sizeof(*result));
	int exit_code = EXIT_OK;
	struct error err;

	catch_stop();
	if (load_run(&settings->load, &stop_asked, result, &err) != STATUS_OK) {
		exit_code = cli_failure("trigger", "%s", err.text);
	} else {
		print_result(result, settings->json);
		if (load_acknowledged(result) != result->sent)
			exit_code = EXIT_FAILED;
	}
	free(result);
	return exit_code;
}

static int post_to(struct trigger_options *settings, char *argument)
{
	int exit_code = EXIT_USAGE;
	struct buf url;

	buf_init(&url, URL_SIZE_MAX);
	if (make_url(argument, settings->token, &url)) {
		hide_url(argument);
		settings->load.url = url.data;
		if (settings->load.concurrency > settings->load.count)
			settings->load.concurrency = settings->load.count;
		exit_code = post_all(settings);
	}
	buf_free(&url);
	return exit_code;
}

static const struct command_action actions[] = {
	{ .operand = "URL", .need = OPERAND_REQUIRED, .usage = "[OPTION...] URL" },
};

static const struct command_option rows[] = {
	{ .name = "count",
		.letter = 'n',
		.value = "N",
		.kind = OPTION_NUMBER,
		OPTION_INTO(struct trigger_options, load.count),
		.min = 1,
		.max = COUNT_MAX,
		.fallback = "10",
		.help = "how many events" },
	{ .name = "rate",
		.letter = 'r',
		.value = "RATE",
		.kind = OPTION_OWN,
		.take = take_rate,
		.fallback = "as fast as they are answered",
		.help = "how often: \"100\" or \"100/s\", \"600/m\", \"10/h\"" },
	{ .name = "concurrency",
		.value = "C",
		.kind = OPTION_NUMBER,
		OPTION_INTO(struct trigger_options, load.concurrency),
		.min = 1,
		.max = CONCURRENCY_MAX,
		.fallback = "4",
		.help = "at most so many at a time, each on a connection that is used again" },
	{ .name = "kind",
		.value = "K",
		.kind = OPTION_WORD,
		OPTION_INTO(struct trigger_options, load.kind),
		.words = sample_kind_names,
		.fallback = "mix",
		.help = "delivered, bounce, soft-bounce, drop, or mix: 75 % delivered, 10 % hard "
			"and 10 % soft bounces, 5 % drops" },
	{ .name = "encoding",
		.value = "E",
		.kind = OPTION_WORD,
		OPTION_INTO(struct trigger_options, load.encoding),
		.words = sample_encoding_names,
		.fallback = "json",
		.help = "json, form or multipart" },
	{ .name = "token",
		.value = "T",
		.kind = OPTION_OWN,
		.take = take_token,
		.help = "adds token=T to the query" },
	{ .name = "header",
		.letter = 'H',
		.value = "'N: V'",
		.kind = OPTION_OWN,
		.take = take_header,
		.help = "one more request header; may be repeated" },
	{ .name = "timeout",
		.value = "TIME",
		.kind = OPTION_OWN,
		.take = take_timeout,
		.fallback = "30s",
		.help = "of one request, such as \"5s\"" },
	{ .name = "insecure",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct trigger_options, load.insecure),
		.help = "take any TLS certificate" },
	{ .name = "json",
		.kind = OPTION_SWITCH,
		OPTION_INTO(struct trigger_options, json),
		.help = "print the summary as one line of JSON" },
	OPTION_ROW_HELP,
};

const struct command command_trigger = {
	.name = "trigger",
	.summary = "post sample BizMail events, print latencies",
	.actions = actions,
	.actions_count = ARRAY_COUNT(actions),
	.options = rows,
	.options_count = ARRAY_COUNT(rows),
	.about = "Posts sample BizMail events to URL, each with a message id of its own, and "
		 "prints how they were answered. To try out, and to load.",
	.notes = "URL may hold user:password@. Proxies of the environment are not used. T and V "
		 "may be \"env:NAME\" or \"file:/path\". Written out, they and what follows the "
		 "host in URL are overwritten in the list of processes as soon as they are "
		 "read.\n\n"
		 "Latencies are those of acknowledged (2xx) events. With --rate they count from "
		 "the moment the event was due, not from when a connection was free to send it: "
		 "a receiver that stalls is charged for everything it keeps waiting (no "
		 "coordinated omission). Without --rate they count from the start of the "
		 "request. What is a duplicate or quarantined is what the answer says.\n\n"
		 "Ctrl-C stops and prints the summary of what was done.",
	.exit_ok = "every event that was sent was acknowledged with 2xx",
	.exit_failed = "not every one",
};

int run_trigger(int argc, char **argv)
{
	struct trigger_options settings = {
		.load = {
			.count = COUNT_DEFAULT,
			.concurrency = CONCURRENCY_DEFAULT,
			.kind = SAMPLE_MIX,
			.encoding = SAMPLE_JSON,
			.timeout_ms = TIMEOUT_MS_DEFAULT,
		},
	};
	struct command_line line;
	int exit_code;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (command_line_read(&command_trigger, argc, argv, &settings, &line))
		exit_code = post_to(&settings, line.operands[0]);
	else
		exit_code = line.exit_code;
	curl_slist_free_all(settings.load.headers);
	free(settings.token);
	curl_global_cleanup();
	return exit_code;
}
