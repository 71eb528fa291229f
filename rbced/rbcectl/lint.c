// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl lint: what rules hardly mean. Needs no daemon. */
#include <core/cli/log.h>
#include <rbced/key_check.h>
#include <rbced/runtime.h>

#include "rbcectl.h"
#include "util.h"

struct ruleset *rules_read(const char *path)
{
	CLEANUP(rules_errors_done) struct rules_errors errors = {0};
	struct ruleset *set = NULL;

	if (ruleset_load(path, &key_check_options, &set, &errors) < 0)
		for (size_t i = 0; i < errors.n; i++)
			log_error("%s", errors.lines[i]);
	return set;
}

static int print_findings(const struct ruleset *set, const struct rules_errors *found, bool json)
{
	struct json_object *reply, *findings;

	if (!json) {
		for (size_t i = 0; i < found->n; i++)
			printf("%s\n", found->lines[i]);
		if (!found->n)
			printf("%zu rules, %zu container sections: nothing found\n",
			       ruleset_size(set), ruleset_containers(set));
		return EXIT_SUCCESS;
	}
	reply = json_object_new_object();
	findings = json_object_new_array();
	for (size_t i = 0; i < found->n; i++)
		json_object_array_add(findings, json_object_new_string(found->lines[i]));
	json_object_object_add(reply, "rules", json_object_new_uint64(ruleset_size(set)));
	json_object_object_add(reply, "findings", findings);
	return reply_print(reply);
}

int command_lint(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *rules = RULES_DIR;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("rules", "DIR", "rule files (default " RULES_DIR ")", &rules),
		{0},
	};
	const struct command_line line = {
		.usage = "lint [--rules DIR] [--json]",
		.about =
			"Finds rules that are never reached, terms and patterns that nothing fits, "
			"and containers\nthat no rule uses. Fails when it finds something.",
		.options = options,
	};
	CLEANUP(rules_errors_done) struct rules_errors found = {0};
	CLEANUP(ruleset_free_p) struct ruleset *set = NULL;
	int r;

	command_parse(&line, argc, argv, 0, 0);
	set = rules_read(rules);
	if (!set)
		return EXIT_FAILURE;
	if (ruleset_lint(set, &found) < 0) {
		log_error("cannot lint '%s': out of memory", rules);
		return EXIT_FAILURE;
	}
	r = print_findings(set, &found, common.json);
	return found.n ? EXIT_FAILURE : r;
}
