/* SPDX-License-Identifier: MIT */
#include "repostal/nearest.h"

#include <stdio.h>
#include <string.h>

#include "repostal/text.h"

void nearest_init(struct nearest *nearest, const char *given)
{
	/* Two swapped letters are two edits, also in "tsl". */
	*nearest = (struct nearest){
		.given = given,
		.distance_max = 1 + (strlen(given) + 1) / 4,
	};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	size_t distance;

	/* The limit of text_edit_distance(). */
	if (strlen(nearest->given) >= NEAREST_SIZE || strlen(candidate) >= NEAREST_SIZE)
		return;
	distance = text_edit_distance(nearest->given, candidate);
	if (distance > nearest->distance_max ||
		(nearest->best[0] != '\0' && distance == nearest->distance_max))
		return;
	nearest->distance_max = distance;
	(void)snprintf(nearest->best, sizeof(nearest->best), "%s", candidate);
}
