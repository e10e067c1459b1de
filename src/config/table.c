/* SPDX-License-Identifier: MIT */
/*
 * table.c - every setting of repostal.conf, one row each
 *
 * A default is written as in the file and read by the code that reads the file, so it passes the
 * same checks. Rows of one group stand together: config_print() opens and closes groups in this
 * order.
 */
#include "setting.h"

#include "format.h"
#include "repostal/config.h"
#include "repostal/memory.h"

#define FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define LIST(type, member, count_member) \
	FIELD(type, member), .count_offset = offsetof(type, count_member)
#define QUOTED(text) "\"" text "\""
#define IS_FILE .is_file = true, .format = must_be_readable_file
#define EVENT(type) (UINT32_C(1) << (type))

enum {
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	HOUR_MS = 60 * MINUTE_MS,
	DAY_MS = 24 * HOUR_MS,
	KIB = 1024,
	MIB = 1024 * KIB,
};
#define YEARS_10_MS (INT64_C(3650) * DAY_MS)
#define DAYS_30_MS (INT64_C(30) * DAY_MS)

enum {
	TEXT_MAX = SETTING_TEXT_SIZE_MAX,
	NAME_MAX_SIZE = STORE_NAME_SIZE_MAX - 1,
	URL_MAX = 2048,
	TOKEN_MAX = 1024,
	TOKEN_SAFE_SIZE = 16,
	RANGES_MAX = 1024,
	HEADERS_MAX = 64,
};

static const struct setting_choice store_backends[] = {
	{ "sqlite", STORE_SQLITE },
	{ "postgresql", STORE_POSTGRESQL },
	{ NULL, 0 },
};
static const struct setting_choice auth_choices[] = { { "none", 1 }, { NULL, 0 } };
static const struct setting_choice tristates[] = {
	{ "false", POSTAL_FALSE },
	{ "true", POSTAL_TRUE },
	{ "null", POSTAL_NULL },
	{ NULL, 0 },
};
static const struct setting_choice time_choices[] = {
	{ "0", 0 },
	{ "null", 1 },
	{ NULL, 0 },
};
static const struct setting_choice orderings[] = {
	{ "none", TARGET_ORDERING_NONE },
	{ "message", TARGET_ORDERING_MESSAGE },
	{ NULL, 0 },
};
static const struct setting_choice outcome_choices[] = {
	{ "all", 0 },
	{ "final", 1 },
	{ NULL, 0 },
};
static const struct setting_choice log_levels[] = {
	{ "debug", LOG_LEVEL_DEBUG },
	{ "info", LOG_LEVEL_INFO },
	{ "warn", LOG_LEVEL_WARN },
	{ "error", LOG_LEVEL_ERROR },
	{ NULL, 0 },
};
static const struct setting_choice log_formats[] = {
	{ "text", LOG_FORMAT_TEXT },
	{ "json", LOG_FORMAT_JSON },
	{ NULL, 0 },
};

/* clang-format off */

#define S(member) FIELD(struct source_settings, member)
static const struct setting source_rows[] = {
	{ .path = "name", .kind = SETTING_TEXT, S(name), .required = true,
	  .min = 1, .max = NAME_MAX_SIZE, .format = must_be_name,
	  .example = QUOTED("bizmail"),
	  .help = "Name in logs and metrics, and part of each event's identity: keep it" },
	{ .path = "path", .kind = SETTING_ROUTE, S(path), .required = true,
	  .min = 1, .max = 512, .format = must_be_route,
	  .example = QUOTED("/webhooks/bizmail"),
	  .help = "Path that BizMail posts to; also /delivered, /bounced, /dropped below it" },
	{ .path = "auth", .kind = SETTING_CHOICE, S(auth.none), .or_group = true,
	  .choices = auth_choices,
	  .example = QUOTED("none"),
	  .help = "\"none\" lets everybody post; otherwise all that the group gives must hold" },
	{ .path = "auth.token", .kind = SETTING_SECRET, S(auth.token),
	  .min = 1, .max = TOKEN_MAX, .safe_size = TOKEN_SAFE_SIZE,
	  .example = QUOTED("env:BIZMAIL_TOKEN"),
	  .help = "Secret as ?token=, as last path segment or as Authorization: Bearer" },
	{ .path = "auth.basic", .kind = SETTING_SECRET, S(auth.basic),
	  .min = 1, .max = TOKEN_MAX, .format = must_be_basic_credentials, .mask = "***:***",
	  .example = QUOTED("file:/etc/repostal/bizmail.basic"),
	  .help = "Secret \"user:password\" of HTTP Basic authentication" },
	{ .path = "auth.allow", .kind = SETTING_RANGES,
	  LIST(struct source_settings, auth.allow.list, auth.allow.count),
	  .min = 1, .max = RANGES_MAX,
	  .example = "[ \"203.0.113.0/24\" ]",
	  .help = "Addresses that may post; all when not given" },
	{ .path = "defaults.from", .kind = SETTING_TEXT, S(defaults.from), .fallback = QUOTED(""),
	  .max = BIZMAIL_ADDRESS_SIZE_MAX,
	  .example = QUOTED("noreply@example.com"),
	  .help = "Sender of messages when BizMail does not tell it" },
	{ .path = "defaults.subject", .kind = SETTING_TEXT, S(defaults.subject),
	  .fallback = QUOTED(""), .max = 998,
	  .example = QUOTED("Your order"),
	  .help = "Subject of messages, which BizMail never tells" },
	{ .path = "defaults.tag", .kind = SETTING_TEXT, S(defaults.tag), .fallback = QUOTED(""),
	  .max = 255,
	  .example = QUOTED("orders"),
	  .help = "Tag of messages, which BizMail never tells; empty: null" },
};
#undef S

static const struct settings_table source_table = {
	"sources", source_rows, ARRAY_COUNT(source_rows), sizeof(struct source_settings)
};

#define T(member) FIELD(struct target_settings, member)
static const struct setting target_rows[] = {
	{ .path = "name", .kind = SETTING_TEXT, T(name), .required = true,
	  .min = 1, .max = NAME_MAX_SIZE, .format = must_be_name,
	  .example = QUOTED("app"),
	  .help = "Name in logs, metrics and the store: a new name is a new target" },
	{ .path = "url", .kind = SETTING_URL, T(url), .required = true,
	  .min = 1, .max = URL_MAX, .format = must_be_target_url,
	  .example = QUOTED("http://127.0.0.1:3000/postal"),
	  .help = "Where the webhooks are posted to" },
	{ .path = "enabled", .kind = SETTING_BOOLEAN, T(enabled), .fallback = "true",
	  .example = "false",
	  .help = "false: takes no new events, and what waits for it stays" },
	{ .path = "events", .kind = SETTING_EVENTS, T(events),
	  .fallback = "[ \"MessageSent\", \"MessageDelayed\", \"MessageDeliveryFailed\","
		      " \"MessageHeld\", \"MessageBounced\" ]",
	  .min = 1, .max = POSTAL_EVENT_TYPE_COUNT,
	  .events = (UINT32_C(1) << POSTAL_EVENT_TYPE_COUNT) - 1,
	  .example = "[ \"MessageSent\", \"MessageDeliveryFailed\" ]",
	  .help = "Events that this target takes" },
	{ .path = "outcomes", .kind = SETTING_CHOICE, T(final_only), .fallback = QUOTED("all"),
	  .choices = outcome_choices,
	  .example = QUOTED("final"),
	  .help = "\"final\": no soft bounces, only how a message ended" },
	{ .path = "sources", .kind = SETTING_TEXTS,
	  LIST(struct target_settings, sources, sources_count), .fallback = "[ ]",
	  .max = STORE_SOURCES_MAX,
	  .example = "[ \"bizmail\" ]",
	  .help = "Names of the sources whose events this target takes; empty: all" },
	{ .path = "timeout", .kind = SETTING_DURATION, T(timeout_ms), .fallback = QUOTED("5s"),
	  .min = 10, .max = 10 * MINUTE_MS,
	  .example = QUOTED("10s"),
	  .help = "Longest time for one attempt, connecting included" },
	{ .path = "connect_timeout", .kind = SETTING_DURATION, T(connect_timeout_ms),
	  .fallback = QUOTED("2s"), .min = 10, .max = 10 * MINUTE_MS,
	  .example = QUOTED("500ms"),
	  .help = "Longest time to connect, TLS included" },
	{ .path = "concurrency", .kind = SETTING_INTEGER, T(concurrency), .fallback = "16",
	  .min = 1, .max = 1024,
	  .example = "64",
	  .help = "Attempts that may be under way at once" },
	{ .path = "rate", .kind = SETTING_RATE, T(rate_per_second), .fallback = QUOTED("none"),
	  .max = 1000000,
	  .example = QUOTED("600/m"),
	  .help = "Most attempts in a time, such as \"100/s\" or \"600/m\"" },
	{ .path = "retry", .kind = SETTING_RETRY, T(retry), .fallback = QUOTED("postal-extended"),
	  .min = 1, .max = DAYS_30_MS,
	  .example = "[ \"5s\", \"1m\", \"10m\" ]",
	  .help = "Name of a schedule, or the delays themselves: [ \"5s\", \"1m\" ]" },
	{ .path = "jitter", .kind = SETTING_FRACTION, T(retry.jitter), .fallback = "0.1",
	  .min = 0, .max = 1,
	  .example = "0.5",
	  .help = "Up to this share of a delay is added to it by chance" },
	{ .path = "retry_share", .kind = SETTING_FRACTION, T(retry_share), .fallback = "0.25",
	  .min = 0, .max = 1,
	  .example = "0.5",
	  .help = "Share of concurrency (at least 1) for retries while first attempts wait" },
	{ .path = "retry_after_max", .kind = SETTING_DURATION, T(retry.retry_after_max_ms),
	  .fallback = QUOTED("1h"), .max = DAYS_30_MS,
	  .example = QUOTED("10m"),
	  .help = "Longest Retry-After of a receiver (429, 503) that is heeded" },
	{ .path = "ordering", .kind = SETTING_CHOICE, T(ordering), .fallback = QUOTED("none"),
	  .choices = orderings,
	  .example = QUOTED("message"),
	  .help = "\"none\": several at once; \"message\": events of one message in their order" },
	{ .path = "max_backlog", .kind = SETTING_INTEGER, T(max_backlog), .fallback = "0",
	  .max = 1000000000,
	  .example = "1000000",
	  .help = "Deliveries that may wait for it, more are dead at once; 0: half of the store's" },
	{ .path = "headers", .kind = SETTING_HEADERS,
	  LIST(struct target_settings, headers, headers_count), .fallback = "{ }",
	  .max = HEADERS_MAX,
	  .example = "{ X-Api-Key = \"env:APP_KEY\"; }",
	  .help = "Sent with every request, such as { X-Api-Key = \"env:APP_KEY\"; }" },
	{ .path = "http2", .kind = SETTING_BOOLEAN, T(http2), .fallback = "false",
	  .example = "true",
	  .help = "Use HTTP/2 when the receiver offers it" },
	{ .path = "proxy", .kind = SETTING_URL, T(proxy), .fallback = QUOTED(""),
	  .max = URL_MAX, .format = must_be_proxy_url,
	  .example = QUOTED("http://proxy.example.com:3128"),
	  .help = "http, https, socks5 or socks5h URL of a proxy; empty: none" },
	{ .path = "tls.ca", .kind = SETTING_TEXT, T(tls_ca), .fallback = QUOTED(""),
	  .max = TEXT_MAX, IS_FILE,
	  .example = QUOTED("/etc/ssl/certs/app-ca.pem"),
	  .help = "PEM file of the authorities to trust; empty: the system's" },
	{ .path = "tls.certificate", .kind = SETTING_TEXT, T(tls_certificate),
	  .fallback = QUOTED(""), .max = TEXT_MAX, IS_FILE,
	  .example = QUOTED("/etc/repostal/app.crt"),
	  .help = "PEM client certificate; empty: none" },
	{ .path = "tls.key", .kind = SETTING_TEXT, T(tls_key), .fallback = QUOTED(""),
	  .max = TEXT_MAX, IS_FILE,
	  .example = QUOTED("/etc/repostal/app.key"),
	  .help = "PEM key of the client certificate" },
	{ .path = "tls.verify", .kind = SETTING_BOOLEAN, T(tls_verify), .fallback = "true",
	  .example = "false",
	  .help = "Check the receiver's certificate" },
	{ .path = "breaker.failures", .kind = SETTING_INTEGER, T(breaker.failures),
	  .fallback = "10", .max = 1000000,
	  .example = "100",
	  .help = "After so many failures in a row the target is left alone; 0: never" },
	{ .path = "breaker.cooldown", .kind = SETTING_DURATION, T(breaker.cooldown_ms),
	  .fallback = QUOTED("30s"), .min = 10, .max = BREAKER_COOLDOWN_MAX_MS,
	  .example = QUOTED("2m"),
	  .help = "For so long at first, then twice as long each time, at most 5 minutes" },
	{ .path = "give_up.status", .kind = SETTING_STATUSES, T(give_up), .fallback = "[ ]",
	  .max = GIVE_UP_STATUSES_MAX,
	  .example = "[ 404, \"4xx\" ]",
	  .help = "Answers that end a delivery as dead at once, such as [ 404, \"4xx\" ]" },
	{ .path = "give_up.age", .kind = SETTING_DURATION, T(give_up.age_ms), .fallback = QUOTED(""),
	  .min = SECOND_MS, .max = YEARS_10_MS, .may_be_none = true,
	  .example = QUOTED("24h"),
	  .help = "An event that happened so long ago is not sent any more; empty: none is too old" },
};
#undef T

static const struct settings_table target_table = {
	"targets", target_rows, ARRAY_COUNT(target_rows), sizeof(struct target_settings)
};

#define C(member) FIELD(struct config, member)
static const struct setting file_rows[] = {
	{ .path = "listen.address", .kind = SETTING_TEXT, C(listen.address),
	  .fallback = QUOTED("127.0.0.1"), .min = 1, .max = 63, .format = must_be_address,
	  .example = QUOTED("0.0.0.0"),
	  .help = "IP address that takes BizMail's requests; \"0.0.0.0\" or \"::\": all" },
	{ .path = "listen.port", .kind = SETTING_INTEGER, C(listen.port), .fallback = "8025",
	  .max = 65535,
	  .example = "443",
	  .help = "Its port; 0: any free one, which is logged" },
	{ .path = "listen.threads", .kind = SETTING_INTEGER, C(listen.threads), .fallback = "0",
	  .max = HTTP_THREADS_MAX,
	  .example = "2",
	  .help = "Threads for requests; 0: one per core, at most 4" },
	{ .path = "listen.max_body", .kind = SETTING_SIZE, C(listen.max_body),
	  .fallback = QUOTED("128KiB"), .min = KIB, .max = 64 * MIB,
	  .example = QUOTED("1MiB"),
	  .help = "Larger requests are refused" },
	{ .path = "listen.max_connections", .kind = SETTING_INTEGER, C(listen.max_connections),
	  .fallback = "4096", .min = 1, .max = 65536,
	  .example = "1024",
	  .help = "More connections, and requests at once over HTTP/2, are refused" },
	{ .path = "listen.request_timeout", .kind = SETTING_DURATION, C(listen.request_timeout_ms),
	  .fallback = QUOTED("10s"), .min = 100, .max = HOUR_MS,
	  .example = QUOTED("30s"),
	  .help = "Longest time for a whole request to arrive, for an answer to leave, and to be idle" },
	{ .path = "listen.tls.certificate", .kind = SETTING_TEXT, C(listen.tls_certificate),
	  .fallback = QUOTED(""), .max = TEXT_MAX, IS_FILE,
	  .example = QUOTED("/etc/repostal/tls.crt"),
	  .help = "PEM file of the certificate and its chain; empty: no TLS" },
	{ .path = "listen.tls.key", .kind = SETTING_TEXT, C(listen.tls_key),
	  .fallback = QUOTED(""), .max = TEXT_MAX, IS_FILE,
	  .example = QUOTED("/etc/repostal/tls.key"),
	  .help = "PEM file of its private key" },
	{ .path = "listen.http2", .kind = SETTING_BOOLEAN, C(listen.http2), .fallback = "true",
	  .example = "false",
	  .help = "Offer HTTP/2 to clients over TLS, where libh2o can (Debian 12's cannot)" },
	{ .path = "listen.trusted_proxies", .kind = SETTING_RANGES,
	  LIST(struct config, trusted_proxies.list, trusted_proxies.count),
	  .fallback = "[ \"127.0.0.1/32\" ]", .max = RANGES_MAX,
	  .example = "[ \"10.0.0.0/8\", \"fd00::/8\" ]",
	  .help = "Proxies whose X-Forwarded-For is believed" },

	{ .path = "admin.address", .kind = SETTING_TEXT, C(admin.address),
	  .fallback = QUOTED("127.0.0.1"), .min = 1, .max = 63, .format = must_be_address,
	  .example = QUOTED("::1"),
	  .help = "IP address for metrics and health; needs a token when it is not loopback" },
	{ .path = "admin.port", .kind = SETTING_INTEGER, C(admin.port), .fallback = "8026",
	  .max = 65535,
	  .example = "9026",
	  .help = "Its port; 0: any free one, which is logged" },
	{ .path = "admin.token", .kind = SETTING_SECRET, C(admin.token),
	  .min = 1, .max = TOKEN_MAX, .safe_size = TOKEN_SAFE_SIZE,
	  .example = QUOTED("file:/etc/repostal/admin.token"),
	  .help = "Secret that clients send as Authorization: Bearer" },
	{ .path = "admin.read_token", .kind = SETTING_SECRET, C(admin.read_token),
	  .min = 1, .max = TOKEN_MAX, .safe_size = TOKEN_SAFE_SIZE,
	  .example = QUOTED("file:/etc/repostal/read.token"),
	  .help = "The same for those who may look, but change nothing" },
	{ .path = "admin.socket", .kind = SETTING_TEXT, C(admin.socket),
	  .fallback = QUOTED(""), .max = TEXT_MAX, .format = must_be_socket,
	  .example = QUOTED("/run/repostal/admin.sock"),
	  .help = "Unix socket of the same; empty: in $RUNTIME_DIRECTORY, or beside the SQLite file" },

	{ .path = "store.backend", .kind = SETTING_CHOICE, C(store.backend),
	  .fallback = QUOTED("sqlite"), .choices = store_backends,
	  .example = QUOTED("postgresql"),
	  .help = "Where accepted events rest" },
	{ .path = "store.path", .kind = SETTING_TEXT, C(store.path),
	  .fallback = QUOTED(CONFIG_STORE_PATH_DEFAULT), .min = 1, .max = TEXT_MAX,
	  .format = must_be_store_path,
	  .example = QUOTED("/srv/repostal/repostal.db"),
	  .help = "The database file, on a local disk; it is made when missing" },
	{ .path = "store.dsn", .kind = SETTING_SECRET, C(store.dsn), .min = 1, .max = TEXT_MAX,
	  .example = QUOTED("file:/etc/repostal/dsn"),
	  .help = "For postgresql, instead of path: libpq's connection string or URI" },
	{ .path = "store.keep_delivered", .kind = SETTING_DURATION, C(store.keep_delivered_ms),
	  .fallback = QUOTED("7d"), .min = SECOND_MS, .max = YEARS_10_MS,
	  .example = QUOTED("1d"),
	  .help = "How long delivered events are kept" },
	{ .path = "store.keep_dead", .kind = SETTING_DURATION, C(store.keep_dead_ms),
	  .fallback = QUOTED("30d"), .min = SECOND_MS, .max = YEARS_10_MS,
	  .example = QUOTED("90d"),
	  .help = "How long events are kept that could not be delivered" },
	{ .path = "store.keep_quarantine", .kind = SETTING_DURATION, C(store.keep_quarantine_ms),
	  .fallback = QUOTED("30d"), .min = SECOND_MS, .max = YEARS_10_MS,
	  .example = QUOTED("7d"),
	  .help = "How long requests are kept that could not be understood" },
	{ .path = "store.dedup_window", .kind = SETTING_DURATION, C(store.dedup_window_ms),
	  .fallback = QUOTED("3d"), .max = YEARS_10_MS,
	  .example = QUOTED("7d"),
	  .help = "A repeat of an event within this time is not delivered again" },
	{ .path = "store.max_backlog", .kind = SETTING_INTEGER, C(store.max_backlog),
	  .fallback = "10000000", .min = 1, .max = 1000000000,
	  .example = "1000000",
	  .help = "Deliveries that may wait, over all targets; then events are refused" },

	{ .path = "sources", .kind = SETTING_ELEMENTS, LIST(struct config, sources, sources_count),
	  .required = true, .min = 1, .max = STORE_SOURCES_MAX, .element = &source_table,
	  .help = "Who sends events" },

	{ .path = "translate.soft_bounce", .kind = SETTING_EVENT, C(translate.soft_bounce),
	  .fallback = QUOTED("MessageDelayed"),
	  .events = EVENT(POSTAL_MESSAGE_DELAYED) | EVENT(POSTAL_MESSAGE_DELIVERY_FAILED),
	  .example = QUOTED("MessageDeliveryFailed"),
	  .help = "What a soft bounce becomes: \"MessageDelayed\" or \"MessageDeliveryFailed\"" },
	{ .path = "translate.hard_bounce", .kind = SETTING_EVENT, C(translate.hard_bounce),
	  .fallback = QUOTED("MessageDeliveryFailed"),
	  .events = EVENT(POSTAL_MESSAGE_DELIVERY_FAILED) | EVENT(POSTAL_MESSAGE_BOUNCED),
	  .example = QUOTED("MessageBounced"),
	  .help = "What a hard bounce becomes: \"MessageDeliveryFailed\" or \"MessageBounced\" (without the "
		  "SMTP reply)" },
	{ .path = "translate.dropped", .kind = SETTING_EVENT, C(translate.dropped),
	  .fallback = QUOTED("MessageDeliveryFailed"),
	  .events = EVENT(POSTAL_MESSAGE_DELIVERY_FAILED) | EVENT(POSTAL_MESSAGE_HELD),
	  .example = QUOTED("MessageHeld"),
	  .help = "What a drop becomes: \"MessageDeliveryFailed\" or \"MessageHeld\"" },
	{ .path = "translate.sent_with_ssl", .kind = SETTING_CHOICE, C(translate.sent_with_ssl),
	  .fallback = QUOTED("false"), .choices = tristates,
	  .example = QUOTED("null"),
	  .help = "\"true\", \"false\" or \"null\" for sent_with_ssl, which BizMail never tells" },
	{ .path = "translate.time", .kind = SETTING_CHOICE, C(translate.time_null),
	  .fallback = QUOTED("0"), .choices = time_choices,
	  .example = QUOTED("null"),
	  .help = "\"0\" or \"null\" for time (in seconds), which BizMail never tells" },

	{ .path = "signing.keys", .kind = SETTING_TEXTS,
	  LIST(struct config, signing.keys, signing.keys_count), .fallback = "[ ]",
	  .max = SIGNER_KEYS_MAX, IS_FILE,
	  .example = "[ \"/etc/repostal/signing.key\" ]",
	  .help = "PEM private keys: the first signs, all are published; empty: signing is off" },

	{ .path = "targets", .kind = SETTING_ELEMENTS, LIST(struct config, targets, targets_count),
	  .required = true, .min = 1, .max = STORE_TARGETS_MAX, .element = &target_table,
	  .help = "Who receives webhooks" },

	{ .path = "egress.deny", .kind = SETTING_RANGES,
	  LIST(struct config, egress.deny.list, egress.deny.count),
	  .fallback = "[ \"169.254.0.0/16\", \"fe80::/10\" ]", .max = RANGES_MAX,
	  .example = "[ \"169.254.0.0/16\", \"fe80::/10\", \"10.0.0.0/8\" ]",
	  .help = "Addresses never connected to; the address actually dialled is checked" },

	{ .path = "log.level", .kind = SETTING_CHOICE, C(log.level), .fallback = QUOTED("info"),
	  .choices = log_levels,
	  .example = QUOTED("debug"),
	  .help = "Least important line to write: \"debug\", \"info\", \"warn\" or \"error\"" },
	{ .path = "log.format", .kind = SETTING_CHOICE, C(log.format), .fallback = QUOTED("text"),
	  .choices = log_formats,
	  .example = QUOTED("json"),
	  .help = "\"text\" (key=value) or \"json\"" },

	{ .path = "shutdown_timeout", .kind = SETTING_DURATION, C(shutdown_timeout_ms),
	  .fallback = QUOTED("10s"), .max = HOUR_MS,
	  .example = QUOTED("30s"),
	  .help = "Time for what is under way to finish after SIGTERM" },
};
#undef C

/* clang-format on */

const struct settings_table settings_of_file = { "", file_rows, ARRAY_COUNT(file_rows),
	sizeof(struct config) };

_Static_assert(ARRAY_COUNT(file_rows) <= SETTING_ROWS_MAX, "rows of the file");
_Static_assert(ARRAY_COUNT(source_rows) <= SETTING_ROWS_MAX, "rows of a source");
_Static_assert(ARRAY_COUNT(target_rows) <= SETTING_ROWS_MAX, "rows of a target");
