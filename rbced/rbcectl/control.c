// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl kill, dissolve, freeze, thaw: straight on the cgroups, so that they work without the
 * daemon too. */
#include <controllers/controllers.h>
#include <controllers/net.h>
#include <core/claim.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "address.h"
#include "own.h"
#include "rbcectl.h"
#include "util.h"

int containers_open(const char *root, struct containers *ret, struct rbce_error *err)
{
	int r;

	*ret = (struct containers){0};
	r = rbce_root_open(NULL, &ret->root, err);
	if (r == 0)
		r = rbce_hierarchy_open(ret->root, root, &ret->h, err);
	if (r < 0)
		containers_close(ret);
	return r;
}

void containers_close(struct containers *c)
{
	c->h = rbce_hierarchy_close(c->h);
	c->root = rbce_root_close(c->root);
}

/* What is being made there meanwhile has tasks soon. */
static int remove_after(int (*how)(struct rbce_container *c, struct rbce_error *err),
			struct rbce_container *c, struct rbce_error *err)
{
	int64_t deadline = monotonic_ms() + CLAIM_MS;

	for (;;) {
		int r = how(c, err);

		if (r == 0)
			r = controller_remove(c, err);
		if (r != -EBUSY || monotonic_ms() >= deadline)
			return r;
		poll(NULL, 0, 5);
	}
}

static int kill_and_remove(struct rbce_container *c, struct rbce_error *err)
{
	return remove_after(rbce_container_kill, c, err);
}

static int empty_and_remove(struct rbce_container *c, struct rbce_error *err)
{
	return remove_after(rbce_container_empty, c, err);
}

static const struct action {
	const char *usage, *about, *done;
	int (*run)(struct rbce_container *c, struct rbce_error *err);
	bool all; /* has --all */
} kill_action = {"kill [--root NAME] CONTAINER | --all",
		 "Ends every task of a container, or of all under the root, and removes it.",
		 "killed", kill_and_remove, true},
  dissolve_action = {"dissolve [--root NAME] CONTAINER | --all",
		     "Removes a container, or all under the root; its tasks go on in the one "
		     "above.",
		     "dissolved", empty_and_remove, true},
  freeze_action = {"freeze [--root NAME] CONTAINER",
		   "Stops every task of a container and of those below it.", "frozen",
		   rbce_container_freeze, false},
  thaw_action = {"thaw [--root NAME] CONTAINER", "Lets a frozen container go on.", "thawed",
		 rbce_container_thaw, false};

/* What a keeper left that was killed. */
static void forget(struct rbce_hierarchy *h, const char *root, const char *name)
{
	struct claim claim;

	if (claim_keep(h, name, 0, &claim) < 0)
		return;
	space_forget(root, name);
	claim_let_go(&claim);
}

static int act(const struct action *action, const char *root, const char *name,
	       struct rbce_error *err)
{
	CLEANUP(rbce_names_free_p) char **names = NULL;
	struct rbce_container *c = NULL;
	struct containers all;
	int r;

	r = containers_open(root, &all, err);
	if (r < 0)
		return r;
	if (action->all)
		rbce_container_list(all.h, &names, NULL);
	r = rbce_container_open(all.h, name, 0, &c, err);
	if (r == 0)
		r = action->run(c, err);
	for (size_t i = 0; r == 0 && names && names[i]; i++) {
		const char *below = after_prefix(names[i], name);

		if (below && (!*name || !*below || *below == '/'))
			forget(all.h, root, names[i]);
	}
	/* Nothing there to kill is what was asked for. */
	if (r == -ENOENT && !*name)
		r = 0;
	rbce_container_close(c);
	containers_close(&all);
	/* With the root goes what the network's keys keep for it. */
	if (r == 0 && action->all && !*name)
		net_forget(root);
	return r;
}

static int run_action(const struct action *action, int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	bool all = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		/* Only where there is one; the table ends here otherwise. */
		OPTION_FLAG(action->all ? "all" : NULL,
			    "every container under the root, and the root group itself", &all),
		{0},
	};
	const struct command_line line = {
		.usage = action->usage,
		.about = action->about,
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 0, 1);
	const char *name = first < argc ? argv[first] : "";
	struct json_object *reply;
	struct rbce_error err;

	if (all == (first < argc)) {
		rbce_error_set(&err, -EINVAL, "cannot %s: it needs one container%s", argv[0],
			       action->all ? " or --all" : "");
		command_failed(&err);
		return EXIT_USAGE;
	}
	if (act(action, common.root, name, &err) < 0)
		return command_failed(&err);
	if (!common.json)
		return EXIT_SUCCESS;
	reply = json_object_new_object();
	json_object_object_add(reply, "container", json_object_new_string(name));
	json_object_object_add(reply, "state", json_object_new_string(action->done));
	return reply_print(reply);
}

int command_kill(int argc, char **argv)
{
	return run_action(&kill_action, argc, argv);
}

int command_dissolve(int argc, char **argv)
{
	return run_action(&dissolve_action, argc, argv);
}

int command_freeze(int argc, char **argv)
{
	return run_action(&freeze_action, argc, argv);
}

int command_thaw(int argc, char **argv)
{
	return run_action(&thaw_action, argc, argv);
}
