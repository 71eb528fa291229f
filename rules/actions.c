// SPDX-License-Identifier: GPL-2.0-or-later
/* What a rule does, and how it is tried: one table row for each key that is no term. */
#include <errno.h>
#include <linux/ioprio.h>
#include <rbce/units.h>
#include <sched.h>

#include "internal.h"
#include "util.h"

int parse_word(const char *value, const char *const *words, size_t n, struct rbce_error *err)
{
	char list[128] = "";

	for (size_t i = 0, end = 0; i < n; i++) {
		if (streq(words[i], value))
			return (int)i;
		end += (size_t)snprintf(list + end, sizeof(list) - end, "%s%s", i ? ", " : "",
					words[i]);
	}
	return rbce_error_set(err, -EINVAL, QUOTED " is not one of: %s", value, list);
}

static int parse_order(struct rule *rule, const char *value, struct rbce_error *err)
{
	uint64_t order;

	if (rbce_parse_number(value, 0, INT32_MAX, &order) < 0)
		return rbce_error_set(err, -EINVAL, QUOTED " is not a number from 0 to %d", value,
				      INT32_MAX);
	rule->order = (long)order;
	return 0;
}

static int parse_state(struct rule *rule, const char *value, struct rbce_error *err)
{
	static const char *const words[] = {"off", "on"};
	int word = parse_word(value, words, ARRAY_SIZE(words), err);

	if (word < 0)
		return word;
	rule->enabled = word;
	return 0;
}

static int parse_mode(struct rule *rule, const char *value, struct rbce_error *err)
{
	static const char *const words[] = {
		[RULE_ENFORCE] = "enforce",
		[RULE_OBSERVE] = "observe",
	};
	int word = parse_word(value, words, ARRAY_SIZE(words), err);

	if (word < 0)
		return word;
	rule->mode = (enum rule_mode)word;
	return 0;
}

static int parse_yes(bool *ret, const char *value, struct rbce_error *err)
{
	static const char *const words[] = {"no", "yes"};
	int word = parse_word(value, words, ARRAY_SIZE(words), err);

	if (word < 0)
		return word;
	*ret = word;
	return 0;
}

static int parse_ignore(struct rule *rule, const char *value, struct rbce_error *err)
{
	return parse_yes(&rule->ignore, value, err);
}

static int parse_from_systemd(struct rule *rule, const char *value, struct rbce_error *err)
{
	return parse_yes(&rule->from_systemd, value, err);
}

static int parse_container(struct rule *rule, const char *value, struct rbce_error *err)
{
	int r = template_check(value, err);

	if (r == 0)
		rule->container = value;
	return r;
}

/* ---- what else becomes of the task ---- */

/* A whole number that may have a sign; true when it lies within. */
static bool read_number(const char *value, int low, int high, int *ret)
{
	const char *digits = value + (*value == '-');
	uint64_t number;

	if (rbce_parse_number(digits, 0, INT32_MAX, &number) < 0)
		return false;
	*ret = *value == '-' ? -(int)number : (int)number;
	return *ret >= low && *ret <= high;
}

static int parse_nice(struct rule *rule, const char *value, struct rbce_error *err)
{
	if (!read_number(value, -20, 19, &rule->actions.nice))
		return rbce_error_set(err, -EINVAL, QUOTED " is not a number from -20 to 19",
				      value);
	rule->actions.has_nice = true;
	return 0;
}

static int parse_oom_score_adj(struct rule *rule, const char *value, struct rbce_error *err)
{
	if (!read_number(value, -1000, 1000, &rule->actions.oom_score_adj))
		return rbce_error_set(err, -EINVAL, QUOTED " is not a number from -1000 to 1000",
				      value);
	rule->actions.has_oom_score_adj = true;
	return 0;
}

/* A class, and behind a slash its level, where it has levels. */
struct level {
	const char *class;
	int value;
	int low, high; /* of the level; 0 and 0 for none */
};

static bool read_level(const char *value, const struct level *levels, size_t n, int *ret_class,
		       int *ret_level)
{
	for (size_t i = 0; i < n; i++) {
		const char *behind = after_prefix(value, levels[i].class);
		int level = 0;

		if (!behind || (levels[i].high == 0) != (*behind == '\0'))
			continue;
		if (*behind && (*behind != '/' ||
				!read_number(behind + 1, levels[i].low, levels[i].high, &level)))
			continue;
		*ret_class = levels[i].value;
		*ret_level = level;
		return true;
	}
	return false;
}

static int parse_ioprio(struct rule *rule, const char *value, struct rbce_error *err)
{
	static const struct level levels[] = {
		{"realtime", IOPRIO_CLASS_RT, 0, 7},
		{"best-effort", IOPRIO_CLASS_BE, 0, 7},
		{"idle", IOPRIO_CLASS_IDLE, 0, 0},
	};
	int class, level;

	if (!read_level(value, levels, ARRAY_SIZE(levels), &class, &level))
		return rbce_error_set(err, -EINVAL,
				      QUOTED " is not one of: realtime/0-7, best-effort/0-7, idle",
				      value);
	rule->actions.has_ioprio = true;
	rule->actions.ioprio = IOPRIO_PRIO_VALUE(class, level);
	return 0;
}

static int parse_sched(struct rule *rule, const char *value, struct rbce_error *err)
{
	static const struct level levels[] = {
		{"other", SCHED_OTHER, 0, 0}, {"batch", SCHED_BATCH, 0, 0},
		{"idle", SCHED_IDLE, 0, 0},   {"fifo", SCHED_FIFO, 1, 99},
		{"rr", SCHED_RR, 1, 99},
	};

	if (!read_level(value, levels, ARRAY_SIZE(levels), &rule->actions.policy,
			&rule->actions.priority))
		return rbce_error_set(err, -EINVAL,
				      QUOTED
				      " is not one of: other, batch, idle, fifo/1-99, rr/1-99",
				      value);
	rule->actions.has_sched = true;
	return 0;
}

/* ---- the table ---- */

const struct setting settings[] = {
	{"container", "NAME", "Put the task there; the name may have variables, see Names.",
	 "users/%u", parse_container},
	{"ignore", "yes | no", "Leave the task alone.", "yes", parse_ignore},
	{"from-systemd", "yes | no",
	 "Match tasks in a unit of systemd's as well: a service, a login's session. Without it the "
	 "rule does not match them, unless it ignores its tasks; see Systemd.",
	 "yes", parse_from_systemd},
	{"order", "N",
	 "Rules are tried by ascending order, from 0; those of the same order as they stand in "
	 "the files. A rule without an order comes after all those above it: it gets one more "
	 "than the highest order so far, the first one 1.",
	 "10", parse_order},
	{"state", "on | off", "A rule that is off is passed over; others may still depend on it.",
	 "off", parse_state},
	{"mode", "enforce | observe",
	 "Observe: decide, count and explain, but do nothing. A task that an observing rule "
	 "matches is not looked at by later rules.",
	 "observe", parse_mode},
	{"nice", "-20 to 19", "Give the task this nice value.", "10", parse_nice},
	{"ioprio", "realtime/0-7 | best-effort/0-7 | idle",
	 "Give it this IO scheduling class and level; 0 is the highest.", "best-effort/6",
	 parse_ioprio},
	{"sched", "other | batch | idle | fifo/1-99 | rr/1-99",
	 "Give it this scheduling policy, and priority; 99 is the highest.", "batch", parse_sched},
	{"oom_score_adj", "-1000 to 1000",
	 "Make it a likelier (or less likely) choice when memory runs out.", "300",
	 parse_oom_score_adj},
};
_Static_assert(ARRAY_SIZE(settings) == SETTINGS, "one row each");

uint64_t rule_actions_hash(const struct rule_actions *a)
{
	const int values[] = {
		a->has_nice, a->nice,     a->has_ioprio,        a->ioprio,        a->has_sched,
		a->policy,   a->priority, a->has_oom_score_adj, a->oom_score_adj,
	};
	/* FNV-1a */
	uint64_t hash = 0xcbf29ce484222325;

	if (!a->has_nice && !a->has_ioprio && !a->has_sched && !a->has_oom_score_adj)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		hash = (hash ^ (uint64_t)(uint32_t)values[i]) * 0x100000001b3;
	return hash;
}
