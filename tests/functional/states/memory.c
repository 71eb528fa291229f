// SPDX-License-Identifier: GPL-2.0-or-later
/* States of memory; see states.h. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "states.h"

enum { PAGE = 4096, PAGES = 64, SIZE = PAGE * PAGES };

/* What page N has, and whether it has that. */
static void fill(char *page, unsigned n)
{
	for (unsigned i = 0; i < PAGE / sizeof(uint32_t); i++)
		((uint32_t *)page)[i] = (n + 1) * 2654435761U + i;
}

static int is_filled(const char *page, unsigned n)
{
	for (unsigned i = 0; i < PAGE / sizeof(uint32_t); i++)
		if (((const uint32_t *)page)[i] != (n + 1) * 2654435761U + i)
			return 0;
	return 1;
}

static char *map(int flags, int fd)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
}

/* Every other page was never touched. */
static const char *private_memory(void)
{
	char *m = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	CHECK(m != MAP_FAILED);
	for (unsigned n = 0; n < PAGES; n += 2)
		fill(m + n * PAGE, n);
	checkpointed();
	for (unsigned n = 0; n < PAGES; n += 2) {
		CHECK(is_filled(m + n * PAGE, n));
		CHECK(m[(n + 1) * PAGE] == 0);
	}
	return NULL;
}

/* Two processes that have the same pages before have them after. */
static const char *shared_memory(void)
{
	char *m = map(MAP_SHARED | MAP_ANONYMOUS, -1);
	pid_t pid;
	int status;

	CHECK(m != MAP_FAILED);
	fill(m, 1);
	pid = fork();
	if (pid == 0) {
		while (m[PAGE] != 1)
			usleep(1000);
		m[PAGE] = 2;
		_exit(0);
	}
	checkpointed();
	CHECK(is_filled(m, 1));
	m[PAGE] = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(m[PAGE] == 2);
	return NULL;
}

static const char *copied_by_fork(void)
{
	char *m = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int status;
	pid_t pid;

	CHECK(m != MAP_FAILED);
	for (unsigned n = 0; n < PAGES; n++)
		fill(m + n * PAGE, n);
	pid = fork();
	if (pid == 0) {
		fill(m, 100);
		for (int i = 0; i < 100 && access(path_of("look"), F_OK) < 0; i++)
			usleep(50000);
		_exit(!is_filled(m, 100) || !is_filled(m + PAGE, 1));
	}
	checkpointed();
	CHECK(is_filled(m, 0) && is_filled(m + PAGE, 1));
	close(open(path_of("look"), O_CREAT | O_WRONLY, 0600));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return NULL;
}

static int filled_file(void)
{
	int fd = open(path_of("file"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	char page[PAGE];

	for (unsigned n = 0; fd >= 0 && n < PAGES; n++) {
		fill(page, n);
		if (write(fd, page, PAGE) != PAGE)
			return -1;
	}
	return fd;
}

static const char *file_shared(void)
{
	int fd = filled_file();
	char *m = map(MAP_SHARED, fd), page[PAGE];

	CHECK(fd >= 0 && m != MAP_FAILED);
	fill(m, 77);
	checkpointed();
	CHECK(is_filled(m, 77) && is_filled(m + PAGE, 1));
	fill(m + PAGE, 78);
	CHECK(pread(fd, page, PAGE, PAGE) == PAGE && is_filled(page, 78));
	return NULL;
}

static const char *file_private(void)
{
	int fd = filled_file();
	char *m = map(MAP_PRIVATE, fd), page[PAGE];

	CHECK(fd >= 0 && m != MAP_FAILED);
	close(fd);
	fill(m + PAGE, 77);
	checkpointed();
	CHECK(is_filled(m, 0) && is_filled(m + PAGE, 77) && is_filled(m + 2 * PAGE, 2));
	fd = open(path_of("file"), O_RDONLY);
	CHECK(pread(fd, page, PAGE, PAGE) == PAGE && is_filled(page, 1));
	return NULL;
}

/* The kernel says for which pages it may not read or write. */
static const char *protections(void)
{
	char *m = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int p[2];

	CHECK(m != MAP_FAILED && pipe(p) == 0);
	fill(m, 0);
	fill(m + PAGE, 1);
	CHECK(mprotect(m, PAGE, PROT_READ) == 0);
	CHECK(mprotect(m + 2 * PAGE, PAGE, PROT_NONE) == 0);
	checkpointed();
	CHECK(is_filled(m, 0) && is_filled(m + PAGE, 1));
	CHECK(write(p[1], m, 1) == 1 && read(p[0], m, 1) < 0);
	CHECK(write(p[1], m + 2 * PAGE, 1) < 0);
	CHECK(read(p[0], m + PAGE, 1) == 1);
	return NULL;
}

static const char *memfd(void)
{
	int fd = memfd_create("state", MFD_ALLOW_SEALING);
	char *m;

	CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
	m = map(MAP_SHARED, fd);
	CHECK(m != MAP_FAILED);
	fill(m + PAGE, 5);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	checkpointed();
	CHECK(is_filled(m + PAGE, 5));
	m[0] = 'x';
	CHECK(pread(fd, m + 1, 1, 0) == 1 && m[1] == 'x');
	CHECK(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK);
	CHECK(ftruncate(fd, 0) < 0);
	return NULL;
}

static const char *deleted_mapping(void)
{
	int fd = filled_file();
	char *m = map(MAP_SHARED, fd);

	CHECK(fd >= 0 && m != MAP_FAILED && unlink(path_of("file")) == 0);
	fill(m, 9);
	checkpointed();
	CHECK(is_filled(m, 9) && is_filled(m + PAGE, 1));
	return NULL;
}

/* A page of the machine's large size, where the test has set one aside. */
static const char *huge_page(void)
{
	size_t size = 2 << 20;
	char *m = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	CHECK(m != MAP_FAILED);
	fill(m, 3);
	fill(m + size - PAGE, 4);
	checkpointed();
	CHECK(is_filled(m, 3) && is_filled(m + size - PAGE, 4));
	return NULL;
}

static long locked_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static const char *locked_memory(void)
{
	char *m = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	CHECK(m != MAP_FAILED && mlock(m, SIZE) == 0);
	fill(m, 8);
	checkpointed();
	CHECK(is_filled(m, 8) && locked_kb() == SIZE / 1024);
	return NULL;
}

static const char *heap(void)
{
	char *blocks[200];

	for (unsigned i = 0; i < 200; i++) {
		blocks[i] = malloc(PAGE);
		CHECK(blocks[i]);
		fill(blocks[i], i);
	}
	checkpointed();
	for (unsigned i = 0; i < 200; i++) {
		CHECK(is_filled(blocks[i], i));
		free(blocks[i]);
	}
	CHECK(sbrk(PAGE) != (void *)-1);
	return NULL;
}

const struct state states_memory[] = {
	{"private-memory", private_memory},
	{"shared-memory", shared_memory},
	{"copied-by-fork", copied_by_fork},
	{"file-shared", file_shared},
	{"file-private", file_private},
	{"protections", protections},
	{"memfd", memfd},
	{"deleted-mapping", deleted_mapping},
	{"huge-page", huge_page},
	{"locked-memory", locked_memory},
	{"heap", heap},
	{NULL, NULL},
};
