// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a rule file: they are refused with at least one line, or give a set that answers for
 * a task without a fault and names containers that the core accepts.
 */
#include <errno.h>
#include <rbce/container.h>
#include <rules/rules.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int user(void *data, const char *name, uint32_t *ret)
{
	(void)data;
	*ret = (uint32_t)strlen(name);
	return name[0] == 'u' ? -ENOENT : 0;
}

static int user_name(void *data, uint32_t id, char **ret)
{
	(void)data;
	(void)id;
	*ret = strdup("a/../b");
	return *ret ? 0 : -ENOMEM;
}

static void step(void *data, const struct rule *rule, const char *failed, const char *actual)
{
	*(size_t *)data += strlen(rule->name) + (failed ? strlen(failed) + strlen(actual) : 0);
}

static void ask(struct ruleset *set)
{
	gid_t groups[] = {1, 5};
	const struct rbce_task task = {
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
	};
	size_t sum = 0;

	ruleset_match(set, &task);
	ruleset_explain(set, &task, step, &sum);
	for (size_t i = 0; i < ruleset_size(set); i++) {
		const struct rule *rule = ruleset_rule(set, i);
		char *name = NULL;

		if (rule->ignore || ruleset_container(set, rule, &task, &name, NULL) < 0)
			continue;
		if (strlen(name) < RBCE_NAME_MAX && rbce_container_check_name(name, NULL) < 0)
			abort();
		ruleset_section(set, name);
		free(name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rules_names names = {user, user, user_name, user_name, NULL};
	static const struct rules_options options = {.names = &names};
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;

	if (ruleset_parse("fuzz", (const char *)data, size, &options, &set, &errors) == 0)
		ask(set);
	else if (errors.n == 0)
		abort();
	rules_errors_done(&errors);
	ruleset_free(set);
	return 0;
}
