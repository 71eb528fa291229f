// SPDX-License-Identifier: GPL-2.0-or-later
/* Variables that tools respect, from what holds here: eval "$(ulimitx --export)". */
#include <core/cli/log.h>
#include <errno.h>
#include <inttypes.h>

#include "show.h"
#include "util.h"

enum { ONE_CPU = 100000 };

struct place {
	uint64_t cpus;   /* whole ones, at least 1 */
	uint64_t memory; /* RBCE_LIMIT_NONE where only the machine limits it */
};

static void print_count(FILE *out, const struct place *p)
{
	fprintf(out, "%" PRIu64, p->cpus);
}

/* libuv takes 1 to 1024; its own default is 4. */
static void print_pool(FILE *out, const struct place *p)
{
	fprintf(out, "%" PRIu64, p->cpus < 1024 ? p->cpus : UINT64_C(1024));
}

/* Go's collector aims at its limit, so what is not heap of Go's needs room beside it. */
static void print_go_memory(FILE *out, const struct place *p)
{
	if (p->memory != RBCE_LIMIT_NONE)
		fprintf(out, "%" PRIu64, p->memory - p->memory / 10);
}

static void print_java(FILE *out, const struct place *p)
{
	fprintf(out, "-XX:ActiveProcessorCount=%" PRIu64, p->cpus);
	if (p->memory != RBCE_LIMIT_NONE)
		fprintf(out, " -XX:MaxRAM=%" PRIu64, p->memory);
}

static void print_make(FILE *out, const struct place *p)
{
	fprintf(out, "-j%" PRIu64, p->cpus);
}

static const struct {
	const char *name;
	void (*print)(FILE *out, const struct place *p);
	bool added; /* to what the variable has already */
} variables[] = {
	{"OMP_NUM_THREADS", print_count, false}, {"GOMAXPROCS", print_count, false},
	{"GOMEMLIMIT", print_go_memory, false},  {"UV_THREADPOOL_SIZE", print_pool, false},
	{"JAVA_TOOL_OPTIONS", print_java, true}, {"MAKEFLAGS", print_make, true},
};

char *export_names(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		fprintf(out, "%s%s", i ? ", " : "", variables[i].name);
	fclose(out);
	return text;
}

int export_check(char **names, int n)
{
	for (int i = 0; i < n; i++) {
		cleanup_free char *known = NULL;
		size_t k = 0;

		while (k < ARRAY_SIZE(variables) && !streq(variables[k].name, names[i]))
			k++;
		if (k < ARRAY_SIZE(variables))
			continue;
		known = export_names();
		log_error("cannot export '%s': it is not known (known: %s)", names[i], known ?: "");
		return -EINVAL;
	}
	return 0;
}

static bool is_wanted(char **names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (streq(names[i], name))
			return true;
	return n == 0;
}

int export_print(char **names, int n, struct rbce_limits *limits)
{
	struct rbce_limit items[] = {{.resource = RBCE_LIMIT_CPU},
				     {.resource = RBCE_LIMIT_MEMORY},
				     {.resource = RBCE_LIMIT_MEMORY_HIGH}};
	struct place place = {.memory = RBCE_LIMIT_NONE};
	int r = rbce_limits_read(limits, items, ARRAY_SIZE(items));

	if (r < 0)
		return r;
	place.cpus = items[0].limit == RBCE_LIMIT_NONE ? 1 : items[0].limit / ONE_CPU;
	place.cpus = place.cpus ?: 1;
	if (items[1].source != RBCE_BY_HOST)
		place.memory = items[1].limit;
	if (items[2].limit < place.memory)
		place.memory = items[2].limit;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		cleanup_free char *value = NULL;
		size_t size = 0;
		FILE *out;

		if (!is_wanted(names, n, variables[i].name))
			continue;
		out = open_memstream(&value, &size);
		if (!out)
			return -ENOMEM;
		variables[i].print(out, &place);
		if (fclose(out) != 0 || !size)
			continue;
		if (variables[i].added)
			printf("export %s=\"${%s:+$%s }%s\"\n", variables[i].name,
			       variables[i].name, variables[i].name, value);
		else
			printf("export %s='%s'\n", variables[i].name, value);
	}
	return fflush(stdout) == 0 ? 0 : -errno;
}
