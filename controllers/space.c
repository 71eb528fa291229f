// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys namespace.*: what a container is started with when it has namespaces of its own. They
 * are in no control file; `rbcectl create` reads them, core/namespace/ knows them.
 */
#include <errno.h>
#include <rbce/namespace.h>

#include "internal.h"
#include "util.h"

static const char prefix[] = "namespace.";

static bool make(struct controller_key *key, const struct key_family_files *files)
{
	const char *name = after_prefix(key->name, prefix);
	const struct rbce_space_key *row = name ? rbce_space_key_find(name) : NULL;

	(void)files;
	if (!row)
		return false;
	key->help = row->help;
	key->values = row->values;
	if (!row->repeats)
		key->flags &= ~(unsigned)CONTROLLER_REPEATS;
	return true;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	return rbce_space_key_find(key->name + strlen(prefix))->check(value, err);
}

static const struct key_ops ops = {.check = check};

const struct controller_key controller_space = {
	.name = "namespace.KEY",
	.help = "namespaces, file systems and rights that the container is created with",
	.values = "see rbce-namespaces(7)",
	.controller = RBCE_PIDS,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON | CONTROLLER_FAMILY | CONTROLLER_REPEATS,
	.ops = &ops,
	.family = make,
};
