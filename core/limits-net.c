// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * net.egress is kept by programs that only root may ask. Whoever sets it notes it on the group,
 * where everybody may read it; see limits-internal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "limits-internal.h"
#include "util.h"

static int read_rate(const struct chain *c, int level, uint64_t *ret)
{
	cleanup_close int fd =
		c->dir[level] < 0 ? c->dir[level]
				  : openat(c->dir[level], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[32];
	ssize_t n;

	if (fd < 0)
		return c->dir[level] < 0 ? c->dir[level] : -errno;
	n = fgetxattr(fd, RBCE_EGRESS_ATTRIBUTE, text, sizeof(text) - 1);
	*ret = RBCE_LIMIT_NONE;
	/* A file system without such attributes is none where the key can be set. */
	if (n < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
	text[n] = '\0';
	return limits_number(text, ret);
}

void limits_gather_net(struct gather *g)
{
	const struct chain *c = limits_chain(g->l, L_NET);

	if (!c || c->status == -EOPNOTSUPP)
		return;
	if (g->out)
		g->out->has |= RBCE_HAS_LIMIT | (c->hidden ? RBCE_HAS_HIDDEN : 0);
	for (int level = 0; level < c->n; level++) {
		struct rbce_bound b = {.source = RBCE_BY_CONTAINER, .level = level};

		b.status = read_rate(c, level, &b.value);
		limits_bound(g, &b);
	}
	g->bounds++;
}
