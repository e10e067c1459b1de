/* SPDX-License-Identifier: MIT */
#include "repostal/cause.h"

#include <errno.h>
#include <string.h>

#include "repostal/buf.h"
#include "repostal/text.h"

enum {
	DOTS_SIZE = 3,
	PIECE_SIZE_MAX = 8,  /* a C1 control, escaped */
	SECRET_SIZE_MIN = 4, /* a shorter one would mask words that mean something */
};

static struct slice password_of(const char *url)
{
	const char *scheme_end = strstr(url, "://");
	const char *begin = scheme_end == NULL ? url : scheme_end + 3;
	const char *at = NULL;
	const char *colon;

	for (const char *c = begin; c < begin + strcspn(begin, "/?#"); c++)
		if (*c == '@')
			at = c;
	if (at == NULL)
		return slice_of(NULL, 0);
	colon = memchr(begin, ':', (size_t)(at - begin));
	return colon == NULL ? slice_of(NULL, 0) : slice_of(colon + 1, (size_t)(at - colon - 1));
}

static size_t match_at(struct slice text, struct slice secret)
{
	bool is_there = secret.size >= SECRET_SIZE_MIN && secret.size <= text.size &&
			memcmp(text.data, secret.data, secret.size) == 0;

	return is_there ? secret.size : 0;
}

/* Bytes of the longest secret that text begins with. */
static size_t secret_at(struct slice text, const struct target_settings *settings)
{
	size_t size;

	if (settings == NULL)
		return 0;
	size = match_at(text, password_of(settings->url));
	for (size_t i = 0; i < settings->headers_count; i++) {
		size_t found = match_at(text, slice_text(settings->headers[i].value));

		if (found > size)
			size = found;
	}
	return size;
}

static void append_escaped(struct buf *out, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		buf_printf(out, "\\x%02x", (unsigned char)bytes.data[i]);
}

/* Prints what stands together: a secret, a control character, or a character. Returns its bytes. */
static size_t append_piece(
	struct buf *out, struct slice text, const struct target_settings *settings)
{
	size_t secret = secret_at(text, settings);
	size_t control = text_hidden_sequence(text.data, text.size);
	size_t character = text_utf8_sequence(text.data, text.size);

	if (secret > 0) {
		buf_append_text(out, "***");
		return secret;
	}
	if (control > 0 || character == 0) {
		size_t size = control > 0 ? control : 1;

		append_escaped(out, slice_of(text.data, size));
		return size;
	}
	buf_append(out, text.data, character);
	return character;
}

static void append_clean(struct buf *out, struct slice text, const struct target_settings *settings)
{
	while (text.size > 0) {
		size_t size;

		if (out->size > out->size_max - PIECE_SIZE_MAX - DOTS_SIZE) {
			buf_append_text(out, "...");
			return;
		}
		size = append_piece(out, text, settings);
		text = slice_of(text.data + size, text.size - size);
	}
}

static void append_text(struct buf *out, const char *text)
{
	append_clean(out, slice_text(text == NULL ? "" : text), NULL);
}

static void append_limit(struct buf *out, const char *what, int64_t limit_ms)
{
	append_text(out, what);
	append_text(out, " within ");
	text_format_duration(out, limit_ms);
}

static void append_answer(
	struct buf *out, const struct cause *cause, const struct target_settings *settings)
{
	struct slice rest = cause->answer;
	struct slice line = slice_of(NULL, 0);

	while (rest.size > 0 && line.size == 0)
		line = slice_trim(slice_cut(&rest, '\n'));
	buf_printf(out, "HTTP %d", cause->http_status);
	if (line.size > 0) {
		append_text(out, ": ");
		append_clean(out, line, settings);
	}
}

static const char *peer_of(const struct cause *cause)
{
	return cause->peer == NULL || cause->peer[0] == '\0' ? "the receiver" : cause->peer;
}

static void append_connect(struct buf *out, const struct cause *cause)
{
	switch (cause->os_error) {
	case ECONNREFUSED:
		append_text(out, "connection refused by ");
		append_text(out, peer_of(cause));
		break;
	case ECONNRESET:
		append_text(out, "connection reset by ");
		append_text(out, peer_of(cause));
		break;
	case EHOSTUNREACH:
		append_text(out, "no route to ");
		append_text(out, peer_of(cause));
		break;
	default:
		append_text(out, "no connection to ");
		append_text(out, peer_of(cause));
		append_text(out, ": ");
		append_text(out, cause->os_error != 0 ? strerror(cause->os_error) : cause->detail);
	}
}

static void append_with_detail(struct buf *out, const char *what, const char *detail)
{
	append_text(out, what);
	if (detail == NULL || detail[0] == '\0')
		return;
	append_text(out, ": ");
	append_text(out, detail);
}

static void append_peer_limit(struct buf *out, const char *what, const struct cause *cause)
{
	append_text(out, what);
	append_limit(out, peer_of(cause), cause->limit_ms);
}

static void append_cause(
	struct buf *out, const struct cause *cause, const struct target_settings *settings)
{
	switch (cause->kind) {
	case CAUSE_ANSWER:
		append_answer(out, cause, settings);
		break;
	case CAUSE_NAME:
		append_with_detail(out, "name not found", cause->detail);
		break;
	case CAUSE_NAME_TIMEOUT:
		append_limit(out, "no answer of the name server", cause->limit_ms);
		break;
	case CAUSE_CONNECT:
		append_connect(out, cause);
		break;
	case CAUSE_CONNECT_TIMEOUT:
		append_peer_limit(out, "no connection to ", cause);
		break;
	case CAUSE_TLS:
		append_text(out, cause->detail);
		break;
	case CAUSE_TLS_TIMEOUT:
		append_peer_limit(out, "no TLS handshake with ", cause);
		break;
	case CAUSE_ANSWER_TIMEOUT:
		append_limit(out, "no answer", cause->limit_ms);
		break;
	case CAUSE_PROXY:
		buf_printf(out, "HTTP %d by the proxy ", cause->http_status);
		append_text(out, cause->peer);
		break;
	case CAUSE_CLOSED:
		append_text(out, "connection closed without an answer by ");
		append_text(out, peer_of(cause));
		break;
	case CAUSE_BROKEN:
		append_text(out, "connection lost to ");
		append_with_detail(out, peer_of(cause), cause->detail);
		break;
	case CAUSE_DENIED:
		append_text(out, "address ");
		append_text(out, peer_of(cause));
		append_text(out, " is denied by egress.deny");
		break;
	case CAUSE_OWN:
		append_text(out, "address ");
		append_text(out, peer_of(cause));
		append_text(out,
			" is this gateway itself at that port: a target must be another server");
		break;
	case CAUSE_INTERRUPTED:
		append_text(out, "the gateway was stopped before an answer came");
		break;
	case CAUSE_OTHER:
		append_with_detail(out, "no valid answer", cause->detail);
		break;
	}
}

void cause_print(
	const struct cause *cause, const struct target_settings *settings, char out[CAUSE_SIZE])
{
	struct buf text;

	buf_init(&text, CAUSE_SIZE - 1);
	append_cause(&text, cause, settings);
	memcpy(out, text.data == NULL ? "" : text.data, text.size + 1);
	buf_free(&text);
}
