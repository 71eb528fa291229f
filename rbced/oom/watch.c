// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of a container that tell of memory, kept open; how near its end is. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../lines.h"
#include "file.h"
#include "internal.h"
#include "util.h"

static const struct oom_files none = {
	.dir = -1,
	.events = -1,
	.bell = -1,
	.usage = -1,
	.stat = -1,
	.max = -1,
	.high = -1,
	.memsw_usage = -1,
	.memsw_max = -1,
	.delay = -1,
	.pressure = -1,
	.kill = -1,
	.freeze = -1,
};

void events_parse(const char *text, struct oom_events *ret)
{
	static const char *const names[] = {
		[EVENT_HIGH] = "high",
		[EVENT_MAX] = "max",
		[EVENT_OOM] = "oom",
		[EVENT_OOM_KILL] = "oom_kill",
		[EVENT_OOM_DELAYED] = "oom_delayed",
	};

	for (size_t i = 0; i < EVENT_COUNT; i++)
		ret->n[i] = line_number(text, names[i]);
}

int files_read(int fd, uint64_t *ret)
{
	char text[32], *end;
	ssize_t n = fd < 0 ? -EBADF : file_pread(fd, text, sizeof(text));
	uint64_t amount;

	if (n < 0)
		return (int)n;
	if (streq(text, "max")) {
		*ret = OOM_UNLIMITED;
		return 0;
	}
	amount = strtoull(text, &end, 10);
	if (end == text || *end)
		return -EINVAL;
	/* v1 has a limit of all the pages that there can be. */
	*ret = amount > INT64_MAX - (UINT64_C(1) << 20) ? OOM_UNLIMITED : amount;
	return 0;
}

int files_write(int fd, uint64_t amount)
{
	char text[32];
	int n = amount == OOM_UNLIMITED ? snprintf(text, sizeof(text), "max")
					: snprintf(text, sizeof(text), "%" PRIu64, amount);

	return fd < 0 ? -EBADF : file_write_fd(fd, text, (size_t)n);
}

/*
 * An eighth of the limit, so that tasks have some way to go while they are slowed down; of large
 * limits less, since the kernel slows them down by what they are over it.
 */
uint64_t guard_band(uint64_t limit)
{
	const uint64_t least = 256 << 10, most = 128 << 20, grain = 64 << 10;
	uint64_t band = limit / 8;

	if (band < least)
		band = least < limit / 2 ? least : limit / 2;
	if (band > most)
		band = most;
	return band < grain ? band : band - band % grain;
}

/* A quarter of the way: what reclaim leaves lies below. */
uint64_t guard_level(uint64_t limit)
{
	uint64_t band = guard_band(limit);

	return limit == OOM_UNLIMITED ? OOM_UNLIMITED : limit - band + band / 4;
}

static int open_v2(struct oom_files *files)
{
	files->events = openat(files->dir, "memory.events.local", O_RDONLY | O_CLOEXEC);
	/* Linux 5.1 and older: with the events of those below. */
	if (files->events < 0)
		files->events = openat(files->dir, "memory.events", O_RDONLY | O_CLOEXEC);
	files->usage = openat(files->dir, "memory.current", O_RDONLY | O_CLOEXEC);
	files->max = openat(files->dir, "memory.max", O_RDWR | O_CLOEXEC);
	files->high = openat(files->dir, "memory.high", O_RDWR | O_CLOEXEC);
	if (files->events < 0 || files->usage < 0 || files->max < 0 || files->high < 0)
		return -errno;
	files->delay = openat(files->dir, "memory.oom.delay", O_RDWR | O_CLOEXEC);
	return 0;
}

/* "EVENTFD FILE" in cgroup.event_control: the eventfd then counts what the file tells of. */
static int open_v1(struct oom_files *files)
{
	char text[32];
	int n;

	files->events = openat(files->dir, "memory.oom_control", O_RDWR | O_CLOEXEC);
	files->usage = openat(files->dir, "memory.usage_in_bytes", O_RDONLY | O_CLOEXEC);
	files->max = openat(files->dir, "memory.limit_in_bytes", O_RDWR | O_CLOEXEC);
	if (files->events < 0 || files->usage < 0 || files->max < 0)
		return -errno;
	files->memsw_usage =
		openat(files->dir, "memory.memsw.usage_in_bytes", O_RDONLY | O_CLOEXEC);
	files->memsw_max = openat(files->dir, "memory.memsw.limit_in_bytes", O_RDWR | O_CLOEXEC);
	files->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (files->bell < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%d %d", files->bell, files->events);
	return n < 0 ? -EINVAL : file_write_at(files->dir, "cgroup.event_control", text);
}

/* What the v2 tree gives, with or without controllers; v1's freezer where there is none. */
static void open_tools(struct oom_files *files, struct rbce_container *c)
{
	files->kill = rbce_container_open_unified(c, "cgroup.kill", O_WRONLY);
	files->freeze = rbce_container_open_unified(c, "cgroup.freeze", O_RDWR);
	files->freezer_v1 = files->freeze < 0;
	if (files->freezer_v1)
		files->freeze = rbce_container_open_file(c, RBCE_FREEZER, "freezer.state", O_RDWR);
}

/* "some 2000000 10000000": the file then tells when tasks stalled for so long within that time. */
static int open_pressure(struct oom_files *files, struct rbce_container *c,
			 const struct oom_pressure *pressure, struct rbce_error *err)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64,
			 pressure->full ? "full" : "some", pressure->threshold, pressure->window);
	int r;

	files->pressure = rbce_container_open_unified(c, "memory.pressure", O_RDWR | O_NONBLOCK);
	if (files->pressure < 0)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "oom.pressure needs memory.pressure, of the cgroup v2 tree "
				      "and a kernel with PSI");
	/* With its terminator, as the kernel's manual does it. */
	r = file_write_fd(files->pressure, text, (size_t)n + 1);
	if (r == 0)
		return 0;
	close(files->pressure);
	files->pressure = -1;
	return rbce_error_errno(err, r, "memory.pressure refuses '%s'", text);
}

int files_open(struct oom_files *files, struct rbce_container *c,
	       const struct oom_pressure *pressure, struct rbce_error *err)
{
	int version = rbce_container_version(c, RBCE_MEMORY), r;

	*files = none;
	files->version = version;
	if (version == 0)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "oom.policy needs the memory controller, which no cgroup "
				      "hierarchy has");
	files->dir = rbce_container_open_file(c, RBCE_MEMORY, ".", O_RDONLY | O_DIRECTORY);
	r = files->dir < 0 ? files->dir : version == 1 ? open_v1(files) : open_v2(files);
	if (r < 0) {
		files_close(files);
		return rbce_error_errno(err, r, "the files of its memory cannot be watched");
	}
	files->stat = openat(files->dir, "memory.stat", O_RDONLY | O_CLOEXEC);
	open_tools(files, c);
	return pressure ? open_pressure(files, c, pressure, err) < 0 : 0;
}

void files_close(struct oom_files *files)
{
	int *const all[] = {&files->dir,   &files->events,      &files->bell,
			    &files->usage, &files->stat,        &files->max,
			    &files->high,  &files->memsw_usage, &files->memsw_max,
			    &files->delay, &files->pressure,    &files->kill,
			    &files->freeze};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (*all[i] >= 0)
			close(*all[i]);
	*files = none;
}
