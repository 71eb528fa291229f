// SPDX-License-Identifier: GPL-2.0-or-later
/* How much a container uses; see use.h. */
#include "use.h"

#include <errno.h>
#include <fcntl.h>

#include "file.h"
#include "lines.h"
#include "util.h"

enum { TEXT_SIZE = 16384 };

static int read_cpu_time(const struct use *use, uint64_t *ret)
{
	char text[1024];
	ssize_t n = file_pread(use->usage, text, sizeof(text));

	if (n < 0)
		return (int)n;
	*ret = use->cpuacct ? strtoull(text, NULL, 10) / 1000 : line_number(text, "usage_usec");
	return 0;
}

static int read_cpu(struct use *use, uint64_t passed, uint64_t *ret)
{
	uint64_t before = use->used;
	int r = read_cpu_time(use, &use->used);

	if (r < 0)
		return r;
	/* Thousandths of a percent. */
	*ret = passed && use->used > before ? (use->used - before) * 100000 / passed : 0;
	return 0;
}

/* Without the page cache, which the kernel takes back by itself. */
static int read_amount(const struct use *use, uint64_t *ret)
{
	char text[TEXT_SIZE];
	uint64_t usage, cache = 0;
	ssize_t n = file_pread(use->usage, text, sizeof(text));

	if (n < 0)
		return (int)n;
	usage = strtoull(text, NULL, 10);
	if (use->stat >= 0 && file_pread(use->stat, text, sizeof(text)) > 0) {
		/* v1 has a group alone, and with those below it. */
		cache = line_number(text, "total_inactive_file") +
			line_number(text, "total_active_file");
		cache = cache
				?: line_number(text, "inactive_file") +
					   line_number(text, "active_file");
	}
	*ret = usage > cache ? usage - cache : 0;
	return 0;
}

int use_read(struct use *use, uint64_t passed, uint64_t *ret)
{
	return use->resource == PENALTY_CPU ? read_cpu(use, passed, ret) : read_amount(use, ret);
}

int use_open(struct use *use, enum penalty_resource resource, struct rbce_container *c)
{
	bool v1 = rbce_container_version(c, RBCE_MEMORY) == 1;

	*use = USE_NONE;
	use->resource = resource;
	switch (resource) {
	case PENALTY_CPU:
		use->usage = rbce_container_open_unified(c, "cpu.stat", O_RDONLY);
		use->cpuacct = use->usage < 0;
		if (use->cpuacct)
			use->usage = rbce_container_open_file(c, RBCE_CPUACCT, "cpuacct.usage",
							      O_RDONLY);
		return use->usage < 0 ? use->usage : read_cpu_time(use, &use->used);
	case PENALTY_MEMORY:
		use->usage = rbce_container_open_file(
			c, RBCE_MEMORY, v1 ? "memory.usage_in_bytes" : "memory.current", O_RDONLY);
		use->stat = rbce_container_open_file(c, RBCE_MEMORY, "memory.stat", O_RDONLY);
		break;
	case PENALTY_PIDS:
		use->usage = rbce_container_open_file(c, RBCE_PIDS, "pids.current", O_RDONLY);
		break;
	}
	return use->usage < 0 ? use->usage : 0;
}

void use_close(struct use *use)
{
	if (use->usage >= 0)
		close(use->usage);
	if (use->stat >= 0)
		close(use->stat);
	use->usage = use->stat = -1;
}
