/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <jansson.h>

#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/random.h"

enum {
	ANSWER_SIZE_MAX = 1024, /* what is after it is read and thrown away */
	POLL_MS = 100,          /* a signal may fall between the look at it and the poll */
	RUN_NAME_SIZE = 17,
	HANDLE_SPARE_COUNT = 64, /* descriptors beside those of the transfers */
};

struct slot {
	CURL *easy;
	struct buf body;
	char answer[ANSWER_SIZE_MAX];
	size_t answer_size;
	int64_t scheduled_us;
	struct slot *next_free;
};

struct load {
	const struct load_settings *settings;
	struct load_result *result;
	CURLM *multi;
	struct curl_slist *headers;
	struct slot *slots;
	struct slot *free_slots;
	int64_t in_flight;
	int64_t start_us;
	int64_t occurred_ms; /* of the newest event; never falls */
	char run[RUN_NAME_SIZE];
	int timer; /* curl_multi_poll() counts in milliseconds, which is too coarse for a rate */
};

static size_t on_answer(char *data, size_t size, size_t count, void *user)
{
	struct slot *slot = user;
	size_t left = ANSWER_SIZE_MAX - slot->answer_size;
	size_t kept = size * count < left ? size * count : left;

	memcpy(slot->answer + slot->answer_size, data, kept);
	slot->answer_size += kept;
	return size * count;
}

static bool slot_init(struct slot *slot, const struct load *load)
{
	const struct load_settings *settings = load->settings;
	CURL *easy = curl_easy_init();
	CURLcode code = CURLE_OK;

	REPOSTAL_ASSERT(easy != NULL);
	slot->easy = easy;
	buf_init(&slot->body, SAMPLE_SIZE_MAX);
#define SET(option, value) code = code != CURLE_OK ? code : curl_easy_setopt(easy, option, value)
	SET(CURLOPT_URL, settings->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "repostal-trigger/" REPOSTAL_VERSION);
	SET(CURLOPT_HTTPHEADER, load->headers);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, settings->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, settings->insecure ? 0L : 2L);
	SET(CURLOPT_WRITEFUNCTION, on_answer);
	SET(CURLOPT_WRITEDATA, slot);
	SET(CURLOPT_PRIVATE, slot);
#undef SET
	return code == CURLE_OK;
}

static void slot_free(struct slot *slot, CURLM *multi)
{
	if (slot->easy == NULL)
		return;
	curl_multi_remove_handle(multi, slot->easy); /* also when it is not there */
	curl_easy_cleanup(slot->easy);
	buf_free(&slot->body);
}

static void start_one(struct load *load, int64_t scheduled_us)
{
	struct slot *slot = load->free_slots;
	int64_t now_ms = clock_unix_ms();
	CURLMcode code;

	load->free_slots = slot->next_free;
	if (now_ms > load->occurred_ms)
		load->occurred_ms = now_ms;
	buf_reset(&slot->body);
	sample_write(&slot->body, load->settings->encoding, load->settings->kind, load->run,
		load->result->sent, load->occurred_ms);
	slot->answer_size = 0;
	slot->scheduled_us = scheduled_us;
	curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE, (long)slot->body.size);
	curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body.data);
	code = curl_multi_add_handle(load->multi, slot->easy);
	REPOSTAL_ASSERT(code == CURLM_OK);
	load->result->sent++;
	load->in_flight++;
}

static int64_t due_us(const struct load *load)
{
	double offset_us = (double)load->result->sent / load->settings->rate_per_second * 1e6;

	return load->start_us + (int64_t)offset_us;
}

/* Starts what is due and has a slot; arms the timer for the next one. */
static void start_due(struct load *load)
{
	bool has_rate = load->settings->rate_per_second > 0;
	struct itimerspec at = { 0 };

	while (load->free_slots != NULL && load->result->sent < load->settings->count) {
		int64_t now_us = clock_monotonic_us();

		if (has_rate && due_us(load) > now_us) {
			at.it_value.tv_sec = due_us(load) / 1000000;
			at.it_value.tv_nsec = due_us(load) % 1000000 * 1000;
			break;
		}
		start_one(load, has_rate ? due_us(load) : now_us);
	}
	if (has_rate)
		timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* repostal's own answers say what became of the event; another receiver's 2xx means accepted. */
static void count_acknowledged(struct load_result *result, const struct slot *slot)
{
	json_t *answer = json_loadb(slot->answer, slot->answer_size, 0, NULL);
	const char *status = json_string_value(json_object_get(answer, "status"));

	if (status != NULL && strcmp(status, "duplicate") == 0)
		result->duplicates++;
	else if (status != NULL && strcmp(status, "quarantined") == 0)
		result->quarantined++;
	else
		result->accepted++;
	json_decref(answer);
}

static void finish_one(struct load *load, CURL *easy, CURLcode code)
{
	struct load_result *result = load->result;
	struct slot *slot = NULL;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(load->multi, easy);
	slot->next_free = load->free_slots;
	load->free_slots = slot;
	load->in_flight--;
	if (code != CURLE_OK) {
		result->errors[code]++;
	} else if (status >= 200 && status <= 299) {
		latency_record(&result->latency, clock_monotonic_us() - slot->scheduled_us);
		count_acknowledged(result, slot);
	} else {
		result->refused[status < 0 || status > LOAD_STATUS_MAX ? 0 : status]++;
	}
}

/* True when something was finished, so that there may be something to start. */
static bool finish_done(struct load *load)
{
	struct CURLMsg *message;
	bool finished = false;
	int left;

	while ((message = curl_multi_info_read(load->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE) {
			finish_one(load, message->easy_handle, message->data.result);
			finished = true;
		}
	return finished;
}

static void wait_for_something(struct load *load)
{
	struct curl_waitfd timer = { .fd = load->timer, .events = CURL_WAIT_POLLIN };
	uint64_t expired;

	curl_multi_poll(load->multi, &timer, 1, POLL_MS, NULL);
	/* Not blocking: when it has not expired there is nothing to read. */
	if (read(load->timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		REPOSTAL_ASSERT(errno == EINTR);
}

static void run(struct load *load, const volatile sig_atomic_t *stop)
{
	const struct load_settings *settings = load->settings;
	int running;

	load->start_us = clock_monotonic_us();
	while (!*stop && (load->result->sent < settings->count || load->in_flight > 0)) {
		start_due(load);
		curl_multi_perform(load->multi, &running);
		if (!finish_done(load))
			wait_for_something(load);
	}
	load->result->duration_us = clock_monotonic_us() - load->start_us;
	load->result->unanswered = load->in_flight;
}

static void allow_descriptors(int64_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= (rlim_t)count)
		return;
	limit.rlim_cur = limit.rlim_max < (rlim_t)count ? limit.rlim_max : (rlim_t)count;
	setrlimit(RLIMIT_NOFILE, &limit); /* else the result shows the failing connections */
}

static bool has_content_type(const struct curl_slist *headers)
{
	for (; headers != NULL; headers = headers->next)
		if (slice_starts_nocase(slice_text(headers->data), "Content-Type:"))
			return true;
	return false;
}

static struct curl_slist *make_headers(const struct load_settings *settings)
{
	struct curl_slist *list = NULL;

	list = curl_slist_append(list, "Expect:");
	if (!has_content_type(settings->headers))
		list = curl_slist_append(list, sample_content_type(settings->encoding));
	for (const struct curl_slist *own = settings->headers; own != NULL; own = own->next)
		list = curl_slist_append(list, own->data);
	REPOSTAL_ASSERT(list != NULL);
	return list;
}

enum status load_run(const struct load_settings *settings, const volatile sig_atomic_t *stop,
	struct load_result *result, struct error *err)
{
	struct load load = { .settings = settings, .result = result };
	enum status status = STATUS_INVALID;

	allow_descriptors(settings->concurrency + HANDLE_SPARE_COUNT);
	snprintf(load.run, sizeof(load.run), "%08x%08x", random_u32(), random_u32());
	load.headers = make_headers(settings);
	load.slots = memory_array((size_t)settings->concurrency, sizeof(*load.slots));
	load.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	load.multi = curl_multi_init();
	REPOSTAL_ASSERT(load.multi != NULL && load.timer >= 0);
	curl_multi_setopt(load.multi, CURLMOPT_MAXCONNECTS, (long)settings->concurrency);
	for (int64_t i = settings->concurrency - 1; i >= 0; i--) {
		if (!slot_init(&load.slots[i], &load)) {
			error_set(err, "libcurl does not take the URL or the headers");
			goto out;
		}
		load.slots[i].next_free = load.free_slots;
		load.free_slots = &load.slots[i];
	}
	run(&load, stop);
	status = STATUS_OK;
out:
	for (int64_t i = 0; i < settings->concurrency; i++)
		slot_free(&load.slots[i], load.multi);
	curl_multi_cleanup(load.multi);
	curl_slist_free_all(load.headers);
	close(load.timer);
	free(load.slots);
	return status;
}
