// SPDX-License-Identifier: LGPL-2.1-or-later
/* Digests of files that grow; see follow.h. */
#include "follow.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "digest.h"
#include "util.h"

struct file {
	char *name; /* in the image */
	int fd;
	struct digest *digest;
	uint64_t done;
};

struct place {
	int watch, dirfd;
	char *prefix;
};

struct follow {
	pthread_t thread;
	pthread_mutex_t lock; /* of what is below; never held for longer than a piece takes */
	int inotify, stop;
	bool stays;
	struct place *places;
	struct file *files;
	size_t n_places, n_files;
	char piece[DIGEST_PIECE];
};

/* How long what has come to its end is left alone. */
enum { PAUSE_MS = 10 };

static void file_done(struct file *file)
{
	free(file->name);
	if (file->fd >= 0)
		close(file->fd);
}

static void add_file(struct follow *follow, const struct place *place, const char *name)
{
	struct file *more = reallocarray(follow->files, follow->n_files + 1, sizeof(*more));
	struct file file = {.fd = openat(place->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};

	if (more)
		follow->files = more;
	if (asprintf(&file.name, "%s%s%s", place->prefix, *place->prefix ? "/" : "", name) < 0)
		file.name = NULL;
	if (more && file.name && file.fd >= 0)
		file.digest = digest_begin();
	if (file.digest)
		follow->files[follow->n_files++] = file;
	else
		file_done(&file);
}

static void hear(struct follow *follow)
{
	char text[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(follow->inotify, text, sizeof(text));
	const struct inotify_event *event;

	pthread_mutex_lock(&follow->lock);
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const void *)(text + at);
		for (size_t i = 0; event->len && i < follow->n_places; i++)
			if (follow->places[i].watch == event->wd &&
			    after_prefix(event->name, "pages-"))
				add_file(follow, &follow->places[i], event->name);
	}
	pthread_mutex_unlock(&follow->lock);
}

/* A piece of each file; is there more of one? */
static bool read_on(struct follow *follow)
{
	bool more = false;

	for (size_t i = 0;; i++) {
		struct file *file;
		uint64_t from;

		pthread_mutex_lock(&follow->lock);
		if (i >= follow->n_files) {
			pthread_mutex_unlock(&follow->lock);
			return more;
		}
		file = &follow->files[i];
		from = file->done;
		digest_read(file->digest, file->fd, &file->done, DIGEST_PIECE, follow->piece);
		more |= file->done - from == DIGEST_PIECE;
		if (follow->stays && file->done > from)
			sync_file_range(file->fd, (off_t)from, (off_t)(file->done - from),
					SYNC_FILE_RANGE_WRITE);
		pthread_mutex_unlock(&follow->lock);
	}
}

static void *run(void *data)
{
	struct follow *follow = data;
	struct pollfd fds[] = {{.fd = follow->inotify, .events = POLLIN},
			       {.fd = follow->stop, .events = POLLIN}};
	bool more = false;

	for (;;) {
		poll(fds, 2, more ? 0 : follow->n_files ? PAUSE_MS : -1);
		if (fds[1].revents)
			return NULL;
		if (fds[0].revents)
			hear(follow);
		more = read_on(follow);
	}
}

static bool has_processor_of_its_own(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

/* Signals are for those that wait for them. */
static int start_thread(struct follow *follow)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&follow->thread, NULL, run, follow);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

struct follow *follow_start(bool stays)
{
	struct follow *follow = has_processor_of_its_own() ? calloc(1, sizeof(*follow)) : NULL;

	if (!follow)
		return NULL;
	pthread_mutex_init(&follow->lock, NULL);
	follow->stays = stays;
	follow->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	follow->stop = eventfd(0, EFD_CLOEXEC);
	if (follow->inotify >= 0 && follow->stop >= 0 && start_thread(follow) == 0)
		return follow;
	if (follow->inotify >= 0)
		close(follow->inotify);
	if (follow->stop >= 0)
		close(follow->stop);
	free(follow);
	return NULL;
}

static bool is_watched(const struct follow *follow, const char *prefix)
{
	for (size_t i = 0; i < follow->n_places; i++)
		if (follow->places[i].prefix && streq(follow->places[i].prefix, prefix))
			return true;
	return false;
}

void follow_watch(struct follow *follow, int dirfd, const char *prefix)
{
	struct place place = {.watch = -1};
	struct place *more;
	char path[64];

	if (!follow)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
	pthread_mutex_lock(&follow->lock);
	more = is_watched(follow, prefix)
		       ? NULL
		       : reallocarray(follow->places, follow->n_places + 1, sizeof(*more));
	if (more) {
		follow->places = more;
		place.dirfd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		place.prefix = strdup(prefix);
		if (place.dirfd >= 0 && place.prefix)
			place.watch = inotify_add_watch(follow->inotify, path, IN_CREATE);
		follow->places[follow->n_places++] = place;
	}
	pthread_mutex_unlock(&follow->lock);
}

struct digest *follow_take(struct follow *follow, const char *name, uint64_t *ret_done)
{
	struct digest *digest = NULL;

	if (!follow)
		return NULL;
	pthread_mutex_lock(&follow->lock);
	for (size_t i = 0; !digest && i < follow->n_files; i++) {
		if (!streq(follow->files[i].name, name))
			continue;
		digest = follow->files[i].digest;
		*ret_done = follow->files[i].done;
		file_done(&follow->files[i]);
		follow->files[i] = follow->files[--follow->n_files];
	}
	pthread_mutex_unlock(&follow->lock);
	return digest;
}

struct follow *follow_stop(struct follow *follow)
{
	char text[DIGEST_SIZE];

	if (!follow)
		return NULL;
	eventfd_write(follow->stop, 1);
	pthread_join(follow->thread, NULL);
	for (size_t i = 0; i < follow->n_files; i++) {
		digest_end(follow->files[i].digest, text);
		file_done(&follow->files[i]);
	}
	for (size_t i = 0; i < follow->n_places; i++) {
		free(follow->places[i].prefix);
		if (follow->places[i].dirfd >= 0)
			close(follow->places[i].dirfd);
	}
	free(follow->files);
	free(follow->places);
	close(follow->inotify);
	close(follow->stop);
	free(follow);
	return NULL;
}
