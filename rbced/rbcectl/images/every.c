// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rbcectl checkpoint --every: images of a container that runs, in a folder. One continues the
 * other: what did not change is in it only once. As many as are kept make a chain; then a new one
 * begins, so that old images can go.
 */
#include <core/cli/log.h>
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "checkpoint.h"
#include "file.h"
#include "own.h"
#include "util.h"

struct images {
	struct dirent **list; /* by time, which is their names */
	int n;
};

/* "2007-09-03T09:00:00Z" */
static int is_image(const struct dirent *entry)
{
	return strlen(entry->d_name) == 20 && entry->d_name[10] == 'T';
}

static int read_images(const char *dir, struct images *ret)
{
	ret->n = scandir(dir, &ret->list, is_image, alphasort);
	return ret->n < 0 ? -errno : 0;
}

static void images_done(struct images *images)
{
	for (int i = 0; i < images->n; i++)
		free(images->list[i]);
	free(images->list);
	*images = (struct images){0};
}

/* The one that the I-th continues, -1 for none. */
static int parent_of(const char *dir, const struct images *images, int i)
{
	CLEANUP(rbce_manifest_free_p) struct rbce_manifest *m = NULL;
	cleanup_free char *path = NULL;
	const char *parent;

	if (asprintf(&path, "%s/%s", dir, images->list[i]->d_name) < 0 ||
	    rbce_manifest_read(path, &m, NULL) < 0)
		return -1;
	parent = rbce_manifest_get(m, "parent");
	for (int k = i - 1; parent && k >= 0; k--)
		if (streq(parent + (after_prefix(parent, "../") ? 3 : 0), images->list[k]->d_name))
			return k;
	return -1;
}

/* All but the last KEEP and what those continue. */
static void drop_old(const char *dir, uint64_t keep)
{
	CLEANUP(images_done) struct images images = {0};
	cleanup_free bool *needed = NULL;

	if (read_images(dir, &images) < 0 || images.n <= 0)
		return;
	needed = calloc((size_t)images.n, sizeof(*needed));
	for (int i = images.n - 1; needed && i >= 0; i--) {
		int parent = -1;

		needed[i] |= (uint64_t)(images.n - i) <= keep;
		if (needed[i])
			parent = parent_of(dir, &images, i);
		if (parent >= 0)
			needed[parent] = true;
	}
	for (int i = 0; needed && i < images.n; i++) {
		cleanup_free char *path = NULL;

		if (!needed[i] && asprintf(&path, "%s/%s", dir, images.list[i]->d_name) > 0)
			file_remove_tree(path);
	}
}

static int take_one(const char *root, const char *name, const char *dir,
		    struct checkpoint_wish *asked, char **last, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err)
{
	cleanup_free char *parent = NULL;
	time_t now = time(NULL);
	struct tm utc;
	char text[32], *path;
	int r;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	if (asprintf(&path, "%s/%s", dir, text) < 0 ||
	    (*last && asprintf(&parent, "../%s", strrchr(*last, '/') + 1) < 0))
		return rbce_error_errno(err, -ENOMEM, "cannot checkpoint '%s'", name);
	asked->parent = parent;
	r = checkpoint_make(root, name, path, asked, ret, err);
	asked->parent = NULL;
	free(*last);
	*last = r == 0 ? path : NULL;
	if (r < 0)
		free(path);
	return r;
}

int checkpoint_every(const char *root, const char *name, const char *dir,
		     struct checkpoint_wish *asked, bool json)
{
	cleanup_free char *last = NULL;
	uint64_t chain = 0;

	asked->running = true;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		log_error("cannot make '%s': %s", dir, strerror(errno));
		return EXIT_FAILURE;
	}
	for (;;) {
		struct timespec pause = {(time_t)(asked->every / 1000000),
					 (long)(asked->every % 1000000) * 1000};
		struct rbce_checkpoint_figures figures;
		struct rbce_error err;
		int r;

		if (chain++ % asked->keep == 0) {
			free(last);
			last = NULL;
		}
		r = take_one(root, name, dir, asked, &last, &figures, &err);
		/* It has ended, and nothing is left to do. */
		if (chain > 1 && (r == -ENOENT || r == -ESRCH))
			return EXIT_SUCCESS;
		if (r < 0)
			return command_failed(&err);
		checkpoint_print(name, last, json, &figures);
		drop_old(dir, asked->keep);
		nanosleep(&pause, NULL);
	}
}
