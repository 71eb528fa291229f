// SPDX-License-Identifier: LGPL-2.1-or-later
/* Stands in for all of this folder where FUSE or the engine's package is missing. */
#include <errno.h>
#include <rbce/crfs.h>

#include "util.h"

int rbce_crfs_mount(const char *dir, const char *mount, struct rbce_crfs **ret,
		    struct rbce_error *err)
{
	(void)dir;
	(void)ret;
	return rbce_error_set(err, -EOPNOTSUPP, "cannot mount '%s': this was built without crfs",
			      mount);
}

int rbce_crfs_serve(struct rbce_crfs *crfs, struct rbce_error *err)
{
	(void)crfs;
	return rbce_error_set(err, -EOPNOTSUPP,
			      "cannot show a checkpoint: this was built without crfs");
}

void rbce_crfs_close(struct rbce_crfs *crfs)
{
	(void)crfs;
}

int rbce_crfs_live(const struct rbce_crfs_live *live, const char *mount, void (*ready)(void),
		   struct rbce_error *err)
{
	(void)live;
	(void)ready;
	return rbce_error_set(err, -EOPNOTSUPP, "cannot mount '%s': this was built without crfs",
			      mount);
}
