/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store on a database in a folder of its own. */
#ifndef TESTS_UNIT_STATS_STORE_H
#define TESTS_UNIT_STATS_STORE_H

#include "harness.h"
#include "stats/store/store.h"

static char tree[PATH_MAX];
static char path[PATH_MAX + 8];
static struct store_options options = {
	.path = path, .group = "rbce", .boot = "boot-1", .interval = 1000};
static struct store *store;

static void set_up(void)
{
	snprintf(path, sizeof(path), "%s/db", harness_directory(tree));
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
}

static void tear_down(void)
{
	store = store_close(store);
	harness_remove_tree(tree);
}

#endif
