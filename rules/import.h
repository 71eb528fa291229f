/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of other programs as rule files of ours: text to text. cgrules.conf(5) and cgconfig.conf(5)
 * of libcgroup, and the JSON lines of ananicy.
 *
 * What cannot be carried over is in the warnings, "file:line: what", never left out in silence. The
 * new text is a rule file that can be loaded where the users and groups it names are known.
 */
#ifndef RULES_IMPORT_H
#define RULES_IMPORT_H

#include <stddef.h>

#include "rules.h"

struct import_source {
	const char *name; /* in messages */
	const char *text;
	size_t size;
};

struct import_options {
	rules_check_key *check_key; /* for a container's keys; NULL: any is accepted */
	void *key_data;
	unsigned cpus; /* of the host that the rules are for: some limits are shares of them all */
};

/*
 * 0 and a new string in RET; -EINVAL when a source breaks the rules of its own language, with a
 * line for each mistake in ERRORS; -ENOMEM. WARNINGS and ERRORS are to be released in any case.
 */
typedef int import_fn(const struct import_source *sources, size_t n,
		      const struct import_options *options, char **ret,
		      struct rules_errors *warnings, struct rules_errors *errors);
import_fn import_cgrules, import_cgconfig, import_ananicy;

#endif
