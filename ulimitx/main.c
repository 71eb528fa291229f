// SPDX-License-Identifier: GPL-2.0-or-later
/* ulimitx: what am I allowed, and who says so? */
#include <core/cli/log.h>
#include <core/cli/options.h>
#include <errno.h>
#include <rbce/units.h>

#include "show.h"
#include "util.h"

/* All names of resources on one line, or each on its own with its help; NULL without memory. */
static char *resource_list(bool with_help)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *name;

	if (!out)
		return NULL;
	if (with_help)
		fprintf(out, "Resources:");
	for (size_t i = 0; (name = limits_name(i)); i++)
		if (with_help)
			fprintf(out, "\n  %-12s %s", name, limits_help(i));
		else
			fprintf(out, "%s%s", i ? ", " : "", name);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static void check_names(const struct show *s)
{
	cleanup_free char *known = NULL;

	for (int i = 0; i < s->n_names; i++) {
		const char *name;
		size_t k = 0;

		while ((name = limits_name(k)) && !streq(name, s->names[i]))
			k++;
		if (name)
			continue;
		known = resource_list(false);
		log_error("cannot show '%s': it is no resource (known: %s)", s->names[i],
			  known ?: "");
		exit(EXIT_USAGE);
	}
}

/* The limits of PID; a system without cgroups has limits too. */
static int read_limits(pid_t pid, struct limit **ret, size_t *ret_n, struct rbce_error *err)
{
	struct rbce_hierarchy *h = NULL;
	struct rbce_root *root = NULL;
	int r;

	r = rbce_root_open(NULL, &root, err);
	if (r < 0)
		return r;
	r = rbce_hierarchy_open(root, "rbce", &h, err);
	if (r < 0 && r != -ENOENT)
		log_warning("%s; going on without cgroups", err->message);
	r = limits_read(root, h, pid, ret, ret_n, err);
	rbce_hierarchy_close(h);
	rbce_root_close(root);
	return r;
}

static int run(const struct show *s, pid_t pid)
{
	cleanup_free struct limit *limits = NULL;
	struct rbce_error err;
	size_t n = 0;
	int r;

	if (read_limits(pid, &limits, &n, &err) < 0) {
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	r = show_limits(s, limits, n);
	if (r < 0)
		log_error("cannot write the table: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static pid_t parse_pid(const char *text)
{
	uint64_t pid;

	if (!text)
		return getpid();
	if (rbce_parse_number(text, 1, INT32_MAX, &pid) < 0) {
		log_error("cannot use process '%s': it is no process id", text);
		exit(EXIT_USAGE);
	}
	return (pid_t)pid;
}

int main(int argc, char **argv)
{
	struct show show = {0};
	const char *pid = NULL;
	const struct option_row options[] = {
		{.name = "all",
		 .letter = 'a',
		 .help = "show what is unlimited too",
		 .flag = &show.all},
		OPTION_TEXT("pid", "PID",
			    "of this process (default: ulimitx itself, which has "
			    "the shell's limits)",
			    &pid),
		OPTION_FLAG("json", "print JSON: every resource, exact amounts", &show.json),
		OPTION_FLAG("raw", "print exact amounts", &show.raw),
		{0},
	};
	cleanup_free char *resources = resource_list(true);
	const struct command_line line = {
		.usage = "[-a] [--pid PID] [--json] [--raw] [RESOURCE...]",
		.about = "Shows the limit of each resource that is in force, and who imposes it.",
		.more = resources,
		.options = options,
	};
	int first;

	log_open(argv[0], LOG_LEVEL_INFO);
	first = options_parse(&line, argc, argv);
	show.names = argv + first;
	show.n_names = argc - first;
	check_names(&show);
	return run(&show, parse_pid(pid));
}
