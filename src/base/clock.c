/* SPDX-License-Identifier: MIT */
#include "repostal/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "repostal/memory.h"
#include "repostal/slice.h"
#include "repostal/text.h"

static int64_t now_us(clockid_t clock)
{
	struct timespec now;

	REPOSTAL_ASSERT(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_unix_us(void)
{
	return now_us(CLOCK_REALTIME);
}

int64_t clock_unix_ms(void)
{
	return clock_unix_us() / 1000;
}

int64_t clock_monotonic_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
	return clock_monotonic_us() / 1000;
}

int64_t clock_schedule_ms(void)
{
	static _Atomic int64_t ahead_us = INT64_MIN; /* the most that the wall clock ever was */
	int64_t passed_us = now_us(CLOCK_BOOTTIME);
	int64_t now_ahead_us = clock_unix_us() - passed_us;
	int64_t most_us = atomic_load(&ahead_us);

	while (now_ahead_us > most_us &&
		!atomic_compare_exchange_weak(&ahead_us, &most_us, now_ahead_us))
		continue;
	return (passed_us + (now_ahead_us > most_us ? now_ahead_us : most_us)) / 1000;
}

/* Writes exactly so many digits and what stands behind them; returns where to go on. */
static char *put_number(char *at, int number, int digits, char behind)
{
	for (int digit = digits; digit-- > 0; number /= 10)
		at[digit] = (char)('0' + number % 10);
	at[digits] = behind;
	return at + digits + 1;
}

/* The first and the last instant whose year has four digits. */
static int64_t shown_ms(int64_t unix_ms)
{
	static const int64_t first_ms = INT64_C(-62167219200000);
	static const int64_t last_ms = INT64_C(253402300799999);

	return unix_ms < first_ms ? first_ms : unix_ms > last_ms ? last_ms : unix_ms;
}

static char *put_date_and_time(char *at, const struct tm *tm, char between, char after)
{
	at = put_number(at, tm->tm_year + 1900, 4, '-');
	at = put_number(at, tm->tm_mon + 1, 2, '-');
	at = put_number(at, tm->tm_mday, 2, between);
	at = put_number(at, tm->tm_hour, 2, ':');
	at = put_number(at, tm->tm_min, 2, ':');
	return put_number(at, tm->tm_sec, 2, after);
}

void clock_format_utc(int64_t unix_ms, char out[CLOCK_TEXT_SIZE])
{
	int64_t shown = shown_ms(unix_ms);
	int ms = (int)((shown % 1000 + 1000) % 1000);
	time_t seconds = (time_t)((shown - ms) / 1000);
	struct tm utc;
	char *at;

	REPOSTAL_ASSERT(gmtime_r(&seconds, &utc) != NULL);
	at = put_date_and_time(out, &utc, 'T', '.');
	at = put_number(at, ms, 3, 'Z');
	*at = '\0';
}

void clock_format_local(int64_t unix_ms, char out[CLOCK_TEXT_SIZE])
{
	/* A day less on either side: no offset makes a fifth digit of it. */
	static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;
	int64_t first_ms = shown_ms(INT64_MIN) + day_ms;
	int64_t last_ms = shown_ms(INT64_MAX) - day_ms;
	int64_t shown = unix_ms < first_ms ? first_ms : unix_ms > last_ms ? last_ms : unix_ms;
	time_t seconds = (time_t)((shown - (shown % 1000 + 1000) % 1000) / 1000);
	struct tm local;
	int offset_minutes;
	char *at;

	REPOSTAL_ASSERT(localtime_r(&seconds, &local) != NULL);
	offset_minutes = (int)(local.tm_gmtoff / 60);
	at = put_date_and_time(out, &local, ' ', offset_minutes < 0 ? '-' : '+');
	if (offset_minutes < 0)
		offset_minutes = -offset_minutes;
	at = put_number(at, offset_minutes / 60, 2, ':');
	put_number(at, offset_minutes % 60, 2, '\0');
}

/*
 * Dates are read by hand: strptime() asks the locale for the names, and those of mail are always
 * English; it also takes blanks and signs that no date has. The expect_ functions take what they
 * expect off the text, or return false.
 */

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };
static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static bool expect_text(struct slice *text, const char *expected)
{
	size_t size = strlen(expected);

	if (text->size < size || memcmp(text->data, expected, size) != 0)
		return false;
	*text = slice_of(text->data + size, text->size - size);
	return true;
}

static bool expect_name(struct slice *text, const char *const *names, size_t count, int *index)
{
	for (size_t i = 0; i < count; i++) {
		if (expect_text(text, names[i])) {
			*index = (int)i;
			return true;
		}
	}
	return false;
}

static bool expect_month(struct slice *text, struct tm *tm)
{
	return expect_name(text, months, ARRAY_COUNT(months), &tm->tm_mon);
}

static bool expect_digits(struct slice *text, size_t count, int *number)
{
	*number = 0;
	if (text->size < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (text->data[i] < '0' || text->data[i] > '9')
			return false;
		*number = *number * 10 + (text->data[i] - '0');
	}
	*text = slice_of(text->data + count, text->size - count);
	return true;
}

static bool expect_year(struct slice *text, struct tm *tm)
{
	bool found = expect_digits(text, 4, &tm->tm_year);

	tm->tm_year -= 1900;
	return found;
}

/* False: the month has no such day. timegm() makes 3 March of 31 February: a day that moved was none. */
static bool midnight_of(const struct tm *tm, int64_t *seconds_out)
{
	struct tm midnight = {
		.tm_year = tm->tm_year,
		.tm_mon = tm->tm_mon,
		.tm_mday = tm->tm_mday,
	};

	*seconds_out = timegm(&midnight);
	return midnight.tm_mday == tm->tm_mday && midnight.tm_mon == tm->tm_mon;
}

/* "2026-11-21", a day that is */
static bool expect_day(struct slice *text, struct tm *tm)
{
	int64_t unused_seconds;
	bool found = expect_year(text, tm) && expect_text(text, "-") &&
		     expect_digits(text, 2, &tm->tm_mon) && expect_text(text, "-") &&
		     expect_digits(text, 2, &tm->tm_mday);

	tm->tm_mon--;
	return found && tm->tm_year >= 70 && tm->tm_mon >= 0 && tm->tm_mon < 12 &&
	       midnight_of(tm, &unused_seconds);
}

/* ".123456"; what is finer than a microsecond is read over. */
static bool expect_fraction_us(struct slice *text, int64_t *us_out)
{
	int64_t unit_us = 100000;
	int digit;

	*us_out = 0;
	if (!expect_text(text, "."))
		return true;
	if (!expect_digits(text, 1, &digit))
		return false;
	do {
		*us_out += digit * unit_us;
		unit_us /= 10;
	} while (expect_digits(text, 1, &digit));
	return true;
}

/* "08:00", "08:00:00", "08:00:00.123" */
static bool expect_time_of_day(struct slice *text, struct tm *tm, int64_t *us_out)
{
	*us_out = 0;
	if (!expect_digits(text, 2, &tm->tm_hour) || !expect_text(text, ":") ||
		!expect_digits(text, 2, &tm->tm_min) || tm->tm_hour > 23 || tm->tm_min > 59)
		return false;
	if (!expect_text(text, ":"))
		return true;
	return expect_digits(text, 2, &tm->tm_sec) && tm->tm_sec <= 60 &&
	       expect_fraction_us(text, us_out);
}

/* "Z", "+01", "+0100", "-01:30", also after a blank; false when there is something else. */
static bool expect_offset(struct slice *text, int64_t *seconds_out)
{
	bool is_west;
	int hours, minutes = 0;

	*seconds_out = 0;
	expect_text(text, " ");
	if (expect_text(text, "Z"))
		return text->size == 0;
	is_west = expect_text(text, "-");
	if ((!is_west && !expect_text(text, "+")) || !expect_digits(text, 2, &hours))
		return false;
	if (text->size > 0) {
		expect_text(text, ":");
		if (!expect_digits(text, 2, &minutes))
			return false;
	}
	if (text->size > 0 || hours > 23 || minutes > 59)
		return false;
	*seconds_out = (hours * 60 + minutes) * (is_west ? -60 : 60);
	return true;
}

static bool parse_time(struct slice text, enum clock_zone zone, int64_t *unix_us_out)
{
	int64_t us = 0, offset_seconds = 0;
	struct tm tm = { .tm_isdst = -1 };
	int64_t seconds;

	if (!expect_day(&text, &tm))
		return false;
	if (text.size > 0 && ((!expect_text(&text, "T") && !expect_text(&text, " ")) ||
				     !expect_time_of_day(&text, &tm, &us)))
		return false;
	if (text.size > 0) {
		zone = CLOCK_UTC;
		if (!expect_offset(&text, &offset_seconds))
			return false;
	}
	seconds = zone == CLOCK_LOCAL ? mktime(&tm) : timegm(&tm);
	*unix_us_out = (seconds - offset_seconds) * 1000000 + us;
	return true;
}

bool clock_parse_when(struct slice text, int64_t now_us, enum clock_zone zone, int64_t *unix_us_out)
{
	int64_t ago_ms;

	if (text_parse_duration_ms(text, &ago_ms))
		*unix_us_out = ago_ms < now_us / 1000 ? now_us - ago_ms * 1000 : 1;
	else if (!parse_time(text, zone, unix_us_out))
		return false;
	if (*unix_us_out < 1)
		*unix_us_out = 1;
	return true;
}

/* "GMT", "UTC", "UT" or an offset; a comment in brackets may follow, as mail programs write it. */
static bool expect_mail_zone(struct slice *text, int64_t *offset_seconds_out)
{
	static const char *const names[] = { "GMT", "UTC", "UT" };
	struct slice comment = *text;
	struct slice zone = slice_trim(slice_cut(&comment, '('));
	int unused;

	*offset_seconds_out = 0;
	if (comment.data != NULL && (comment.size == 0 || comment.data[comment.size - 1] != ')'))
		return false;
	if (expect_name(&zone, names, ARRAY_COUNT(names), &unused))
		return zone.size == 0;
	return expect_offset(&zone, offset_seconds_out);
}

/* "Sun, 14 ": the day's name may be missing, and so may the first digit. */
static bool expect_mail_day(struct slice *text, struct tm *tm)
{
	struct slice rest = *text;

	if (expect_name(&rest, days, ARRAY_COUNT(days), &tm->tm_wday) && expect_text(&rest, ", "))
		*text = rest;
	rest = *text;
	if (expect_digits(text, 2, &tm->tm_mday) && expect_text(text, " "))
		return true;
	*text = rest;
	return expect_digits(text, 1, &tm->tm_mday) && expect_text(text, " ");
}

static bool parse_mail_date(struct slice text, int64_t *unix_ms_out)
{
	int64_t us, offset_seconds, seconds;
	struct tm tm = { 0 };

	if (!expect_mail_day(&text, &tm) || !expect_month(&text, &tm) || !expect_text(&text, " ") ||
		!expect_year(&text, &tm) || !expect_text(&text, " ") ||
		!expect_time_of_day(&text, &tm, &us) || !expect_text(&text, " ") ||
		!expect_mail_zone(&text, &offset_seconds) || !midnight_of(&tm, &seconds))
		return false;
	seconds += tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec - offset_seconds;
	*unix_ms_out = seconds * 1000 + us / 1000;
	return true;
}

bool clock_parse_date(struct slice text, int64_t *unix_ms_out)
{
	int64_t us;

	if (!parse_time(text, CLOCK_UTC, &us))
		return parse_mail_date(text, unix_ms_out);
	*unix_ms_out = us / 1000;
	return true;
}
