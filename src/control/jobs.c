/* SPDX-License-Identifier: MIT */
/*
 * Jobs run one after another on a thread of their own, which is started by the first. What is shared
 * between it and the requests is the list of jobs, under one mutex.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "control_private.h"
#include "job_run.h"
#include "repostal/clock.h"
#include "repostal/memory.h"
#include "repostal/text.h"

enum {
	JOBS_MAX = 100, /* remembered, with those that wait */
	RATE_TEXT_MAX = 32,
};

enum job_state {
	JOB_RUNNING, /* or waits for the one before it: then started_ms is 0 */
	JOB_DONE,
	JOB_CANCELLED,
	JOB_FAILED,
};

static const char *const state_names[] = {
	[JOB_RUNNING] = "running",
	[JOB_DONE] = "done",
	[JOB_CANCELLED] = "cancelled",
	[JOB_FAILED] = "failed",
};

struct job {
	int64_t id;
	enum store_change_kind kind; /* this, filters and rate never change */
	bool as_new;
	struct filter filter;
	char *asked_filter; /* as it was asked for: a JSON object */
	double rate_per_second;
	enum job_state state; /* from here on under the mutex */
	struct job_progress progress;
	int64_t started_ms;
	int64_t finished_ms;
	bool is_cancelled;
	struct error error;
};

struct jobs {
	const struct control *control;
	pthread_mutex_t mutex;
	pthread_cond_t changed;     /* something came, was cancelled, or it is over */
	struct job *list[JOBS_MAX]; /* oldest first */
	size_t count;
	int64_t last_id;
	pthread_t thread;
	bool is_started;
	bool is_closing;
};

struct jobs *jobs_new(const struct control *control)
{
	struct jobs *jobs = memory_zalloc(sizeof(*jobs));
	pthread_condattr_t attributes;

	jobs->control = control;
	pthread_mutex_init(&jobs->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return jobs;
}

static void job_free(struct job *job)
{
	filter_free(&job->filter);
	free(job->asked_filter);
	free(job);
}

void jobs_free(struct jobs **jobsp)
{
	struct jobs *jobs = *jobsp;

	*jobsp = NULL;
	pthread_mutex_lock(&jobs->mutex);
	jobs->is_closing = true;
	pthread_cond_broadcast(&jobs->changed);
	pthread_mutex_unlock(&jobs->mutex);
	if (jobs->is_started)
		pthread_join(jobs->thread, NULL);
	for (size_t i = 0; i < jobs->count; i++)
		job_free(jobs->list[i]);
	pthread_cond_destroy(&jobs->changed);
	pthread_mutex_destroy(&jobs->mutex);
	free(jobs);
}

/* The thread. A job at work is not taken off the list, so it needs no reference. */

struct job_at_work {
	struct jobs *jobs;
	struct job *job;
};

static bool goes_on(const struct job_at_work *work)
{
	return !work->jobs->is_closing && !work->job->is_cancelled;
}

static bool on_progress(void *context, const struct job_progress *progress)
{
	struct job_at_work *work = context;
	bool go_on;

	pthread_mutex_lock(&work->jobs->mutex);
	work->job->progress = *progress;
	go_on = goes_on(work);
	pthread_mutex_unlock(&work->jobs->mutex);
	return go_on;
}

static bool wait_ms(void *context, int64_t ms)
{
	struct job_at_work *work = context;
	int64_t until_us = clock_monotonic_us() + ms * 1000;
	struct timespec until = {
		.tv_sec = until_us / 1000000,
		.tv_nsec = until_us % 1000000 * 1000,
	};
	int waited = 0;
	bool go_on;

	pthread_mutex_lock(&work->jobs->mutex);
	while (goes_on(work) && waited != ETIMEDOUT)
		waited = pthread_cond_timedwait(&work->jobs->changed, &work->jobs->mutex, &until);
	go_on = goes_on(work);
	pthread_mutex_unlock(&work->jobs->mutex);
	return go_on;
}

/* With the mutex, which is free during the work. */
static void work_on(struct jobs *jobs, struct job *job)
{
	struct job_at_work work = { .jobs = jobs, .job = job };
	struct job_run run = {
		.control = jobs->control,
		.kind = job->kind,
		.as_new = job->as_new,
		.filter = &job->filter,
		.rate_per_second = job->rate_per_second,
		.on_progress = on_progress,
		.wait = wait_ms,
		.context = &work,
	};
	struct error err = { .text = "" };
	enum status status;

	job->started_ms = clock_unix_ms();
	pthread_mutex_unlock(&jobs->mutex);
	status = job_run(&run, &err);
	pthread_mutex_lock(&jobs->mutex);
	job->finished_ms = clock_unix_ms();
	job->error = err;
	if (status != STATUS_OK)
		job->state = JOB_FAILED;
	else
		job->state = goes_on(&work) ? JOB_DONE : JOB_CANCELLED;
}

static struct job *next_job(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->count; i++)
		if (jobs->list[i]->state == JOB_RUNNING)
			return jobs->list[i];
	return NULL;
}

static void *run_jobs(void *context)
{
	struct jobs *jobs = context;
	struct job *job;

	pthread_mutex_lock(&jobs->mutex);
	while (!jobs->is_closing) {
		job = next_job(jobs);
		if (job != NULL)
			work_on(jobs, job);
		else
			pthread_cond_wait(&jobs->changed, &jobs->mutex);
	}
	pthread_mutex_unlock(&jobs->mutex);
	return NULL;
}

/* The requests. */

static void write_time(struct buf *out, const char *key, int64_t unix_ms)
{
	if (unix_ms == 0)
		out_null(out, key);
	else
		out_time_ms(out, key, unix_ms);
}

static void write_job(struct buf *out, const struct job *job)
{
	out_open(out, '{');
	out_int(out, "id", job->id);
	out_text(out, "action", slice_text(job->kind == STORE_CHANGE_RETRY ? "retry" : "discard"));
	out_bool(out, "as_new", job->as_new);
	out_key(out, "filter");
	buf_append_text(out, job->asked_filter);
	out_text(out, "state", slice_text(state_names[job->state]));
	if (job->progress.matched < 0)
		out_null(out, "matched");
	else
		out_int(out, "matched", job->progress.matched);
	out_int(out, "changed", job->progress.changed);
	out_int(out, "scanned", job->progress.scanned);
	write_time(out, "started", job->started_ms);
	write_time(out, "finished", job->finished_ms);
	out_text_or_null(out, "error", slice_text(job->error.text));
	out_close(out, '}');
}

static bool take_action(struct call *call, struct job *job, const json_t *body)
{
	const char *action = json_string_value(json_object_get(body, "action"));

	if (action != NULL && slice_is(slice_text(action), "retry"))
		job->kind = STORE_CHANGE_RETRY;
	else if (action != NULL && slice_is(slice_text(action), "discard"))
		job->kind = STORE_CHANGE_DISCARD;
	else
		action = NULL;
	if (action == NULL)
		call_refuse(call, 400, "action", "body", "\"retry\" or \"discard\" is expected");
	return action != NULL;
}

static bool take_as_new(struct call *call, struct job *job, const json_t *body)
{
	const json_t *as_new = json_object_get(body, "as_new");

	if (as_new == NULL)
		return true;
	job->as_new = json_is_true(as_new);
	if (json_is_boolean(as_new) && (!job->as_new || job->kind == STORE_CHANGE_RETRY))
		return true;
	call_refuse(call, 400, "as_new", "body", "%s",
		json_is_boolean(as_new) ? "goes with the action \"retry\" only"
					: "true or false is expected");
	return false;
}

static bool take_rate(struct call *call, struct job *job, const json_t *body)
{
	const json_t *rate = json_object_get(body, "rate");
	struct slice text = slice_of(json_string_value(rate), json_string_length(rate));

	job->rate_per_second = call->control->settings.rate_per_second;
	if (rate == NULL)
		return true;
	if (text.data != NULL && text.size <= RATE_TEXT_MAX &&
		text_parse_rate(text, &job->rate_per_second))
		return true;
	if (text.data == NULL)
		call_refuse(call, 400, "rate", "body", "a rate such as \"1000/s\" is expected");
	else
		call_refuse(call, 400, "rate", "body", "'%.*s' is not a rate such as \"1000/s\"",
			(int)(text.size < RATE_TEXT_MAX ? text.size : RATE_TEXT_MAX), text.data);
	return false;
}

/* What a job is about beside its filter. */
static bool is_setting(const char *key)
{
	struct slice name = slice_text(key);

	return slice_is(name, "action") || slice_is(name, "rate") || slice_is(name, "all") ||
	       slice_is(name, "as_new");
}

static char *filter_text(const json_t *body)
{
	json_t *filter = json_object();
	const char *key;
	json_t *value;
	char *text;

	json_object_foreach((json_t *)(uintptr_t)body, key, value)
	{
		if (!is_setting(key))
			json_object_set(filter, key, value);
	}
	text = json_dumps(filter, JSON_COMPACT);
	REPOSTAL_ASSERT(text != NULL);
	json_decref(filter);
	return text;
}

static bool take_filters(struct call *call, struct job *job, json_t *body)
{
	struct error err;
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		struct slice name = slice_text(key);
		enum filter_set set;

		if (is_setting(key))
			continue;
		if (!json_is_string(value)) {
			call_refuse(call, 400, key, "body", "a text is expected");
			return false;
		}
		set = filter_set(&job->filter, &call->names, name,
			slice_of(json_string_value(value), json_string_length(value)), call->now_us,
			&err);
		if (set == FILTER_SET)
			continue;
		call_refuse(call, 400, key, "body", "%s",
			set == FILTER_BAD_VALUE ? err.text : "there is no such member here");
		return false;
	}
	if (job->filter.is_empty && !json_is_true(json_object_get(body, "all"))) {
		call_refuse(call, 400, "all", "body",
			"without a filter, {\"all\":true} says that everything is meant");
		return false;
	}
	return true;
}

/* What nobody named is left alone: final states, and what arrives from now on. */
static void narrow(const struct call *call, struct job *job)
{
	filter_default_states(&job->filter,
		1 << SHOWN_READY | 1 << SHOWN_WAITING | 1 << SHOWN_HELD | 1 << SHOWN_DEAD);
	if (job->filter.store.until_us == 0 || job->filter.store.until_us > call->now_us)
		job->filter.store.until_us = call->now_us;
}

/* NULL: refused. */
static struct job *job_new(struct call *call)
{
	struct job *job = memory_zalloc(sizeof(*job));
	json_t *body = NULL;
	bool is_good = false;

	filter_init(&job->filter);
	job->progress.matched = -1;
	if (call_take_query_end(call) && call_take_body(call, &body))
		is_good = take_action(call, job, body) && take_as_new(call, job, body) &&
			  take_rate(call, job, body) && take_filters(call, job, body);
	if (is_good)
		job->asked_filter = filter_text(body);
	json_decref(body);
	if (!is_good) {
		job_free(job);
		return NULL;
	}
	narrow(call, job);
	return job;
}

/* Forgets the oldest that is over, if need be. */
static bool make_room(struct jobs *jobs)
{
	size_t oldest = 0;

	if (jobs->count < JOBS_MAX)
		return true;
	while (oldest < jobs->count && jobs->list[oldest]->state == JOB_RUNNING)
		oldest++;
	if (oldest == jobs->count)
		return false;
	job_free(jobs->list[oldest]);
	jobs->count--;
	for (size_t i = oldest; i < jobs->count; i++)
		jobs->list[i] = jobs->list[i + 1];
	return true;
}

static bool start_thread(struct jobs *jobs)
{
	if (!jobs->is_started)
		jobs->is_started = pthread_create(&jobs->thread, NULL, run_jobs, jobs) == 0;
	return jobs->is_started;
}

void jobs_post(struct call *call)
{
	struct jobs *jobs = call->control->jobs;
	struct job *job = job_new(call);

	if (job == NULL)
		return;
	pthread_mutex_lock(&jobs->mutex);
	if (start_thread(jobs) && make_room(jobs)) {
		job->id = ++jobs->last_id;
		jobs->list[jobs->count++] = job;
		pthread_cond_broadcast(&jobs->changed);
		call->answer->status = 202;
		write_job(&call->answer->body, job);
		job = NULL;
	}
	pthread_mutex_unlock(&jobs->mutex);
	if (job == NULL)
		return;
	job_free(job);
	call_refuse(call, 503, "server", "server", "too many jobs wait already");
}

void jobs_list(struct call *call)
{
	struct jobs *jobs = call->control->jobs;
	struct buf *out = &call->answer->body;

	if (!call_take_query_end(call))
		return;
	out_open(out, '{');
	out_open_at(out, "jobs", '[');
	pthread_mutex_lock(&jobs->mutex);
	for (size_t i = jobs->count; i > 0; i--)
		write_job(out, jobs->list[i - 1]);
	pthread_mutex_unlock(&jobs->mutex);
	out_close(out, ']');
	out_close(out, '}');
}

static void cancel(struct jobs *jobs, struct job *job)
{
	if (job->state != JOB_RUNNING)
		return;
	job->is_cancelled = true;
	if (job->started_ms == 0) {
		job->state = JOB_CANCELLED;
		job->finished_ms = clock_unix_ms();
	}
	pthread_cond_broadcast(&jobs->changed);
}

static void with_job(struct call *call, bool is_cancel)
{
	struct jobs *jobs = call->control->jobs;
	struct job *job = NULL;

	if (!call_take_query_end(call))
		return;
	pthread_mutex_lock(&jobs->mutex);
	for (size_t i = 0; i < jobs->count; i++)
		if (jobs->list[i]->id == call->number)
			job = jobs->list[i];
	if (job != NULL && is_cancel)
		cancel(jobs, job);
	if (job != NULL)
		write_job(&call->answer->body, job);
	pthread_mutex_unlock(&jobs->mutex);
	if (job == NULL)
		call_refuse(call, 404, "id", "path",
			"there is no job %" PRId64 ", or none any more", call->number);
}

void job_show(struct call *call)
{
	with_job(call, false);
}

void job_cancel(struct call *call)
{
	with_job(call, true);
}
