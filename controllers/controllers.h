/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The controller keys ("memory.max"): one table row each, the same name on cgroup v1 and v2.
 *
 * `rbcectl set|get`, the rule files, ulimitx, --help and the manual all derive from this table.
 * Semantics follow Documentation/admin-guide/cgroup-v2.rst; where v1 has another unit or file, the
 * row's writer and reader translate.
 */
#ifndef CONTROLLERS_CONTROLLERS_H
#define CONTROLLERS_CONTROLLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rbce/container.h>
#include <rbce/error.h>

/* What kind of amount a key takes; says how it is parsed, printed and compared. */
enum controller_unit {
	CONTROLLER_BYTES,   /* rbce_parse_size() */
	CONTROLLER_PERCENT, /* thousandths of a percent of one CPU, rbce_parse_percent() */
	CONTROLLER_COUNT,   /* a number or "max" */
	CONTROLLER_WEIGHT,  /* 1 to 10000, default 100 */
	CONTROLLER_TIME,    /* microseconds, rbce_parse_duration() */
	CONTROLLER_SWITCH,  /* 1 or 0, "yes" or "no" */
	CONTROLLER_TEXT,    /* what is not one amount ("8:0 rbps=50M"): the row has its own code */
};

struct controller_key;

/* Room for any value. */
enum { CONTROLLER_TEXT_SIZE = 16384 };

/* The row of NAME, NULL for an unknown key. */
const struct controller_key *controller_key_find(const char *name);

/*
 * All rows in order: index from 0 until NULL. A row may stand for many keys: it has a word in
 * capitals in its name ("raw.FILE"), and controller_key_find() makes one for each of them.
 */
const struct controller_key *controller_key_at(size_t index);

/* The keys of families that this machine has, as hugetlb.2MB.max: from 0 until NULL. */
const struct controller_key *controller_key_here(size_t index);

const char *controller_key_name(const struct controller_key *key);
const char *controller_key_help(const struct controller_key *key);   /* one line */
const char *controller_key_values(const struct controller_key *key); /* "SIZE | max", for people */
bool controller_key_is_family(const struct controller_key *key);

/* The control file that has it in a cgroup VERSION; NULL for none, or where the row has no one. */
const char *controller_key_file(const struct controller_key *key, int version);
enum controller_unit controller_key_unit(const struct controller_key *key);
enum rbce_controller controller_key_controller(const struct controller_key *key);

/* May be given several times for one container (io.max, once per device). */
bool controller_key_repeats(const struct controller_key *key);

/* Is kept by the daemon and in no file: controller_check() only looks at the value. */
bool controller_key_is_daemon(const struct controller_key *key);

/* Can do no more than lower what the containers above allow: what their owner may set himself. */
bool controller_key_only_lowers(const struct controller_key *key);

/*
 * What a new group has, as controller_get() gives it; setting it takes the key back. NULL where
 * nobody knows (raw files).
 */
const char *controller_key_initial(const struct controller_key *key);

/*
 * Checks VALUE without touching any container. -ENOENT for an unknown key, -EINVAL, -ERANGE for a
 * value that is none, -ENODEV for a device that does not exist. The message is one line: "'5X' is
 * not a size (like 512M, 4G or max)".
 */
int controller_check(const char *name, const char *value, struct rbce_error *err);

/* Is there a file for it in this container's hierarchies? */
bool controller_supported(const struct controller_key *key, struct rbce_container *c);

/*
 * Sets the key and reads it back. -EOPNOTSUPP when this system has no such limit (the message says
 * what is missing), -EIO when the kernel holds another value than was asked beyond rounding to
 * its own unit (the message gives both). Of a key that the daemon keeps VALUE is checked, and
 * nothing else done.
 */
int controller_set(const struct controller_key *key, struct rbce_container *c, const char *value,
		   struct rbce_error *err);

/*
 * Is VALUE what controller_set() would leave? 1 or 0; -EOPNOTSUPP and the like as there. Writes
 * nothing.
 */
int controller_holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		     struct rbce_error *err);

/* Takes back what controller_set() did with VALUE: of a key that repeats, that one only. */
int controller_reset(const struct controller_key *key, struct rbce_container *c, const char *value,
		     struct rbce_error *err);

/*
 * rbce_container_remove() of a container that may have limits: what groups above were given for its
 * sake is taken back, and so is its swap file.
 */
int controller_remove(struct rbce_container *c, struct rbce_error *err);

/*
 * Has the kernel take AMOUNT bytes of memory back from the container and those below it;
 * RBCE_UNLIMITED for all that it can. *RET is by how much less it uses, also after a failure.
 * -EAGAIN when there was not so much to be had, -EOPNOTSUPP with what is missing.
 */
int controller_reclaim(struct rbce_container *c, uint64_t amount, uint64_t *ret,
		       struct rbce_error *err);

/*
 * The limit in force in this very group as text that controller_set() takes ("max", "536870912",
 * "150%", "254:0 rbps=1048576"; several devices on lines of their own). Amounts are exact.
 * -EOPNOTSUPP for a key that the daemon keeps.
 */
int controller_get(const struct controller_key *key, struct rbce_container *c, char *buf,
		   size_t size, struct rbce_error *err);

/*
 * The same limit as a number in the row's unit, RBCE_UNLIMITED for "max"; -EINVAL for
 * those that are no such number. For an ancestor outside the suite's root give its directory's
 * descriptor and the hierarchy's version.
 */
int controller_read_amount(const struct controller_key *key, int dirfd, int version, uint64_t *ret);

/* What the group uses now of what the key limits, in the same unit; -EOPNOTSUPP where not counted.
 */
int controller_read_usage(const struct controller_key *key, int dirfd, int version, uint64_t *ret);

#endif
