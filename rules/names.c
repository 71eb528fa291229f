// SPDX-License-Identifier: GPL-2.0-or-later
/* Users and groups: the system's name service, and a cache of what it said. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "hash.h"
#include "internal.h"
#include "util.h"

/* An entry of a group with thousands of members is large; beyond this something is wrong. */
enum { ENTRY_MIN = 4096, ENTRY_MAX = 16 << 20 };

/* What is asked of the name service: a user or a group, by name or, without one, by id. */
struct query {
	bool group;
	const char *name;
	uint32_t id;     /* asked for, or the answer */
	char **ret_name; /* the answer, where it is not NULL */
};

/* Asks with a BUFFER of SIZE bytes: 0, -ENOENT, or -errno (-ERANGE: it was too small). */
static int ask(struct query *q, char *buffer, size_t size)
{
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	const char *name;
	int r;

	if (q->group)
		r = q->name ? getgrnam_r(q->name, &group, buffer, size, &found_group)
			    : getgrgid_r(q->id, &group, buffer, size, &found_group);
	else
		r = q->name ? getpwnam_r(q->name, &user, buffer, size, &found_user)
			    : getpwuid_r(q->id, &user, buffer, size, &found_user);
	/* getpwnam(3): what an unknown name gives differs between services. */
	if (r == ESRCH || r == EBADF || r == EPERM || (r == 0 && !found_user && !found_group))
		return -ENOENT;
	if (r != 0)
		return -r;
	q->id = q->group ? group.gr_gid : user.pw_uid;
	name = q->group ? group.gr_name : user.pw_name;
	if (q->ret_name)
		*q->ret_name = strdup(name);
	return q->ret_name && !*q->ret_name ? -ENOMEM : 0;
}

static int look_up(struct query *q)
{
	int r = -ERANGE;

	for (size_t size = ENTRY_MIN; r == -ERANGE && size <= ENTRY_MAX; size *= 2) {
		cleanup_free char *buffer = malloc(size);

		r = buffer ? ask(q, buffer, size) : -ENOMEM;
	}
	return r;
}

static int look_up_id(bool group, const char *name, uint32_t *ret)
{
	struct query q = {.group = group, .name = name};
	int r = look_up(&q);

	if (r == 0)
		*ret = q.id;
	return r;
}

static int nss_user(void *data, const char *name, uid_t *ret)
{
	(void)data;
	return look_up_id(false, name, ret);
}

static int nss_group(void *data, const char *name, gid_t *ret)
{
	(void)data;
	return look_up_id(true, name, ret);
}

static int nss_user_name(void *data, uid_t uid, char **ret)
{
	(void)data;
	return look_up(&(struct query){.id = uid, .ret_name = ret});
}

static int nss_group_name(void *data, gid_t gid, char **ret)
{
	(void)data;
	return look_up(&(struct query){.group = true, .id = gid, .ret_name = ret});
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
	bool is_known; /* else it is the number, for want of an answer */
	UT_hash_handle hh;
};

struct name_cache {
	struct rules_names names;
	struct entry *users, *groups;
};

struct name_cache *name_cache_new(const struct rules_names *names)
{
	struct name_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		cache->names = *names;
	return cache;
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

static struct entry *keep(struct entry **table, uint32_t id)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->id = id;
	HASH_ADD_INT(*table, id, entry);
	if (entry->hh.tbl)
		return entry;
	free(entry);
	return NULL;
}

/* An unknown id is not asked for again; one that the service did not speak of is, next time. */
static const char *find(struct name_cache *cache, struct entry **table, uint32_t id,
			int (*name_of)(void *data, uint32_t id, char **ret))
{
	cleanup_free char *name = NULL;
	struct entry *entry;
	int r;

	HASH_FIND_INT(*table, &id, entry);
	if (entry && entry->is_known)
		return entry->name;
	r = name_of(cache->names.data, id, &name);
	if (r < 0 && entry && r != -ENOENT)
		return entry->name;
	if (r < 0 && asprintf(&name, "%u", id) < 0)
		name = NULL;
	if (name && !entry)
		entry = keep(table, id);
	if (!name || !entry)
		return NULL;
	free(entry->name);
	entry->name = TAKE_PTR(name);
	entry->is_known = r == 0 || r == -ENOENT;
	return entry->name;
}

const char *name_cache_user(struct name_cache *cache, uint32_t uid)
{
	return find(cache, &cache->users, uid, cache->names.user_name);
}

const char *name_cache_group(struct name_cache *cache, uint32_t gid)
{
	return find(cache, &cache->groups, gid, cache->names.group_name);
}

static bool is_known(struct entry *table, uint32_t id)
{
	struct entry *entry;

	HASH_FIND_INT(table, &id, entry);
	return entry && entry->is_known;
}

bool name_cache_has_user(const struct name_cache *cache, uint32_t uid)
{
	return is_known(cache->users, uid);
}

bool name_cache_has_group(const struct name_cache *cache, uint32_t gid)
{
	return is_known(cache->groups, gid);
}

int name_cache_user_id(struct name_cache *cache, const char *name, uint32_t *ret)
{
	int r = cache->names.user(cache->names.data, name, ret);

	return r == 0 && !name_cache_user(cache, *ret) ? -ENOMEM : r;
}

int name_cache_group_id(struct name_cache *cache, const char *name, uint32_t *ret)
{
	int r = cache->names.group(cache->names.data, name, ret);

	return r == 0 && !name_cache_group(cache, *ret) ? -ENOMEM : r;
}
