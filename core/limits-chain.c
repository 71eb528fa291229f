// SPDX-License-Identifier: LGPL-2.1-or-later
/* The mounted hierarchies, and the groups from a process up to the top of each; see
 * limits-internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "file.h"
#include "limits-internal.h"
#include "util.h"

static const struct {
	const char *name, *v1;
} controllers[L_CONTROLLERS] = {
	[L_CPU] = {"cpu", "cpu"},          [L_CPUSET] = {"cpuset", "cpuset"},
	[L_MEMORY] = {"memory", "memory"}, [L_IO] = {"io", "blkio"},
	[L_PIDS] = {"pids", "pids"},       [L_HUGETLB] = {"hugetlb", "hugetlb"},
};

const char *limits_controller_name(enum limits_controller controller)
{
	return controller == L_NET ? "net" : controllers[controller].name;
}

/* The controllers named in N bytes of LIST, divided by commas or spaces. */
static unsigned controller_bits(const char *list, size_t n, int version)
{
	const char *end = list + n;
	unsigned bits = 0;

	while (list < end) {
		size_t length = strcspn(list, ", \n:");

		if (length > (size_t)(end - list))
			length = (size_t)(end - list);
		for (int i = 0; i < L_CONTROLLERS; i++) {
			const char *name = version == 1 ? controllers[i].v1 : controllers[i].name;

			if (strlen(name) == length && memcmp(name, list, length) == 0)
				bits |= 1U << i;
		}
		list += length + 1;
	}
	return bits;
}

/* mountinfo writes a space as "\040", and so on. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
		    p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

struct mount_line {
	char top[PATH_MAX], point[PATH_MAX], type[32], options[512];
};

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPEROPTIONS */
static bool parse_mount(const char *line, struct mount_line *ret)
{
	const char *rest = strstr(line, " - ");

	if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", ret->top, ret->point) != 2 ||
	    sscanf(rest, " - %31s %*s %511s", ret->type, ret->options) != 2)
		return false;
	unescape(ret->top);
	unescape(ret->point);
	return streq(ret->type, "cgroup") || streq(ret->type, "cgroup2");
}

/* The same hierarchy may be mounted more than once: what shows it whole is the better one. */
static struct chain *chain_for(struct rbce_limits *l, int version, unsigned bits,
			       const struct mount_line *m)
{
	for (int i = 0; i < l->n_chains; i++) {
		struct chain *c = &l->chains[i];

		if (streq(c->point, m->point))
			return c;
		if (c->version == version && (version == 2 || c->controllers & bits))
			return streq(c->top, "/") ? NULL : c;
	}
	return l->n_chains < CHAINS ? &l->chains[l->n_chains++] : NULL;
}

static int add_chain(struct rbce_limits *l, const struct mount_line *m)
{
	int version = streq(m->type, "cgroup2") ? 2 : 1;
	unsigned bits = version == 1 ? controller_bits(m->options, strlen(m->options), version) : 0;
	int mount;
	struct chain *c;

	if (version == 1 && !bits)
		return 0;
	mount = rbce_root_openat(l->root, m->point, O_PATH | O_DIRECTORY);
	/* Of another mount namespace, or not to be seen. */
	if (mount < 0)
		return 0;
	if (version == 2) {
		char list[512];
		ssize_t n = file_read_at(mount, "cgroup.controllers", list, sizeof(list));

		bits = n > 0 ? controller_bits(list, (size_t)n, version) : 0;
	}
	c = chain_for(l, version, bits, m);
	if (!c) {
		close(mount);
		return 0;
	}
	if (c->point) {
		close(c->mount);
		free(c->point);
		free(c->top);
	}
	/* Field by field: the arrays are large, and zero already. */
	c->version = version;
	c->controllers = bits;
	c->mount = mount;
	c->recursive = strstr(m->options, "memory_recursiveprot");
	c->point = strdup(m->point);
	c->top = strdup(m->top);
	return c->point && c->top ? 0 : -ENOMEM;
}

int limits_find_chains(struct rbce_limits *l)
{
	cleanup_free struct mount_line *m = malloc(sizeof(*m));
	cleanup_free char *text = NULL;
	char *save = NULL;
	ssize_t n = file_read_all_at(rbce_root_fd(l->root), "proc/self/mountinfo", &text);
	int r = 0;

	l->chains = calloc(CHAINS, sizeof(*l->chains));
	if (!m || !l->chains)
		return -ENOMEM;
	/* A system without /proc/self has no cgroups to show either. */
	if (n < 0)
		return n == -ENOMEM ? -ENOMEM : 0;
	for (char *line = strtok_r(text, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save))
		if (strstr(line, " - cgroup") && parse_mount(line, m))
			r = add_chain(l, m);
	return r;
}

struct chain *limits_chain(const struct rbce_limits *l, enum limits_controller controller)
{
	struct chain *found = NULL;

	for (int i = 0; i < l->n_chains && controller == L_NET; i++)
		if (l->chains[i].version == 2)
			return &l->chains[i];
	/* In a hybrid v1's comes first: a controller is on one of them, v2 may still list it. */
	for (int i = 0; i < l->n_chains; i++)
		if (l->chains[i].controllers & 1U << controller &&
		    (!found || l->chains[i].version < found->version))
			found = &l->chains[i];
	return found;
}

static void leave(struct chain *c)
{
	for (int level = 0; level < c->n; level++) {
		for (int i = 0; i < SLOTS; i++)
			if (c->file[level][i] > 0)
				close(c->file[level][i] - 1);
		if (c->dir[level] >= 0)
			close(c->dir[level]);
		memset(c->file[level], 0, sizeof(c->file[level]));
	}
	c->n = 0;
	c->status = 0;
	c->hidden = false;
}

void limits_close_chains(struct rbce_limits *l)
{
	for (int i = 0; l->chains && i < l->n_chains; i++) {
		leave(&l->chains[i]);
		close(l->chains[i].mount);
		free(l->chains[i].point);
		free(l->chains[i].top);
	}
	free(l->chains);
}

/* Opens the groups of c->path, from the last to the first. */
static void open_levels(struct chain *c)
{
	size_t length = strlen(c->path);

	for (; c->n < LEVELS; c->n++) {
		char path[PATH_MAX];

		c->end[c->n] = (unsigned short)length;
		snprintf(path, sizeof(path), "%.*s", (int)length, c->path);
		c->dir[c->n] = openat(c->mount, length > 1 ? path + 1 : ".",
				      O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (c->dir[c->n] < 0)
			c->dir[c->n] = -errno;
		if (length <= 1) {
			c->n++;
			return;
		}
		while (c->path[length - 1] != '/')
			length--;
		length -= length > 1;
	}
	c->status = -E2BIG;
}

char *limits_group_path(const struct chain *c, int level, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", level < c->n ? c->end[level] : 0, c->path);
	return buf;
}

/* PATH is where the process stands, as this hierarchy tells it. */
static void enter(struct rbce_limits *l, struct chain *c, const char *path, size_t n)
{
	bool whole = streq(c->top, "/");
	size_t top = whole ? 0 : strlen(c->top);
	const char *rest = path + top;

	c->hidden = l->in_namespace || !whole;
	/* Outside the reader's namespace, or beside the group at the mount point. */
	if (strncmp(path, "/..", 3) == 0 || strncmp(c->top, "/..", 3) == 0 || top > n ||
	    strncmp(path, c->top, top) != 0 || (top && top < n && *rest != '/')) {
		c->hidden = true;
		return;
	}
	n -= top;
	if (n >= sizeof(c->path)) {
		c->status = -ENAMETOOLONG;
		return;
	}
	memcpy(c->path, n ? rest : "/", n ? n : 1);
	c->path[n ? n : 1] = '\0';
	open_levels(c);
}

/* "ID:CONTROLLERS:/PATH"; anything else was not written by the kernel like that. */
static bool parse_line(const char *line, size_t length, const char **ret_list,
		       const char **ret_path)
{
	size_t digits = strspn(line, "0123456789");
	const char *end = line + length, *path;

	if (digits == 0 || digits >= length || line[digits] != ':')
		return false;
	*ret_list = line + digits + 1;
	path = memchr(*ret_list, ':', (size_t)(end - *ret_list));
	if (!path || path + 1 >= end || path[1] != '/')
		return false;
	*ret_path = path + 1;
	return true;
}

static bool is_line_of(const struct chain *c, const char *line, const char *list, const char *path)
{
	size_t n = (size_t)(path - 1 - list);

	if (c->version == 2)
		return n == 0 && line[0] == '0' && line[1] == ':';
	return controller_bits(list, n, 1) & c->controllers;
}

/* Where C stands by TEXT. A name with a newline makes lines of its own: then nothing is known. */
static void place(struct rbce_limits *l, struct chain *c, const char *text)
{
	const char *found = NULL;
	size_t found_length = 0;

	leave(c);
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");
		const char *list, *path;

		if (!parse_line(line, length, &list, &path)) {
			c->status = -EBADMSG;
			return;
		}
		if (is_line_of(c, line, list, path)) {
			if (found) {
				c->status = -EBADMSG;
				return;
			}
			found = path;
			found_length = (size_t)(line + length - path);
		}
		line += length + (line[length] == '\n');
	}
	if (found)
		enter(l, c, found, found_length);
	else
		c->status = -EOPNOTSUPP;
}

void limits_place(struct rbce_limits *l, const char *text)
{
	for (int i = 0; i < l->n_chains; i++)
		place(l, &l->chains[i], text);
}

void limits_place_group(struct rbce_limits *l, const char *path)
{
	for (int i = 0; i < l->n_chains; i++) {
		struct chain *c = &l->chains[i];

		leave(c);
		c->hidden = l->in_namespace || !streq(c->top, "/");
		snprintf(c->path, sizeof(c->path), "%s", path);
		open_levels(c);
	}
}
