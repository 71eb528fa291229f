// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libulimitx-res.so: what programs written for libresource call, answered from all limits that
 * hold. Memory and the count of CPUs; everything else is ENOTSUP, as a resource that is not known
 * is there. Numbers, types and results are those of its interface.
 */
#include <errno.h>
#include <rbce/limits.h>
#include <stdio.h>

#include "util.h"

#define PUBLIC __attribute__((visibility("default")))

/* Its numbers for memory and CPUs. */
enum {
	RES_MEM_FREE = 1030,
	RES_MEM_AVAILABLE = 1029,
	RES_MEM_TOTAL = 1031,
	RES_MEM_PAGESIZE = 1032,
	RES_MEM_SWAPFREE = 1037,
	RES_MEM_SWAPTOTAL = 1038,
	RES_CPU_CORECOUNT = 6002,
};

PUBLIC int res_read(int id, void *out, size_t size, void **hint, int pid, int flags);

static int read_one(int pid, enum rbce_resource resource, struct rbce_limit *ret)
{
	int r = rbce_limit_of(pid, resource, ret, NULL);

	if (r == 0 && (ret->status < 0 || !(ret->has & RBCE_HAS_LIMIT)))
		r = ret->status ?: -ENODATA;
	return r;
}

static int put(void *out, size_t size, uint64_t value)
{
	if (size == sizeof(uint64_t))
		memcpy(out, &value, sizeof(value));
	else if (size == sizeof(uint32_t) && value <= UINT32_MAX)
		memcpy(out, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
	else
		return -EINVAL;
	return 0;
}

/* Memory is in KiB there. */
static int read_value(int id, int pid, uint64_t *ret)
{
	struct rbce_limit item;
	bool swap = id == RES_MEM_SWAPFREE || id == RES_MEM_SWAPTOTAL;
	bool left = id == RES_MEM_SWAPFREE || id == RES_MEM_FREE || id == RES_MEM_AVAILABLE;
	int r;

	switch (id) {
	case RES_MEM_PAGESIZE:
		*ret = (uint64_t)sysconf(_SC_PAGESIZE);
		return 0;
	case RES_CPU_CORECOUNT:
		r = read_one(pid, RBCE_LIMIT_CPU, &item);
		*ret = item.limit < 100000 ? 1 : item.limit / 100000;
		return r;
	case RES_MEM_FREE:
	case RES_MEM_AVAILABLE:
	case RES_MEM_TOTAL:
	case RES_MEM_SWAPFREE:
	case RES_MEM_SWAPTOTAL:
		r = read_one(pid, swap ? RBCE_LIMIT_SWAP : RBCE_LIMIT_MEMORY, &item);
		if (r == 0 && left && !(item.has & RBCE_HAS_HEADROOM))
			r = -ENODATA;
		*ret = (left ? item.headroom : item.limit) / 1024;
		return r;
	}
	return -ENOTSUP;
}

int res_read(int id, void *out, size_t size, void **hint, int pid, int flags)
{
	uint64_t value = 0;
	int r = out ? read_value(id, pid, &value) : -EINVAL;

	(void)hint;
	(void)flags;
	if (r == 0)
		r = put(out, size, value);
	if (r == 0)
		return 0;
	errno = -r;
	return -1;
}
