// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the numbers of every container; see sampler.h. */
#include "sampler.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <rbce/container.h>
#include <sys/stat.h>
#include <uthash.h>

#include "network.h"
#include "util.h"

/*
 * How often a file is read. A container whose CPU time, memory, tasks and pressure all stand still
 * does nothing: what else it has is looked at again only every SELDOM_TICKS, as is what is set by
 * people.
 *
 * Where there are more containers than descriptors, one that has done nothing for DOZE_TICKS dozes,
 * and a new one already after DOZE_SOONER, as there may be thousands when the recorder begins:
 * it keeps none but those for its CPU time, without which it can hardly do anything, and for its
 * directory. The rest of PACE_ALWAYS is looked at every SELDOM_TICKS then, all else every
 * RARE_TICKS.
 */
enum pace { PACE_FIRST, PACE_ALWAYS, PACE_ACTIVE, PACE_SELDOM };

enum { SELDOM_TICKS = 10, DOZE_TICKS = 10, DOZE_SOONER = 2, RARE_TICKS = 60 };

/* A control file that the metrics need, with what is wanted of it. */
struct source {
	enum pace pace;
	bool by_device;  /* it has the numbers of the view "io", with a line for each device */
	bool found;      /* some container has it */
	unsigned missed; /* how often one had not, before the first */
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

/* A file that so many containers did not have is not looked for at once in one more. */
enum { MISSED_MANY = 64 };

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
	char *path;     /* below the mount points */
	size_t lead;    /* the mount whose inode number tells generations apart */
	bool unread;    /* groups were opened after this tick's reading */
	unsigned phase; /* of the ticks in which all of it is read */
	unsigned quiet; /* ticks since it did something */
	bool networked; /* it has counters of the network */
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
	struct metric_mask pace[PACE_SELDOM + 1]; /* the metrics of each */
	unsigned phases;
	struct rbce_hierarchy *hierarchy;
	bool network;                 /* there are counters of the network */
	struct container *containers; /* by name, in order of discovery */
	int fd_limit;
	bool keep_all;      /* there are descriptors for all files of all containers */
	enum pace pace_now; /* what is read now */
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
		if (s->sources[i].mount == mount && streq(s->sources[i].file, from->file) &&
		    s->sources[i].format == from->format)
			break;
	source = &s->sources[i];
	if (i == s->n_sources) {
		source->mount = mount;
		source->file = from->file;
		source->format = from->format;
		s->n_sources++;
	}
	source->fields[source->n_fields].key = from->key;
	source->fields[source->n_fields].length = from->key ? strlen(from->key) : 0;
	source->metric[source->n_fields] = metric;
	source->by_device |= metrics[metric].view == VIEW_IO;
	source->from[source->n_fields++] = from;
	s->used[mount] = true;
}

/* What tells, at little cost, whether a container does anything. */
static enum pace pace_of(enum metric metric)
{
	switch (metrics[metric].view) {
	case VIEW_PRESSURE:
		/* Who waits for a CPU gets some now and then; who waits for IO or memory need not.
		 */
		return metric >= METRIC_MEMORY_SOME && metric <= METRIC_IO_FULL ? PACE_ALWAYS
										: PACE_ACTIVE;
	case VIEW_LIMITS:
	case VIEW_OTHER:
		return PACE_SELDOM;
	case VIEW_CPU:
	case VIEW_MEMORY:
	case VIEW_PIDS:
		if (metric == METRIC_CPU)
			return PACE_FIRST;
		if (metric == METRIC_MEMORY || metric == METRIC_PIDS)
			return PACE_ALWAYS;
		return PACE_ACTIVE;
	case VIEW_IO:
	case VIEW_MEMORY_DETAIL:
	case VIEW_RECLAIM:
	case VIEW_NETWORK:
		return PACE_ACTIVE;
	}
	return PACE_ACTIVE;
}

/* A file is read as often as what is in it that is wanted most often. */
static void plan_paces(struct sampler *s)
{
	for (size_t i = 0; i < s->n_sources; i++) {
		struct source *source = &s->sources[i];

		source->pace = PACE_SELDOM;
		for (size_t f = 0; f < source->n_fields; f++)
			if (pace_of(source->metric[f]) < source->pace)
				source->pace = pace_of(source->metric[f]);
		for (size_t f = 0; f < source->n_fields; f++)
			mask_add(&s->pace[source->pace], source->metric[f]);
	}
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
	plan_paces(s);
}

/* Opening and closing. */

static bool dozes(const struct sampler *s, const struct container *c)
{
	return !s->keep_all && c->quiet >= DOZE_TICKS &&
	       metric_known(&c->sample.values, METRIC_CPU);
}

/* Is this the container's tick among N? */
static bool is_turn(const struct sampler *s, const struct container *c, unsigned n)
{
	return (s->ticks + c->phase) % n == 0;
}

static bool is_seldom(const struct sampler *s, const struct container *c)
{
	return is_turn(s, c, dozes(s, c) ? RARE_TICKS : SELDOM_TICKS);
}

/* Where they are short, some are left for what is read first. */
static bool may_keep(const struct sampler *s, const struct container *c, int fd)
{
	if (s->keep_all || s->pace_now == PACE_FIRST)
		return fd < s->fd_limit;
	return s->pace_now <= PACE_ACTIVE && !dozes(s, c) && fd < s->fd_limit / 8 * 7;
}

/*
 * Opens FILE (NULL: the directory itself) of a container's group, and keeps the descriptor in *KEPT
 * while there is room. The caller gives it back with release().
 */
static int acquire(const struct sampler *s, const struct container *c, size_t mount,
		   const char *file, int flags, int *kept)
{
	char path[PATH_MAX];
	int fd, n;

	if (*kept >= 0)
		return *kept;
	n = snprintf(path, sizeof(path), "%s%s%s", c->path, file ? "/" : "", file ?: "");
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(s->mounts[mount].fd, path, O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	if (may_keep(s, c, fd))
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

/* It keeps what it needs while it dozes. */
static void close_others(struct sampler *s, struct container *c)
{
	for (size_t i = 0; i < s->n_sources; i++)
		if (s->sources[i].pace != PACE_FIRST && c->file[i] >= 0)
			close_kept(&c->file[i]);
	for (size_t m = 0; m < s->n_mounts; m++)
		if (m != c->lead)
			close_kept(&c->group[m].fd);
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
	for (size_t i = 0; i < s->n_sources; i++) {
		if (s->sources[i].mount != mount)
			continue;
		close_kept(&c->file[i]);
		if (s->sources[i].by_device)
			devices_clear(&c->sample.devices);
	}
	relist_parent(s, c->name);
}

static void close_container(struct sampler *s, struct container *c)
{
	for (size_t m = 0; m < s->n_mounts; m++)
		if (c->group[m].inode)
			close_group(s, c, m);
	HASH_DEL(s->containers, c);
	devices_clear(&c->sample.devices);
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
	c->phase = s->phases++;
	c->quiet = DOZE_TICKS - DOZE_SOONER;
	c->sample.name = c->name;
	if (rbce_hierarchy_unified(s->hierarchy))
		network_zero(&c->sample.values);
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

		/* On v1 a limit that is none is as many pages as there can be. */
		if (source->fields[i].found && value < INT64_MAX / 2)
			metric_set(values, source->metric[i],
				   value * (from->multiply ?: 1) / (from->divide ?: 1));
	}
}

static void note_absent(struct source *source, int *file)
{
	*file = FILE_ABSENT;
	source->missed++;
}

/*
 * The highest value since the last tick: a write to the file sets it back for this descriptor
 * alone, without anybody else noticing. Without that (before Linux 6.12), or when descriptors run
 * out, it is not known: the highest since the group was made is another thing.
 */
static int read_peak(struct sampler *s, struct container *c, size_t i, struct metric_values *values)
{
	struct source *source = &s->sources[i];
	bool before = c->file[i] >= 0;
	int fd = acquire(s, c, source->mount, source->file, O_RDWR, &c->file[i]), r;

	if (fd < 0) {
		note_absent(source, &c->file[i]);
		return 0;
	}
	source->found = true;
	r = before ? read_text(s, fd) : 0;
	if (pwrite(fd, "0\n", 2, 0) < 0 && r == 0)
		r = -errno;
	release(c->file[i], fd);
	if (r == 0 && before) {
		parse_text(source->format, s->text, source->fields, source->n_fields);
		store_fields(source, values);
	}
	if (r < 0 && r != -ENODEV) {
		close_kept(&c->file[i]);
		c->file[i] = FILE_ABSENT;
	}
	return r;
}

static int read_file(struct sampler *s, struct container *c, size_t i)
{
	struct source *source = &s->sources[i];
	int fd = acquire(s, c, source->mount, source->file, O_RDONLY, &c->file[i]), r;

	if (fd == -ENOENT)
		note_absent(source, &c->file[i]);
	if (fd < 0)
		return 0;
	source->found = true;
	r = read_text(s, fd);
	release(c->file[i], fd);
	if (r < 0)
		return r;
	parse_text(source->format, s->text, source->fields, source->n_fields);
	store_fields(source, &c->sample.values);
	return source->by_device ? devices_read(&c->sample.devices, source->format, s->text,
						source->fields, source->metric, source->n_fields)
				 : 0;
}

static void read_source(struct sampler *s, struct container *c, size_t i)
{
	struct source *source = &s->sources[i];
	int r;

	if (c->file[i] == FILE_ABSENT && is_turn(s, c, RECHECK_TICKS))
		c->file[i] = FILE_CLOSED;
	else if (c->file[i] == FILE_CLOSED && !source->found && source->missed >= MISSED_MANY)
		c->file[i] = FILE_ABSENT;
	if (!c->group[source->mount].inode || c->file[i] == FILE_ABSENT)
		return;
	r = source->from[0]->reset ? read_peak(s, c, i, &c->sample.values) : read_file(s, c, i);
	if (r == -ENODEV)
		close_group(s, c, source->mount);
}

static void read_pace(struct sampler *s, struct container *c, enum pace pace)
{
	s->pace_now = pace;
	for (size_t i = 0; i < METRIC_WORDS; i++)
		c->sample.values.known.word[i] &= ~s->pace[pace].word[i];
	for (size_t i = 0; i < s->n_sources; i++)
		if (s->sources[i].pace == pace)
			read_source(s, c, i);
}

/* Did any of what is always read move? */
static bool stirred(const struct sampler *s, const struct metric_values *before,
		    const struct metric_values *now)
{
	struct metric_mask mask = mask_either(s->pace[PACE_FIRST], s->pace[PACE_ALWAYS]);

	for (size_t m = 0; m < METRIC_TOTAL; m++)
		if (mask_has(&mask, m) &&
		    (metric_known(before, m) != metric_known(now, m) ||
		     (metric_known(now, m) && before->value[m] != now->value[m])))
			return true;
	return false;
}

/* Of one that does nothing, the highest since the last tick is what it has. */
static void settle_peaks(struct metric_values *values)
{
	if (metric_known(values, METRIC_MEMORY_PEAK) && metric_known(values, METRIC_MEMORY))
		values->value[METRIC_MEMORY_PEAK] = values->value[METRIC_MEMORY];
	if (metric_known(values, METRIC_SWAP_PEAK) && metric_known(values, METRIC_SWAP))
		values->value[METRIC_SWAP_PEAK] = values->value[METRIC_SWAP];
}

/* What tells at little cost whether there is more to read; false: that this one dozes on. */
static bool look(struct sampler *s, struct container *c, bool whole)
{
	uint64_t cpu = c->sample.values.value[METRIC_CPU];
	bool dozed = dozes(s, c);

	read_pace(s, c, PACE_FIRST);
	if (dozed && !whole && !is_turn(s, c, SELDOM_TICKS) &&
	    metric_known(&c->sample.values, METRIC_CPU) &&
	    c->sample.values.value[METRIC_CPU] == cpu)
		return false;
	read_pace(s, c, PACE_ALWAYS);
	return true;
}

static void count_quiet(struct sampler *s, struct container *c, bool moved)
{
	c->quiet = moved ? 0 : c->quiet + 1;
	if (!s->keep_all && c->quiet == DOZE_TICKS)
		close_others(s, c);
}

static void read_rest(struct sampler *s, struct container *c, bool whole, bool moved)
{
	if (whole || moved) {
		read_pace(s, c, PACE_ACTIVE);
		c->sample.devices.read = true;
	} else {
		settle_peaks(&c->sample.values);
	}
	if (whole)
		read_pace(s, c, PACE_SELDOM);
	if (s->network && (whole || c->networked))
		c->networked =
			network_read(s->hierarchy, streq(c->name, SAMPLER_ROOT_NAME) ? "" : c->name,
				     &c->sample.values) > 0;
}

static void read_container(struct sampler *s, struct container *c)
{
	struct metric_values *values = &c->sample.values, before = *values;
	bool unread = c->unread, whole = unread || is_seldom(s, c);

	c->unread = false;
	if (look(s, c, whole)) {
		bool moved = !metric_known(values, METRIC_CPU) || stirred(s, &before, values);

		count_quiet(s, c, moved);
		read_rest(s, c, whole, moved);
	}
	c->sample.same = !unread && memcmp(&before, values, sizeof(before)) == 0;
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

	fd = acquire(s, c, mount, NULL, O_RDONLY | O_DIRECTORY, &g->fd);
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
		for (size_t m = 0; mount == c->lead && m < s->n_mounts; m++)
			c->group[m].links = 0;
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

/*
 * Groups of a container come and go in all hierarchies together, so that one of them tells; the
 * others are looked at when that one, or a read, says that something changed, and now and then.
 */
static bool worth_a_look(const struct sampler *s, const struct container *c, size_t mount)
{
	return mount == c->lead || !c->group[mount].links || c->group[mount].links < 2 ||
	       is_seldom(s, c);
}

static int discover(struct sampler *s)
{
	int r = find_root_group(s);

	/* Containers found on the way come at the end, and are scanned in the same pass. */
	for (struct container *c = s->containers; c; c = c->hh.next)
		for (size_t m = 0; m < s->n_mounts && r == 0; m++)
			if (s->used[m] && c->group[m].inode && worth_a_look(s, c, m)) {
				s->pace_now = m == c->lead ? PACE_FIRST : PACE_SELDOM;
				r = scan_group(s, c, m);
			}
	return r;
}

static bool has_groups(const struct sampler *s, const struct container *c)
{
	for (size_t m = 0; m < s->n_mounts; m++)
		if (c->group[m].inode)
			return true;
	return false;
}

static void plan_descriptors(struct sampler *s)
{
	size_t each = s->n_sources + s->n_mounts;

	s->keep_all = HASH_COUNT(s->containers) * each < (size_t)s->fd_limit;
}

int sampler_tick(struct sampler *s)
{
	struct container *c, *next;
	int r;

	plan_descriptors(s);
	if (s->ticks++ % SELDOM_TICKS == 0)
		s->network = network_used();
	for (c = s->containers; c; c = c->hh.next)
		read_container(s, c);
	r = discover(s);
	plan_descriptors(s);
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
	s->hierarchy = h;
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
