// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a rule file: they are refused with at least one line, or give a set that answers for
 * a task without a fault, explains what it matched, names containers that the core accepts and that
 * fit their templates, and reads the same when it is written as a file again.
 */
#include <errno.h>
#include <rbce/container.h>
#include <rules/internal.h>
#include <tests/unit/rules-text.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int user(void *data, const char *name, uint32_t *ret)
{
	(void)data;
	*ret = (uint32_t)strlen(name);
	return name[0] == 'u' ? -ENOENT : 0;
}

/* Some ids have names that are no good as parts of a path, some have none. */
static int user_name(void *data, uint32_t id, char **ret)
{
	static const char *const names[] = {"alice",      "a/../b", "leaf", "",
					    "memory.max", "\n",     NULL};
	const char *name = names[id % (sizeof(names) / sizeof(names[0]))];

	(void)data;
	if (!name)
		return -ENOENT;
	*ret = strdup(name);
	return *ret ? 0 : -ENOMEM;
}

static const struct rules_names names = {user, user, user_name, user_name, NULL};
static const struct rules_options options = {.names = &names};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* The newest step of an explanation. */
struct step {
	const struct rule *rule;
	bool matches;
	size_t letters;
};

static void note_step(void *data, const struct rule *rule, const char *failed, const char *actual)
{
	struct step *step = data;

	must(!step->matches && (failed == NULL) == (actual == NULL));
	step->rule = rule;
	step->matches = !failed;
	step->letters += failed ? strlen(failed) + strlen(actual) : 0;
}

static void name_container(struct ruleset *set, const struct rule *rule,
			   const struct rbce_task *task)
{
	char *name = NULL;

	if (!rule->container)
		return;
	if (ruleset_container(set, rule, task, &name, NULL) < 0) {
		must(name == NULL);
		return;
	}
	must(rbce_container_check_name(name, NULL) == 0);
	must(template_fits(rule->container, name));
	ruleset_section(set, name);
	free(name);
}

static void ask(struct ruleset *set, const struct rbce_task *task)
{
	const struct rule *matching = ruleset_match(set, task);
	struct step last = {0};

	ruleset_explain(set, task, true, note_step, &last);
	must(ruleset_match_naive(set, task) == matching);
	must(matching ? last.matches && last.rule == matching : !last.matches);
	for (size_t i = 0; i < ruleset_size(set); i++)
		name_container(set, ruleset_rule(set, i), task);
}

static void read_again(const struct ruleset *set)
{
	struct rules_errors errors = {0};
	struct ruleset *again = NULL;
	char *text = rules_text(set), *second;

	if (!text)
		return;
	if (ruleset_parse("again", text, strlen(text), &options, &again, &errors) < 0)
		abort();
	second = rules_text(again);
	must(second && strcmp(text, second) == 0);
	free(second);
	free(text);
	ruleset_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gid_t groups[] = {1, 5};
	static const struct rbce_task tasks[] = {
		{
			.facts = RBCE_FACT_ALL,
			.pid = 100,
			.uid = 5,
			.gid = 5,
			.groups = groups,
			.n_groups = 2,
			.comm = "fuzz",
			.exe = (char *)"/usr/bin/..",
			.parent_exe = (char *)"/sbin/init",
			.container = (char *)"a/b",
		},
		{.facts = RBCE_FACT_ALL, .pid = 2, .comm = "leaf"},
		{.facts = RBCE_FACT_STAT, .pid = 3, .comm = "memory.max", .uid = 2, .gid = 3},
	};
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;

	if (ruleset_parse("fuzz", (const char *)data, size, &options, &set, &errors) == 0) {
		for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
			ask(set, &tasks[i]);
		/* "; " divides terms when they are written, and a value may have it too. */
		if (!memchr(data, ';', size))
			read_again(set);
	} else {
		must(errors.n > 0 && !set);
	}
	rules_errors_done(&errors);
	ruleset_free(set);
	return 0;
}
