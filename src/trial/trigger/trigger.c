/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cli/command/command.h"
#include "cli/command/message.h"
#include "load.h"
#include "repostal/buf.h"
#include "repostal/memory.h"
#include "repostal/secret.h"
#include "repostal/text.h"

enum {
	COUNT_DEFAULT = 10,
	CONCURRENCY_DEFAULT = 4,
	CONCURRENCY_MAX = 10000,
	TIMEOUT_MS_DEFAULT = 30 * 1000,
	SUMMARY_SIZE_MAX = 64 * 1024,
	HEADER_SIZE_MAX = 256 * 1024,
};

static const int64_t COUNT_MAX = INT64_C(1000000000000);
static const double RATE_MAX = 1e6;

static const char help[] =
	"Usage: repostal trigger [OPTION...] URL\n"
	"\n"
	"Posts sample BizMail events to URL, each with a message id of its own, and\n"
	"prints how they were answered. To try out, and to load.\n"
	"\n"
	"  -n, --count N          how many events (10)\n"
	"  -r, --rate RATE        how often: \"100\" or \"100/s\", \"600/m\", \"10/h\"\n"
	"                         (as fast as they are answered)\n"
	"      --concurrency C    at most so many at a time, each on a connection that\n"
	"                         is used again (4)\n"
	"      --kind K           delivered, bounce, soft-bounce, drop, or mix: 75 %\n"
	"                         delivered, 10 % hard and 10 % soft bounces, 5 % drops\n"
	"                         (mix)\n"
	"      --encoding E       json, form or multipart (json)\n"
	"      --token T          adds token=T to the query\n"
	"  -H, --header 'N: V'    one more request header; may be repeated\n"
	"      --timeout TIME     of one request, such as \"5s\" (30s)\n"
	"      --insecure         take any TLS certificate\n"
	"      --json             print the summary as one line of JSON\n"
	"  -h, --help             this text\n"
	"\n"
	"URL may hold user:password@. Proxies of the environment are not used. T and V may be\n"
	"\"env:NAME\" or \"file:/path\". Written out, they and what follows the host in URL are\n"
	"overwritten in the list of processes as soon as they are read.\n"
	"\n"
	"Latencies are those of acknowledged (2xx) events. With --rate they count from\n"
	"the moment the event was due, not from when a connection was free to send it: a\n"
	"receiver that stalls is charged for everything it keeps waiting (no coordinated\n"
	"omission). Without --rate they count from the start of the request. What is a\n"
	"duplicate or quarantined is what the answer says.\n"
	"\n"
	"Ctrl-C stops and prints the summary of what was done.\n"
	"\n"
	"Exit: 0 every event that was sent was acknowledged with 2xx, 1 not every one,\n"
	"2 wrong usage.\n";

enum option_name {
	OPTION_CONCURRENCY = 256,
	OPTION_KIND,
	OPTION_ENCODING,
	OPTION_TOKEN,
	OPTION_TIMEOUT,
	OPTION_INSECURE,
	OPTION_JSON,
};

static const struct option options[] = {
	{ "count", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'r' },
	{ "concurrency", required_argument, NULL, OPTION_CONCURRENCY },
	{ "kind", required_argument, NULL, OPTION_KIND },
	{ "encoding", required_argument, NULL, OPTION_ENCODING },
	{ "token", required_argument, NULL, OPTION_TOKEN },
	{ "header", required_argument, NULL, 'H' },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "insecure", no_argument, NULL, OPTION_INSECURE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct trigger_options {
	struct load_settings load;
	char *token; /* owned; NULL: none */
	bool json;
	bool help;
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

static bool parse_rate(const char *text, double *out)
{
	double rate;

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
	*out = rate;
	return true;
}

static bool is_token_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* What "env:NAME" or "file:/path" stands for, to be freed; NULL after the message. */
static char *take_secret(const char *option, const char *text)
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
static bool add_header(struct trigger_options *settings, char *text)
{
	size_t name_size = 0;
	char *value;
	char *secret;
	bool is_good;

	while (is_token_character(text[name_size]))
		name_size++;
	if (name_size == 0 || text[name_size] != ':') {
		cli_usage_error(
			"trigger", "-H, --header '%s': not of the form 'Name: value'", text);
		return false;
	}
	value = text + name_size + 1;
	value += strspn(value, " \t");
	secret = take_secret("-H, --header", value);
	if (secret == NULL)
		return false;
	cli_hide_argument(value);
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

static bool parse_timeout(const char *text, int64_t *out_ms)
{
	if (text_parse_duration_ms(slice_text(text), out_ms) && *out_ms > 0 && *out_ms <= INT32_MAX)
		return true;
	cli_usage_error("trigger", "--timeout '%s': not a time such as \"500ms\" or \"5s\"", text);
	return false;
}

/* EXIT_OK, or the exit code after the message. */
static int take_option(struct trigger_options *settings, int found, char **argv)
{
	struct load_settings *load = &settings->load;
	bool good = true;

	switch (found) {
	case 'n':
		good = cli_parse_number(
			"trigger", "-n, --count", optarg, 1, COUNT_MAX, &load->count);
		break;
	case 'r':
		good = parse_rate(optarg, &load->rate_per_second);
		break;
	case 'H':
		good = add_header(settings, optarg);
		break;
	case 'h':
		settings->help = true;
		break;
	case OPTION_CONCURRENCY:
		good = cli_parse_number(
			"trigger", "--concurrency", optarg, 1, CONCURRENCY_MAX, &load->concurrency);
		break;
	case OPTION_KIND:
		good = sample_kind_parse(optarg, &load->kind);
		if (!good)
			cli_usage_error("trigger",
				"--kind '%s': not one of delivered, bounce, soft-bounce, drop, mix",
				optarg);
		break;
	case OPTION_ENCODING:
		good = sample_encoding_parse(optarg, &load->encoding);
		if (!good)
			cli_usage_error("trigger",
				"--encoding '%s': not one of json, form, multipart", optarg);
		break;
	case OPTION_TOKEN:
		free(settings->token);
		settings->token = take_secret("--token", optarg);
		cli_hide_argument(optarg);
		good = settings->token != NULL;
		break;
	case OPTION_TIMEOUT:
		good = parse_timeout(optarg, &load->timeout_ms);
		break;
	case OPTION_INSECURE:
		load->insecure = true;
		break;
	case OPTION_JSON:
		settings->json = true;
		break;
	default:
		return cli_option_error("trigger", found, argv, options);
	}
	return good ? EXIT_OK : EXIT_USAGE;
}

/* The URL with the token in its query, to be freed with curl_free(); NULL after the message. */
static char *make_url(const char *text, const char *token)
{
	CURLU *url = curl_url();
	char *escaped = NULL;
	char *scheme = NULL;
	char *result = NULL;
	struct buf query;

	REPOSTAL_ASSERT(url != NULL);
	buf_init(&query, SUMMARY_SIZE_MAX);
	if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		(strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
		cli_usage_error("trigger", "'%s' is not an http:// or https:// URL", text);
		goto out;
	}
	if (token != NULL) {
		escaped = curl_easy_escape(NULL, token, 0);
		REPOSTAL_ASSERT(escaped != NULL);
		buf_printf(&query, "token=%s", escaped);
		if (query.overflowed || curl_url_set(url, CURLUPART_QUERY, query.data,
						CURLU_APPENDQUERY) != CURLUE_OK) {
			cli_usage_error("trigger", "--token is too long");
			goto out;
		}
	}
	curl_url_get(url, CURLUPART_URL, &result, 0);
	REPOSTAL_ASSERT(result != NULL);
out:
	buf_free(&query);
	curl_free(scheme);
	curl_free(escaped);
	curl_url_cleanup(url);
	return result;
}

/* A token may be in the path, in the query, or before the '@'; the host stays. */
static void hide_url(char *text)
{
	char *host = strstr(text, "://");
	char *rest, *at;

	host = host == NULL ? text : host + 3;
	rest = host + strcspn(host, "/?#");
	if (rest[0] != '\0' && rest[1] != '\0')
		cli_hide_argument(rest + 1);
	at = memchr(host, '@', (size_t)(rest - host));
	if (at != NULL)
		memset(host, '*', (size_t)(at - host));
}

static int post_all(const struct trigger_options *settings)
{
	struct load_result *result = memory_zalloc(sizeof(*result));
	int exit_code = EXIT_FAILED;
	struct error err;
	struct buf summary;

	buf_init(&summary, SUMMARY_SIZE_MAX);
	catch_stop();
	if (load_run(&settings->load, &stop_asked, result, &err) != STATUS_OK) {
		cli_failure("trigger", "%s", err.text);
		goto out;
	}
	if (settings->json)
		load_print_json(result, &summary);
	else
		load_print(result, &summary);
	fwrite(summary.data, 1, summary.size, stdout);
	if (load_acknowledged(result) == result->sent)
		exit_code = EXIT_OK;
out:
	buf_free(&summary);
	free(result);
	return exit_code;
}

static int run(struct trigger_options *settings, int argc, char **argv)
{
	char *url;
	int exit_code;

	if (optind == argc)
		return cli_usage_error("trigger", "URL is missing");
	if (optind + 1 < argc)
		return cli_usage_error("trigger", "one URL only, not also '%s'", argv[optind + 1]);
	url = make_url(argv[optind], settings->token);
	if (url == NULL)
		return EXIT_USAGE;
	hide_url(argv[optind]);
	settings->load.url = url;
	if (settings->load.concurrency > settings->load.count)
		settings->load.concurrency = settings->load.count;
	exit_code = post_all(settings);
	curl_free(url);
	return exit_code;
}

int command_trigger(int argc, char **argv)
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
	int exit_code = EXIT_OK;
	int found;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	opterr = 0;
	while (exit_code == EXIT_OK && !settings.help &&
		(found = getopt_long(argc, argv, ":n:r:H:h", options, NULL)) != -1)
		exit_code = take_option(&settings, found, argv);
	if (exit_code == EXIT_OK)
		exit_code = settings.help ? cli_help(help) : run(&settings, argc, argv);
	curl_slist_free_all(settings.load.headers);
	free(settings.token);
	curl_global_cleanup();
	return exit_code;
}
