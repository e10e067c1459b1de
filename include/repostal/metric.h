/* SPDX-License-Identifier: MIT */
/*
 * metric.h - counters, gauges and histograms
 *
 * Promise    Updating costs one or two relaxed atomic additions, no lock. Reading while others
 *            write gives numbers that are each right, though not of one instant.
 * Threads    Any.
 * Ownership  Each module embeds its metrics in its own structs; the metrics page reads them there.
 */
#ifndef REPOSTAL_METRIC_H
#define REPOSTAL_METRIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "repostal/buf.h"

struct counter {
	_Atomic uint64_t value;
};

struct gauge {
	_Atomic int64_t value;
};

enum {
	RECENT_SECONDS = 60,
	RECENT_BUCKETS = 64,
	HISTOGRAM_BOUNDS_MAX = 20
};

/* How often something happened in the last minute. One thread adds. */
struct recent {
	_Atomic uint64_t buckets[RECENT_BUCKETS]; /* a second, and how often in it */
};
void recent_add(struct recent *recent, int64_t monotonic_ms);
/* In the last RECENT_SECONDS whole seconds. */
int64_t recent_read(const struct recent *recent, int64_t monotonic_ms);

/* bounds ascend; the last bucket (+Inf) is implied. */
struct histogram_shape {
	size_t bounds_count;
	double bounds[HISTOGRAM_BOUNDS_MAX];
};

struct histogram {
	const struct histogram_shape *shape;
	_Atomic uint64_t buckets[HISTOGRAM_BOUNDS_MAX + 1];
	_Atomic uint64_t sum_micro; /* millionths of the unit */
};

static inline void counter_add(struct counter *counter, uint64_t n)
{
	atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counter *counter)
{
	return atomic_load_explicit(
		&((struct counter *)(uintptr_t)counter)->value, memory_order_relaxed);
}

static inline void gauge_add(struct gauge *gauge, int64_t n)
{
	atomic_fetch_add_explicit(&gauge->value, n, memory_order_relaxed);
}

static inline void gauge_set(struct gauge *gauge, int64_t n)
{
	atomic_store_explicit(&gauge->value, n, memory_order_relaxed);
}

static inline int64_t gauge_read(const struct gauge *gauge)
{
	return atomic_load_explicit(
		&((struct gauge *)(uintptr_t)gauge)->value, memory_order_relaxed);
}

/* Seconds from 0.5 ms to 1 min, and a batch's size from 1 to 8192. */
extern const struct histogram_shape histogram_seconds;
extern const struct histogram_shape histogram_batch;

void histogram_init(struct histogram *histogram, const struct histogram_shape *shape);
void histogram_observe(struct histogram *histogram, double value);
uint64_t histogram_count(const struct histogram *histogram);

/*
 * Prometheus text exposition format 0.0.4. labels is "" or like `target="app",outcome="dead"`,
 * values already escaped (metric_label).
 */
void metric_print_head(struct buf *out, const char *name, const char *type, const char *help);
void metric_print_int(struct buf *out, const char *name, const char *labels, int64_t value);
void metric_print_double(struct buf *out, const char *name, const char *labels, double value);
void metric_print_histogram(
	struct buf *out, const char *name, const char *labels, const struct histogram *histogram);
/* Appends `name="value"` with \ " and newline escaped; a comma first unless labels is empty. */
void metric_label(struct buf *labels, const char *name, const char *value);

#endif
