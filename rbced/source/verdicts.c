// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys and places from what /proc says of a task; see verdicts.h. */
#include "verdicts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "util.h"

/* Conditions and variables of names, and the facts that they are about. */
static const struct {
	const char *key;
	char variable;
	unsigned facts;
} asked[] = {
	{"user", 'u', VERDICT_BY_UID},
	{NULL, 'U', VERDICT_BY_UID},
	{"euser", 0, VERDICT_BY_EUID},
	{"group", 0, VERDICT_BY_GID | VERDICT_BY_GROUPS},
	{NULL, 'g', VERDICT_BY_GID},
	{NULL, 'G', VERDICT_BY_GID},
	{"egroup", 0, VERDICT_BY_EGID},
	{"login", 0, VERDICT_BY_LOGIN},
	{"exe", 'p', VERDICT_BY_EXE},
	{"comm", 0, VERDICT_BY_EXE},
	{"parent", 0, VERDICT_BY_PARENT},
	{"pgrp", 0, VERDICT_BY_PGRP},
	{"session", 0, VERDICT_BY_SESSION},
	{"pgrp-leader", 0, VERDICT_BY_PGRP_LEADER},
	{"session-leader", 0, VERDICT_BY_SESSION_LEADER},
	{"tty", 0, VERDICT_BY_TTY},
	{"realtime", 0, VERDICT_BY_REALTIME},
};

/* Tags need no bit: whatever a tagged task does comes to the daemon. */
unsigned verdicts_facts(const struct ruleset *rules)
{
	unsigned facts = VERDICT_KNOWN;

	/* The kernel could not read them without a fault. */
	if (ruleset_asks(rules, "args") || ruleset_asks(rules, "env"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		if ((asked[i].key && ruleset_asks(rules, asked[i].key)) ||
		    (asked[i].variable && ruleset_names_by(rules, asked[i].variable)))
			facts |= asked[i].facts;
	return facts;
}

static uint64_t hash_name(uint64_t hash, const char *name, size_t size)
{
	hash = verdict_mix_name(hash, (uint32_t)size);
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		size_t left = size - at;
		uint64_t word = 0;

		memcpy(&word, name + at, left < sizeof(word) ? left : sizeof(word));
		hash = verdict_mix(hash, word);
	}
	return hash;
}

/* From the last name to the first, as the kernel finds them. */
uint64_t verdicts_hash_path(uint64_t seed, const char *path)
{
	const char *end = path + strlen(path);
	uint64_t hash = seed;

	while (end > path) {
		const char *name = end;

		while (name > path && name[-1] != '/')
			name--;
		if (name < end)
			hash = hash_name(hash, name, (size_t)(end - name));
		end = name > path ? name - 1 : path;
	}
	return verdict_finish(hash);
}

uint64_t verdicts_hash_groups(uint64_t seed, const gid_t *groups, size_t n)
{
	uint64_t hash = seed;

	for (size_t i = 0; i < n; i++)
		hash = verdict_mix(hash, groups[i]);
	return verdict_finish(hash);
}

static const enum rbce_controller controllers[VERDICT_HIERARCHIES] = {
	[VERDICT_CPU] = RBCE_CPU,       [VERDICT_CPUACCT] = RBCE_CPUACCT,
	[VERDICT_MEMORY] = RBCE_MEMORY, [VERDICT_IO] = RBCE_IO,
	[VERDICT_PIDS] = RBCE_PIDS,     [VERDICT_FREEZER] = RBCE_FREEZER,
};

/* The mount of one hierarchy; NULL when it is not in use, or stands for another controller too. */
static const struct rbce_mount *mount_of(const struct rbce_hierarchy *h, unsigned hierarchy)
{
	const struct rbce_mount *mount;

	if (hierarchy == VERDICT_UNIFIED)
		return rbce_hierarchy_unified(h);
	mount = rbce_hierarchy_find(h, controllers[hierarchy]);
	if (!mount || mount->version != 1)
		return NULL;
	for (unsigned i = VERDICT_UNIFIED + 1; i < hierarchy; i++)
		if (rbce_hierarchy_find(h, controllers[i]) == mount)
			return NULL;
	return mount;
}

unsigned verdicts_hierarchies(const struct rbce_hierarchy *h)
{
	unsigned used = 0;

	for (unsigned i = 0; i < VERDICT_HIERARCHIES; i++)
		if (mount_of(h, i))
			used |= 1U << i;
	return used;
}

int verdicts_place(uint64_t seed, const struct rbce_hierarchy *h, const char *proc_cgroup,
		   uint64_t *ret)
{
	uint64_t place = seed;

	for (unsigned i = 0; i < VERDICT_HIERARCHIES; i++) {
		const struct rbce_mount *mount = mount_of(h, i);
		char path[PATH_MAX];
		struct stat st;
		int r;

		if (!mount)
			continue;
		r = rbce_hierarchy_task_path(h, mount, proc_cgroup, path, sizeof(path));
		if (r < 0)
			return r;
		/* A group's inode number is its id in the kernel. */
		if (fstatat(mount->fd, path[1] ? path + 1 : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		place = verdict_mix(place, st.st_ino);
	}
	*ret = verdict_finish(place);
	return 0;
}

static uint64_t hash_program(uint64_t seed, const char *path)
{
	return path ? verdicts_hash_path(seed, path) : VERDICT_NO_PROGRAM;
}

static void add_ids(struct verdict_key *key, const struct rbce_task *task)
{
	if (key->rules & VERDICT_BY_UID)
		key->uid = task->uid;
	if (key->rules & VERDICT_BY_EUID)
		key->euid = task->euid;
	if (key->rules & VERDICT_BY_GID)
		key->gid = task->gid;
	if (key->rules & VERDICT_BY_EGID)
		key->egid = task->egid;
	if (key->rules & VERDICT_BY_LOGIN && task->facts & RBCE_FACT_LOGIN)
		key->login = task->login;
}

static void add_rest(struct verdict_key *key, const struct rbce_task *task)
{
	if (key->rules & VERDICT_BY_PGRP)
		key->pgrp = (uint32_t)task->pgrp;
	if (key->rules & VERDICT_BY_SESSION)
		key->session = (uint32_t)task->session;
	if (key->rules & VERDICT_BY_TTY && task->tty)
		key->flags |= VERDICT_TTY;
	if (key->rules & VERDICT_BY_REALTIME && rbce_task_is_realtime(task))
		key->flags |= VERDICT_REALTIME;
}

bool verdicts_key(uint64_t seed, uint64_t rules, const struct rbce_task *task, uint64_t place,
		  struct verdict_key *ret)
{
	struct verdict_key key = {.rules = rules, .place = place};

	/* What an unreadable program would be, and a tag's bearer, is not told by the key. */
	if (!(rules & VERDICT_KNOWN) || !task->exe || task->tag)
		return false;
	add_ids(&key, task);
	add_rest(&key, task);
	if (rules & VERDICT_BY_GROUPS)
		key.groups = verdicts_hash_groups(seed, task->groups, task->n_groups);
	if (rules & VERDICT_BY_EXE)
		key.exe = verdicts_hash_path(seed, task->exe);
	if (rules & VERDICT_BY_PARENT)
		key.parent = hash_program(seed, task->parent_exe);
	if (rules & VERDICT_BY_PGRP_LEADER)
		key.pgrp_leader = hash_program(seed, task->pgrp_leader_exe);
	if (rules & VERDICT_BY_SESSION_LEADER)
		key.session_leader = hash_program(seed, task->session_leader_exe);
	*ret = key;
	return true;
}
