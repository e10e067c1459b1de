/* SPDX-License-Identifier: MIT */
/*
 * multipart.c - multipart/form-data (RFC 7578), what BizMail's OpenAPI description promises
 *
 * Lines may end in LF alone. Parts are looked at for their name only: whether one claims to be a
 * file, of which type, does not matter, because only known names are taken.
 */
#include "fields.h"

#include "repostal/bizmail.h"

enum {
	BOUNDARY_SIZE_MAX = 200
}; /* RFC 2046 allows 70 */

/* What stands between two parts: "\n--boundary". The CR in front belongs to it when there is one.
 */
struct delimiter {
	char text[3 + BOUNDARY_SIZE_MAX];
	size_t size;
};

/* A delimiter line that was found, as offsets into the body. */
struct separation {
	size_t start;
	size_t end; /* at the LF of its line, where the search for the next one starts */
	bool last;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice without_cr(struct slice line)
{
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	return line;
}

/* Cuts "name=value" off *params at the next semicolon outside of quotes. */
static struct slice parameter_cut(struct slice *params)
{
	struct slice all = *params;
	bool quoted = false;

	for (size_t i = 0; i < all.size; i++) {
		if (quoted && all.data[i] == '\\') {
			i++;
		} else if (all.data[i] == '"') {
			quoted = !quoted;
		} else if (!quoted && all.data[i] == ';') {
			*params = slice_behind(all, i + 1);
			return slice_of(all.data, i);
		}
	}
	*params = slice_of(NULL, 0);
	return all;
}

/* A parameter of a header field, without its quotes; empty when missing. */
static struct slice parameter_find(struct slice params, const char *name)
{
	while (params.size > 0) {
		struct slice value = parameter_cut(&params);
		struct slice key = slice_trim(slice_cut(&value, '='));

		if (!slice_is_nocase(key, name))
			continue;
		value = slice_trim(value);
		if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"')
			return slice_of(value.data + 1, value.size - 2);
		return value;
	}
	return slice_of(NULL, 0);
}

/* What the label announces. */
static struct slice boundary_announced(struct slice content_type)
{
	struct slice params = content_type;

	(void)slice_cut(&params, ';');
	return parameter_find(params, "boundary");
}

/* What the body itself begins with. */
static struct slice boundary_found(struct slice body)
{
	struct slice rest = body;
	struct slice first_line = slice_trim(slice_cut(&rest, '\n'));

	return slice_starts_nocase(first_line, "--") ? slice_behind(first_line, 2)
						     : slice_of(NULL, 0);
}

static bool delimiter_make(struct slice boundary, struct delimiter *delimiter)
{
	if (boundary.size == 0 || boundary.size > BOUNDARY_SIZE_MAX)
		return false;
	memcpy(delimiter->text, "\n--", 3);
	memcpy(delimiter->text + 3, boundary.data, boundary.size);
	delimiter->size = 3 + boundary.size;
	return true;
}

/*
 * What follows "--boundary" at offset end: "--" for the last one, then blanks, then the end of the
 * line. Anything else means that the boundary is the start of a longer line, which is text.
 */
static bool separation_finish(struct slice body, size_t end, struct separation *separation)
{
	separation->last = body.size - end >= 2 && memcmp(body.data + end, "--", 2) == 0;
	if (separation->last)
		end += 2;
	while (end < body.size && is_blank(body.data[end]))
		end++;
	if (end < body.size && body.data[end] == '\r')
		end++;
	separation->end = end;
	if (end == body.size)
		return separation->last;
	return body.data[end] == '\n';
}

/* The first delimiter line from offset from on, where a line ends. */
static bool separation_find(struct slice body, size_t from, const struct delimiter *delimiter,
	struct separation *separation)
{
	for (;;) {
		const char *hit = memmem(
			body.data + from, body.size - from, delimiter->text, delimiter->size);
		size_t start;

		if (hit == NULL)
			return false;
		start = (size_t)(hit - body.data);
		from = start + delimiter->size;
		separation->start = start > 0 && hit[-1] == '\r' ? start - 1 : start;
		if (separation_finish(body, from, separation))
			return true;
	}
}

/* The delimiter line before the first part: the body's own first line, or behind a preamble. */
static bool separation_find_first(
	struct slice body, const struct delimiter *delimiter, struct separation *separation)
{
	size_t size = delimiter->size - 1;

	separation->start = 0;
	if (body.size >= size && memcmp(body.data, delimiter->text + 1, size) == 0 &&
		separation_finish(body, size, separation))
		return true;
	return separation_find(body, 0, delimiter, separation);
}

/* By the boundary that the label announces, or, when the body does not hold it, by the body's own. */
static bool find_start(struct slice content_type, struct slice body, struct delimiter *delimiter,
	struct separation *separation)
{
	return (delimiter_make(boundary_announced(content_type), delimiter) &&
		       separation_find_first(body, delimiter, separation)) ||
	       (delimiter_make(boundary_found(body), delimiter) &&
		       separation_find_first(body, delimiter, separation));
}

/* The form-data name in a header field, when this is the field that has it. */
static struct slice disposition_name(struct slice header)
{
	struct slice value = header;
	struct slice key = slice_trim(slice_cut(&value, ':'));

	if (!slice_is_nocase(key, "content-disposition"))
		return slice_of(NULL, 0);
	if (!slice_is_nocase(slice_trim(slice_cut(&value, ';')), "form-data"))
		return slice_of(NULL, 0);
	return parameter_find(value, "name");
}

/* Cuts one header field, with the lines that continue it, off *rest. */
static struct slice header_cut(struct slice *rest)
{
	struct slice header = without_cr(slice_cut(rest, '\n'));

	while (header.size > 0 && rest->size > 0 && is_blank(rest->data[0])) {
		struct slice more = without_cr(slice_cut(rest, '\n'));

		header.size = (size_t)(more.data + more.size - header.data);
	}
	return header;
}

/*
 * Splits a part at its first empty line. A part may be nothing but header fields, whose value is
 * empty; one whose header does not end is broken.
 */
static bool part_split(struct slice part, struct slice *name_out, struct slice *value_out)
{
	struct slice rest = part;

	*name_out = slice_of(NULL, 0);
	while (rest.size > 0) {
		struct slice header = header_cut(&rest);
		struct slice name;

		if (rest.data == NULL)
			return false;
		if (header.size == 0)
			break;
		name = disposition_name(header);
		if (name.size > 0)
			*name_out = name;
	}
	*value_out = rest;
	return true;
}

/* From the first delimiter line to the last one. Counts the parts that have a name. */
static enum status parts_read(struct slice body, const struct delimiter *delimiter,
	struct separation at, struct fields *fields, size_t *named_count_out, struct error *err)
{
	size_t part_count = 0;

	while (!at.last) {
		size_t part_start = at.end + 1;
		struct slice part = slice_of(NULL, 0);
		struct slice name;
		struct slice value;
		enum field field;

		if (!separation_find(body, at.end, delimiter, &at)) {
			error_set(err, "the multipart body has no end");
			return STATUS_INVALID;
		}
		if (++part_count > BIZMAIL_FIELDS_MAX) {
			error_set(err, "the form has more than %d fields", BIZMAIL_FIELDS_MAX);
			return STATUS_INVALID;
		}
		if (at.start > part_start)
			part = slice_of(body.data + part_start, at.start - part_start);
		if (!part_split(part, &name, &value)) {
			error_set(err, "a part of the multipart body has no end of its header");
			return STATUS_INVALID;
		}
		*named_count_out += name.size > 0;
		if (field_find(name, &field))
			fields->values[field] = value;
	}
	return STATUS_OK;
}

enum status multipart_read_fields(
	struct slice content_type, struct slice body, struct fields *fields, struct error *err)
{
	struct delimiter delimiter;
	struct separation first;
	size_t named_count = 0;

	if (body.size == 0) {
		error_set(err, "the body is empty");
		return STATUS_INVALID;
	}
	if (!find_start(content_type, body, &delimiter, &first)) {
		error_set(err, "the multipart body has no usable boundary");
		return STATUS_INVALID;
	}
	if (parts_read(body, &delimiter, first, fields, &named_count, err) != STATUS_OK)
		return STATUS_INVALID;
	if (named_count == 0) {
		error_set(err, "the form has no field");
		return STATUS_INVALID;
	}
	fields_own(fields);
	return STATUS_OK;
}
