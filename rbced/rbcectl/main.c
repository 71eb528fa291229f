// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl: asks and directs rbced, and shows the containers. */
#include <core/cli/beside.h>
#include <core/cli/log.h>
#include <stdio.h>

#include "rbcectl.h"
#include "util.h"

/* Without a function it is one of images/main.c. */
static const struct {
	const char *name;
	command_fn *run;
	const char *help;
} commands[] = {
	{"status", command_status, "what the daemon is doing, with its counters"},
	{"events", command_events, "what the daemon does, as it does it, in lines of JSON"},
	{"rules", command_rules, "the rules in force, with hits and moves"},
	{"explain", command_explain, "why a task is in its container"},
	{"keys", command_keys, "the keys that a rule, or a container, may have"},
	{"simulate", command_simulate, "what rules would do, for given facts or for every task"},
	{"lint", command_lint, "rules that are never reached, terms that nothing fits"},
	{"enforce", command_enforce,
	 "put rules that observe in force, after showing what that moves"},
	{"import", command_import, "rules of libcgroup or ananicy as a rule file"},
	{"containers", command_containers, "the tree of containers with limits and use"},
	{"ps", command_ps, "the tasks in containers"},
	{"classify", command_classify, "place a task by hand and take it out of the rules' hands"},
	{"release", command_release, "give a task that is held back to the rules"},
	{"reclassify", command_reclassify, "look at one task, or at all, again"},
	{"tag", command_tag, "mark a task for rules that look at tags"},
	{"run", command_run, "start a command in a container"},
	{"job", command_job, "jobs of a batch system: begin, join, end, report"},
	{"create", command_create, "start a command in namespaces of its own"},
	{"enter", command_enter, "start a command in the namespaces of a container or process"},
	{"console", command_console, "the console of a container with namespaces"},
	{"crfs", NULL, "a checkpoint as a file system"},
	{"oci", command_oci, "containers from OCI bundles"},
	{"checkpoint", NULL, "put a container into a directory; verify one"},
	{"restore", NULL, "restore a container from such a directory"},
	{"migrate", NULL, "take a container to another machine; wait for one"},
	{"get", command_get, "the values of a container, and what holds for it"},
	{"set", command_set, "set values of a container"},
	{"apply", command_apply, "set what rule files say, all or nothing"},
	{"diff", command_diff, "where rule files and containers differ"},
	{"snapshot", command_snapshot, "the containers as a rule file"},
	{"reclaim", command_reclaim, "take memory back from a container"},
	{"oom", command_oom, "containers watched for want of memory; answer one that waits"},
	{"penalty", command_penalty, "containers watched for using too much; lift a penalty"},
	{"reload", command_reload, "read the rules again"},
	{"freeze", command_freeze, "stop every task of a container"},
	{"thaw", command_thaw, "let a frozen container go on"},
	{"dissolve", command_dissolve, "remove a container, and let its tasks go on"},
	{"kill", command_kill, "end every task of a container and remove it"},
};

static void print_help(void)
{
	printf("Usage: %s COMMAND [OPTION...] [ARGUMENT...]\n", log_program());
	printf("Asks and directs rbced, and shows the containers.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].help);
	printf("\nEvery command has --root NAME, --json and --help.\n");
}

int main(int argc, char **argv)
{
	log_open(argv[0], LOG_LEVEL_INFO);
	if (argc < 2) {
		log_error("cannot run: it needs a command; see --help");
		return EXIT_USAGE;
	}
	if (streq(argv[1], "--help") || streq(argv[1], "-h") || streq(argv[1], "help")) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (streq(argv[1], "--version")) {
		printf("%s %s\n", log_program(), VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].name, argv[1]))
			return commands[i].run ? commands[i].run(argc - 1, argv + 1)
					       : run_beside("rbcectl-images", argv);
	log_error("cannot run '%s': it is not a command; see --help", argv[1]);
	return EXIT_USAGE;
}
