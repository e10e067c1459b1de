/* SPDX-License-Identifier: MIT */
/*
 * The metrics page: one function a family, in the order of the page.
 */
#include <stdio.h>

#include "admin_private.h"
#include "repostal/clock.h"
#include "repostal/log.h"

enum {
	LABELS_SIZE_MAX = 1024
};

/* Numbers that are not in use are left out. */
static size_t next_target(const struct admin_view *view, size_t from)
{
	while (from < view->names->targets_count && view->names->targets[from] == NULL)
		from++;
	return from;
}

static size_t next_source(const struct admin_view *view, size_t from)
{
	while (from < view->names->sources_count && view->names->sources[from] == NULL)
		from++;
	return from;
}

static const char *labels1(struct buf *labels, const char *name, const char *value)
{
	buf_reset(labels);
	metric_label(labels, name, value);
	return labels->data;
}

static const char *labels2(struct buf *labels, const char *name, const char *value,
	const char *other_name, const char *other_value)
{
	labels1(labels, name, value);
	metric_label(labels, other_name, other_value);
	return labels->data;
}

static int64_t value_of(const struct counter *counter)
{
	return (int64_t)counter_read(counter);
}

static void print_received(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_events_received_total";

	metric_print_head(out, name, "counter",
		"Events that were stored, repeats and quarantined ones included.");
	for (size_t i = next_source(view, 0); i < view->names->sources_count;
		i = next_source(view, i + 1)) {
		const struct inbound_source_metrics *metrics =
			inbound_source_metrics(view->inbound, (uint16_t)i);

		for (int kind = 0; metrics != NULL && kind < BIZMAIL_KIND_COUNT; kind++)
			metric_print_int(out, name,
				labels2(labels, "source", view->names->sources[i], "kind",
					bizmail_kind_name((enum bizmail_kind)kind)),
				value_of(&metrics->received[kind]));
	}
}

static void print_duplicates(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_events_duplicate_total";

	metric_print_head(out, name, "counter", "Events that were known already.");
	for (size_t i = next_source(view, 0); i < view->names->sources_count;
		i = next_source(view, i + 1)) {
		const struct inbound_source_metrics *metrics =
			inbound_source_metrics(view->inbound, (uint16_t)i);

		if (metrics != NULL)
			metric_print_int(out, name,
				labels1(labels, "source", view->names->sources[i]),
				value_of(&metrics->duplicates));
	}
}

static void print_quarantined(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_events_quarantined_total";

	metric_print_head(out, name, "counter", "Events that could not be translated, by reason.");
	for (size_t i = next_source(view, 0); i < view->names->sources_count;
		i = next_source(view, i + 1)) {
		const struct inbound_source_metrics *metrics =
			inbound_source_metrics(view->inbound, (uint16_t)i);

		for (int problem = 1; metrics != NULL && problem < BIZMAIL_PROBLEM_COUNT; problem++)
			metric_print_int(out, name,
				labels2(labels, "source", view->names->sources[i], "reason",
					bizmail_problem_name((enum bizmail_problem)problem)),
				value_of(&metrics->quarantined[problem]));
	}
}

static void print_rejected_of(
	const char *source, const struct counter *rejected, struct buf *labels, struct buf *out)
{
	for (int reason = 0; reason < REJECT_REASON_COUNT; reason++)
		metric_print_int(out, "repostal_requests_rejected_total",
			labels2(labels, "reason", reject_reason_name((enum reject_reason)reason),
				"source", source),
			value_of(&rejected[reason]));
}

static void print_rejected(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_requests_rejected_total";
	const struct http_metrics *http = http_server_metrics(view->public_server);

	metric_print_head(out, name, "counter",
		"Requests that were refused, by reason and source (empty: not known); nothing was "
		"stored.");
	for (size_t i = next_source(view, 0); i < view->names->sources_count;
		i = next_source(view, i + 1)) {
		const struct inbound_source_metrics *metrics =
			inbound_source_metrics(view->inbound, (uint16_t)i);

		if (metrics != NULL)
			print_rejected_of(view->names->sources[i], metrics->rejected, labels, out);
	}
	print_rejected_of("", inbound_rejected(view->inbound), labels, out);
	metric_print_int(out, name, labels2(labels, "reason", "too_large", "source", ""),
		value_of(&http->too_large));
	metric_print_int(out, name, labels2(labels, "reason", "bad_request", "source", ""),
		value_of(&http->bad_requests));
}

static void print_jwks(const struct admin_view *view, struct buf *out)
{
	metric_print_head(out, "repostal_jwks_requests_total", "counter",
		"Requests for the public keys, /.well-known/jwks.json.");
	metric_print_int(out, "repostal_jwks_requests_total", "",
		value_of(inbound_jwks_requests(view->inbound)));
}

static void print_outcomes(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_deliveries_total";
	const struct store_metrics *store = store_thread_metrics(view->store);

	metric_print_head(out, name, "counter", "Deliveries that ended, by how they did.");
	for (size_t i = next_target(view, 0); i < view->names->targets_count;
		i = next_target(view, i + 1)) {
		const struct target_metrics *metrics =
			dispatcher_target_metrics(view->dispatcher, (uint16_t)i);
		const char *target = view->names->targets[i];

		metric_print_int(out, name,
			labels2(labels, "target", target, "outcome", "delivered"),
			metrics == NULL ? 0 : value_of(&metrics->outcomes[OUTCOME_DELIVERED]));
		metric_print_int(out, name, labels2(labels, "target", target, "outcome", "dead"),
			metrics == NULL ? 0 : value_of(&metrics->outcomes[OUTCOME_DEAD]));
		metric_print_int(out, name,
			labels2(labels, "target", target, "outcome", "discarded"),
			gauge_read(&store->targets[i].discarded));
	}
}

static void print_attempts(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_attempts_total";

	metric_print_head(out, name, "counter", "Attempts by what came of them.");
	for (size_t i = next_target(view, 0); i < view->names->targets_count;
		i = next_target(view, i + 1)) {
		const struct target_metrics *metrics =
			dispatcher_target_metrics(view->dispatcher, (uint16_t)i);

		for (int result = 0; metrics != NULL && result < ATTEMPT_RESULT_COUNT; result++)
			metric_print_int(out, name,
				labels2(labels, "target", view->names->targets[i], "result",
					attempt_result_name((enum attempt_result)result)),
				value_of(&metrics->attempts[result]));
	}
}

static void print_durations(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char attempt[] = "repostal_attempt_duration_seconds";
	static const char latency[] = "repostal_event_latency_seconds";

	metric_print_head(out, attempt, "histogram", "How long attempts took.");
	for (size_t i = next_target(view, 0); i < view->names->targets_count;
		i = next_target(view, i + 1)) {
		const struct target_metrics *metrics =
			dispatcher_target_metrics(view->dispatcher, (uint16_t)i);

		if (metrics != NULL)
			metric_print_histogram(out, attempt,
				labels1(labels, "target", view->names->targets[i]),
				&metrics->attempt_seconds);
	}
	metric_print_head(out, latency, "histogram",
		"From arrival to the receiver's 2xx, of what went well at the first attempt; "
		"replays "
		"are left out.");
	metric_print_histogram(
		out, latency, "", &dispatcher_metrics(view->dispatcher)->event_latency_seconds);
}

/* ready: to be attempted for the first time; waiting: for its next attempt. */
static void print_depth(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_queue_depth";
	const struct store_metrics *store = store_thread_metrics(view->store);

	metric_print_head(out, name, "gauge", "Deliveries by target and state.");
	for (size_t i = next_target(view, 0); i < view->names->targets_count;
		i = next_target(view, i + 1)) {
		const struct target_metrics *metrics =
			dispatcher_target_metrics(view->dispatcher, (uint16_t)i);
		const char *target = view->names->targets[i];
		int64_t open = gauge_read(&store->targets[i].open);
		int64_t waiting = gauge_read(&store->targets[i].retrying);
		int64_t in_flight = metrics == NULL ? 0 : gauge_read(&metrics->in_flight);
		int64_t ready = open - waiting - in_flight;

		metric_print_int(out, name, labels2(labels, "target", target, "state", "ready"),
			ready > 0 ? ready : 0);
		metric_print_int(
			out, name, labels2(labels, "target", target, "state", "waiting"), waiting);
		metric_print_int(out, name, labels2(labels, "target", target, "state", "inflight"),
			in_flight);
		metric_print_int(out, name, labels2(labels, "target", target, "state", "dead"),
			gauge_read(&store->targets[i].dead));
	}
}

static double age_s(int64_t now_us, int64_t on_disk_us, int64_t in_memory_us)
{
	int64_t oldest_us = on_disk_us;

	if (oldest_us == 0 || (in_memory_us != 0 && in_memory_us < oldest_us))
		oldest_us = in_memory_us;
	if (oldest_us == 0 || oldest_us > now_us)
		return 0;
	return (double)(now_us - oldest_us) / 1e6;
}

static void print_oldest(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_queue_oldest_seconds";
	const struct store_metrics *store = store_thread_metrics(view->store);
	int64_t now_us = clock_unix_us();

	metric_print_head(out, name, "gauge", "Age of the oldest event that is not delivered.");
	for (size_t i = next_target(view, 0); i < view->names->targets_count;
		i = next_target(view, i + 1)) {
		const struct target_metrics *metrics =
			dispatcher_target_metrics(view->dispatcher, (uint16_t)i);

		metric_print_double(out, name, labels1(labels, "target", view->names->targets[i]),
			age_s(now_us, gauge_read(&store->targets[i].oldest_waiting_us),
				metrics == NULL ? 0 : gauge_read(&metrics->oldest_memory_us)));
	}
}

static void print_states(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_target_state";

	metric_print_head(out, name, "gauge", "1 for the state that a target is in.");
	for (size_t i = next_target(view, 0); i < view->names->targets_count;
		i = next_target(view, i + 1)) {
		enum target_state now = dispatcher_target_state(view->dispatcher, (uint16_t)i);

		for (int state = 0; state < TARGET_STATE_COUNT; state++)
			metric_print_int(out, name,
				labels2(labels, "target", view->names->targets[i], "state",
					target_state_name((enum target_state)state)),
				(int)now == state);
	}
}

static void print_probes(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	static const char name[] = "repostal_target_next_probe_seconds";
	int64_t now_ms = clock_unix_ms();

	metric_print_head(
		out, name, "gauge", "Until an open target is tried again; 0 for every other one.");
	for (size_t i = next_target(view, 0); i < view->names->targets_count;
		i = next_target(view, i + 1)) {
		const struct target_metrics *metrics =
			dispatcher_target_metrics(view->dispatcher, (uint16_t)i);
		int64_t probe_ms = metrics == NULL ? 0 : gauge_read(&metrics->next_probe_ms);

		metric_print_double(out, name, labels1(labels, "target", view->names->targets[i]),
			probe_ms > now_ms ? (double)(probe_ms - now_ms) / 1e3 : 0);
	}
}

static void print_reload(const struct admin_view *view, struct buf *out)
{
	metric_print_head(out, "repostal_config_reload_success", "gauge",
		"1 when the last reload of the configuration was taken.");
	metric_print_int(
		out, "repostal_config_reload_success", "", gauge_read(&view->reload->is_good));
	metric_print_head(out, "repostal_config_reload_timestamp_seconds", "gauge",
		"When the configuration at work was taken, Unix time in seconds.");
	metric_print_double(out, "repostal_config_reload_timestamp_seconds", "",
		(double)gauge_read(&view->reload->good_ms) / 1e3);
}

struct certificates_page {
	struct buf *labels;
	struct buf *out;
};

static void print_certificate(void *data, const struct admin_certificate *certificate)
{
	const struct certificates_page *page = data;

	metric_print_double(page->out, "repostal_tls_certificate_expiry_timestamp_seconds",
		labels1(page->labels, "file", certificate->file),
		(double)certificate->ends_ms / 1e3);
}

static void print_certificates(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	struct certificates_page page = { .labels = labels, .out = out };

	metric_print_head(out, "repostal_tls_certificate_expiry_timestamp_seconds", "gauge",
		"When a certificate that we present expires, Unix time in seconds.");
	if (view->visit_certificates != NULL)
		view->visit_certificates(view->describe_context, print_certificate, &page);
}

/* Only codes that were answered: most never are. */
static void print_listener(
	const char *listener, const struct http_metrics *http, struct buf *labels, struct buf *out)
{
	for (size_t i = 0; i < HTTP_CODES_COUNT; i++) {
		char code[16];

		if (histogram_count(&http->answer_seconds[i]) == 0)
			continue;
		snprintf(code, sizeof(code), http_code(i) == 0 ? "other" : "%d", http_code(i));
		metric_print_histogram(out, "repostal_request_duration_seconds",
			labels2(labels, "listener", listener, "code", code),
			&http->answer_seconds[i]);
	}
}

static void print_requests(const struct admin_view *view, struct buf *labels, struct buf *out)
{
	metric_print_head(out, "repostal_request_duration_seconds", "histogram",
		"From the whole request to its answer, by listener and status code.");
	print_listener("public", http_server_metrics(view->public_server), labels, out);
	print_listener("admin", http_server_metrics(view->admin_server), labels, out);
}

/* Also of a store that is not there yet. */
static void print_store_state(const struct admin_view *view, struct buf *out)
{
	bool is_failing = view->store == NULL ||
			  gauge_read(&store_thread_metrics(view->store)->failing_since_ms) != 0;

	metric_print_head(out, "repostal_store_failing", "gauge",
		"1 while nothing can be stored and events are refused.");
	metric_print_int(out, "repostal_store_failing", "", is_failing);
	metric_print_head(out, "repostal_store_max_backlog", "gauge",
		"Open deliveries at which events are refused: store.max_backlog.");
	metric_print_int(out, "repostal_store_max_backlog", "", view->max_backlog);
}

static void print_store(const struct admin_view *view, struct buf *out)
{
	const struct store_metrics *store = store_thread_metrics(view->store);

	metric_print_head(
		out, "repostal_store_commit_seconds", "histogram", "How long transactions took.");
	metric_print_histogram(out, "repostal_store_commit_seconds", "", &store->commit_seconds);
	metric_print_head(out, "repostal_store_batch_events", "histogram",
		"New events in a transaction that has any.");
	metric_print_histogram(out, "repostal_store_batch_events", "", &store->batch_events);
	metric_print_head(out, "repostal_store_bytes", "gauge", "Size of the store on disk.");
	metric_print_int(out, "repostal_store_bytes", "", gauge_read(&store->bytes));
	metric_print_head(out, "repostal_store_leases_expired_total", "counter",
		"Deliveries taken over from processes that were gone: each may go out twice.");
	metric_print_int(
		out, "repostal_store_leases_expired_total", "", value_of(&store->leases_expired));
	metric_print_head(out, "repostal_store_verdicts_late_total", "counter",
		"Verdicts that came when their lease had ended.");
	metric_print_int(
		out, "repostal_store_verdicts_late_total", "", value_of(&store->verdicts_late));
	metric_print_head(out, "repostal_store_config_mismatch", "gauge",
		"Other processes on this database that are configured differently.");
	metric_print_int(out, "repostal_store_config_mismatch", "", gauge_read(&store->differing));
	metric_print_head(out, "repostal_quarantine_events", "gauge", "Events in quarantine.");
	metric_print_int(out, "repostal_quarantine_events", "", gauge_read(&store->quarantined));
}

static void print_connections(const struct admin_view *view, struct buf *out)
{
	const struct http_metrics *http = http_server_metrics(view->public_server);

	metric_print_head(out, "repostal_connections", "gauge", "Open connections of senders.");
	metric_print_int(out, "repostal_connections", "", gauge_read(&http->connections));
	metric_print_head(out, "repostal_accept_pauses_total", "counter",
		"How often listen.max_connections was reached.");
	metric_print_int(out, "repostal_accept_pauses_total", "", value_of(&http->accept_pauses));
}

static void print_log(struct buf *out)
{
	static const char name[] = "repostal_log_lines_suppressed_total";

	metric_print_head(out, name, "counter",
		"Lines of the log that a limit, a full queue or a failing write kept back.");
	metric_print_int(out, name, "", (int64_t)log_suppressed_count());
}

void admin_print_metrics(const struct admin_view *view, struct buf *out)
{
	struct buf labels;

	buf_init(&labels, LABELS_SIZE_MAX);
	print_received(view, &labels, out);
	print_duplicates(view, &labels, out);
	print_quarantined(view, &labels, out);
	print_rejected(view, &labels, out);
	print_jwks(view, out);
	/* Of a store that is not there yet there are no names, and no numbers. */
	if (view->store != NULL) {
		print_outcomes(view, &labels, out);
		print_attempts(view, &labels, out);
		print_durations(view, &labels, out);
		print_depth(view, &labels, out);
		print_oldest(view, &labels, out);
		print_states(view, &labels, out);
		print_probes(view, &labels, out);
		print_store(view, out);
	}
	print_store_state(view, out);
	print_connections(view, out);
	print_log(out);
	print_requests(view, &labels, out);
	print_reload(view, out);
	print_certificates(view, &labels, out);
	metric_print_head(out, "repostal_build_info", "gauge", "The version that runs.");
	metric_print_int(
		out, "repostal_build_info", labels1(&labels, "version", REPOSTAL_VERSION), 1);
	admin_print_process_metrics(out);
	buf_free(&labels);
}
