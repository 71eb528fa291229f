// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fill WHAT MIB [WORKERS]: takes so much memory as fast as it can and holds it: "anon", "huge"
 * (with huge pages), "tmpfs" (a file in memory, by write), "pipe" (the kernel's buffers), "uring"
 * (a file in memory, written by the kernel's workers), or a path (locked pages of a file that it
 * makes there). WORKERS processes do so at the same time. Prints "full" when it has all.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, PIPE = 65536, STEP = 65536 };

static int anon(size_t size, int advice)
{
	char *memory = mmap(NULL, size + 2 * MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || madvise(memory, size + 2 * MIB, advice) < 0)
		return -errno;
	/* Nothing that swap could leave out as zeros. */
	for (size_t i = 0; i < size; i += 4096)
		memcpy(memory + i, &(size_t){i + 1}, sizeof(i));
	return 0;
}

static int tmpfs(size_t size)
{
	static char block[STEP];
	int fd = memfd_create("fill", 0);

	memset(block, 'x', sizeof(block));
	while (size > 0) {
		ssize_t n = write(fd, block, sizeof(block));

		if (n < 0)
			return -errno;
		size -= (size_t)n < size ? (size_t)n : size;
	}
	return 0;
}

/* Each page by a fault of its own: what a system call wants goes beyond what may be had in one. */
static int file(const char *path, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	volatile char *pages;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	pages = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED || mlock2((void *)pages, size, MLOCK_ONFAULT) < 0)
		return -errno;
	for (size_t i = 0; i < size; i += 4096)
		(void)pages[i];
	return 0;
}

static int pipes(size_t size)
{
	static char block[PIPE];
	struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};

	setrlimit(RLIMIT_NOFILE, &files);
	memset(block, 'x', sizeof(block));
	for (; size >= PIPE; size -= PIPE) {
		int ends[2];

		if (pipe(ends) < 0 || write(ends[1], block, PIPE) != PIPE)
			return -errno;
	}
	return 0;
}

static int submit(int ring, struct io_uring_params *p, char *map)
{
	unsigned *tail = (unsigned *)(map + p->sq_off.tail),
		 *head = (unsigned *)(map + p->cq_off.head);
	unsigned *array = (unsigned *)(map + p->sq_off.array);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(map + p->cq_off.cqes);
	int result;

	array[*tail & (p->sq_entries - 1)] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	while (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	result = cqes[*head & (p->cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

/* At once, by a worker of the kernel's, which never returns to user mode. */
static int uring(size_t size)
{
	struct io_uring_params p = {0};
	int fd = memfd_create("fill", 0), ring = (int)syscall(SYS_io_uring_setup, 4, &p);
	struct io_uring_sqe *sqe;
	char *map, *block;

	if (ring < 0)
		return -errno;
	map = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		   PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		   IORING_OFF_SQES);
	block = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || sqe == MAP_FAILED || block == MAP_FAILED)
		return -errno;
	for (size_t done = 0; done < size;) {
		int r;

		*sqe = (struct io_uring_sqe){.opcode = IORING_OP_WRITE,
					     .flags = IOSQE_ASYNC,
					     .fd = fd,
					     .addr = (uintptr_t)block,
					     .len = (unsigned)(size - done),
					     .off = done};
		r = submit(ring, &p, map);
		if (r < 0)
			return r;
		done += (size_t)r;
	}
	return 0;
}

static int fill(const char *what, size_t size)
{
	if (strcmp(what, "anon") == 0)
		return anon(size, MADV_NOHUGEPAGE);
	if (strcmp(what, "huge") == 0)
		return anon(size, MADV_HUGEPAGE);
	if (strcmp(what, "tmpfs") == 0)
		return tmpfs(size);
	if (strcmp(what, "pipe") == 0)
		return pipes(size);
	if (strcmp(what, "uring") == 0)
		return uring(size);
	return *what == '/' ? file(what, size) : -EINVAL;
}

/* All are there before the first begins. */
static void start(long workers)
{
	int ends[2];
	char c;

	if (pipe(ends) < 0)
		exit(1);
	for (long i = 1; i < workers; i++)
		if (fork() == 0)
			break;
	close(ends[1]);
	if (read(ends[0], &c, 1) > 0)
		exit(1);
	close(ends[0]);
}

int main(int argc, char **argv)
{
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) * MIB : 0;
	long workers = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
	int r;

	start(workers);
	r = fill(argc > 1 ? argv[1] : "", size);
	if (r < 0) {
		fprintf(stderr, "fill: %s\n", strerror(-r));
		return 1;
	}
	puts("full");
	fflush(stdout);
	for (;;)
		pause();
}
