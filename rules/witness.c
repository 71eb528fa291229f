// SPDX-License-Identifier: GPL-2.0-or-later
/* A task that a rule matches, made up from its terms. */
#include <fnmatch.h>
#include <limits.h>

#include "internal.h"
#include "util.h"

/* Terms that a rule's task has to satisfy, of one attribute. */
struct demands {
	const struct term *terms[16];
	size_t n;
	bool too_many;
};

static void gather(const struct compiled *rule, size_t attribute, struct demands *demands)
{
	for (size_t i = 0; i < rule->n_terms; i++) {
		if (attribute_number(rule->terms[i]->attribute) != attribute)
			continue;
		if (demands->n == ARRAY_SIZE(demands->terms))
			demands->too_many = true;
		else
			demands->terms[demands->n++] = rule->terms[i];
	}
	for (size_t i = 0; i < rule->n_depends; i++)
		if (!rule->depends[i].except)
			gather(rule->depends[i].rule, attribute, demands);
}

/* Do all of them hold for the task as it is so far? */
static bool satisfied(const struct demands *demands, const struct rbce_task *task)
{
	for (size_t i = 0; i < demands->n; i++)
		if (!term_holds(demands->terms[i], task))
			return false;
	return true;
}

/* ---- numbers ---- */

static uint32_t *number_of(struct rbce_task *task, const struct attribute *attribute)
{
	const char *name = attribute->name;

	/* tty and policy are told by their own values. */
	return streq(name, "user")      ? &task->uid
	       : streq(name, "euser")   ? &task->euid
	       : streq(name, "group")   ? &task->gid
	       : streq(name, "egroup")  ? &task->egid
	       : streq(name, "login")   ? &task->login
	       : streq(name, "pgrp")    ? (uint32_t *)&task->pgrp
	       : streq(name, "session") ? (uint32_t *)&task->session
	       : streq(name, "tty")     ? (uint32_t *)&task->tty
					: (uint32_t *)&task->policy;
}

/* The ends of every range, and the numbers beside them: if any fits, one of these does. */
static bool try_numbers(const struct demands *demands, const struct ids *ids,
			struct rbce_task *task, uint32_t *number)
{
	for (size_t i = 0; i < ids->n; i++) {
		const uint32_t tries[] = {ids->ranges[i].low, ids->ranges[i].high,
					  ids->ranges[i].low - 1, ids->ranges[i].high + 1};

		for (size_t k = 0; k < ARRAY_SIZE(tries); k++) {
			*number = tries[k];
			if (satisfied(demands, task))
				return true;
		}
	}
	return false;
}

static bool choose_number(const struct demands *demands, struct rbce_task *task,
			  const struct attribute *attribute)
{
	uint32_t *number = number_of(task, attribute);

	for (*number = 0; *number < 2; ++*number)
		if (satisfied(demands, task))
			return true;
	for (size_t i = 0; i < demands->n; i++)
		if (try_numbers(demands, &demands->terms[i]->included.ids, task, number) ||
		    try_numbers(demands, &demands->terms[i]->excluded.ids, task, number))
			return true;
	return false;
}

/* ---- texts ---- */

/* A character that the bracket expression of SIZE bytes has. */
static char bracket_sample(const char *bracket, size_t size)
{
	char pattern[256], text[2] = "";

	if (size >= sizeof(pattern))
		return '_';
	memcpy(pattern, bracket, size);
	pattern[size] = '\0';
	for (int c = '~'; c >= ' '; c--) {
		text[0] = (char)c;
		if (c != '/' && fnmatch(pattern, text, 0) == 0)
			return (char)c;
	}
	return '_';
}

/* A text that fits the glob, with FILL for every star; a new string. */
static char *sample_of(const struct glob *glob, const char *fill)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (glob->shape == GLOB_SUFFIX || glob->shape == GLOB_INFIX)
		fputs(fill, out);
	if (glob->shape != GLOB_OTHER)
		fputs(glob->text, out);
	for (const char *p = glob->text, *next; glob->shape == GLOB_OTHER && *p; p = next) {
		next = glob_behind(p);
		if (*p == '*')
			fputs(fill, out);
		else if (*p == '[')
			fputc(bracket_sample(p, (size_t)(next - p)), out);
		else
			fputc(*p == '?' ? '~' : p[*p == '\\'], out);
	}
	if (glob->shape == GLOB_PREFIX || glob->shape == GLOB_INFIX)
		fputs(fill, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static char **text_of(struct rbce_task *task, const struct attribute *attribute)
{
	const char *name = attribute->name;

	return streq(name, "args")             ? &task->args
	       : streq(name, "env")            ? &task->env
	       : streq(name, "parent")         ? &task->parent_exe
	       : streq(name, "pgrp-leader")    ? &task->pgrp_leader_exe
	       : streq(name, "session-leader") ? &task->session_leader_exe
	       : streq(name, "in")             ? &task->container
	       : streq(name, "tag")            ? &task->tag
					       : &task->exe;
}

/* Puts TEXT in place, with a path before it where a name is wanted; does it do? Takes it. */
static bool try_text(const struct demands *demands, struct rbce_task *task,
		     const struct attribute *attribute, char *text)
{
	char **place = text_of(task, attribute);
	char *path = NULL;

	if (text && streq(attribute->name, "comm")) {
		if (asprintf(&path, "/~/%s", text) < 0)
			path = NULL;
		free(text);
		text = path;
	}
	free(*place);
	*place = text;
	return text && satisfied(demands, task);
}

/* NAME fills stars too, so that a path may end as the rule wants its last part. */
static bool choose_text(const struct demands *demands, struct rbce_task *task,
			const struct attribute *attribute, const char *name)
{
	const char *const fills[] = {"", "~", name, "/~/", "/~"};

	for (size_t i = 0; i < demands->n; i++) {
		const struct globs *globs = &demands->terms[i]->included.globs;

		for (size_t g = 0; g < globs->n; g++)
			for (size_t f = 0; f < ARRAY_SIZE(fills); f++)
				if (globs->list[g].shape != GLOB_REGEX && fills[f] &&
				    try_text(demands, task, attribute,
					     sample_of(&globs->list[g], fills[f])))
					return true;
	}
	return try_text(demands, task, attribute, strdup(attribute->is_path ? "/~" : "~"));
}

/* ---- the task ---- */

/* The executable has to do for the whole path and for its last part. */
static bool choose_executable(const struct compiled *rule, struct rbce_task *task)
{
	const struct attribute *exe = attribute_find("exe"), *comm = attribute_find("comm");
	struct demands both = {.n = 0}, name = {.n = 0}, path = {.n = 0};
	cleanup_free char *sample = NULL;

	gather(rule, attribute_number(comm), &name);
	gather(rule, attribute_number(exe), &path);
	gather(rule, attribute_number(exe), &both);
	gather(rule, attribute_number(comm), &both);
	if (!both.n)
		return true;
	if (both.too_many)
		return false;
	if (name.n && choose_text(&name, task, comm, NULL))
		sample = strdup(rbce_task_basename(task));
	if (!path.n)
		return sample != NULL;
	return choose_text(&both, task, exe, sample);
}

static bool choose(const struct compiled *rule, struct rbce_task *task)
{
	for (size_t a = 0; a < ATTRIBUTES; a++) {
		struct demands demands = {.n = 0};
		const struct attribute *attribute = &attributes[a];

		if (streq(attribute->name, "exe") || streq(attribute->name, "comm"))
			continue;
		gather(rule, a, &demands);
		if (demands.too_many ||
		    (demands.n && !(attribute->text ? choose_text(&demands, task, attribute, NULL)
						    : choose_number(&demands, task, attribute))))
			return false;
	}
	return choose_executable(rule, task);
}

bool rule_witness(const struct compiled *rule, struct rbce_task *ret)
{
	struct rbce_task task = {.facts = RBCE_FACT_ALL, .pid = 1};

	if (choose(rule, &task) && compiled_holds(rule, &task)) {
		*ret = task;
		return true;
	}
	rbce_task_done(&task);
	return false;
}
