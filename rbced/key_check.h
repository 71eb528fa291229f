/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How rule files are read here: container keys are checked against the controller table. */
#ifndef RBCED_KEY_CHECK_H
#define RBCED_KEY_CHECK_H

#include <controllers/controllers.h>
#include <rules/rules.h>

static inline int key_check(void *data, const char *key, const char *value, struct rbce_error *err)
{
	(void)data;
	return controller_check(key, value, err);
}

static inline bool key_check_repeats(void *data, const char *key)
{
	const struct controller_key *row = controller_key_find(key);

	(void)data;
	return row && controller_key_repeats(row);
}

static const struct rules_options key_check_options = {
	.check_key = key_check,
	.key_repeats = key_check_repeats,
};

#endif
