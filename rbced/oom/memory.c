// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that is there when there is none: what the handler works with is mapped, touched and
 * locked before.
 *
 * Not the whole process is locked (mlockall(2)): a large rule set would stay in memory with all
 * that its reading took, since the kernel does not take locked pages back.
 */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

void *memory_reserve(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* Without the privilege for it, it is there at least, if perhaps swapped out. */
	(void)mlock(memory, size);
	return memory;
}

void memory_release(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

/* Of libraries only those that the handler calls. */
static bool is_needed(const char *name)
{
	const char *base = strrchr(name, '/');

	base = base ? base + 1 : name;
	return !*name || strncmp(base, "libc.so", 7) == 0 || strncmp(base, "ld-linux", 8) == 0 ||
	       strncmp(base, "libc-", 5) == 0;
}

static int lock_object(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	if (!is_needed(info->dlpi_name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = (info->dlpi_addr + header->p_vaddr) & ~(page - 1);
		uintptr_t end = info->dlpi_addr + header->p_vaddr + header->p_memsz;

		if (header->p_type == PT_LOAD && mlock((const void *)begin, end - begin) < 0)
			*(int *)data = -errno;
	}
	return 0;
}

int memory_lock_code(void)
{
	int r = 0;

	dl_iterate_phdr(lock_object, &r);
	return r;
}
