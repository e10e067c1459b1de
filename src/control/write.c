/* SPDX-License-Identifier: MIT */
#include "control_private.h"

struct writing {
	enum status (*step)(struct store *store, void *argument, struct error *err);
	void *argument;
};

static enum status run(struct store *store, void *argument, struct error *err)
{
	const struct writing *writing = argument;

	return store_transaction(store, writing->step, writing->argument, err);
}

enum status control_write(const struct control *control,
	enum status (*step)(struct store *store, void *argument, struct error *err), void *argument,
	struct error *err)
{
	struct writing writing = { .step = step, .argument = argument };

	return control->settings.backend->call(control->settings.context, run, &writing, err);
}
