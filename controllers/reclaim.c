// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of a container given back on demand: memory.reclaim (v2), memory.force_empty (v1). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

static int reclaim_v2(int dir, uint64_t amount, uint64_t used, struct rbce_error *err)
{
	char text[AMOUNT_SIZE];
	int r;

	if (faccessat(dir, "memory.reclaim", F_OK, 0) < 0)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "it needs memory.reclaim (Linux 5.19), which the group does "
				      "not have");
	snprintf(text, sizeof(text), "%" PRIu64, amount < used ? amount : used);
	r = file_write_at(dir, "memory.reclaim", text);
	/* Asked for all, it gives what it can. */
	if (r == -EAGAIN && amount >= used)
		return 0;
	if (r == -EAGAIN)
		return rbce_error_set(err, r, "the rest is in use and cannot be written out");
	return r < 0 ? rbce_error_errno(err, r, "memory.reclaim refuses '%s'", text) : 0;
}

static int reclaim_v1(int dir, uint64_t amount, struct rbce_error *err)
{
	if (amount != RBCE_UNLIMITED)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "cgroup v1 gives back all that it can, or nothing: ask for "
				      "'max'");
	return amount_write(dir, "memory.force_empty", "0", err);
}

int controller_reclaim(struct rbce_container *c, uint64_t amount, uint64_t *ret,
		       struct rbce_error *err)
{
	const struct key_file *files = controller_memory_max.version;
	uint64_t before, after = 0;
	int version, r;
	cleanup_close int dir = key_open_group(&controller_memory_max, c, &version, err);

	if (dir < 0)
		return dir;
	r = amount_read(dir, files[version].usage, &before);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", files[version].usage);
	r = version == 1 ? reclaim_v1(dir, amount, err) : reclaim_v2(dir, amount, before, err);
	if (amount_read(dir, files[version].usage, &after) == 0)
		*ret = before > after ? before - after : 0;
	return r;
}
