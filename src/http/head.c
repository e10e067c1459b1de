/* SPDX-License-Identifier: MIT */
#include "head.h"

/* Cuts "http://authority" off *target; what is left is empty or begins with '/' or '?'. */
static struct slice cut_authority(struct slice *target)
{
	struct slice rest = *target;
	size_t size = 0;

	if (slice_starts_nocase(rest, "http://"))
		rest = slice_of(rest.data + 7, rest.size - 7);
	else if (slice_starts_nocase(rest, "https://"))
		rest = slice_of(rest.data + 8, rest.size - 8);
	else
		return slice_of(NULL, 0);
	while (size < rest.size && rest.data[size] != '/' && rest.data[size] != '?')
		size++;
	*target = slice_of(rest.data + size, rest.size - size);
	return slice_of(rest.data, size);
}

struct slice head_split_target(struct slice target, struct slice *path_out, struct slice *query_out)
{
	struct slice authority = cut_authority(&target);
	struct slice rest = target;
	struct slice path = slice_cut(&rest, '?');

	*path_out = path.size == 0 ? SLICE_LITERAL("/") : path;
	*query_out = rest;
	return authority;
}

static void read_line(struct slice line, struct slice lines[HEAD_LINES_MAX], size_t *lines_count,
	struct http_request *request)
{
	struct slice name = slice_cut(&line, ':');

	if (slice_is_nocase(name, "authorization") && request->authorization.data == NULL)
		request->authorization = slice_trim(line);
	else if (slice_is_nocase(name, "x-forwarded-for") && *lines_count < HEAD_LINES_MAX)
		lines[(*lines_count)++] = slice_trim(line);
}

void head_read(
	struct slice head, struct slice lines[HEAD_LINES_MAX], struct http_request *request_out)
{
	struct slice request_line = slice_cut(&head, '\n');
	size_t lines_count = 0;

	*request_out = (struct http_request){ .body = slice_of(NULL, 0) };
	/* libh2o lets one empty line pass in front of a request. */
	if (slice_trim(request_line).size == 0)
		request_line = slice_cut(&head, '\n');
	request_out->method = slice_cut(&request_line, ' ');
	head_split_target(
		slice_trim(slice_cut(&request_line, ' ')), &request_out->path, &request_out->query);
	while (head.size > 0)
		read_line(slice_cut(&head, '\n'), lines, &lines_count, request_out);
	request_out->forwarded_for = (struct http_lines){ .list = lines, .count = lines_count };
}
