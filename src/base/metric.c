/* SPDX-License-Identifier: MIT */
#include "repostal/metric.h"

#include <inttypes.h>

#include "repostal/memory.h"

const struct histogram_shape histogram_seconds = {
	.bounds_count = 16,
	.bounds = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
		30, 60 },
};

const struct histogram_shape histogram_batch = {
	.bounds_count = 14,
	.bounds = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192 },
};

void histogram_init(struct histogram *histogram, const struct histogram_shape *shape)
{
	REPOSTAL_ASSERT(shape->bounds_count <= HISTOGRAM_BOUNDS_MAX);
	histogram->shape = shape;
	for (size_t i = 0; i < ARRAY_COUNT(histogram->buckets); i++)
		atomic_init(&histogram->buckets[i], 0);
	atomic_init(&histogram->sum_micro, 0);
}

/* What a clock that went backwards, or a broken sum, may add: nothing. */
static uint64_t micro_of(double value)
{
	static const double value_max = 1e12;

	if (!(value > 0))
		return 0;
	return (uint64_t)((value < value_max ? value : value_max) * 1e6 + 0.5);
}

void histogram_observe(struct histogram *histogram, double value)
{
	size_t bucket = 0;

	while (bucket < histogram->shape->bounds_count && value > histogram->shape->bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&histogram->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_micro, micro_of(value), memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram *histogram)
{
	struct histogram *readable = (struct histogram *)(uintptr_t)histogram;
	uint64_t count = 0;

	for (size_t i = 0; i <= histogram->shape->bounds_count; i++)
		count += atomic_load_explicit(&readable->buckets[i], memory_order_relaxed);
	return count;
}

void metric_print_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* "name{labels} ", with no braces when there are no labels. */
static void print_name(struct buf *out, const char *name, const char *suffix, const char *labels)
{
	buf_append_text(out, name);
	buf_append_text(out, suffix);
	if (labels[0] != '\0')
		buf_printf(out, "{%s}", labels);
	buf_append_char(out, ' ');
}

void metric_print_int(struct buf *out, const char *name, const char *labels, int64_t value)
{
	print_name(out, name, "", labels);
	buf_append_int(out, value);
	buf_append_char(out, '\n');
}

void metric_print_double(struct buf *out, const char *name, const char *labels, double value)
{
	print_name(out, name, "", labels);
	buf_append_double(out, value);
	buf_append_char(out, '\n');
}

static void print_bucket(struct buf *out, const char *name, const char *labels,
	const struct histogram_shape *shape, size_t bucket, uint64_t count)
{
	buf_printf(out, "%s_bucket{%s%sle=\"", name, labels, labels[0] == '\0' ? "" : ",");
	if (bucket < shape->bounds_count)
		buf_append_double(out, shape->bounds[bucket]);
	else
		buf_append_text(out, "+Inf");
	buf_printf(out, "\"} %" PRIu64 "\n", count);
}

void metric_print_histogram(
	struct buf *out, const char *name, const char *labels, const struct histogram *histogram)
{
	/* atomic_load_explicit() wants a pointer to what is not const */
	struct histogram *readable = (struct histogram *)(uintptr_t)histogram;
	uint64_t count = 0;
	uint64_t sum_micro = atomic_load_explicit(&readable->sum_micro, memory_order_relaxed);

	for (size_t i = 0; i <= histogram->shape->bounds_count; i++) {
		count += atomic_load_explicit(&readable->buckets[i], memory_order_relaxed);
		print_bucket(out, name, labels, histogram->shape, i, count);
	}
	print_name(out, name, "_sum", labels);
	buf_append_double(out, (double)sum_micro / 1e6);
	buf_append_char(out, '\n');
	/* The sum of the buckets, so that it equals +Inf even while others write. */
	print_name(out, name, "_count", labels);
	buf_printf(out, "%" PRIu64 "\n", count);
}

void metric_label(struct buf *labels, const char *name, const char *value)
{
	if (labels->size > 0)
		buf_append_char(labels, ',');
	buf_append_text(labels, name);
	buf_append_text(labels, "=\"");
	for (const char *at = value; *at != '\0'; at++) {
		if (*at == '\n') {
			buf_append_text(labels, "\\n");
			continue;
		}
		if (*at == '\\' || *at == '"')
			buf_append_char(labels, '\\');
		buf_append_char(labels, *at);
	}
	buf_append_char(labels, '"');
}

/* Seconds since the machine started fit into 32 bits, and so does what happens within one. */
void recent_add(struct recent *recent, int64_t monotonic_ms)
{
	uint64_t second = (uint64_t)(monotonic_ms / 1000) + 1; /* 0: nothing was ever added */
	_Atomic uint64_t *bucket = &recent->buckets[second % RECENT_BUCKETS];
	uint64_t value = atomic_load_explicit(bucket, memory_order_relaxed);

	if (value >> 32 != second)
		value = second << 32;
	atomic_store_explicit(bucket, value + 1, memory_order_relaxed);
}

int64_t recent_read(const struct recent *recent, int64_t monotonic_ms)
{
	struct recent *read = (struct recent *)(uintptr_t)recent;
	uint64_t now = (uint64_t)(monotonic_ms / 1000) + 1;
	int64_t sum = 0;

	for (size_t i = 0; i < RECENT_BUCKETS; i++) {
		uint64_t value = atomic_load_explicit(&read->buckets[i], memory_order_relaxed);
		uint64_t second = value >> 32;

		if (second != 0 && second < now && second + RECENT_SECONDS >= now)
			sum += (int64_t)(value & UINT32_MAX);
	}
	return sum;
}
