/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many values set at once, for many containers: all of them or none, and nothing is written that is
 * there already.
 */
#ifndef CONTROLLERS_CHANGE_H
#define CONTROLLERS_CHANGE_H

#include "controllers.h"

enum change_state {
	CHANGE_OPEN,        /* not looked at */
	CHANGE_SAME,        /* the value was in force */
	CHANGE_WRITTEN,     /* it is now */
	CHANGE_DIFFERS,     /* changes_look(): it is not */
	CHANGE_UNSUPPORTED, /* this system has no such limit, and it may lack */
	CHANGE_REFUSED,     /* see WHY */
	CHANGE_BACK,        /* was written, and has its old value again */
	CHANGE_STUCK,       /* was written, and would not go back: see WHY */
};

struct change {
	const char *container; /* "" is the root group */
	const struct controller_key *key;
	const char *value;
	bool may_lack; /* that the system cannot do it is no failure */
	bool warn;     /* the caller's: somebody is told of it then */

	/* What came of it. Strings are its own: changes_done(). */
	enum change_state state;
	int code;         /* -errno of what is refused */
	char *why;        /* NULL for nothing to say */
	char *before;     /* the value that it had, where that was to be known */
	const char *file; /* the control file, NULL where it is not one */
};

/* How many there are of each state. */
size_t changes_count(const struct change *changes, size_t n, enum change_state state);

/*
 * Sets the values in the order given, those of one container together if they stand together. One
 * that the kernel refuses is tried again when others have been written, for order matters to the
 * kernel (a limit under that of the group above, swap under memory). When some are refused in the
 * end, all that were written are put back, unless KEEP_GOING, and the first reason is returned.
 */
int changes_apply(struct rbce_hierarchy *h, struct change *changes, size_t n, bool keep_going);

/* Only compares: CHANGE_SAME, _DIFFERS (with BEFORE), _UNSUPPORTED or _REFUSED. */
void changes_look(struct rbce_hierarchy *h, struct change *changes, size_t n);

void changes_done(struct change *changes, size_t n);

#endif
