// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What language runtimes make of the place they run in. Each looks at less than the whole: at its
 * own group alone, at memory alone, or at no group; and each rounds its way.
 */
#include <core/cli/log.h>
#include <core/cli/table.h>
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "show.h"
#include "util.h"

enum { ONE_CPU = 100000 };

/* Facts that rules work on; RBCE_LIMIT_NONE for no limit. */
struct facts {
	uint64_t cpus_online, cpus_allowed;
	uint64_t quota_own, quota_lowest; /* thousandths of a percent */
	uint64_t memory_own, memory_lowest, memory_host;
	uint64_t high_own;
	uint64_t true_cpu, true_memory;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t rounded_up(uint64_t quota)
{
	return quota == RBCE_LIMIT_NONE ? quota : (quota + ONE_CPU - 1) / ONE_CPU;
}

static uint64_t rounded_down(uint64_t quota)
{
	return quota == RBCE_LIMIT_NONE ? quota : most(1, quota / ONE_CPU);
}

static uint64_t cpus_affinity(const struct facts *f)
{
	return f->cpus_allowed;
}

static uint64_t cpus_online(const struct facts *f)
{
	return f->cpus_online;
}

static uint64_t cpus_go(const struct facts *f)
{
	return least(f->cpus_allowed, most(2, rounded_up(f->quota_own)));
}

static uint64_t cpus_floor_own(const struct facts *f)
{
	return f->quota_own == RBCE_LIMIT_NONE ? f->cpus_allowed : rounded_down(f->quota_own);
}

static uint64_t cpus_ceil_own(const struct facts *f)
{
	return least(f->cpus_allowed, rounded_up(f->quota_own));
}

static uint64_t cpus_ceil_lowest(const struct facts *f)
{
	return least(f->cpus_allowed, rounded_up(f->quota_lowest));
}

static uint64_t cpus_floor_lowest(const struct facts *f)
{
	return least(f->cpus_allowed, rounded_down(f->quota_lowest));
}

static uint64_t memory_none(const struct facts *f)
{
	return f->memory_host;
}

static uint64_t memory_lowest(const struct facts *f)
{
	return least(f->memory_host, f->memory_lowest);
}

static uint64_t memory_own(const struct facts *f)
{
	return least(f->memory_host, least(f->memory_own, f->high_own));
}

static uint64_t quarter(uint64_t memory)
{
	return memory / 4;
}

static uint64_t three_quarters(uint64_t memory)
{
	return most(20 << 20, memory - memory / 4);
}

static const struct {
	const char *name, *versions;
	uint64_t (*cpus)(const struct facts *f);
	uint64_t (*memory)(const struct facts *f);
	uint64_t (*heap)(uint64_t memory);
	const char *rule; /* in words */
} runtimes[] = {
	{"go", "1.25 and later", cpus_go, memory_none, NULL,
	 "its own group's quota, rounded up, at least 2; memory only by GOMEMLIMIT"},
	{"go", "before 1.25", cpus_affinity, memory_none, NULL,
	 "the CPUs that it may run on; no quota"},
	{"automaxprocs", "", cpus_floor_own, memory_none, NULL,
	 "its own group's quota, rounded down, at least 1"},
	{"jvm", "before 24", cpus_ceil_own, memory_lowest, quarter,
	 "its own group's quota, rounded up; memory of all groups, a quarter of it as heap"},
	{"jvm", "24 and later", cpus_ceil_lowest, memory_lowest, quarter,
	 "the lowest quota of all groups, rounded up; memory of all, a quarter of it as heap"},
	{"dotnet", "", cpus_ceil_own, memory_lowest, three_quarters,
	 "its own group's quota, rounded up; memory of all groups, three quarters of it as heap"},
	{"node", "before 22.12", cpus_affinity, memory_own, NULL,
	 "the CPUs that it may run on; memory of its own group"},
	{"rust", "", cpus_floor_lowest, memory_none, NULL,
	 "the lowest quota of all groups, rounded down, at least 1"},
	{"python", "before 3.13", cpus_online, memory_none, NULL,
	 "the CPUs that are online (os.cpu_count)"},
	{"nproc", "before coreutils 9.8", cpus_affinity, memory_none, NULL,
	 "the CPUs that it may run on; no quota"},
};

char *as_names(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (i == 0 || !streq(runtimes[i].name, runtimes[i - 1].name))
			fprintf(out, "%s%s", i ? ", " : "", runtimes[i].name);
	fclose(out);
	return text;
}

int as_check(const char *runtime)
{
	cleanup_free char *known = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (streq(runtimes[i].name, runtime) || streq(runtime, "all"))
			return 0;
	known = as_names();
	log_error("cannot tell for '%s': it is no runtime (known: %s, all)", runtime, known ?: "");
	return -EINVAL;
}

struct lowest {
	uint64_t *own, *lowest, *host, *allowed;
};

static void take_bound(const struct rbce_bound *b, const char *by, void *data)
{
	struct lowest *to = data;

	(void)by;
	if (b->status < 0)
		return;
	if (b->source == RBCE_BY_CONTAINER || b->source == RBCE_BY_HIDDEN) {
		if (b->source == RBCE_BY_CONTAINER && b->level == 0 && to->own)
			*to->own = b->value;
		if (to->lowest)
			*to->lowest = least(*to->lowest, b->value);
	}
	if (b->source == RBCE_BY_HOST && to->host)
		*to->host = b->value;
	if (b->source == RBCE_BY_AFFINITY && to->allowed)
		*to->allowed = b->value;
}

static int read_facts(struct rbce_limits *l, struct facts *f)
{
	struct rbce_limit items[] = {{.resource = RBCE_LIMIT_CPU},
				     {.resource = RBCE_LIMIT_MEMORY},
				     {.resource = RBCE_LIMIT_MEMORY_HIGH}};
	struct lowest to[] = {
		{&f->quota_own, &f->quota_lowest, &f->cpus_online, &f->cpus_allowed},
		{&f->memory_own, &f->memory_lowest, &f->memory_host, NULL},
		{&f->high_own, NULL, NULL, NULL},
	};
	int r = rbce_limits_read(l, items, ARRAY_SIZE(items));

	memset(f, 0xff, sizeof(*f));
	for (size_t i = 0; i < ARRAY_SIZE(items) && r == 0; i++)
		r = rbce_limits_explain(l, &items[i], take_bound, &to[i]);
	if (f->cpus_online != RBCE_LIMIT_NONE)
		f->cpus_online /= ONE_CPU;
	f->cpus_allowed =
		f->cpus_allowed == RBCE_LIMIT_NONE ? f->cpus_online : f->cpus_allowed / ONE_CPU;
	f->true_cpu = items[0].limit;
	f->true_memory = least(items[1].limit, items[2].limit);
	return r;
}

enum column { RUNTIME, VERSIONS, CPUS, TRUE_CPUS, MEMORY, TRUE_MEMORY, HEAP, DIFFERENCE, RULE };

static const struct table_column columns[] = {
	[RUNTIME] = {.title = "RUNTIME", .key = "runtime"},
	[VERSIONS] = {.title = "VERSIONS", .key = "versions"},
	[CPUS] = {.title = "CPUS", .key = "cpus", .right = true, .number = true},
	[TRUE_CPUS] = {.title = "IN TRUTH", .key = "true_cpus", .right = true, .number = true},
	[MEMORY] = {.title = "MEMORY", .key = "memory", .right = true, .number = true},
	[TRUE_MEMORY] = {.title = "IN TRUTH", .key = "true_memory", .right = true, .number = true},
	[HEAP] = {.title = "HEAP", .key = "heap", .right = true, .number = true},
	[DIFFERENCE] = {.title = "DIFFERENCE", .key = "difference"},
	[RULE] = {.key = "rule", .json_only = true},
};

static void set_size(struct table *t, enum column column, bool json, uint64_t amount)
{
	char buf[RBCE_UNITS_SIZE];

	if (json && amount != RBCE_LIMIT_NONE)
		table_set(t, column, "%" PRIu64, amount);
	else if (!json)
		table_set(t, column, "%s", rbce_format_size(amount, buf));
}

static void set_difference(struct table *t, const struct facts *f, uint64_t cpus, uint64_t memory,
			   const char *rule)
{
	uint64_t scaled = cpus * ONE_CPU;
	bool more_cpus = scaled > f->true_cpu, fewer_cpus = scaled < f->true_cpu;
	bool more_memory = memory > f->true_memory;

	table_set(t, DIFFERENCE, "%s%s%s%s%s",
		  more_cpus    ? "uses more CPUs than it has and is throttled"
		  : fewer_cpus ? "leaves CPU time unused"
			       : "CPUs right",
		  more_memory ? "; thinks it has more memory, and may be killed" : "",
		  more_memory || more_cpus || fewer_cpus ? ": it sees " : "",
		  more_memory || more_cpus || fewer_cpus ? rule : "", "");
}

int as_show(const char *runtime, bool json, struct rbce_limits *limits)
{
	struct facts f;
	struct table *t;
	int r = read_facts(limits, &f);

	if (r < 0)
		return r;
	t = table_new("runtimes", columns, ARRAY_SIZE(columns), json);
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		uint64_t cpus, memory;

		if (!streq(runtimes[i].name, runtime) && !streq(runtime, "all"))
			continue;
		cpus = runtimes[i].cpus(&f);
		memory = runtimes[i].memory(&f);
		table_row(t, -1);
		table_set(t, RUNTIME, "%s", runtimes[i].name);
		table_set(t, VERSIONS, "%s", runtimes[i].versions);
		table_set(t, CPUS, "%" PRIu64, cpus);
		table_set(t, TRUE_CPUS, "%g", (double)f.true_cpu / ONE_CPU);
		set_size(t, MEMORY, json, memory);
		set_size(t, TRUE_MEMORY, json, f.true_memory);
		if (runtimes[i].heap)
			set_size(t, HEAP, json, runtimes[i].heap(memory));
		set_difference(t, &f, cpus, memory, runtimes[i].rule);
		table_set(t, RULE, "%s", runtimes[i].rule);
	}
	return table_finish(t);
}
