// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which programs are held: fanotify marks, and what keeps them up to date.
 *
 * By rules: marks on the files that rules name. The directories that these lie in are watched, so
 * that a file which takes the place of another is marked when it comes.
 * All, or a path: marks on file systems, looked up again when something is mounted.
 */
#include <core/cli/log.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "internal.h"

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#include "util.h"

/* Changes that come together are looked at together. */
enum { RENEW_USEC = 100000 };

/* Where a program may lie of which a rule names no directory. */
static const char *const program_directories[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",  "/usr/bin",
	"/sbin",           "/bin",           "/usr/games", "/usr/local/games",
};

struct marked {
	char *path;
	uint64_t round;
	UT_hash_handle hh;
};

struct watched {
	int wd;
	char *path;
	bool deeper; /* something is wanted below a directory that is not there yet */
	uint64_t round;
	UT_hash_handle hh;
};

struct marks {
	struct engine *engine;
	int group, notify, mountinfo;
	sd_event_source *notify_source, *mount_source, *renew_source;
	struct mounts mounts;
	struct rules_programs *programs;
	size_t n_seen; /* files, in this round */
	struct marked *files;
	struct watched *directories;
	uint64_t round; /* of renewal: what the newest did not find is given up */
	size_t n_file_systems;
	char left_out[256];
	size_t failed;
	struct rbce_error err; /* of the first that failed in this round */
};

/* ---- marks ---- */

static bool mark(struct marks *m, unsigned flags, const char *path)
{
	if (fanotify_mark(m->group, flags, FAN_OPEN_EXEC_PERM, AT_FDCWD, path) == 0)
		return true;
	/* What has gone meanwhile need not be held. */
	if (errno == ENOENT || errno == ENOTDIR)
		return false;
	if (!m->failed++)
		rbce_error_set(&m->err, -errno, "cannot hold '%s': %s", path, gate_reason(errno));
	return false;
}

static void note_file(struct marks *m, const char *path)
{
	struct marked *file;

	HASH_FIND_STR(m->files, path, file);
	if (!file) {
		file = calloc(1, sizeof(*file));
		if (file)
			file->path = strdup(path);
		if (file && file->path)
			HASH_ADD_KEYPTR(hh, m->files, file->path, strlen(file->path), file);
		if (file && !file->hh.tbl) {
			free(file->path);
			free(file);
			return;
		}
	}
	if (file)
		file->round = m->round;
}

/* Is PATH a file that may be held? REAL receives its path without symbolic links. */
static bool is_holdable(const struct marks *m, const char *path, char *real, size_t size)
{
	cleanup_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	const struct mount *mount;
	struct statx st;
	char link[64];
	ssize_t n;

	if (fd < 0 ||
	    statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, &st) < 0)
		return false;
	mount = mounts_by_id(&m->mounts, st.stx_mnt_id);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, size - 1);
	if (!S_ISREG(st.stx_mode) || !mount || !mount->local || n < 0)
		return false;
	real[n] = '\0';
	return true;
}

/* Marks the file, if a rule means it by the path that a task will show. */
static void mark_file(void *data, const char *path)
{
	struct marks *m = data;
	char real[PATH_MAX];

	if (!is_holdable(m, path, real, sizeof(real)) || is_loader(real) ||
	    !rules_programs_have(m->programs, real))
		return;
	if (mark(m, FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, path))
		note_file(m, path);
}

static void give_up_files(struct marks *m, uint64_t round)
{
	struct marked *file, *next;

	HASH_ITER (hh, m->files, file, next) {
		if (file->round == round)
			continue;
		HASH_DEL(m->files, file);
		fanotify_mark(m->group, FAN_MARK_REMOVE | FAN_MARK_DONT_FOLLOW, FAN_OPEN_EXEC_PERM,
			      AT_FDCWD, file->path);
		free(file->path);
		free(file);
	}
}

/* ---- directories ---- */

static struct watched *find_directory(const struct marks *m, int wd)
{
	struct watched *directory;

	HASH_FIND_INT(m->directories, &wd, directory);
	return directory;
}

static int watch(struct marks *m, const char *path, bool deeper)
{
	int wd = inotify_add_watch(m->notify, path,
				   IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
					   IN_ONLYDIR);
	struct watched *directory = wd < 0 ? NULL : find_directory(m, wd);

	if (wd < 0)
		return -errno;
	if (!directory) {
		directory = calloc(1, sizeof(*directory));
		if (directory)
			directory->path = strdup(path);
		if (!directory || !directory->path) {
			free(directory);
			return -ENOMEM;
		}
		directory->wd = wd;
		HASH_ADD_INT(m->directories, wd, directory);
	} else if (directory->round != m->round) {
		directory->deeper = false;
	}
	directory->round = m->round;
	directory->deeper |= deeper;
	return 0;
}

/* The directory that PATH lies in or, as long as it is missing, one above it. */
static void watch_above(struct marks *m, const char *path, bool deeper)
{
	cleanup_free char *directory = strdup(path);
	int r = -ENOENT;

	while (directory && r < 0) {
		char *slash = strrchr(directory, '/');

		if (!slash)
			return;
		slash[slash == directory] = '\0';
		r = watch(m, directory, deeper);
		deeper = true;
		if (r < 0 && streq(directory, "/")) {
			log_warning("cannot watch '%s' for new programs: %s", path, strerror(-r));
			return;
		}
	}
}

static void give_up_directories(struct marks *m, uint64_t round)
{
	struct watched *directory, *next;

	HASH_ITER (hh, m->directories, directory, next) {
		if (directory->round == round)
			continue;
		HASH_DEL(m->directories, directory);
		inotify_rm_watch(m->notify, directory->wd);
		free(directory->path);
		free(directory);
	}
}

/* ---- by rules ---- */

static void look_for_file(struct marks *m, const char *path)
{
	/* Watched first: what comes in between is seen by one or the other. */
	watch_above(m, path, false);
	mark_file(m, path);
}

/* Further down than this, and in so many files, nobody keeps programs that one pattern means. */
enum { DEPTH_MAX = 8, FILES_MAX = 100000 };

static void look_below(struct marks *m, const char *path, int depth)
{
	cleanup_dir DIR *directory = NULL;
	const struct dirent *entry;
	char file[PATH_MAX];

	if (watch(m, path, depth < DEPTH_MAX) < 0) {
		watch_above(m, path, true);
		return;
	}
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		int n = snprintf(file, sizeof(file), "%s/%s", streq(path, "/") ? "" : path,
				 entry->d_name);
		bool is_directory = entry->d_type == DT_DIR;

		if (n < 0 || (size_t)n >= sizeof(file) || *entry->d_name == '.')
			continue;
		if (++m->n_seen > FILES_MAX)
			return;
		if (is_directory && depth < DEPTH_MAX)
			look_below(m, file, depth + 1);
		else if (!is_directory && rules_programs_have(m->programs, file))
			mark_file(m, file);
	}
}

static void look_for(void *data, enum rules_program_place place, const char *path)
{
	struct marks *m = data;

	switch (place) {
	case PROGRAM_FILE:
		look_for_file(m, path);
		break;
	case PROGRAM_BELOW:
		look_below(m, path, 0);
		break;
	case PROGRAM_ANYWHERE:
		for (size_t i = 0; i < ARRAY_SIZE(program_directories); i++)
			look_below(m, program_directories[i], DEPTH_MAX);
		break;
	}
}

static void renew_files(struct marks *m)
{
	struct rules_programs *programs;
	int r = rules_programs_new(m->engine->rules, &programs);

	if (r == 0) {
		rules_programs_free(m->programs);
		m->programs = programs;
		m->n_seen = 0;
		r = rules_programs_each(programs, look_for, m);
	}
	if (r < 0)
		log_warning("cannot look for the programs that rules name: %s", strerror(-r));
	if (m->n_seen > FILES_MAX)
		log_warning(
			"gate: patterns of rules lie above more than %d files; not all are held",
			FILES_MAX);
	give_up_files(m, m->round);
	give_up_directories(m, m->round);
}

/* ---- by file system ---- */

static void leave_out(struct marks *m, const struct mount *mount)
{
	/* What the kernel makes up has no programs; what a user may have brought has. */
	static const char *const brought[] = {"9p",   "afs",  "ceph",   "cifs", "fuse",
					      "gpfs", "nfs",  "lustre", "nfs4", "orangefs",
					      "smb3", "gfs2", "ocfs2",  "ntfs", "hfsplus"};
	size_t used = strlen(m->left_out);
	bool is_known = strncmp(mount->type, "fuse", 4) == 0;

	for (size_t i = 0; i < ARRAY_SIZE(brought); i++)
		is_known |= streq(brought[i], mount->type);
	if (is_known)
		snprintf(m->left_out + used, sizeof(m->left_out) - used, "%s%s (%s)",
			 used ? ", " : "", mount->path, mount->type);
}

/* The loaders of this system's programs need not be asked about: they come after each of them. */
static void ignore_loaders(struct marks *m)
{
	static const char *const patterns[] = {"/lib*/ld*.so*", "/lib/*/ld*.so*"};
	glob_t found;

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		if (glob(patterns[i], GLOB_NOSORT, NULL, &found) != 0)
			continue;
		for (size_t n = 0; n < found.gl_pathc; n++) {
			cleanup_free char *real = realpath(found.gl_pathv[n], NULL);

			if (real && is_loader(real))
				fanotify_mark(m->group,
					      FAN_MARK_ADD | FAN_MARK_IGNORED_MASK |
						      FAN_MARK_IGNORED_SURV_MODIFY,
					      FAN_OPEN_EXEC_PERM, AT_FDCWD, real);
		}
		globfree(&found);
	}
}

static void renew_all(struct marks *m)
{
	m->left_out[0] = '\0';
	for (size_t i = 0; i < m->mounts.n; i++) {
		const struct mount *mount = &m->mounts.list[i];

		/* Hidden by a later one: its path would mean that one. */
		if (mounts_at(&m->mounts, mount->path) != mount)
			continue;
		if (!mount->local)
			leave_out(m, mount);
		else if (mark(m, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mount->path))
			m->n_file_systems++;
	}
	ignore_loaders(m);
}

static void renew_mount(struct marks *m, const char *path)
{
	cleanup_free char *real = realpath(path, NULL);

	/* Else a slip would hold the programs of the whole root file system. */
	if (!real || !mounts_at(&m->mounts, real)) {
		if (!m->failed++)
			rbce_error_set(&m->err, -ENOTBLK, "cannot hold '%s': it is no mount point",
				       path);
	} else if (mark(m, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, real)) {
		m->n_file_systems++;
	}
}

/* ---- keeping up ---- */

static void renew(struct marks *m)
{
	const struct gate_options *options = &m->engine->options.gate;
	struct mounts mounts;
	int r = mounts_read(m->mountinfo, &mounts);

	m->round++;
	m->failed = 0;
	m->n_file_systems = 0;
	if (r < 0) {
		m->failed++;
		rbce_error_errno(&m->err, r, "cannot read '/proc/self/mountinfo'");
		return;
	}
	mounts_done(&m->mounts);
	m->mounts = mounts;
	switch (options->mode) {
	case GATE_RULES:
		renew_files(m);
		break;
	case GATE_ALL:
		renew_all(m);
		break;
	case GATE_MOUNT:
		renew_mount(m, options->mount);
		break;
	case GATE_OFF:
		break;
	}
}

static void tell_failures(const struct marks *m)
{
	if (m->failed)
		log_warning("gate: %s%s", m->err.message, m->failed > 1 ? ", and others" : "");
}

/* Without the lock: it takes its time, and all that it looks at is the main thread's to change. */
void marks_renew(struct marks *m)
{
	engine_unlock(m->engine);
	renew(m);
	engine_lock(m->engine);
	tell_failures(m);
}

void marks_flush(int group)
{
	static const unsigned kinds[] = {0, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		fanotify_mark(group, FAN_MARK_FLUSH | kinds[i], 0, AT_FDCWD, NULL);
}

bool is_loader(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	/* ld-linux-x86-64.so.2, ld-musl-x86_64.so.1, ld64.so.2, ld-2.36.so */
	return name[0] == 'l' && name[1] == 'd' && fnmatch("ld*.so*", name, 0) == 0;
}

static int on_renew(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	marks_renew(data);
	return 0;
}

static void renew_soon(struct marks *m)
{
	sd_event_source_set_time_relative(m->renew_source, RENEW_USEC);
	sd_event_source_set_enabled(m->renew_source, SD_EVENT_ONESHOT);
}

static int on_mount(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)fd;
	(void)events;
	/* At once: programs of the new one may be started at any moment. */
	marks_renew(data);
	return 0;
}

static void handle_change(struct marks *m, const struct inotify_event *event)
{
	const struct watched *directory = find_directory(m, event->wd);
	char path[PATH_MAX];
	int n;

	if (event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
		renew_soon(m);
		return;
	}
	if (!directory || !event->len)
		return;
	if (event->mask & IN_ISDIR) {
		if (directory->deeper)
			renew_soon(m);
		return;
	}
	n = snprintf(path, sizeof(path), "%s/%s",
		     streq(directory->path, "/") ? "" : directory->path, event->name);
	if (n > 0 && (size_t)n < sizeof(path) && rules_programs_have(m->programs, path))
		mark_file(m, path);
}

static int on_change(sd_event_source *source, int fd, uint32_t events, void *data)
{
	_Alignas(struct inotify_event) char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));
	const struct inotify_event *event;

	(void)source;
	(void)events;
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const void *)(buffer + at);
		handle_change(data, event);
	}
	return 0;
}

static int add_sources(struct marks *m)
{
	sd_event *loop = m->engine->loop;
	int r;

	r = sd_event_add_io(loop, &m->notify_source, m->notify, EPOLLIN, on_change, m);
	if (r >= 0)
		r = sd_event_add_io(loop, &m->mount_source, m->mountinfo, EPOLLPRI, on_mount, m);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &m->renew_source, CLOCK_MONOTONIC, 0, 0,
					       on_renew, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->renew_source, SD_EVENT_OFF);
	/* A program that replaces another may be started at once: before all other events. */
	if (r >= 0)
		r = sd_event_source_set_priority(m->notify_source, SD_EVENT_PRIORITY_IMPORTANT);
	return r;
}

DEFINE_CLEANUP(struct marks *, marks_close)

int marks_open(struct engine *engine, int group, struct marks **ret, struct rbce_error *err)
{
	CLEANUP(marks_close_p) struct marks *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return rbce_error_errno(err, -ENOMEM, "cannot hold programs");
	m->engine = engine;
	m->group = group;
	m->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	m->mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	r = m->notify < 0 || m->mountinfo < 0 ? -errno : add_sources(m);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot hold programs");
	renew(m);
	if (m->failed && !m->n_file_systems && !m->files) {
		*err = m->err;
		return m->err.code;
	}
	tell_failures(m);
	*ret = TAKE_PTR(m);
	return 0;
}

struct marks *marks_close(struct marks *m)
{
	if (!m)
		return NULL;
	sd_event_source_disable_unref(m->notify_source);
	sd_event_source_disable_unref(m->mount_source);
	sd_event_source_disable_unref(m->renew_source);
	/* A round that nothing is of. */
	give_up_files(m, 0);
	give_up_directories(m, 0);
	rules_programs_free(m->programs);
	mounts_done(&m->mounts);
	closep(&m->notify);
	closep(&m->mountinfo);
	free(m);
	return NULL;
}

struct marks_status marks_status(const struct marks *m)
{
	return (struct marks_status){
		.files = HASH_COUNT(m->files),
		.file_systems = m->n_file_systems,
		.left_out = *m->left_out ? m->left_out : NULL,
	};
}
