// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys oom.*: what is done when a container runs out of memory; see oom.h. */
#include "oom.h"

#include <errno.h>
#include <rbce/units.h>

#include "clause.h"
#include "internal.h"
#include "util.h"

#define SECOND UINT64_C(1000000)

static const struct {
	const char *name;
	uint64_t time; /* where none is given */
} kinds[] = {
	[OOM_KILL_LARGEST] = {"kill-largest", 0}, [OOM_KILL_NEWEST] = {"kill-newest", 0},
	[OOM_KILL_ALL] = {"kill-all", 0},         [OOM_FREEZE] = {"freeze", RBCE_UNLIMITED},
	[OOM_GROW] = {"grow", 60 * SECOND},       [OOM_HOOK] = {"hook", 10 * SECOND},
};

const char *oom_kind_name(enum oom_kind kind)
{
	return kinds[kind].name;
}

bool oom_policy_has(const struct oom_policy *policy, enum oom_kind kind)
{
	for (size_t i = 0; i < policy->n; i++)
		if (policy->steps[i].kind == kind)
			return true;
	return false;
}

/* What is left may be "for TIME". */
static int optional_time(char **text, uint64_t *ret, struct rbce_error *err)
{
	if (!**text)
		return 0;
	return clause_time(text, "for", ret, err);
}

static int parse_grow(char **text, struct oom_step *step, struct rbce_error *err)
{
	char *by = clause_word(text), quoted[QUOTED_SIZE];

	if (!by || rbce_parse_size(by, &step->by) < 0 || step->by < 4096 || step->by > INT64_MAX)
		return rbce_error_set(err, -EINVAL, "'%s' is not a size to grow by (like 64M)",
				      amount_quote(by ?: "", quoted));
	return clause_size(text, "to", &step->cap, err);
}

static int parse_step(char *text, struct oom_step *step, struct rbce_error *err)
{
	char *name = clause_word(&text), quoted[QUOTED_SIZE];
	size_t kind = 0;
	int r = 0;

	while (name && kind < OOM_KIND_COUNT && !streq(kinds[kind].name, name))
		kind++;
	if (!name || kind == OOM_KIND_COUNT)
		return rbce_error_set(err, -EINVAL,
				      "'%s' is not kill-largest, kill-newest, kill-all, freeze, "
				      "grow, hook or none",
				      amount_quote(name ?: "", quoted));
	*step = (struct oom_step){.kind = (enum oom_kind)kind, .time = kinds[kind].time};
	if (step->kind == OOM_GROW)
		r = parse_grow(&text, step, err);
	else if (step->kind == OOM_HOOK)
		r = clause_path(&text, step->path, sizeof(step->path), err);
	if (r == 0 && step->time)
		r = optional_time(&text, &step->time, err);
	return r < 0 ? r : clause_end(&text, err);
}

int oom_policy_parse(const char *value, struct oom_policy *ret, struct rbce_error *err)
{
	struct oom_policy policy = {0};
	char buf[CLAUSE_SIZE], *text = buf;
	int r = clause_begin(value, buf, err);

	if (r < 0)
		return r;
	if (streq(value, "none")) {
		*ret = policy;
		return 0;
	}
	while (text) {
		char *step = clause_cut(&text, ", then ");

		if (policy.n == OOM_STEPS)
			return rbce_error_set(err, -E2BIG, "more than %d steps", OOM_STEPS);
		r = parse_step(step, &policy.steps[policy.n++], err);
		if (r < 0)
			return r;
	}
	*ret = policy;
	return 0;
}

int oom_prekill_parse(const char *value, struct oom_prekill *ret, struct rbce_error *err)
{
	struct oom_prekill hook = {.time = 5 * SECOND};
	char buf[CLAUSE_SIZE], *text = buf;
	int r = clause_begin(value, buf, err);

	if (r == 0)
		r = clause_path(&text, hook.path, sizeof(hook.path), err);
	if (r == 0)
		r = optional_time(&text, &hook.time, err);
	if (r == 0)
		r = clause_end(&text, err);
	if (r == 0)
		*ret = hook;
	return r;
}

int oom_pressure_parse(const char *value, struct oom_pressure *ret, struct rbce_error *err)
{
	struct oom_pressure pressure = {0};
	char buf[CLAUSE_SIZE], *text = buf, *kind, *share, quoted[QUOTED_SIZE];
	uint64_t percent;
	int r = clause_begin(value, buf, err);

	if (r < 0)
		return r;
	kind = clause_word(&text);
	if (!kind || (!streq(kind, "some") && !streq(kind, "full")))
		return rbce_error_set(err, -EINVAL, "'%s' is not some or full",
				      amount_quote(kind ?: "", quoted));
	pressure.full = streq(kind, "full");
	share = clause_word(&text);
	if (!share || rbce_parse_percent(share, &percent) < 0 || percent == 0 || percent > 100000)
		return rbce_error_set(err, -EINVAL, "'%s' is not a percentage (like 20%%)",
				      amount_quote(share ?: "", quoted));
	r = clause_time(&text, "for", &pressure.window, err);
	if (r == 0)
		r = clause_end(&text, err);
	if (r == 0 && (pressure.window < SECOND / 2 || pressure.window > 10 * SECOND))
		r = rbce_error_set(err, -ERANGE, "the kernel measures pressure over 500ms to 10s");
	if (r < 0)
		return r;
	pressure.threshold = pressure.window * percent / 100000;
	*ret = pressure;
	return 0;
}

/* ---- patterns ---- */

/* PATTERN of N bytes against the whole of TEXT. Goes back to the last '*' only: no recursion. */
static bool glob(const char *pattern, size_t n, const char *text)
{
	const char *end = pattern + n, *star = NULL, *from = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = pattern++;
			from = text;
		} else if (pattern < end && (*pattern == '?' || *pattern == *text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

/* The next pattern of a list, and its length; NULL at the end. */
static const char *next_pattern(const char **list, size_t *ret_n)
{
	const char *begin = *list + strspn(*list, ", \t");
	size_t n = strcspn(begin, ",");

	*list = begin + n;
	while (n && strchr(" \t", begin[n - 1]))
		n--;
	*ret_n = n;
	return n ? begin : NULL;
}

bool oom_patterns_match(const char *patterns, const char *path, const char *comm)
{
	const char *slash = path ? strrchr(path, '/') : NULL, *pattern;
	size_t n;

	while ((pattern = next_pattern(&patterns, &n))) {
		if (memchr(pattern, '/', n)) {
			if (path && glob(pattern, n, path))
				return true;
		} else if (glob(pattern, n, comm) || (slash && glob(pattern, n, slash + 1))) {
			return true;
		}
	}
	return false;
}

/* ---- rows ---- */

static int check_policy(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	struct oom_policy policy;

	(void)key;
	return oom_policy_parse(value, &policy, err);
}

static int check_prekill(const struct controller_key *key, const char *value,
			 struct rbce_error *err)
{
	struct oom_prekill hook;

	(void)key;
	return oom_prekill_parse(value, &hook, err);
}

static int check_pressure(const struct controller_key *key, const char *value,
			  struct rbce_error *err)
{
	struct oom_pressure pressure;

	(void)key;
	return oom_pressure_parse(value, &pressure, err);
}

static int check_patterns(const struct controller_key *key, const char *value,
			  struct rbce_error *err)
{
	char buf[CLAUSE_SIZE], *text = buf;
	int r = clause_begin(value, buf, err);

	(void)key;
	while (r == 0 && text)
		if (!*clause_cut(&text, ","))
			r = rbce_error_set(err, -EINVAL, "a pattern is empty");
	return r;
}

static const struct key_ops policy_ops = {.check = check_policy},
			    prekill_ops = {.check = check_prekill},
			    pressure_ops = {.check = check_pressure},
			    patterns_ops = {.check = check_patterns};

const struct controller_key controller_oom_policy = {
	.name = "oom.policy",
	.help = "what is done when memory runs out, in place of the kernel's choice",
	.values = "kill-largest | kill-newest | kill-all | freeze [for TIME] | grow SIZE to SIZE "
		  "[for TIME] | hook PATH [for TIME] | none [, then ...]",
	.initial = "none",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON,
	.ops = &policy_ops,
};

const struct controller_key controller_oom_prefer = {
	.name = "oom.prefer",
	.help = "programs that are killed before all others (cc1*, /opt/batch/*)",
	.values = "PATTERN, ...",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON,
	.ops = &patterns_ops,
};

const struct controller_key controller_oom_avoid = {
	.name = "oom.avoid",
	.help = "programs that are killed only when there is no other (sshd, *sh)",
	.values = "PATTERN, ...",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON,
	.ops = &patterns_ops,
};

const struct controller_key controller_oom_prekill = {
	.name = "oom.prekill",
	.help = "a program that is run before something is killed",
	.values = "PATH [for TIME]",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON,
	.ops = &prekill_ops,
};

const struct controller_key controller_oom_pressure = {
	.name = "oom.pressure",
	.help = "stalls for memory at which the policy acts before memory runs out",
	.values = "some | full PERCENT for TIME",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON,
	.ops = &pressure_ops,
};
