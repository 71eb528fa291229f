// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * swap.device: where a group may swap to. A tier with 0 or max is a line of the kernel's own file
 * (keyed.c); a path is a swap file of the container's own, and it then has no other.
 */
#include <errno.h>
#include <fcntl.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "swap-file.h"
#include "util.h"

#define TIERS_MAX "memory.swap.tiers.max"

/* Of a file for which nobody gave a size, in a group without a limit of memory. */
#define DEFAULT_SIZE (UINT64_C(1) << 30)
#define LEAST_SIZE   (UINT64_C(1) << 20)

static bool is_path(const char *value)
{
	return *value == '/';
}

/* "/path" or "/path SIZE". */
static int parse(const char *value, struct swap_file *ret, struct rbce_error *err)
{
	size_t n = strcspn(value, " \t");
	const char *size = value + n + strspn(value + n, " \t");
	char quoted[QUOTED_SIZE];

	*ret = (struct swap_file){.size = 0};
	if (n >= sizeof(ret->path) || n < 2 || value[n - 1] == '/' || strchr(value, '\\'))
		return rbce_error_set(err, -EINVAL, "'%s' is not a path of a swap file",
				      amount_quote(value, quoted));
	memcpy(ret->path, value, n);
	if (!*size)
		return 0;
	if (rbce_parse_size(size, &ret->size) < 0 || ret->size == RBCE_UNLIMITED)
		return rbce_error_set(err, -EINVAL, "'%s' is not a size (like 512M or 4G)",
				      amount_quote(size, quoted));
	if (ret->size < LEAST_SIZE || ret->size > LEAST_SIZE << 24)
		return rbce_error_set(err, -ERANGE, "'%s' is not from 1M to 16T",
				      amount_quote(size, quoted));
	ret->size -= ret->size % LEAST_SIZE;
	return 0;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	struct swap_file file;

	return is_path(value) ? parse(value, &file, err) : keyed_ops.check(key, value, err);
}

/* The file that the group at DIR has for itself: 1, or 0. */
static int find_own(int dir, struct swap_file *ret)
{
	cleanup_free char *text = NULL;
	char *save = NULL;
	ssize_t n = file_read_all_at(dir, TIERS_MAX, &text);

	*ret = (struct swap_file){.size = 0};
	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char word[8];

		if (sscanf(line, "%31s %7s", ret->tier, word) == 2 && streq(word, "max") &&
		    strncmp(ret->tier, SWAP_FILE_TIER, strlen(SWAP_FILE_TIER)) == 0) {
			swap_file_find(ret);
			return 1;
		}
	}
	return 0;
}

/* Every tier but OWN that the group has a line for. */
static int write_others(int dir, const char *own, const char *word, struct rbce_error *err)
{
	cleanup_free char *text = NULL;
	char *save = NULL;
	ssize_t n = file_read_all_at(dir, TIERS_MAX, &text);
	int r = n < 0 ? rbce_error_errno(err, (int)n, TIERS_MAX " cannot be read") : 0;

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[TIER_NAME_SIZE], out[TIER_NAME_SIZE + 8];

		if (sscanf(line, "%31s", name) != 1 || streq(name, own))
			continue;
		snprintf(out, sizeof(out), "%s %s", name, word);
		r = amount_write(dir, TIERS_MAX, out, err);
	}
	return r;
}

/* The file to the group, and nothing else. */
static int assign(int dir, const struct swap_file *file, struct rbce_error *err)
{
	char text[TIER_NAME_SIZE + 8];
	int r;

	snprintf(text, sizeof(text), "%s max", file->tier);
	r = amount_write(dir, TIERS_MAX, text, err);
	return r < 0 ? r : write_others(dir, file->tier, "0", err);
}

/*
 * What is in the file is read back into memory, which may be full: with the other tiers open it can
 * go there. Where there is no room at all the kernel refuses, and everything stays as it was.
 */
static int release(int dir, const struct swap_file *file, struct rbce_error *err)
{
	int r = write_others(dir, file->tier, "max", err);

	if (r == 0)
		r = swap_file_disable(file, err);
	if (r < 0)
		write_others(dir, file->tier, "0", NULL);
	return r;
}

/* As much as the group has memory. */
static uint64_t default_size(int dir)
{
	uint64_t size;

	if (amount_read(dir, "memory.max", &size) < 0 || size == RBCE_UNLIMITED)
		return DEFAULT_SIZE;
	size -= size % LEAST_SIZE;
	return size < LEAST_SIZE ? LEAST_SIZE : size;
}

static bool is_same(const struct swap_file *asked, const struct swap_file *held)
{
	return streq(asked->path, held->path) && (!asked->size || asked->size == held->size);
}

static int set_file(const struct controller_key *key, struct rbce_container *c, const char *value,
		    struct rbce_error *err)
{
	struct swap_file asked, own;
	int version, r = parse(value, &asked, err);
	cleanup_close int dir = r < 0 ? r : key_make_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = find_own(dir, &own);
	if (r < 0)
		return rbce_error_errno(err, r, TIERS_MAX " cannot be read");
	if (r && is_same(&asked, &own))
		return 0;
	if (r) {
		r = release(dir, &own, err);
		if (r < 0)
			return r;
	}
	r = swap_file_enable(&asked, default_size(dir), err);
	if (r < 0)
		return r;
	r = assign(dir, &asked, err);
	if (r < 0)
		release(dir, &asked, NULL);
	return r;
}

/* Takes the group's file back if it is the one at PATH, or any. */
static int reset_file(const struct controller_key *key, struct rbce_container *c, const char *path,
		      struct rbce_error *err)
{
	struct swap_file own;
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = find_own(dir, &own);
	if (r < 0)
		return rbce_error_errno(err, r, TIERS_MAX " cannot be read");
	return r && (!path || streq(path, own.path)) ? release(dir, &own, err) : 0;
}

/* A path that is RESET may have a size behind it, as in the rule that named it. */
static int change_file(const struct controller_key *key, struct rbce_container *c,
		       const char *value, bool reset, struct rbce_error *err)
{
	struct swap_file asked;
	int r;

	if (!reset)
		return set_file(key, c, value, err);
	r = parse(value, &asked, err);
	return r < 0 ? r : reset_file(key, c, asked.path, err);
}

static int change(const struct controller_key *key, struct rbce_container *c, const char *value,
		  bool reset, struct rbce_error *err)
{
	int r = 0;

	if (is_path(value))
		return change_file(key, c, value, reset, err);
	if (!reset && streq(value, "max"))
		r = reset_file(key, c, NULL, err);
	return r < 0 ? r : keyed_ops.change(key, c, value, reset, err);
}

/* 1 with the group's own file in *RET; 0 without one. */
static int get_own(const struct controller_key *key, struct rbce_container *c,
		   struct swap_file *ret, struct rbce_error *err)
{
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = find_own(dir, ret);
	return r < 0 ? rbce_error_errno(err, r, TIERS_MAX " cannot be read") : r && *ret->path;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	struct swap_file own;
	char text[PATH_MAX + 32];
	int r = get_own(key, c, &own, err);

	if (r < 0)
		return r;
	if (r == 0)
		return keyed_ops.get(key, c, buf, size, err);
	snprintf(text, sizeof(text), "%s %llu", own.path, (unsigned long long)own.size);
	return key_give(key, text, buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	struct swap_file asked, own;
	int r = get_own(key, c, &own, err);

	if (r < 0)
		return r;
	if (!is_path(value))
		return r && streq(value, "max") ? 0 : keyed_ops.holds(key, c, value, err);
	if (r == 0)
		return check(key, value, err);
	r = parse(value, &asked, err);
	return r < 0 ? r : is_same(&asked, &own);
}

struct swap_files {
	struct swap_file *file;
	size_t n;
};

/* Those of the group at DIRFD and of those below it. */
static int gather(int dirfd, struct swap_files *files)
{
	cleanup_dir DIR *dir =
		take_directory(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct swap_file own;
	struct dirent *entry;
	int r = find_own(dirfd, &own);

	if (r > 0) {
		struct swap_file *more =
			realloc(files->file, (files->n + 1) * sizeof(*files->file));

		if (!more)
			return -ENOMEM;
		more[files->n++] = own;
		files->file = more;
	}
	while (r >= 0 && dir && (entry = readdir(dir))) {
		cleanup_close int below = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = openat(dirfd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = below < 0 ? 0 : gather(below, files);
	}
	return r < 0 ? r : 0;
}

struct swap_files *swap_files_find(struct rbce_container *c)
{
	int version;
	cleanup_close int dir = key_open_group(&controller_swap_device, c, &version, NULL);
	struct swap_files *files = dir < 0 ? NULL : calloc(1, sizeof(*files));

	if (files)
		gather(dir, files);
	return files;
}

int swap_files_done(struct swap_files *files, struct rbce_container *c, int result,
		    struct rbce_error *err)
{
	struct rbce_error why;

	for (size_t i = 0; files && result == 0 && i < files->n; i++)
		if (swap_file_disable(&files->file[i], &why) < 0)
			result = rbce_error_set(err, -EIO, "container '%s' is gone, but: %s",
						rbce_container_name(c), why.message);
	if (files)
		free(files->file);
	free(files);
	return result;
}

static const struct key_ops ops = {.check = check, .change = change, .get = get, .holds = holds};

const struct controller_key controller_swap_device = {
	.name = "swap.device",
	.help = "where the group swaps to: tiers, or a file of its own (patched kernel)",
	.values = "TIER 0 | TIER max | /PATH [SIZE]",
	.initial = "max",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_REPEATS | CONTROLLER_PATCHED,
	.version = {[2] = {.file = TIERS_MAX}},
	.ops = &ops,
};
