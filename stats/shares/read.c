// SPDX-License-Identifier: GPL-2.0-or-later
/* What the scheduler tells of groups and CPUs; see read.h. */
#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "file.h"
#include "stats/sample/parse.h"
#include "stats/sample/sampler.h"
#include "util.h"

enum { TEXT_SIZE = 65536, USUAL_SHARES = 1024, USUAL_WEIGHT = 100, TICK_USEC = 10000 };

struct share_files {
	const struct rbce_hierarchy *hierarchy;
	const struct rbce_mount *cpu, *cpuacct, *unified;
	char *debug; /* text of the scheduler's debug file in this round, or NULL */
	bool debug_read;
	char text[TEXT_SIZE];
};

/* ---- texts ---- */

static bool number(const char **text, uint64_t *ret)
{
	const char *from = *text + strspn(*text, " ");
	char *end;

	errno = 0;
	if (*from < '0' || *from > '9')
		return false;
	*ret = strtoull(from, &end, 10);
	if (errno)
		return false;
	*text = end;
	return true;
}

size_t share_read_percpu(const char *text, struct share_cpu *cpus, size_t n)
{
	size_t found = 0;
	uint64_t value;

	while (found < n && number(&text, &value))
		cpus[found++].ran = value / 1000;
	return found;
}

/* "cpu0 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ..." in hundredths of a second. */
static bool read_cpu_line(const char *text, struct cpu_times *row)
{
	static const enum cpu_time order[] = {CPU_USER,   CPU_NICE, CPU_SYSTEM, CPU_IDLE,
					      CPU_IOWAIT, CPU_IRQ,  CPU_IRQ,    CPU_STEAL};
	struct cpu_times read = {.known = true};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint64_t value;

		if (!number(&text, &value))
			return false;
		read.usec[order[i]] += value * TICK_USEC;
	}
	*row = read;
	return true;
}

size_t share_read_stat(const char *text, struct cpu_times *rows, size_t n)
{
	size_t found = 0;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = after_prefix(text, "cpu");
		uint64_t cpu;

		if (!at || *at < '0' || *at > '9' || !number(&at, &cpu) || cpu >= n)
			continue;
		if (read_cpu_line(at, &rows[cpu]) && cpu + 1 > found)
			found = (size_t)cpu + 1;
	}
	return found;
}

/* "  .NAME   : 123.456789", milliseconds, where NAME ends in WANTED. */
static bool read_debug_line(const char *line, const char *wanted, uint64_t *ret)
{
	size_t length = strcspn(line, "\n"), n = strlen(wanted);
	const char *colon = memchr(line, ':', length), *end = colon;
	uint64_t whole, rest;

	while (end && end > line && end[-1] == ' ')
		end--;
	if (!end || (size_t)(end - line) < n || memcmp(end - n, wanted, n) != 0)
		return false;
	colon++;
	if (!number(&colon, &whole) || *colon++ != '.' || !number(&colon, &rest))
		return false;
	*ret = whole * 1000 + rest / 1000;
	return true;
}

/* Of the section that begins at TEXT. */
static void read_debug_section(const char *text, struct share_cpu *cpu, bool *waits)
{
	for (; *text == ' '; text += strcspn(text, "\n"), text += *text == '\n') {
		read_debug_line(text, "se->sum_exec_runtime", &cpu->ran);
		*waits |= read_debug_line(text, "wait_sum", &cpu->waited);
	}
}

size_t share_read_debug(const char *text, const char *path, struct share_cpu *cpus, size_t n,
			bool *waits)
{
	size_t found = 0, length = strlen(path);

	*waits = false;
	for (; (text = strstr(text, "cfs_rq[")); text += strcspn(text, "\n")) {
		const char *at = text + strlen("cfs_rq[");
		uint64_t cpu;

		if (!number(&at, &cpu) || cpu >= n || strncmp(at, "]:", 2) != 0 ||
		    strncmp(at + 2, path, length) != 0 || at[2 + length] != '\n')
			continue;
		read_debug_section(at + 2 + length + 1, &cpus[cpu], waits);
		if (cpu + 1 > found)
			found = (size_t)cpu + 1;
	}
	return found;
}

/* ---- files ---- */

struct share_files *share_files_new(const struct rbce_hierarchy *h)
{
	struct share_files *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->hierarchy = h;
	f->cpu = rbce_hierarchy_find(h, RBCE_CPU);
	f->cpuacct = rbce_hierarchy_find(h, RBCE_CPUACCT);
	f->unified = rbce_hierarchy_unified(h);
	/* v2 has it in cpu.stat, and rbce_hierarchy_find() may say so or say nothing. */
	if (f->cpuacct && f->cpuacct->version != 1)
		f->cpuacct = NULL;
	return f;
}

struct share_files *share_files_free(struct share_files *f)
{
	if (f)
		free(f->debug);
	free(f);
	return NULL;
}

void share_files_begin(struct share_files *f)
{
	free(f->debug);
	f->debug = NULL;
	f->debug_read = false;
}

/* "/rbce/users/alice", "/rbce", "". */
static int path_of(const struct share_files *f, const char *name, char path[PATH_MAX])
{
	bool top = !name || streq(name, SAMPLER_ROOT_NAME);
	int n = name ? snprintf(path, PATH_MAX, "/%s%s%s", rbce_hierarchy_group(f->hierarchy),
				top ? "" : "/", top ? "" : name)
		     : snprintf(path, PATH_MAX, "%s", "");

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* A control file into f->text. */
static bool read_file(struct share_files *f, const struct rbce_mount *mount, const char *path,
		      const char *file)
{
	char full[PATH_MAX + 64];

	if (!mount)
		return false;
	snprintf(full, sizeof(full), "%s%s%s", *path ? path + 1 : "", *path ? "/" : "", file);
	return file_read_at(mount->fd, full, f->text, sizeof(f->text)) >= 0;
}

static void read_value(struct share_files *f, const struct rbce_mount *mount, const char *path,
		       const char *file, uint64_t *ret)
{
	struct parse_field field = {.key = NULL};

	if (!read_file(f, mount, path, file))
		return;
	parse_text(PARSE_VALUE, f->text, &field, 1);
	if (field.found)
		*ret = field.value;
}

#define FIELD(name)                                                                                \
	{                                                                                          \
		.key = name, .length = sizeof(name) - 1                                            \
	}

static void read_v1(struct share_files *f, const char *path, struct share_reading *r)
{
	struct parse_field fields[] = {FIELD("nr_periods"), FIELD("nr_throttled"),
				       FIELD("throttled_time"), FIELD("wait_sum")};
	uint64_t shares = USUAL_SHARES;

	read_value(f, f->cpu, path, "cpu.shares", &shares);
	r->weight = shares * USUAL_WEIGHT / USUAL_SHARES;
	if (!read_file(f, f->cpu, path, "cpu.stat"))
		return;
	parse_text(PARSE_KEYS, f->text, fields, ARRAY_SIZE(fields));
	r->periods = fields[0].value;
	r->throttled_periods = fields[1].value;
	r->throttled = fields[2].value / 1000;
	r->has_waited = fields[3].found;
	r->waited = fields[3].value / 1000;
}

static void read_v2(struct share_files *f, const char *path, struct share_reading *r)
{
	struct parse_field fields[] = {FIELD("nr_periods"), FIELD("nr_throttled"),
				       FIELD("throttled_usec")};

	r->weight = USUAL_WEIGHT;
	read_value(f, f->unified, path, "cpu.weight", &r->weight);
	if (!read_file(f, f->unified, path, "cpu.stat"))
		return;
	parse_text(PARSE_KEYS, f->text, fields, ARRAY_SIZE(fields));
	r->periods = fields[0].value;
	r->throttled_periods = fields[1].value;
	r->throttled = fields[2].value;
}

/* What the group ran, in sum and by CPU. */
static void read_ran(struct share_files *f, const char *path, struct share_reading *r)
{
	struct parse_field field = FIELD("usage_usec");

	if (read_file(f, f->cpuacct, path, "cpuacct.usage_percpu")) {
		r->n_cpus = share_read_percpu(f->text, r->cpu, SHARES_CPUS_MAX);
		r->exists = r->n_cpus > 0;
		for (size_t i = 0; i < r->n_cpus; i++)
			r->ran += r->cpu[i].ran;
		return;
	}
	if (f->cpuacct || !read_file(f, f->unified, path, "cpu.stat"))
		return;
	parse_text(PARSE_KEYS, f->text, &field, 1);
	r->exists = field.found;
	r->ran = field.value;
}

/* The debug file grows with the number of tasks: it is read once a round, and only where needed. */
static void read_debug(struct share_files *f, const char *path, struct share_reading *r)
{
	if (!f->debug_read) {
		f->debug_read = true;
		if (file_read_all_at(rbce_root_fd(rbce_hierarchy_root(f->hierarchy)),
				     "sys/kernel/debug/sched/debug", &f->debug) < 0)
			f->debug = NULL;
	}
	if (f->debug)
		r->n_cpus = share_read_debug(f->debug, path, r->cpu, SHARES_CPUS_MAX,
					     &r->has_cpu_waits);
	for (size_t i = 0; r->has_cpu_waits && i < r->n_cpus; i++)
		r->waited += r->cpu[i].waited;
	r->has_waited |= r->has_cpu_waits;
}

void share_files_read(struct share_files *f, const char *name, struct share_reading *ret)
{
	struct parse_field full = FIELD("full");
	struct share_cpu *cpu = ret->cpu;
	char path[PATH_MAX];

	*ret = (struct share_reading){.cpu = cpu};
	memset(cpu, 0, SHARES_CPUS_MAX * sizeof(*cpu));
	if (path_of(f, name, path) < 0)
		return;
	read_ran(f, path, ret);
	if (!ret->exists || !name)
		return;
	if (f->cpu && f->cpu->version == 1)
		read_v1(f, path, ret);
	else
		read_v2(f, path, ret);
	if (!ret->n_cpus)
		read_debug(f, path, ret);
	if (read_file(f, f->unified, path, "cpu.pressure")) {
		parse_text(PARSE_PRESSURE, f->text, &full, 1);
		ret->has_full = full.found;
		ret->full = full.value;
	}
}

size_t share_files_cpus(struct share_files *f, struct cpu_times *rows, size_t n)
{
	cleanup_free char *text = NULL;

	if (file_read_all_at(rbce_root_fd(rbce_hierarchy_root(f->hierarchy)), "proc/stat", &text) <
	    0)
		return 0;
	return share_read_stat(text, rows, n);
}
