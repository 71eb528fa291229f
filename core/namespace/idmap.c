// SPDX-License-Identifier: LGPL-2.1-or-later
/* Users and groups of a user namespace: the maps, and where their ranges come from. */
#include <fcntl.h>
#include <pwd.h>
#include <rbce/units.h>
#include <spawn.h>
#include <sys/wait.h>

#include "file.h"
#include "space.h"
#include "util.h"

enum { ID_TEXT = 64 };

static const struct kind {
	const char *map, *ranges, *helper;
	enum space_key key;
} uids = {"uid_map", "/etc/subuid", "newuidmap", SPACE_UIDS},
  gids = {"gid_map", "/etc/subgid", "newgidmap", SPACE_GIDS};

/* The first range that the file gives to this user, by name or number. */
static int find_range(const char *path, struct space_range *ret)
{
	struct passwd *user = getpwuid(geteuid());
	cleanup_free char *text = NULL;
	char number[16], *rest = NULL;
	ssize_t n = file_read_all_at(AT_FDCWD, path, &text);

	if (n < 0)
		return (int)n;
	snprintf(number, sizeof(number), "%u", geteuid());
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct space_words words;
		uint64_t first, count;

		if (space_cut(line, ":", &words) < 0 || words.n != 3 ||
		    (!streq(words.word[0], number) &&
		     !(user && streq(words.word[0], user->pw_name))) ||
		    rbce_parse_number(words.word[1], 1, UINT32_MAX, &first) < 0 ||
		    rbce_parse_number(words.word[2], 1, UINT32_MAX - first, &count) < 0)
			continue;
		*ret = (struct space_range){0, (uint32_t)first, (uint32_t)count};
		return 0;
	}
	return -ENOENT;
}

/* What "auto", "self" and nothing at all come to. */
static int resolve(const struct rbce_space *space, const struct kind *kind, struct space_map *map,
		   struct rbce_error *err)
{
	const char *value = space_get(space, kind->key);
	uint32_t own = kind == &uids ? geteuid() : getegid();
	int r;

	*map = (struct space_map){0};
	if (value)
		space_parse_map(value, map, NULL);
	if (map->n > 0)
		return 0;
	if (!map->self) {
		r = find_range(kind->ranges, &map->range[0]);
		map->n = r == 0;
		if (r < 0 && map->automatic)
			return rbce_error_errno(err, r, "cannot find a range of ids in '%s'",
						kind->ranges);
	}
	if (map->n == 0 && geteuid() == 0 && !map->self) {
		/* All as they are. */
		map->range[map->n++] = (struct space_range){0, 0, UINT32_MAX};
	} else if (map->n == 0 || own != 0) {
		/* The caller is root inside, the range comes behind. */
		map->range[1] = map->range[0];
		map->range[1].inside = 1;
		map->range[0] = (struct space_range){0, own, 1};
		map->n++;
	}
	return 0;
}

static int run_helper(const char *helper, pid_t pid, const struct space_map *map,
		      struct rbce_error *err)
{
	char text[2 + 3 * SPACE_RANGES][16], *argv[3 + 3 * SPACE_RANGES] = {(char *)helper};
	size_t n = 1;
	pid_t child;
	int r, status;

	snprintf(text[0], sizeof(text[0]), "%d", pid);
	argv[n++] = text[0];
	for (size_t i = 0; i < map->n; i++) {
		const uint32_t of[] = {map->range[i].inside, map->range[i].outside,
				       map->range[i].count};

		for (size_t k = 0; k < ARRAY_SIZE(of); k++) {
			snprintf(text[n], sizeof(text[n]), "%u", of[k]);
			argv[n] = text[n];
			n++;
		}
	}
	argv[n] = NULL;
	r = posix_spawnp(&child, helper, NULL, NULL, argv, environ);
	if (r != 0)
		return rbce_error_errno(err, -r, "cannot run '%s'", helper);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0
			   : rbce_error_set(err, -EPERM,
					    "cannot map ids of process '%d': %s refuses it", pid,
					    helper);
}

static int write_file(pid_t pid, const char *file, const char *text, struct rbce_error *err)
{
	char path[ID_TEXT];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	r = file_write_at(AT_FDCWD, path, text);
	return r < 0 ? rbce_error_errno(err, r, "cannot write '%s'", path) : 0;
}

static int write_map(const struct kind *kind, pid_t pid, const struct space_map *map,
		     struct rbce_error *err)
{
	char text[SPACE_RANGES * ID_TEXT];
	size_t n = 0;

	/* Without privilege the kernel takes one id, the caller's own. */
	if (geteuid() != 0 && (map->n > 1 || map->range[0].count > 1))
		return run_helper(kind->helper, pid, map, err);
	for (size_t i = 0; i < map->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%u %u %u\n",
				      map->range[i].inside, map->range[i].outside,
				      map->range[i].count);
	return write_file(pid, kind->map, text, err);
}

int space_map_ids(const struct rbce_space *space, pid_t pid, struct rbce_error *err)
{
	struct space_map users, groups;
	int r = resolve(space, &uids, &users, err);

	if (r == 0)
		r = resolve(space, &gids, &groups, err);
	/* Or one could drop a group that is kept from something. */
	if (r == 0 && geteuid() != 0 && groups.n == 1)
		r = write_file(pid, "setgroups", "deny", err);
	if (r == 0)
		r = write_map(&uids, pid, &users, err);
	return r < 0 ? r : write_map(&gids, pid, &groups, err);
}
