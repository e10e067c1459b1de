/* SPDX-License-Identifier: MIT */
#include "answer_plan.h"

#include "repostal/text.h"

static const double shares_total_max = 1 + 1e-9; /* 0.1 + 0.2 + 0.7 is a little more than 1 */

void answer_plan_init(struct answer_plan *plan)
{
	*plan = (struct answer_plan){ .rest_status = 200 };
}

static enum status add_rest(struct answer_plan *plan, int status, struct error *err)
{
	if (plan->has_rest) {
		error_set(err, "only one code can do without a share");
		return STATUS_INVALID;
	}
	plan->rest_status = status;
	plan->has_rest = true;
	return STATUS_OK;
}

static enum status add_share(struct answer_plan *plan, int status, double share, struct error *err)
{
	size_t count = plan->shares_count;
	double before = count == 0 ? 0 : plan->shares[count - 1].upto;

	if (count == ANSWER_PLAN_SHARES_MAX) {
		error_set(err, "more than %d codes", ANSWER_PLAN_SHARES_MAX);
		return STATUS_INVALID;
	}
	if (before + share > shares_total_max) {
		error_set(err, "the shares add up to more than 1");
		return STATUS_INVALID;
	}
	plan->shares[count].status = status;
	plan->shares[count].upto = before + share;
	plan->shares_count++;
	return STATUS_OK;
}

enum status answer_plan_add(struct answer_plan *plan, struct slice text, struct error *err)
{
	struct slice rest = text;
	struct slice code = slice_cut(&rest, ':');
	int64_t status;
	double share;

	if (!text_parse_uint(code, &status) || status < ANSWER_STATUS_MIN ||
		status > ANSWER_STATUS_MAX) {
		error_set(err, "the code is not a number from %d to %d", ANSWER_STATUS_MIN,
			ANSWER_STATUS_MAX);
		return STATUS_INVALID;
	}
	if (rest.data == NULL)
		return add_rest(plan, (int)status, err);
	if (!text_parse_double(rest, &share) || share <= 0 || share > 1) {
		error_set(err, "the share is not a number above 0 and up to 1");
		return STATUS_INVALID;
	}
	return add_share(plan, (int)status, share, err);
}

int answer_plan_pick(const struct answer_plan *plan, uint64_t request_number)
{
	/*
	 * The golden ratio's multiples, modulo 1, are spread more evenly than those of any other
	 * number; here modulo 2^64, by overflow.
	 */
	uint64_t turned = request_number * UINT64_C(0x9e3779b97f4a7c15);
	double point = (double)(turned >> 11) / 9007199254740992.0; /* 2^53 */

	for (size_t i = 0; i < plan->shares_count; i++)
		if (point < plan->shares[i].upto)
			return plan->shares[i].status;
	return plan->rest_status;
}
