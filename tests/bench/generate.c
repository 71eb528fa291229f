// SPDX-License-Identifier: GPL-2.0-or-later
/* See generate.h. Rule I and the task that fits it are made from the same number. */
#include "generate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number below BELOW that belongs to I and WHICH (splitmix64's mixing; Steele et al., 2014). */
static uint32_t roll(uint64_t i, uint64_t which, uint32_t below)
{
	uint64_t z = i * 0x9e3779b97f4a7c15 + which * 0xd1b54a32d192ed03;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

static FILE *begin(char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);

	if (!out)
		abort();
	return out;
}

/* ---- names ---- */

/* 46 of 100 are long; those of 100 below 16 have a blank, 12 of the long and 4 of the short. */
static void print_name(FILE *out, size_t i)
{
	static const char *const words[] = {"alpha", "Brave", "cloud", "delta", "ember", "Frost",
					    "grand", "Honor", "index", "Jolly", "knell", "lunar"};
	const char *word = words[roll(i, 1, 12)], *other = words[roll(i, 2, 12)];
	unsigned kind = roll(i, 3, 100);

	if (kind < 12)
		fprintf(out, "%s %s of %s%zu.exe", word, other, word, i);
	else if (kind < 46)
		fprintf(out, "%s-%s-launcher%zu.x86_64", word, other, i);
	else if (kind < 50)
		fprintf(out, "%.3s %zu.exe", word, i);
	else
		fprintf(out, "%.4s%zu", word, i);
}

char *generate_names(size_t n)
{
	char *text;
	size_t size;
	FILE *out = begin(&text, &size);

	for (size_t i = 0; i < n; i++) {
		fprintf(out, "[rule r%zu]\ncomm = ", i);
		print_name(out, i);
		fprintf(out, "\ncontainer = class%u\n", roll(i, 4, 5));
	}
	fclose(out);
	return text;
}

/* Blanks become '_': libcgroup 2 has no quotes. */
char *generate_names_cgrules(size_t n)
{
	char *text, *name;
	size_t size, name_size;
	FILE *out = begin(&text, &size), *name_out;

	for (size_t i = 0; i < n; i++) {
		name_out = begin(&name, &name_size);
		print_name(name_out, i);
		fclose(name_out);
		for (char *p = name; *p; p++)
			*p = *p == ' ' ? '_' : *p;
		fprintf(out, "*:%s cpu class%u\n", name, roll(i, 4, 5));
		free(name);
	}
	fclose(out);
	return text;
}

/* ---- groups ---- */

enum { FIRST_GROUP = 200000 };

char *generate_groups(size_t n)
{
	char *text;
	size_t size;
	FILE *out = begin(&text, &size);

	for (size_t i = 0; i < n; i++)
		fprintf(out, "bench%zu:x:%zu:daemon\n", i, FIRST_GROUP + i);
	fclose(out);
	return text;
}

static char *groups_with(const char *format, size_t n)
{
	char *text;
	size_t size;
	FILE *out = begin(&text, &size);

	for (size_t i = 0; i < n; i++) {
		char line[128];

		snprintf(line, sizeof(line), "%zu", i);
		for (const char *p = format; *p; p++)
			if (*p == '#')
				fputs(line, out);
			else
				fputc(*p, out);
	}
	fclose(out);
	return text;
}

char *generate_groups_cgrules(size_t n)
{
	return groups_with("@bench# cpu group#\n", n);
}

char *generate_groups_rules(size_t n)
{
	return groups_with("[rule r#]\ngroup = @bench#\ncontainer = group#\n", n);
}

/* ---- mixed rules ---- */

enum { USERS = 50000, FIRST_USER = 1000, GROUPS = 3000 };

static void print_path(FILE *out, size_t i, bool pattern)
{
	static const char *const folders[] = {"/usr/bin", "/usr/lib/tools", "/opt/vendor/bin",
					      "/usr/local/bin", "/home/build/bin"};
	const char *folder = folders[roll(i, 10, 5)];
	unsigned kind = roll(i, 11, 10);

	if (!pattern)
		fprintf(out, "%s/tool-%zu-%s", folder, i, kind & 1 ? "run" : "make");
	else if (kind < 5)
		fprintf(out, "%s/tool-%zu-%s", folder, i, kind & 1 ? "run" : "make");
	else if (kind < 7)
		fprintf(out, "%s/tool-%zu-*", folder, i);
	else if (kind < 9)
		fprintf(out, "*/tool-%zu-%s", i, kind & 1 ? "run" : "make");
	else
		fprintf(out, "/*/tool-%zu-*[ne]", i);
}

static void print_user_term(FILE *out, size_t i)
{
	unsigned user = FIRST_USER + roll(i, 12, USERS);

	if (roll(i, 13, 4) == 0)
		fprintf(out, "user = %u-%u\n", user, user + roll(i, 14, 20));
	else
		fprintf(out, "user = %u\n", user);
}

static void print_args_term(FILE *out, size_t i)
{
	if (roll(i, 15, 20) == 0)
		fprintf(out, "args = re:--job[=:]%zu\\b\n", i);
	else
		fprintf(out, "args = *--job=%zu *\n", i);
}

/* What rule I looks at: users and groups, executables, arguments, or two or three of them. */
enum { LOOKS = 7 };
static const struct {
	bool user, group, exe, args;
} looks[LOOKS] = {
	{.exe = true},
	{.user = true},
	{.group = true, .exe = true},
	{.exe = true, .user = true},
	{.user = true, .args = true},
	{.exe = true, .args = true},
	{.user = true, .group = true, .exe = true},
};

char *generate_mixed(size_t n)
{
	char *text;
	size_t size;
	FILE *out = begin(&text, &size);

	for (size_t i = 0; i < n; i++) {
		unsigned look = roll(i, 16, LOOKS);

		fprintf(out, "[rule r%zu]\n", i);
		if (looks[look].user)
			print_user_term(out, i);
		if (looks[look].group)
			fprintf(out, "group = %u\n", 100000 + roll(i, 17, GROUPS));
		if (looks[look].exe) {
			fprintf(out, "exe = ");
			print_path(out, i, true);
			fprintf(out, "\n");
		}
		if (looks[look].args)
			print_args_term(out, i);
		fprintf(out, "container = jobs/%%u\n");
	}
	fclose(out);
	return text;
}

/* ---- tasks ---- */

static char *printed(void (*print)(FILE *out, size_t i), const char *before, size_t i)
{
	char *text;
	size_t size;
	FILE *out = begin(&text, &size);

	fputs(before, out);
	print(out, i);
	fclose(out);
	return text;
}

static void print_exact_path(FILE *out, size_t i)
{
	print_path(out, i, false);
}

static void print_arguments(FILE *out, size_t i)
{
	fprintf(out, "--verbose --input /data/set%u/file%u.dat --job=%zu --threads 4",
		roll(i, 20, 1000), roll(i, 21, 1000), i);
}

static struct rbce_task *new_tasks(size_t n)
{
	struct rbce_task *tasks = calloc(n, sizeof(*tasks));

	if (!tasks)
		abort();
	for (size_t t = 0; t < n; t++) {
		struct rbce_task *task = &tasks[t];

		*task = (struct rbce_task){
			.facts = RBCE_FACT_ALL,
			.pid = (pid_t)(1000 + t),
			.pgrp = (pid_t)(1000 + t),
			.uid = FIRST_USER + roll(t, 30, USERS),
			.gid = 100,
			.groups = calloc(3, sizeof(gid_t)),
			.n_groups = 3,
			.parent_exe = strdup("/usr/bin/bash"),
		};
		for (size_t g = 0; g < 3; g++)
			task->groups[g] = 20 + 10 * (gid_t)g;
	}
	return tasks;
}

/* The number that task T is made from: below SIZE it fits that rule, else none. */
static size_t number_of(size_t t, size_t size)
{
	return t & 1 ? roll(t, 31, (uint32_t)size) : size + t;
}

struct rbce_task *generate_named_tasks(size_t size, size_t n)
{
	struct rbce_task *tasks = new_tasks(n);

	for (size_t t = 0; t < n; t++) {
		tasks[t].exe = printed(print_name, "/opt/games/bin/", number_of(t, size));
		tasks[t].args = strdup("");
	}
	return tasks;
}

struct rbce_task *generate_mixed_tasks(size_t size, size_t n)
{
	struct rbce_task *tasks = new_tasks(n);

	for (size_t t = 0; t < n; t++) {
		size_t i = number_of(t, size);

		tasks[t].exe = printed(print_exact_path, "", i);
		tasks[t].args = printed(print_arguments, "", i);
		tasks[t].uid = FIRST_USER + roll(i, 12, USERS);
		tasks[t].groups[2] = 100000 + roll(i, 17, GROUPS);
	}
	return tasks;
}

void tasks_free(struct rbce_task *tasks, size_t n)
{
	for (size_t t = 0; t < n; t++)
		rbce_task_done(&tasks[t]);
	free(tasks);
}
