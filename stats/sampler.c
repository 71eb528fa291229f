// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the numbers of every container; see sampler.h. */
#include "sampler.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <rbce/container.h>
#include <sys/stat.h>
#include <uthash.h>

#include "util.h"

/* A control file that the metrics need, with what is wanted of it. */
struct source {
	size_t mount;
	const char *file;
	enum parse_format format;
	size_t n_fields;
	struct parse_field fields[METRIC_TOTAL];
	enum metric metric[METRIC_TOTAL];
	const struct metric_source *from[METRIC_TOTAL];
};

/* Values of `file` below that are no descriptors. */
enum { FILE_CLOSED = -1, FILE_ABSENT = -2 };

/* Absent files are looked for again after so many ticks: a controller may be enabled later. */
enum { RECHECK_TICKS = 60 };

/* The directory of a container in one hierarchy. */
struct group {
	uint64_t inode; /* 0: it has none there */
	int fd;         /* FILE_CLOSED when it is opened anew each time */
	nlink_t links;  /* when the groups below were listed last; 0: list them */
	size_t below;   /* how many that listing found */
	uint64_t seen;  /* the listing that found this one */
};

struct container {
	struct sample sample; /* first, so that sampler_next() gets from one to the other */
	char *name;
	char *path;  /* below the mount points */
	size_t lead; /* the mount whose inode number tells generations apart */
	bool unread; /* groups were opened after this tick's reading */
	struct group group[RBCE_MAX_MOUNTS];
	UT_hash_handle hh;
	int file[]; /* per source */
};

struct sampler {
	const char *root_group;
	const struct rbce_mount *mounts;
	size_t n_mounts;
	bool used[RBCE_MAX_MOUNTS];
	struct source sources[METRIC_TOTAL];
	size_t n_sources;
	struct container *containers; /* by name, in order of discovery */
	int fd_limit;
	uint64_t ticks;
	uint64_t listings;
	char *text;
	size_t text_size;
};

/* What to read. */

static void add_source(struct sampler *s, size_t mount, enum metric metric,
		       const struct metric_source *from)
{
	struct source *source;
	size_t i;

	for (i = 0; i < s->n_sources; i++)
		if (s->sources[i].mount == mount && streq(s->sources[i].file, from->file))
			break;
	source = &s->sources[i];
	if (i == s->n_sources) {
		source->mount = mount;
		source->file = from->file;
		source->format = from->format;
		s->n_sources++;
	}
	assert(source->format == from->format);
	source->fields[source->n_fields].key = from->key;
	source->fields[source->n_fields].length = from->key ? strlen(from->key) : 0;
	source->metric[source->n_fields] = metric;
	source->from[source->n_fields++] = from;
	s->used[mount] = true;
}

static void plan_sources(struct sampler *s, const struct rbce_hierarchy *h)
{
	const struct rbce_mount *unified = rbce_hierarchy_unified(h);

	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		const struct rbce_mount *mount = rbce_hierarchy_find(h, metrics[i].controller);

		if (mount && mount->version == 1 && metrics[i].v1.file)
			add_source(s, (size_t)(mount - s->mounts), i, &metrics[i].v1);
		else if (unified && metrics[i].v2.file)
			add_source(s, (size_t)(unified - s->mounts), i, &metrics[i].v2);
	}
}

/* Opening and closing. */

/*
 * Opens FILE (NULL: the directory itself) of a container's group, and keeps the descriptor in *KEPT
 * while there is room. The caller gives it back with release().
 */
static int acquire(const struct sampler *s, const struct container *c, size_t mount,
		   const char *file, int *kept)
{
	char path[PATH_MAX];
	int fd, n;

	if (*kept >= 0)
		return *kept;
	n = snprintf(path, sizeof(path), "%s%s%s", c->path, file ? "/" : "", file ?: "");
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(s->mounts[mount].fd, path,
		    O_CLOEXEC | (file ? O_RDONLY : O_RDONLY | O_DIRECTORY));
	if (fd < 0)
		return -errno;
	if (fd < s->fd_limit)
		*kept = fd;
	return fd;
}

static void release(int kept, int fd)
{
	if (fd != kept)
		close(fd);
}

static void close_kept(int *fd)
{
	closep(fd);
	*fd = FILE_CLOSED;
}

/* The groups above and beside it are worth another look when one has gone. */
static void relist_parent(struct sampler *s, const char *name)
{
	const char *slash = strrchr(name, '/');
	struct container *parent;

	if (slash)
		HASH_FIND(hh, s->containers, name, (size_t)(slash - name), parent);
	else
		HASH_FIND_STR(s->containers, SAMPLER_ROOT_NAME, parent);
	for (size_t m = 0; parent && m < s->n_mounts; m++)
		parent->group[m].links = 0;
}

static void close_group(struct sampler *s, struct container *c, size_t mount)
{
	close_kept(&c->group[mount].fd);
	c->group[mount].inode = 0;
	for (size_t i = 0; i < s->n_sources; i++)
		if (s->sources[i].mount == mount)
			close_kept(&c->file[i]);
	relist_parent(s, c->name);
}

static void close_container(struct sampler *s, struct container *c)
{
	for (size_t m = 0; m < s->n_mounts; m++)
		if (c->group[m].inode)
			close_group(s, c, m);
	HASH_DEL(s->containers, c);
	free(c->name);
	free(c->path);
	free(c);
}

/* NAME in a new structure, without any group yet. */
static struct container *add_container(struct sampler *s, const char *name, size_t lead)
{
	struct container *c = calloc(1, sizeof(*c) + s->n_sources * sizeof(c->file[0]));
	bool top = streq(name, SAMPLER_ROOT_NAME);

	if (!c)
		return NULL;
	c->name = strdup(name);
	if (asprintf(&c->path, "%s%s%s", s->root_group, top ? "" : "/", top ? "" : name) < 0)
		c->path = NULL;
	if (!c->name || !c->path) {
		free(c->name);
		free(c->path);
		free(c);
		return NULL;
	}
	c->lead = lead;
	c->sample.name = c->name;
	for (size_t m = 0; m < s->n_mounts; m++)
		c->group[m].fd = FILE_CLOSED;
	for (size_t i = 0; i < s->n_sources; i++)
		c->file[i] = FILE_CLOSED;
	HASH_ADD_KEYPTR(hh, s->containers, c->name, strlen(c->name), c);
	return c;
}

/* The container has in MOUNT the group INODE: perhaps a new one, or another than before. */
static void note_group(struct sampler *s, struct container *c, size_t mount, uint64_t inode)
{
	struct group *g = &c->group[mount];

	if (g->inode == inode)
		return;
	if (g->inode)
		close_group(s, c, mount);
	g->inode = inode;
	g->links = 0;
	c->unread = true;
	if (mount == c->lead) {
		c->sample.inode = inode;
		c->sample.fresh = s->ticks > 1;
	}
}

/* Reading. */

/* Reads a whole control file, which the kernel gives in one piece, into s->text. */
static int read_text(struct sampler *s, int fd)
{
	for (;;) {
		ssize_t n = pread(fd, s->text, s->text_size - 1, 0);
		char *more;

		if (n < 0)
			return -errno;
		s->text[n] = '\0';
		if ((size_t)n < s->text_size - 1)
			return 0;
		more = realloc(s->text, s->text_size * 2);
		if (!more)
			return -ENOMEM;
		s->text = more;
		s->text_size *= 2;
	}
}

static void store_fields(const struct source *source, struct metric_values *values)
{
	for (size_t i = 0; i < source->n_fields; i++) {
		const struct metric_source *from = source->from[i];
		uint64_t value = source->fields[i].value;

		if (source->fields[i].found)
			metric_set(values, source->metric[i],
				   value * (from->multiply ?: 1) / (from->divide ?: 1));
	}
}

static void read_source(struct sampler *s, struct container *c, size_t i)
{
	struct source *source = &s->sources[i];
	int fd, r;

	if (c->file[i] == FILE_ABSENT && s->ticks % RECHECK_TICKS == 0)
		c->file[i] = FILE_CLOSED;
	if (!c->group[source->mount].inode || c->file[i] == FILE_ABSENT)
		return;
	fd = acquire(s, c, source->mount, source->file, &c->file[i]);
	if (fd == -ENOENT)
		c->file[i] = FILE_ABSENT;
	if (fd < 0)
		return;
	r = read_text(s, fd);
	release(c->file[i], fd);
	if (r == -ENODEV)
		close_group(s, c, source->mount);
	if (r < 0)
		return;
	parse_text(source->format, s->text, source->fields, source->n_fields);
	store_fields(source, &c->sample.values);
}

static void read_container(struct sampler *s, struct container *c)
{
	c->unread = false;
	c->sample.values.known = 0;
	for (size_t i = 0; i < s->n_sources; i++)
		read_source(s, c, i);
}

/* Discovery. */

/* The groups directly below C in MOUNT that the listing just made did not find have gone. */
static void close_missing(struct sampler *s, const struct container *above, size_t mount)
{
	bool top = streq(above->name, SAMPLER_ROOT_NAME);
	size_t n = top ? 0 : strlen(above->name) + 1;

	for (struct container *c = s->containers; c; c = c->hh.next) {
		bool below = c != above && (top || (strncmp(c->name, above->name, n - 1) == 0 &&
						    c->name[n - 1] == '/'));

		if (below && !strchr(c->name + n, '/') && c->group[mount].inode &&
		    c->group[mount].seen != s->listings)
			close_group(s, c, mount);
	}
}

/* 1 when ENTRY is a container, 0 when not. */
static int note_child(struct sampler *s, const struct container *above, size_t mount,
		      const char *entry, uint64_t inode)
{
	bool top = streq(above->name, SAMPLER_ROOT_NAME);
	char name[RBCE_NAME_MAX + NAME_MAX + 2];
	struct container *c;

	snprintf(name, sizeof(name), "%s%s%s", top ? "" : above->name, top ? "" : "/", entry);
	/* Names that no container has: the leaf of cgroup v2, or somebody else's group. */
	if (rbce_container_check_name(name, NULL) < 0)
		return 0;
	HASH_FIND_STR(s->containers, name, c);
	if (!c)
		c = add_container(s, name, mount);
	if (!c)
		return -ENOMEM;
	note_group(s, c, mount, inode);
	c->group[mount].seen = s->listings;
	return 1;
}

static int list_groups(struct sampler *s, struct container *c, size_t mount, int fd)
{
	cleanup_dir DIR *dir = take_directory(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	struct stat st;
	size_t found;
	int r = 0;

	if (!dir) {
		c->group[mount].links = 0;
		return 0;
	}
	s->listings++;
	found = 0;
	while (r >= 0 && (entry = readdir(dir)))
		if (entry->d_type != DT_REG &&
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode)) {
			r = note_child(s, c, mount, entry->d_name, st.st_ino);
			found += r > 0;
		}
	if (r >= 0 && c->group[mount].below > 0)
		close_missing(s, c, mount);
	c->group[mount].below = found;
	return r < 0 ? r : 0;
}

/* Looks for groups that came or went below C in MOUNT. */
static int scan_group(struct sampler *s, struct container *c, size_t mount)
{
	struct group *g = &c->group[mount];
	struct stat st;
	int fd, r = 0;

	fd = acquire(s, c, mount, NULL, &g->fd);
	if (fd == -ENOENT)
		close_group(s, c, mount);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || st.st_nlink == 0) {
		release(g->fd, fd);
		close_group(s, c, mount);
		return 0;
	}
	note_group(s, c, mount, st.st_ino);
	/* File systems without such a count say one: those are listed at every tick. */
	if (st.st_nlink < 2 || st.st_nlink != g->links) {
		g->links = st.st_nlink;
		if (st.st_nlink != 2 || g->below > 0)
			r = list_groups(s, c, mount, fd);
	}
	release(g->fd, fd);
	return r;
}

static int find_root_group(struct sampler *s)
{
	struct container *c;
	struct stat st;

	HASH_FIND_STR(s->containers, SAMPLER_ROOT_NAME, c);
	for (size_t m = 0; m < s->n_mounts; m++) {
		if (!s->used[m] || fstatat(s->mounts[m].fd, s->root_group, &st, 0) < 0)
			continue;
		if (!c)
			c = add_container(s, SAMPLER_ROOT_NAME, m);
		if (!c)
			return -ENOMEM;
		note_group(s, c, m, st.st_ino);
	}
	return 0;
}

static int discover(struct sampler *s)
{
	int r = find_root_group(s);

	/* Containers found on the way come at the end, and are scanned in the same pass. */
	for (struct container *c = s->containers; c; c = c->hh.next)
		for (size_t m = 0; m < s->n_mounts && r == 0; m++)
			if (s->used[m] && c->group[m].inode)
				r = scan_group(s, c, m);
	return r;
}

static bool has_groups(const struct sampler *s, const struct container *c)
{
	for (size_t m = 0; m < s->n_mounts; m++)
		if (c->group[m].inode)
			return true;
	return false;
}

int sampler_tick(struct sampler *s)
{
	struct container *c, *next;
	int r;

	s->ticks++;
	for (c = s->containers; c; c = c->hh.next)
		read_container(s, c);
	r = discover(s);
	for (c = s->containers; c; c = next) {
		next = c->hh.next;
		if (c->unread)
			read_container(s, c);
		if (!has_groups(s, c))
			close_container(s, c);
	}
	return r;
}

const struct sample *sampler_next(const struct sampler *s, const struct sample *previous)
{
	const struct container *c =
		previous ? ((const struct container *)previous)->hh.next : s->containers;

	return c ? &c->sample : NULL;
}

size_t sampler_count(const struct sampler *s)
{
	return HASH_COUNT(s->containers);
}

int sampler_open(struct rbce_hierarchy *h, int fd_limit, struct sampler **ret,
		 struct rbce_error *err)
{
	struct sampler *s = calloc(1, sizeof(*s));

	if (s) {
		s->text_size = 16384;
		s->text = malloc(s->text_size);
	}
	if (!s || !s->text) {
		free(s);
		return rbce_error_errno(err, -ENOMEM, "cannot sample '%s'",
					rbce_hierarchy_group(h));
	}
	s->root_group = rbce_hierarchy_group(h);
	s->mounts = rbce_hierarchy_mounts(h, &s->n_mounts);
	s->fd_limit = fd_limit;
	plan_sources(s, h);
	*ret = s;
	return 0;
}

struct sampler *sampler_close(struct sampler *s)
{
	if (!s)
		return NULL;
	while (s->containers)
		close_container(s, s->containers);
	free(s->text);
	free(s);
	return NULL;
}
