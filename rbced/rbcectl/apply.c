// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl apply and diff: the container sections of rule files against the containers. */
#include <core/cli/log.h>
#include <core/cli/table.h>
#include <errno.h>
#include <rbced/runtime.h>
#include <stdlib.h>

#include "changes.h"
#include "own.h"
#include "util.h"

/* Containers before and after those that the files name were made. */
struct names {
	char **before, **all;
};

static void names_done(struct names *names)
{
	rbce_names_free(names->before);
	rbce_names_free(names->all);
}

static size_t count(char **names)
{
	size_t n = 0;

	while (names && names[n])
		n++;
	return n;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_name(char **sorted, size_t n, const char *name)
{
	return n && bsearch(&name, sorted, n, sizeof(*sorted), compare);
}

/* The sections without variables: those containers are meant to be there. How many were not. */
static int make_containers(const struct ruleset *set, struct rbce_hierarchy *h,
			   const struct names *names, struct rbce_error *err)
{
	size_t n = count(names->before);
	int made = 0;

	for (size_t i = 0; i < ruleset_containers(set); i++) {
		cleanup_free char *name = NULL;
		struct rbce_container *c = NULL;
		int r = ruleset_literal(ruleset_container_at(set, i), &name);

		if (r == -EINVAL || (r == 0 && has_name(names->before, n, name)))
			continue;
		if (r == 0)
			r = rbce_container_open(h, name, RBCE_CONTAINER_CREATE, &c, err);
		rbce_container_close(c);
		if (r < 0)
			return r;
		made++;
	}
	return made;
}

/* Those that were made for nothing, the lowest first. */
static void unmake_containers(struct rbce_hierarchy *h, const struct names *names)
{
	size_t n_before = count(names->before);

	for (size_t i = count(names->all); i-- > 0;) {
		struct rbce_container *c;

		if (has_name(names->before, n_before, names->all[i]) ||
		    rbce_container_open(h, names->all[i], 0, &c, NULL) < 0)
			continue;
		controller_remove(c, NULL);
		rbce_container_close(c);
	}
}

/* What SECTION says, as changes of the container NAME. */
static int add_section(struct change_list *list, const char *name,
		       const struct container_section *section)
{
	for (size_t i = 0; section && i < section->n_keys; i++) {
		const struct controller_key *key = controller_key_find(section->keys[i].key);
		struct change *change;

		if (controller_key_is_daemon(key))
			continue;
		change = change_list_add(list, name, key, section->keys[i].value);
		if (!change)
			return -ENOMEM;
		change->may_lack = section->on_unsupported != UNSUPPORTED_ERROR;
		change->warn = section->on_unsupported == UNSUPPORTED_WARN;
	}
	return 0;
}

static int add_sections(struct change_list *list, char **names, const struct ruleset *set,
			struct rbce_error *err)
{
	for (size_t i = 0; names[i]; i++)
		if (add_section(list, names[i], ruleset_section(set, names[i])) < 0)
			return rbce_error_errno(err, -ENOMEM, "cannot list what to set");
	return 0;
}

static int apply(const struct ruleset *set, struct rbce_hierarchy *h, bool keep_going,
		 struct names *names, struct change_list *list, struct rbce_error *err)
{
	int r = rbce_container_list(h, &names->before, err);
	size_t n = r < 0 ? 0 : count(names->before);

	if (n)
		qsort(names->before, n, sizeof(*names->before), compare);
	if (r == 0)
		r = make_containers(set, h, names, err);
	/* Listed in both cases, for those that were made are to go again. */
	if (r != 0 && rbce_container_list(h, &names->all, r < 0 ? NULL : err) < 0 && r > 0)
		r = err->code;
	if (r >= 0)
		r = add_sections(list, names->all ?: names->before, set, err);
	if (r == 0 && changes_apply(h, list->changes, list->n, keep_going) == 0)
		return 0;
	if (names->all && (r < 0 || !keep_going))
		unmake_containers(h, names);
	return r;
}

static void print_applied(const struct change_list *list, size_t containers)
{
	printf("%zu containers, %zu keys: %zu written, %zu as they were", containers, list->n,
	       changes_count(list->changes, list->n, CHANGE_WRITTEN),
	       changes_count(list->changes, list->n, CHANGE_SAME));
	if (changes_count(list->changes, list->n, CHANGE_UNSUPPORTED))
		printf(", %zu that this system does not have",
		       changes_count(list->changes, list->n, CHANGE_UNSUPPORTED));
	printf("\n");
}

int command_apply(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *rules = RULES_DIR;
	bool keep_going = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("rules", "DIR", "rule files (default " RULES_DIR ")", &rules),
		OPTION_FLAG("keep-going", "set what can be set, and say why the rest cannot",
			    &keep_going),
		{0},
	};
	const struct command_line line = {
		.usage = "apply [--root NAME] [--rules DIR] [--keep-going] [--json]",
		.about = "Sets what the container sections of rule files say: makes the containers "
			 "that they name, and\nlimits those and the ones that fit a template. When "
			 "the kernel refuses a value, none is changed.",
		.options = options,
	};
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(ruleset_free_p) struct ruleset *set = NULL;
	CLEANUP(change_list_done) struct change_list list = {0};
	CLEANUP(names_done) struct names names = {0};
	struct rbce_error err;

	command_parse(&line, argc, argv, 0, 0);
	set = rules_read(rules);
	if (!set)
		return EXIT_FAILURE;
	if (containers_open(common.root, &all, &err) < 0 ||
	    apply(set, all.h, keep_going, &names, &list, &err) < 0)
		return command_failed(&err);
	change_list_say(&list);
	if (common.json) {
		if (reply_print(change_list_json(&list, count(names.all ?: names.before))) !=
		    EXIT_SUCCESS)
			return EXIT_FAILURE;
	} else {
		print_applied(&list, count(names.all ?: names.before));
	}
	return changes_count(list.changes, list.n, CHANGE_REFUSED) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- diff ---- */

enum column { CONTAINER, KEY, FILES, LIVE, STATE };

static const struct table_column columns[] = {
	[CONTAINER] = {.title = "CONTAINER", .key = "container"},
	[KEY] = {.title = "KEY", .key = "key"},
	[FILES] = {.title = "FILES", .key = "files"},
	[LIVE] = {.title = "LIVE", .key = "live"},
	[STATE] = {.title = "", .key = "state"},
};

static void add_row(struct table *t, const char *container, const char *key, const char *files,
		    const char *live, const char *state)
{
	table_row(t, -1);
	table_set(t, CONTAINER, "%s", container);
	table_set(t, KEY, "%s", key);
	table_set(t, FILES, "%s", files ?: "");
	table_set(t, LIVE, "%s", live ?: "");
	table_set(t, STATE, "%s", state);
}

static bool has_key(const struct container_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->n_keys; i++)
		if (streq(section->keys[i].key, key))
			return true;
	return false;
}

/* What a container has that the files do not say. */
static size_t show_more(struct table *t, struct rbce_hierarchy *h, const char *name,
			const struct container_section *section)
{
	const struct controller_key *key;
	struct rbce_container *c;
	size_t n = 0;

	if (rbce_container_open(h, name, 0, &c, NULL) < 0)
		return 0;
	for (size_t i = 0; (key = live_key_at(i)); i++) {
		cleanup_free char *live =
			has_key(section, controller_key_name(key)) ? NULL : live_value(key, c);

		if (!live)
			continue;
		add_row(t, name, controller_key_name(key), NULL, live, "not in the files");
		n++;
	}
	rbce_container_close(c);
	return n;
}

static size_t show_changes(struct table *t, const struct change_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct change *change = &list->changes[i];

		if (change->state == CHANGE_SAME ||
		    (change->state == CHANGE_UNSUPPORTED && !change->warn))
			continue;
		add_row(t, change->container, controller_key_name(change->key), change->value,
			change->before,
			change->why ? change->why : change_state_name(change->state));
		n++;
	}
	return n;
}

/* Containers that the files name and that are not there. */
static size_t show_missing(struct table *t, const struct ruleset *set, char **names)
{
	size_t n = 0, n_names = count(names);
	cleanup_free char **sorted = calloc(n_names + 1, sizeof(*sorted));

	if (!sorted)
		return 0;
	memcpy(sorted, names, n_names * sizeof(*sorted));
	if (n_names)
		qsort(sorted, n_names, sizeof(*sorted), compare);
	for (size_t i = 0; i < ruleset_containers(set); i++) {
		cleanup_free char *name = NULL;

		if (ruleset_literal(ruleset_container_at(set, i), &name) < 0 ||
		    has_name(sorted, n_names, name))
			continue;
		add_row(t, name, "", NULL, NULL, "no such container");
		n++;
	}
	return n;
}

static int diff(const struct ruleset *set, struct rbce_hierarchy *h, struct table *t, size_t *ret,
		struct rbce_error *err)
{
	CLEANUP(change_list_done) struct change_list list = {0};
	CLEANUP(rbce_names_free_p) char **names = NULL;
	int r = rbce_container_list(h, &names, err);

	if (r == 0)
		r = add_sections(&list, names, set, err);
	if (r < 0)
		return r;
	changes_look(h, list.changes, list.n);
	*ret = show_missing(t, set, names) + show_changes(t, &list);
	for (size_t i = 0; names[i]; i++)
		*ret += show_more(t, h, names[i], ruleset_section(set, names[i]));
	return 0;
}

int command_diff(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *rules = RULES_DIR;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("rules", "DIR", "rule files (default " RULES_DIR ")", &rules),
		{0},
	};
	const struct command_line line = {
		.usage = "diff [--root NAME] [--rules DIR] [--json]",
		.about = "Shows where the container sections of rule files and the containers "
			 "differ: values, containers\nthat are not there, and values that no file "
			 "gives. Fails when there is a difference.",
		.options = options,
	};
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(ruleset_free_p) struct ruleset *set = NULL;
	struct rbce_error err;
	struct table *t;
	size_t n = 0;

	command_parse(&line, argc, argv, 0, 0);
	set = rules_read(rules);
	if (!set)
		return EXIT_FAILURE;
	if (containers_open(common.root, &all, &err) < 0)
		return command_failed(&err);
	t = table_new("differences", columns, ARRAY_SIZE(columns), common.json);
	if (diff(set, all.h, t, &n, &err) < 0) {
		table_free(t);
		return command_failed(&err);
	}
	if (n == 0 && !common.json)
		printf("the containers are as the files say\n");
	if (table_finish(t) < 0)
		return EXIT_FAILURE;
	return n ? EXIT_FAILURE : EXIT_SUCCESS;
}
