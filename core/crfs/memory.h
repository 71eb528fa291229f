/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an image has of a process's memory, by address: pages lie in it or in one of its parents.
 * Internal.
 */
#ifndef CORE_CRFS_MEMORY_H
#define CORE_CRFS_MEMORY_H

#include "folder.h"

/* Pages that lie one behind the other in one file. */
struct extent {
	uint64_t start, end;
	uint64_t offset;
	uint32_t pages; /* pages-N.img */
	uint32_t level; /* of that directory of the folder */
};

/* A mapping of the process. */
struct segment {
	uint64_t start, end;
	struct message vma;
	size_t first, n; /* its extents */
};

/* A part of one mapping that the image has without a gap. */
struct run {
	uint64_t start, end;
	size_t segment;
};

struct memory {
	struct extent *extents; /* by address, as all of these */
	size_t n_extents, room;
	struct segment *segments;
	size_t n_segments;
	struct run *runs;
	size_t n_runs;
};

/* Of the process PID, whose mappings MM has. 0 or -errno; what is broken is left out. */
int memory_load(const struct folder *folder, uint32_t pid, struct message mm, struct memory *ret);
void memory_done(struct memory *memory);

/* SIZE bytes from ADDRESS on, which lie in one run; -EIO where the pages are missing after all. */
int memory_read(const struct folder *folder, const struct memory *memory, uint64_t address,
		void *buf, size_t size);

/* The run that ADDRESS lies in or, if it lies in none, the next one; NULL: there is none. */
const struct run *memory_run_behind(const struct memory *memory, uint64_t address);

/* Bits of a mapping's `status`. */
enum {
	AREA_VSYSCALL = 1 << 2,
	AREA_VDSO = 1 << 3,
	AREA_HEAP = 1 << 5,
	AREA_FILE_PRIVATE = 1 << 6,
	AREA_FILE_SHARED = 1 << 7,
	AREA_ANON_SHARED = 1 << 8,
	AREA_SYSVIPC = 1 << 10,
	AREA_VVAR = 1 << 12,
	AREA_AIORING = 1 << 13,
	AREA_MEMFD = 1 << 14,
};

#endif
