// SPDX-License-Identifier: LGPL-2.1-or-later
/* A directory that is a new checkpoint whenever it is opened; see rbce/crfs.h. */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <rbce/crfs.h>
#include <signal.h>
#include <sys/stat.h>

#include "file.h"
#include "util.h"

/* What one process sees. Another one that opened nothing (by a shell's pattern, say) sees the last.
 */
struct taken {
	pid_t reader;
	char *dir;
	struct taken *older;
};

struct server {
	const struct rbce_crfs_live *live;
	char *scratch; /* a directory of our own */
	unsigned n;    /* how many were taken */
	struct taken *newest;
	pthread_mutex_t lock, taking;
};

static struct server *server(void)
{
	return fuse_get_context()->private_data;
}

/* Those whose readers have ended, but for the newest. Under the lock. */
static void drop_old(struct server *s)
{
	struct taken **at = s->newest ? &s->newest->older : NULL;

	while (at && *at) {
		struct taken *old = *at;

		if (kill(old->reader, 0) == 0 || errno != ESRCH) {
			at = &old->older;
			continue;
		}
		*at = old->older;
		file_remove_tree(old->dir);
		free(old->dir);
		free(old);
	}
}

/* Is PATH the directory, or in it? What comes behind it then, "." for itself. */
static const char *inside(const struct server *s, const char *path)
{
	const char *rest = after_prefix(path + 1, s->live->name);

	if (!rest || (*rest && *rest != '/'))
		return NULL;
	return *rest ? rest + 1 : ".";
}

/* One of the directories that lead to it. */
static bool is_above(const struct server *s, const char *path)
{
	const char *rest = after_prefix(s->live->name, path + 1);

	return streq(path, "/") || (rest && *rest == '/');
}

/* PATH as it lies in the checkpoint that the asking process sees; -errno. */
static int locate(struct server *s, const char *path, char **ret)
{
	const char *rest = inside(s, path);
	pid_t reader = fuse_get_context()->pid;
	const struct taken *taken;
	int r = -ENOENT;

	if (!rest)
		return -ENOENT;
	pthread_mutex_lock(&s->lock);
	for (taken = s->newest; taken && taken->reader != reader;)
		taken = taken->older;
	if (!taken)
		taken = s->newest;
	if (taken)
		r = asprintf(ret, "%s/%s", taken->dir, rest) < 0 ? -ENOMEM : 0;
	pthread_mutex_unlock(&s->lock);
	return r;
}

static int take(struct server *s)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	int r = -ENOMEM;

	pthread_mutex_lock(&s->taking);
	if (taken && asprintf(&taken->dir, "%s/%u", s->scratch, s->n++) < 0)
		taken->dir = NULL;
	if (taken && taken->dir)
		r = s->live->take(taken->dir, s->live->data);
	pthread_mutex_unlock(&s->taking);
	if (r < 0) {
		if (taken)
			free(taken->dir);
		free(taken);
		return r;
	}
	taken->reader = fuse_get_context()->pid;
	pthread_mutex_lock(&s->lock);
	taken->older = s->newest;
	s->newest = taken;
	drop_old(s);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
	cleanup_free char *real = NULL;
	const char *rest = inside(server(), path);
	int r;

	(void)file;
	if (is_above(server(), path) || (rest && streq(rest, "."))) {
		*st = (struct stat){.st_mode = S_IFDIR | 0500, .st_nlink = 2, .st_uid = geteuid()};
		return 0;
	}
	r = locate(server(), path, &real);
	if (r < 0)
		return r;
	return lstat(real, st) < 0 ? -errno : 0;
}

static int on_opendir(const char *path, struct fuse_file_info *file)
{
	const char *rest = inside(server(), path);

	(void)file;
	return rest && streq(rest, ".") ? take(server()) : 0;
}

/* The next part of the way to the directory. */
static int list_above(const char *path, void *buf, fuse_fill_dir_t fill)
{
	size_t n = strlen(path) - 1;
	const char *next = server()->live->name + n + (n > 0);
	char name[256];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(next, "/"), next);
	fill(buf, name, NULL, 0, 0);
	return 0;
}

static int on_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
	cleanup_free char *real = NULL;
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int r;

	(void)offset;
	(void)file;
	(void)flags;
	if (is_above(server(), path))
		return list_above(path, buf, fill);
	r = locate(server(), path, &real);
	if (r < 0)
		return r;
	dir = opendir(real);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		fill(buf, entry->d_name, NULL, 0, 0);
	return 0;
}

static int on_readlink(const char *path, char *buf, size_t size)
{
	cleanup_free char *real = NULL;
	int r = locate(server(), path, &real);
	ssize_t n;

	if (r < 0)
		return r;
	n = readlink(real, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

/* What is open stays as it is, whatever is taken meanwhile. */
static int on_open(const char *path, struct fuse_file_info *file)
{
	cleanup_free char *real = NULL;
	int r = locate(server(), path, &real), fd;

	if (r < 0)
		return r;
	fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	file->fh = (uint64_t)fd;
	return 0;
}

static int on_read(const char *path, char *buf, size_t size, off_t offset,
		   struct fuse_file_info *file)
{
	ssize_t n = pread((int)file->fh, buf, size, offset);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int on_release(const char *path, struct fuse_file_info *file)
{
	(void)path;
	close((int)file->fh);
	return 0;
}

/* Nothing is remembered: the same name is another file with each checkpoint. */
static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->entry_timeout = 0;
	config->attr_timeout = 0;
	config->negative_timeout = 0;
	config->nullpath_ok = 0;
	return fuse_get_context()->private_data;
}

static const struct fuse_operations operations = {
	.init = on_init,
	.getattr = on_getattr,
	.readlink = on_readlink,
	.open = on_open,
	.read = on_read,
	.release = on_release,
	.opendir = on_opendir,
	.readdir = on_readdir,
};

static void ignore_message(enum fuse_log_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
}

/* Several threads: the engine may look at this very mount while a checkpoint is taken. */
static int serve(struct server *s, const char *mount, void (*ready)(void), struct rbce_error *err)
{
	char *argv[] = {(char[]){"crfs"}, (char[]){"-oro,nosuid,nodev,fsname=crfs,subtype=rbce"},
			NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, argv);
	struct fuse *fuse;
	int r = -EIO;

	fuse_set_log_func(ignore_message);
	fuse = fuse_new(&args, &operations, sizeof(operations), s);
	if (!fuse || fuse_mount(fuse, mount) < 0)
		rbce_error_set(err, r, "cannot mount '%s': FUSE refused it", mount);
	else {
		fuse_set_signal_handlers(fuse_get_session(fuse));
		ready();
		r = fuse_loop_mt(fuse, NULL);
		/* A signal that ends it is a number above 0. */
		r = r < 0 ? rbce_error_errno(err, r, "cannot serve '%s'", mount) : 0;
		fuse_remove_signal_handlers(fuse_get_session(fuse));
		fuse_unmount(fuse);
	}
	if (fuse)
		fuse_destroy(fuse);
	fuse_opt_free_args(&args);
	return r;
}

int rbce_crfs_live(const struct rbce_crfs_live *live, const char *mount, void (*ready)(void),
		   struct rbce_error *err)
{
	struct server s = {
		.live = live,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.taking = PTHREAD_MUTEX_INITIALIZER,
	};
	int r;

	if (asprintf(&s.scratch, "%s/rbce-crfs-XXXXXX", live->scratch) < 0)
		return rbce_error_errno(err, -ENOMEM, "cannot mount '%s'", mount);
	if (!mkdtemp(s.scratch))
		r = rbce_error_errno(err, -errno, "cannot make a directory in '%s'", live->scratch);
	else {
		r = serve(&s, mount, ready, err);
		file_remove_tree(s.scratch);
	}
	while (s.newest) {
		struct taken *taken = s.newest;

		s.newest = taken->older;
		free(taken->dir);
		free(taken);
	}
	free(s.scratch);
	return r;
}
