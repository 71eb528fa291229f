// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * match: how long a decision takes, without and with the cache, for sets of several kinds and
 * sizes. match load N: time and memory for reading N mixed rules. match libcgroup FOLDER: the same
 * questions to libcgroup's own matching and to ours. FOLDER is where tests/bench/match has put
 * cgrules.conf into a private /etc; see there.
 */
#include <errno.h>
#include <inttypes.h>
#include <libcgroup.h>
#include <rules/rules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "generate.h"

enum { TASKS = 2000, ROUNDS = 50 };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Nanoseconds of many single calls, less what looking at the clock takes. */
struct times {
	uint32_t median, p99, max;
};

static struct times times_of(uint32_t *samples, size_t n, uint32_t overhead)
{
	uint32_t values[3];
	const size_t at[] = {n / 2, n * 99 / 100, n - 1};

	qsort(samples, n, sizeof(*samples), compare);
	for (size_t i = 0; i < 3; i++)
		values[i] = samples[at[i]] > overhead ? samples[at[i]] - overhead : 0;
	return (struct times){values[0], values[1], values[2]};
}

static uint32_t clock_overhead(void)
{
	static uint32_t samples[10001];

	for (size_t i = 0; i < 10001; i++) {
		uint64_t start = now();

		samples[i] = (uint32_t)(now() - start);
	}
	return times_of(samples, 10001, 0).median;
}

static struct ruleset *parse(char *text)
{
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;

	if (ruleset_parse("bench", text, strlen(text), NULL, &set, &errors) < 0) {
		fprintf(stderr, "match: %s\n", errors.lines[0]);
		exit(1);
	}
	free(text);
	return set;
}

typedef const struct rule *decide_fn(const void *data, const struct rbce_task *task);

static const struct rule *decide(const void *data, const struct rbce_task *task)
{
	return ruleset_match(data, task);
}

static const struct rule *decide_cached(const void *data, const struct rbce_task *task)
{
	return rules_cache_match((struct rules_cache *)data, task);
}

/*
 * Facts have just been read when they are decided on: what reading them costs is not the rules'
 * matter, and is the same for sets of all sizes.
 */
static void touch(const struct rbce_task *task)
{
	static volatile size_t sum;

	sum += strlen(task->exe) + strlen(task->args) + task->groups[task->n_groups - 1];
}

/* Each of N tasks several times, but never twice in a row; FOUND counts those that a rule matched.
 */
static struct times measure(decide_fn *function, const void *data, const struct rbce_task *tasks,
			    size_t n, size_t *found)
{
	uint32_t *samples = calloc(ROUNDS * n, sizeof(*samples)), overhead = clock_overhead();
	struct times times;
	size_t taken = 0;

	*found = 0;
	for (size_t i = 0; i < n; i++)
		*found += function(data, &tasks[i]) != NULL;
	for (size_t round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < n; i++) {
			uint64_t start;

			touch(&tasks[i]);
			start = now();
			function(data, &tasks[i]);
			samples[taken++] = (uint32_t)(now() - start);
		}
	times = times_of(samples, taken, overhead);
	free(samples);
	return times;
}

static void print_times(const char *what, size_t rules, struct times times, size_t found, size_t n)
{
	printf("%-34s %7zu rules: median %5u ns, 99 %% within %6u ns, worst %8u ns "
	       "(%zu %% matched)\n",
	       what, rules, times.median, times.p99, times.max, found * 100 / n);
}

static struct times uncached(const char *what, struct ruleset *set, struct rbce_task *tasks,
			     size_t n)
{
	size_t found;
	struct times times = measure(decide, set, tasks, n, &found);

	print_times(what, ruleset_size(set), times, found, n);
	return times;
}

/* So many tasks that all of them stay in the cache, as on a host that does the same things again.
 */
enum { CACHED_TASKS = 1000, CACHE_ENTRIES = 4096 };

static void cached(const char *what, struct ruleset *set, struct rbce_task *tasks)
{
	struct rules_cache *cache = rules_cache_new(set, CACHE_ENTRIES);
	size_t found;
	struct times times = measure(decide_cached, cache, tasks, CACHED_TASKS, &found);

	print_times(what, ruleset_size(set), times, found, CACHED_TASKS);
	rules_cache_free(cache);
}

static void bench_sets(void)
{
	static const size_t sizes[] = {10, 100, 1000, 10000, 100000};
	struct ruleset *set = parse(generate_names(15794));
	struct rbce_task *tasks = generate_named_tasks(15794, TASKS);
	struct times first = {0}, last = {0};

	uncached("names, without cache", set, tasks, TASKS);
	cached("names, from the cache", set, tasks);
	tasks_free(tasks, TASKS);
	ruleset_free(set);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		set = parse(generate_mixed(sizes[i]));
		tasks = generate_mixed_tasks(sizes[i], TASKS);
		last = uncached("mixed, without cache", set, tasks, TASKS);
		if (i == 0)
			first = last;
		if (sizes[i] == 10000)
			cached("mixed, from the cache", set, tasks);
		tasks_free(tasks, TASKS);
		ruleset_free(set);
	}
	printf("growth of the median from 10 to 100,000 rules: %.1f-fold\n",
	       (double)last.median / (first.median ?: 1));
}

/* Resident memory in KiB, now and at its highest. */
static long resident(const char *key)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long value = 0;

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtol(line + strlen(key), NULL, 10);
	if (status)
		fclose(status);
	return value;
}

/* The text is in a file first, as it would be. */
static void bench_load(size_t n)
{
	char path[] = "/tmp/rbce-bench-rules-XXXXXX", *text = generate_mixed(n);
	int fd = mkstemp(path);
	FILE *out = fdopen(fd, "w");
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	uint64_t start;

	fputs(text, out);
	fclose(out);
	free(text);
	/* What the making of the text took does not count. */
	out = fopen("/proc/self/clear_refs", "we");
	if (out) {
		fputs("5", out);
		fclose(out);
	}
	start = now();
	if (ruleset_load(path, NULL, &set, &errors) < 0)
		exit(1);
	printf("reading %zu mixed rules from a file: %.2f s, %.0f MB at the highest, %.0f MB "
	       "afterwards\n",
	       n, (double)(now() - start) / 1e9, (double)resident("VmHWM:") / 1000,
	       (double)resident("VmRSS:") / 1000);
	unlink(path);
	ruleset_free(set);
}

/* ---- libcgroup ---- */

/* Its own matching, for a process that no rule matches: nothing is moved. */
static double libcgroup_time(size_t calls)
{
	uint64_t start = now();

	for (size_t i = 0; i < calls; i++) {
		int r = cgroup_change_cgroup_flags(getuid(), getgid(), "/usr/bin/fits-no-rule",
						   getpid(), CGFLAG_USECACHE);

		if (r != 0 && i == 0)
			fprintf(stderr, "match: libcgroup: %s\n", cgroup_strerror(r));
	}
	return (double)(now() - start) / (double)calls;
}

static double our_time(struct ruleset *set, size_t calls)
{
	struct rbce_task *tasks = generate_named_tasks(1000000, 2);
	uint64_t start = now();
	size_t found = 0;

	/* The first one fits no name and has none of the groups. */
	for (size_t i = 0; i < calls; i++)
		found += ruleset_match(set, &tasks[0]) != NULL;
	if (found)
		exit(1);
	start = now() - start;
	tasks_free(tasks, 2);
	return (double)start / (double)calls;
}

static void install(const char *path, char *text, const char *mode)
{
	FILE *out = fopen(path, mode);

	if (!out) {
		fprintf(stderr, "match: cannot write '%s': %s\n", path, strerror(errno));
		exit(1);
	}
	fputs(text, out);
	fclose(out);
	free(text);
}

static void against(const char *what, size_t n, char *cgrules, char *rules, size_t calls)
{
	struct ruleset *set = parse(rules);
	double theirs, ours = our_time(set, 1000000);
	int r;

	install("/etc/cgrules.conf", cgrules, "we");
	r = cgroup_reload_cached_rules();
	if (r != 0) {
		fprintf(stderr, "match: cannot give libcgroup its rules: %s\n", cgroup_strerror(r));
		exit(1);
	}
	theirs = libcgroup_time(calls);
	printf("%zu %s: libcgroup %.1f us, rbce %.3f us a decision: %.0f times faster\n", n, what,
	       theirs / 1000, ours / 1000, theirs / ours);
	ruleset_free(set);
}

static int bench_libcgroup(void)
{
	install("/etc/cgrules.conf", strdup("*:no-such-program cpu x\n"), "we");
	install("/etc/group", generate_groups(1000), "ae");
	if (cgroup_init() != 0 || cgroup_init_rules_cache() != 0) {
		fprintf(stderr, "match: cannot start libcgroup\n");
		return 1;
	}
	printf("libcgroup with one rule: %.1f us a decision (what its call takes besides "
	       "matching)\n",
	       libcgroup_time(1000) / 1000);
	against("names", 13000, generate_names_cgrules(13000), generate_names(13000), 300);
	against("@group rules", 1000, generate_groups_cgrules(1000), generate_groups_rules(1000),
		50);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "load") == 0)
		bench_load(strtoul(argv[2], NULL, 10));
	else if (argc == 2 && strcmp(argv[1], "libcgroup") == 0)
		return bench_libcgroup();
	else
		bench_sets();
	return 0;
}
