// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rbcectl enforce: puts rules that observe in force, after showing what that moves. It writes their
 * names into a rule file of its own, so that no file of the administrator's or the package's
 * changes.
 */
#include <core/cli/log.h>
#include <errno.h>
#include <fcntl.h>
#include <rbced/runtime.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "rbcectl.h"
#include "util.h"

#define ENFORCE_FILE "enforce.rules"

struct enforcing {
	struct common common;
	const char *rules;
	bool yes, off;
	char **names; /* those meant; none: all that observe */
	int n_names;
	char path[PATH_MAX]; /* of the file, and of what it had: NULL for no file */
	char *before;
	struct json_object *status; /* of the daemon; NULL where none runs */
	size_t n;                   /* rules that change */
};

static bool is_meant(const struct enforcing *e, const struct rule *rule)
{
	for (int i = 0; i < e->n_names; i++)
		if (streq(e->names[i], rule->name))
			return true;
	return e->n_names == 0;
}

static bool changes(void *data, const struct rule *rule)
{
	return rule->mode == RULE_OBSERVE && is_meant(data, rule);
}

static int check_names(const struct enforcing *e, const struct ruleset *set)
{
	int r = EXIT_SUCCESS;

	for (int i = 0; i < e->n_names; i++)
		if (!ruleset_find(set, e->names[i])) {
			log_error("cannot enforce rule '%s': there is none in '%s'", e->names[i],
				  e->rules);
			r = EXIT_FAILURE;
		}
	for (size_t i = 0; i < ruleset_size(set); i++) {
		const struct rule *rule = ruleset_rule(set, i);

		if (!changes((void *)e, rule))
			continue;
		if (strpbrk(rule->name, ",\\;")) {
			log_error(
				"cannot enforce rule '%s': its name does not fit into a list; take "
				"'mode = observe' out of it",
				rule->name);
			r = EXIT_FAILURE;
		}
	}
	return r;
}

/* Where a daemon runs, it has to be the one that reads these files. */
static int find_daemon(struct enforcing *e)
{
	char mine[PATH_MAX], its[PATH_MAX];
	const char *path;
	struct rbce_error err;
	int r = daemon_ask(e->common.root, daemon_request("status"), &e->status, &err);

	if (r == -ENOENT || r == -ECONNREFUSED)
		return EXIT_SUCCESS;
	if (r < 0)
		return command_failed(&err);
	path = reply_text(reply_object(e->status, "rules"), "path");
	if (realpath(e->rules, mine) && realpath(path, its) && streq(mine, its))
		return EXIT_SUCCESS;
	log_error("cannot enforce '%s': rbced reads '%s'; see --rules", e->rules, path);
	return EXIT_FAILURE;
}

static int find_file(struct enforcing *e)
{
	struct stat st;
	ssize_t n;

	if (stat(e->rules, &st) == 0 && !S_ISDIR(st.st_mode)) {
		log_error("cannot enforce '%s': it is no directory", e->rules);
		return EXIT_FAILURE;
	}
	snprintf(e->path, sizeof(e->path), "%s/" ENFORCE_FILE, e->rules);
	n = file_read_all_at(AT_FDCWD, e->path, &e->before);
	if (n >= 0 || n == -ENOENT)
		return EXIT_SUCCESS;
	log_error("cannot read '%s': %s", e->path, strerror((int)-n));
	return EXIT_FAILURE;
}

/* TEXT NULL: no file. The name appears with all of it, or not at all. */
static int replace(const char *path, const char *text)
{
	char temporary[PATH_MAX + 8];
	FILE *file;
	int r = 0;

	if (!text)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	file = fopen(temporary, "we");
	if (!file)
		return -errno;
	if (fputs(text, file) < 0 || fflush(file) != 0 || fsync(fileno(file)) < 0)
		r = -errno;
	fclose(file);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

/* A new string: the file with those that it had, and those that come. */
static char *file_text(const struct enforcing *e, const struct ruleset *set)
{
	const char *comma = "";
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out,
		"# SPDX-License-Identifier: GPL-2.0-or-later\n"
		"# Rules that \"rbcectl enforce\" has put in force, whatever their own mode says;\n"
		"# \"rbcectl enforce --off\" takes this file away.\n[enforce]\nrules = ");
	for (size_t i = 0; i < ruleset_size(set); i++) {
		const struct rule *rule = ruleset_rule(set, i);

		if (!rule->enforced && !changes((void *)e, rule))
			continue;
		fprintf(out, "%s%s", comma, rule->name);
		comma = ",\n        ";
	}
	fputc('\n', out);
	return fclose(out) == 0 ? text : NULL;
}

/* The file is in place: the daemon reads it, or what was before is there again. */
static int reload(struct enforcing *e)
{
	CLEANUP(ruleset_free_p) struct ruleset *set = rules_read(e->rules);
	struct json_object *reply = NULL;
	struct rbce_error err = {0};

	if (set && e->status &&
	    daemon_ask(e->common.root, daemon_request("reload"), &reply, &err) < 0)
		log_error("%s", err.message);
	json_object_put(reply);
	if (set && !err.code)
		return EXIT_SUCCESS;
	replace(e->path, e->before);
	return EXIT_FAILURE;
}

static uint64_t moved(const struct enforcing *e)
{
	struct json_object *status = NULL;
	struct rbce_error err;
	uint64_t before = reply_number(reply_object(e->status, "decisions"), "moved"), now = before;

	if (e->status && daemon_ask(e->common.root, daemon_request("status"), &status, &err) == 0)
		now = reply_number(reply_object(status, "decisions"), "moved");
	json_object_put(status);
	return now - before;
}

static int tell(const struct enforcing *e)
{
	struct json_object *reply;

	if (e->common.json) {
		reply = json_object_new_object();
		json_object_object_add(reply, "rules", json_object_new_uint64(e->n));
		json_object_object_add(reply, "moved", json_object_new_uint64(moved(e)));
		return reply_print(reply);
	}
	if (e->off)
		printf("%zu rules observe again; tasks stay where they are\n", e->n);
	else
		printf("%zu rules put in force, %llu tasks moved\n", e->n,
		       (unsigned long long)moved(e));
	if (!e->status)
		printf("rbced is not running: that holds when it starts\n");
	else if (streq(reply_text(e->status, "mode"), "observe"))
		printf("rbced itself was started with --observe, and still moves nothing\n");
	return EXIT_SUCCESS;
}

static int install(struct enforcing *e, const char *text)
{
	int r = replace(e->path, text);

	if (r < 0) {
		log_error("cannot write '%s': %s", e->path, strerror(-r));
		return EXIT_FAILURE;
	}
	return reload(e) == EXIT_SUCCESS ? tell(e) : EXIT_FAILURE;
}

/* What is about to happen was shown: shall it? */
static bool agreed(const struct enforcing *e)
{
	char answer[16] = "";

	if (e->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		log_error("nothing is changed: --yes puts these %zu rules in force", e->n);
		return false;
	}
	printf("Put these %zu rules in force? [y/N] ", e->n);
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y'))
		return true;
	printf("nothing is changed\n");
	return false;
}

static int enforce(struct enforcing *e, struct ruleset *set)
{
	cleanup_free char *text = file_text(e, set);

	if (check_names(e, set) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	for (size_t i = 0; i < ruleset_size(set); i++)
		e->n += e->off ? ruleset_rule(set, i)->enforced : changes(e, ruleset_rule(set, i));
	if (e->off)
		return install(e, NULL);
	if (!e->n && !e->common.json) {
		printf("no rule observes: all of them are in force\n");
		return EXIT_SUCCESS;
	}
	if (!e->common.json && simulate_moves(set, e->common.root, changes, e) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	if (!text || !agreed(e))
		return EXIT_FAILURE;
	return install(e, text);
}

int command_enforce(int argc, char **argv)
{
	struct enforcing e = {.common = {.root = "rbce"}, .rules = RULES_DIR};
	const struct option_row options[] = {
		COMMON_OPTIONS(e.common),
		OPTION_TEXT("rules", "DIR", "rule files (default " RULES_DIR ")", &e.rules),
		OPTION_FLAG("yes", "without asking", &e.yes),
		OPTION_FLAG("off", "the other way: they observe again", &e.off),
		{0},
	};
	const struct command_line line = {
		.usage = "enforce [--root NAME] [--rules DIR] [--yes | --off] [RULE...]",
		.about = "Puts rules that only observe in force, those named or all, after showing "
			 "what that "
			 "moves and\nasking. Which they are stands in DIR/" ENFORCE_FILE ".",
		.options = options,
	};
	CLEANUP(ruleset_free_p) struct ruleset *set = NULL;
	int first = command_parse(&line, argc, argv, 0, -1), r;

	e.names = argv + first;
	e.n_names = argc - first;
	if (e.off && (e.yes || e.n_names)) {
		log_error("cannot enforce: --off stands alone");
		return EXIT_USAGE;
	}
	set = rules_read(e.rules);
	r = set ? find_file(&e) : EXIT_FAILURE;
	if (r == EXIT_SUCCESS)
		r = find_daemon(&e);
	if (r == EXIT_SUCCESS)
		r = enforce(&e, set);
	json_object_put(e.status);
	free(e.before);
	return r;
}
