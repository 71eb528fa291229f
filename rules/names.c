// SPDX-License-Identifier: GPL-2.0-or-later
/* Users and groups: the system's name service, and a cache of what it said. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#include "internal.h"
#include "util.h"

/* An entry of a group with thousands of members is large; beyond this something is wrong. */
enum { ENTRY_MIN = 4096, ENTRY_MAX = 16 << 20 };

static int nss_user(void *data, const char *name, uid_t *ret)
{
	struct passwd entry, *found = NULL;
	int r = ERANGE;

	(void)data;
	for (size_t size = ENTRY_MIN; r == ERANGE && size <= ENTRY_MAX; size *= 2) {
		cleanup_free char *buffer = malloc(size);

		if (!buffer)
			return -ENOMEM;
		r = getpwnam_r(name, &entry, buffer, size, &found);
		if (found)
			*ret = entry.pw_uid;
	}
	return found ? 0 : r == 0 ? -ENOENT : -r;
}

static int nss_group(void *data, const char *name, gid_t *ret)
{
	struct group entry, *found = NULL;
	int r = ERANGE;

	(void)data;
	for (size_t size = ENTRY_MIN; r == ERANGE && size <= ENTRY_MAX; size *= 2) {
		cleanup_free char *buffer = malloc(size);

		if (!buffer)
			return -ENOMEM;
		r = getgrnam_r(name, &entry, buffer, size, &found);
		if (found)
			*ret = entry.gr_gid;
	}
	return found ? 0 : r == 0 ? -ENOENT : -r;
}

static int nss_user_name(void *data, uid_t uid, char **ret)
{
	struct passwd entry, *found = NULL;
	int r = ERANGE;

	(void)data;
	for (size_t size = ENTRY_MIN; r == ERANGE && size <= ENTRY_MAX; size *= 2) {
		cleanup_free char *buffer = malloc(size);

		if (!buffer)
			return -ENOMEM;
		r = getpwuid_r(uid, &entry, buffer, size, &found);
		if (found) {
			*ret = strdup(entry.pw_name);
			return *ret ? 0 : -ENOMEM;
		}
	}
	return r == 0 ? -ENOENT : -r;
}

static int nss_group_name(void *data, gid_t gid, char **ret)
{
	struct group entry, *found = NULL;
	int r = ERANGE;

	(void)data;
	for (size_t size = ENTRY_MIN; r == ERANGE && size <= ENTRY_MAX; size *= 2) {
		cleanup_free char *buffer = malloc(size);

		if (!buffer)
			return -ENOMEM;
		r = getgrgid_r(gid, &entry, buffer, size, &found);
		if (found) {
			*ret = strdup(entry.gr_name);
			return *ret ? 0 : -ENOMEM;
		}
	}
	return r == 0 ? -ENOENT : -r;
}

const struct rules_names rules_nss = {
	.user = nss_user,
	.group = nss_group,
	.user_name = nss_user_name,
	.group_name = nss_group_name,
};

struct entry {
	uint32_t id;
	char *name;
	UT_hash_handle hh;
};

struct name_cache {
	const struct rules_names *names;
	struct entry *users, *groups;
};

int name_cache_new(const struct rules_names *names, struct name_cache **ret)
{
	struct name_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->names = names;
	*ret = cache;
	return 0;
}

static void free_entries(struct entry **table)
{
	struct entry *entry, *next;

	HASH_ITER (hh, *table, entry, next) {
		HASH_DEL(*table, entry);
		free(entry->name);
		free(entry);
	}
}

struct name_cache *name_cache_free(struct name_cache *cache)
{
	if (!cache)
		return NULL;
	free_entries(&cache->users);
	free_entries(&cache->groups);
	free(cache);
	return NULL;
}

static const char *find(struct name_cache *cache, struct entry **table, uint32_t id,
			int (*look_up)(void *data, uint32_t id, char **ret))
{
	struct entry *entry;
	char *name = NULL;

	HASH_FIND_INT(*table, &id, entry);
	if (entry)
		return entry->name;
	if (look_up(cache->names->data, id, &name) < 0 && asprintf(&name, "%u", id) < 0)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		free(name);
		return NULL;
	}
	entry->id = id;
	entry->name = name;
	HASH_ADD_INT(*table, id, entry);
	HASH_FIND_INT(*table, &id, entry);
	return entry ? entry->name : NULL;
}

const char *name_cache_user(struct name_cache *cache, uid_t uid)
{
	return find(cache, &cache->users, uid, cache->names->user_name);
}

const char *name_cache_group(struct name_cache *cache, gid_t gid)
{
	return find(cache, &cache->groups, gid, cache->names->group_name);
}
