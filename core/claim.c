// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who makes, keeps and removes a container at the same time as others; see claim.h. */
#include "claim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

#include "container.h"
#include "util.h"

enum { REMOVE_MS = 100 };

/*
 * A half of the file for those that make and remove, and one for those that keep, with a byte in
 * each for a name. Names that share one by chance (one in 2^61) wait for each other.
 */
static const off_t half = (off_t)1 << 61;

/* Of the first N bytes. */
static off_t place_of(const char *path, size_t n)
{
	return (off_t)(hash_bytes(HASH_BEGIN, path, n) % (uint64_t)half);
}

static int lock(int fd, int type, off_t place, int patience_ms)
{
	struct flock range = {
		.l_type = (short)type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
	long long deadline = 0;

	for (int pause = 1;; pause = pause < 16 ? pause * 2 : 16) {
		if (fcntl(fd, F_OFD_SETLK, &range) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (!deadline)
			deadline = monotonic_ms() + patience_ms;
		if (monotonic_ms() >= deadline)
			return -EBUSY;
		poll(NULL, 0, pause);
	}
}

static void unlock_half(int fd, off_t start)
{
	struct flock range = {
		.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = half};

	fcntl(fd, F_OFD_SETLK, &range);
}

/* *RET stays -1 where there is no place for it. */
static int open_file(const struct rbce_root *root, int *ret)
{
	char path[64] = "run/rbce/lock";
	int top = rbce_root_fd(root);

	if (geteuid() != 0)
		snprintf(path, sizeof(path), "run/user/%u/rbce-lock", geteuid());
	else
		mkdirat(top, "run/rbce", 0755);
	*ret = openat(top, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *ret >= 0 || errno == ENOENT || errno == EACCES || errno == EPERM || errno == EROFS
		       ? 0
		       : -errno;
}

static int open_claim(const struct rbce_hierarchy *h, const char *name, struct claim *ret,
		      char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s%s%s", h->group, *name ? "/" : "", name);

	ret->fd = -1;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	ret->place = place_of(path, (size_t)n);
	return open_file(h->root, &ret->fd);
}

static int keep(const struct rbce_hierarchy *h, const char *name, int patience_ms,
		struct claim *ret, char path[PATH_MAX])
{
	int r = open_claim(h, name, ret, path);

	if (r == 0 && ret->fd >= 0)
		r = lock(ret->fd, F_WRLCK, half + ret->place, patience_ms);
	if (r < 0)
		claim_let_go(ret);
	return r;
}

int claim_keep(const struct rbce_hierarchy *h, const char *name, int patience_ms, struct claim *ret)
{
	char path[PATH_MAX];

	return keep(h, name, patience_ms, ret, path);
}

int claim_make(const struct rbce_hierarchy *h, const char *name, struct claim *ret)
{
	char path[PATH_MAX];
	int r = keep(h, name, CLAIM_MS, ret, path);

	/* A group that is removed takes all below it along. */
	for (size_t n = strlen(h->group); r == 0 && ret->fd >= 0;) {
		r = lock(ret->fd, F_RDLCK, place_of(path, n), CLAIM_MS);
		if (!path[n])
			break;
		n += 1 + strcspn(path + n + 1, "/");
	}
	if (r < 0)
		claim_let_go(ret);
	return r;
}

void claim_made(struct claim *claim)
{
	if (claim->fd >= 0)
		unlock_half(claim->fd, 0);
}

int claim_remove(const struct rbce_hierarchy *h, const char *name, struct claim *ret)
{
	char path[PATH_MAX];
	int r = open_claim(h, name, ret, path);

	if (r == 0 && ret->fd >= 0)
		r = lock(ret->fd, F_WRLCK, ret->place, REMOVE_MS);
	if (r < 0)
		claim_let_go(ret);
	return r;
}

/* By name, as what was forked meanwhile has a copy of the descriptor. */
void claim_let_go(struct claim *claim)
{
	if (claim->fd < 0)
		return;
	unlock_half(claim->fd, 0);
	unlock_half(claim->fd, half);
	close(TAKE_FD(claim->fd));
}
