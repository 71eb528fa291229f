// SPDX-License-Identifier: LGPL-2.1-or-later
/* A directory of images; see folder.h. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "util.h"

/* Pages have no structure of their own, and there may be very many. */
static bool is_image(const char *name)
{
	size_t n = strlen(name);

	if (after_prefix(name, "pages-"))
		return false;
	return (n > 4 && streq(name + n - 4, ".img")) || after_prefix(name, "stats-") ||
	       streq(name, "irmap-cache");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct img *)a)->name, ((const struct img *)b)->name);
}

static int read_images(struct folder *folder, struct rbce_error *err)
{
	cleanup_dir DIR *dir =
		take_directory(openat(folder->dirs[0], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	size_t room = 0;

	if (!dir)
		return rbce_error_errno(err, -errno, "cannot list the images");
	while ((entry = readdir(dir))) {
		int r;

		if (!is_image(entry->d_name))
			continue;
		if (folder->n == room) {
			struct img *more;

			room = room ? 2 * room : 64;
			more = reallocarray(folder->images, room, sizeof(*more));
			if (!more)
				return rbce_error_errno(err, -ENOMEM, "cannot list the images");
			folder->images = more;
		}
		r = img_read(folder->dirs[0], entry->d_name, &folder->images[folder->n], err);
		if (r < 0)
			return r;
		folder->n++;
	}
	if (folder->n)
		qsort(folder->images, folder->n, sizeof(*folder->images), by_name);
	return 0;
}

/* A circle of parents ends by their number. */
static int open_parents(struct folder *folder, struct rbce_error *err)
{
	for (;;) {
		int fd = openat(folder->dirs[folder->n_dirs - 1], "parent",
				O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			return 0;
		if (fd < 0)
			return rbce_error_errno(err, -errno, "cannot open the parent of an image");
		if (folder->n_dirs == ARRAY_SIZE(folder->dirs)) {
			close(fd);
			return rbce_error_set(
				err, -ELOOP,
				"cannot open the parent of an image: it has over %d of them",
				FOLDER_PARENTS_MAX);
		}
		folder->dirs[folder->n_dirs++] = fd;
	}
}

int folder_open(const char *path, struct folder *ret, struct rbce_error *err)
{
	struct folder folder = {.dirs = {open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)},
				.n_dirs = 1};
	const char *slash = strrchr(path, '/');
	int r;

	if (folder.dirs[0] < 0)
		return rbce_error_errno(err, -errno, "cannot open '%s'", path);
	folder.name = strdup(slash ? slash + 1 : path);
	r = folder.name ? open_parents(&folder, err)
			: rbce_error_errno(err, -ENOMEM, "cannot open '%s'", path);
	if (r == 0)
		r = read_images(&folder, err);
	if (r == 0 && !folder_first(&folder, "pstree.img").type)
		r = rbce_error_set(err, -ENODATA,
				   "cannot show '%s': it has no image of a process tree", path);
	if (r < 0) {
		folder_close(&folder);
		return r;
	}
	*ret = folder;
	return 0;
}

void folder_close(struct folder *folder)
{
	for (size_t i = 0; i < folder->n; i++)
		img_done(&folder->images[i]);
	free(folder->images);
	free(folder->name);
	for (size_t i = 0; i < folder->n_dirs; i++)
		close(folder->dirs[i]);
	*folder = (struct folder){0};
}

static const struct img *find(const struct folder *folder, const char *format, va_list ap)
{
	char name[64];
	struct img key = {.name = name};

	vsnprintf(name, sizeof(name), format, ap);
	return folder->n ? bsearch(&key, folder->images, folder->n, sizeof(key), by_name) : NULL;
}

const struct img *folder_find(const struct folder *folder, const char *format, ...)
{
	const struct img *image;
	va_list ap;

	va_start(ap, format);
	image = find(folder, format, ap);
	va_end(ap);
	return image;
}

struct message folder_first(const struct folder *folder, const char *format, ...)
{
	const struct img *image;
	va_list ap;

	va_start(ap, format);
	image = find(folder, format, ap);
	va_end(ap);
	return image && image->n ? image->entries[0].message : (struct message){0};
}

struct message folder_file(const struct folder *folder, uint32_t id)
{
	const struct img *files = folder_find(folder, "files.img");

	for (size_t i = 0; files && i < files->n; i++)
		if (message_number(files->entries[i].message, "id", 0) == id)
			return files->entries[i].message;
	return (struct message){0};
}

struct message folder_memfd(const struct folder *folder, uint32_t id)
{
	uint64_t inode = message_number(folder_file(folder, id), "memfd.inode_id", UINT64_MAX);
	const struct img *inodes = folder_find(folder, "memfd.img");

	for (size_t i = 0; inodes && i < inodes->n; i++)
		if (message_number(inodes->entries[i].message, "inode_id", 0) == inode)
			return inodes->entries[i].message;
	return (struct message){0};
}

/* Was the file removed while it was open? */
static bool is_ghost(const struct folder *folder, uint32_t id)
{
	const struct img *remaps = folder_find(folder, "remap-fpath.img");

	for (size_t i = 0; remaps && i < remaps->n; i++)
		if (message_number(remaps->entries[i].message, "orig_id", 0) == id)
			return true;
	return false;
}

char *folder_path(const struct folder *folder, uint32_t id)
{
	struct message file = folder_file(folder, id), memfd = folder_memfd(folder, id);
	struct bytes name = message_bytes(file_inner(file), "name");
	const char *before = "", *behind = is_ghost(folder, id) ? " (deleted)" : "";
	char *path;
	int n;

	if (memfd.type) {
		name = message_bytes(memfd, "name");
		/* Memory shared without a file has the name of the device that it once came from.
		 */
		before = name.n && name.at[0] == '/' ? "" : "/memfd:";
		behind = " (deleted)";
	}
	n = asprintf(&path, "%s%.*s%s", before, (int)name.n, (const char *)name.at, behind);
	return n < 0 ? NULL : path;
}

struct message file_inner(struct message file)
{
	struct cursor c = message_each(file);
	struct message inner = {0};
	struct value value;

	while (!inner.type && message_next(&c, &value) > 0)
		inner = value_message(&value);
	return inner;
}
