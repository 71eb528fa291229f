// SPDX-License-Identifier: LGPL-2.1-or-later
/* A round that copies memory ahead by way of swap; see ahead.h. */
#include "ahead.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "container.h"
#include "file.h"
#include "util.h"

enum { PAGE = 4096, PIECE_PAGES = 256 };

/* How often memory is pushed out, and what is too little for another time. */
enum { PUSHES = 64, PROGRESS = 1 << 20 };

/* ---- of the kernel: linux/fs.h of 6.7, newer than the headers may be ---- */

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct region {
	uint64_t start, end, categories;
};

#define SCAN         _IOWR('f', 16, struct scan)
#define SCAN_FILE    (UINT64_C(1) << 2)
#define SCAN_PRESENT (UINT64_C(1) << 3)
#define SCAN_SWAPPED (UINT64_C(1) << 4)
#define SCAN_PFNZERO (UINT64_C(1) << 5)
#define SCAN_HUGE    (UINT64_C(1) << 6)

enum { REGIONS = 256 };

/* Of an entry of /proc/PID/pagemap. */
#define ENTRY_SWAPPED (UINT64_C(1) << 62)

/* ---- of the engine: what its images begin with, and fields of its messages ---- */

#define MAGIC_IMAGE     0x54564319U
#define MAGIC_PAGEMAP   0x56084025U
#define MAGIC_INVENTORY 0x58313116U

enum { IMAGE_VERSION = 2, PAGE_IS_HERE = 4 };
enum { FIELD_PAGES_ID = 1 };
enum { FIELD_ADDRESS = 1, FIELD_PAGES = 2, FIELD_FLAGS = 4 };
enum { FIELD_VERSION = 1, FIELD_UPTIME = 8 };

/* A mapping that the engine takes pages of. */
struct area {
	uint64_t start, end;
	bool file; /* pages of the file are not taken */
	bool all;  /* all pages are, there or not */
};

struct process {
	pid_t pid;
	int pidfd, memory, pagemap; /* the latter of /proc */
	struct area *areas;
	size_t n_areas;
};

struct copy {
	int dir;
	uint64_t *ret_swapped;
	/* Of the process that is copied: */
	const struct process *process;
	FILE *map, *pages;
	uint64_t run, run_pages; /* pages that were copied last, and are not in MAP yet */
	int failed;              /* why no more can be written */
	uint64_t entries[PIECE_PAGES];
	char piece[PIECE_PAGES * PAGE];
};

/* ---- messages ---- */

static size_t put_number(uint8_t *to, unsigned field, uint64_t value)
{
	size_t n = 0;

	to[n++] = (uint8_t)(field << 3);
	for (; value >= 0x80; value >>= 7)
		to[n++] = (uint8_t)(value | 0x80);
	to[n++] = (uint8_t)value;
	return n;
}

/* Each after its size. */
static void put_message(FILE *file, const uint8_t *message, size_t size)
{
	uint32_t n = (uint32_t)size;

	fwrite(&n, sizeof(n), 1, file);
	fwrite(message, 1, size, file);
}

static FILE *create(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

/* The one that tells the layout has not the number that all others have before their own. */
static FILE *create_image(int dir, const char *name, uint32_t magic)
{
	const uint32_t magics[] = {MAGIC_IMAGE, magic};
	size_t skip = magic == MAGIC_INVENTORY;
	FILE *file = create(dir, name);

	if (file)
		fwrite(magics + skip, sizeof(*magics), 2 - skip, file);
	return file;
}

static int end(FILE *file)
{
	bool bad = ferror(file);

	if (fclose(file) < 0)
		return -errno;
	return bad ? -EIO : 0;
}

/* When it was: a process that is younger is another one with the same pid. */
static int write_inventory(int dir)
{
	FILE *file = create_image(dir, "inventory.img", MAGIC_INVENTORY);
	unsigned long sec = 0, hundredth = 0;
	uint8_t message[64];
	char text[64];
	size_t n;

	if (!file)
		return -errno;
	if (file_read_at(AT_FDCWD, "/proc/uptime", text, sizeof(text)) > 0)
		sscanf(text, "%lu.%2lu", &sec, &hundredth);
	n = put_number(message, FIELD_VERSION, IMAGE_VERSION);
	n += put_number(message + n, FIELD_UPTIME, sec * UINT64_C(1000000) + hundredth * 10000);
	put_message(file, message, n);
	return end(file);
}

/* ---- what a process has ---- */

static void process_done(struct process *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->memory >= 0)
		close(p->memory);
	if (p->pagemap >= 0)
		close(p->pagemap);
	free(p->areas);
}

static int open_of(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* "7f00-7f10 rw-p 00000000 fe:00 1234 /lib/x": private ones, and what the engine always takes. */
static bool parse_area(const char *line, struct area *ret)
{
	unsigned long long start, stop, inode;
	char rights[5], name[32] = "";

	if (sscanf(line, "%llx-%llx %4s %*x %*s %llu %31s", &start, &stop, rights, &inode, name) <
	    4)
		return false;
	*ret = (struct area){.start = start, .end = stop, .file = inode != 0};
	ret->all = streq(name, "[vdso]") || after_prefix(name, "/[aio]");
	return ret->all ||
	       (rights[3] == 'p' && !after_prefix(name, "[vvar") && !streq(name, "[vsyscall]"));
}

static int find_areas(struct process *p)
{
	int fd = open_of(p->pid, "maps", O_RDONLY);
	cleanup_file FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[512];

	if (!file)
		return fd < 0 ? fd : -errno;
	while (fgets(line, sizeof(line), file)) {
		struct area area;
		struct area *more;

		/* The rest of a name that is longer. */
		if (!strchr(line, '\n'))
			for (int c = getc(file); c != EOF && c != '\n'; c = getc(file))
				;
		if (!parse_area(line, &area))
			continue;
		more = reallocarray(p->areas, p->n_areas + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		p->areas = more;
		p->areas[p->n_areas++] = area;
	}
	return 0;
}

/* Pages from *START on that are there or in swap; how many REGIONS, 0 at the end. */
static int scan(const struct process *p, uint64_t *start, uint64_t stop, struct region *regions)
{
	struct scan scan = {
		.size = sizeof(scan),
		.start = *start,
		.end = stop,
		.vec = (uintptr_t)regions,
		.vec_len = REGIONS,
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = SCAN_FILE | SCAN_PFNZERO | SCAN_HUGE,
	};
	int n = *start < stop ? ioctl(p->pagemap, SCAN, &scan) : 0;

	if (n < 0)
		return -errno;
	*start = n == 0 ? stop : scan.walk_end;
	return n;
}

/* -ESRCH and the like for one that has ended, which is none to be copied. */
static int open_process(pid_t pid, struct process *p)
{
	*p = (struct process){.pid = pid, .pagemap = -1, .memory = -1};
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p->pidfd < 0)
		return -errno;
	p->memory = open_of(pid, "mem", O_RDONLY);
	p->pagemap = open_of(pid, "pagemap", O_RDONLY);
	return p->memory < 0 ? p->memory : p->pagemap < 0 ? p->pagemap : 0;
}

/* ---- out ---- */

static int64_t in_memory(int dirfd)
{
	char text[32];

	return file_read_at(dirfd, "memory.current", text, sizeof(text)) < 0
		       ? -1
		       : strtoll(text, NULL, 10);
}

/* It says "try again" when it could not push out all; then it is looked what it could. */
static int push_out(const struct rbce_container *c, struct rbce_error *err)
{
	int i = hierarchy_unified_index(c->h), dirfd = i < 0 ? -1 : c->dir[i], r = 0;
	int64_t before, now = dirfd < 0 ? -1 : in_memory(dirfd);
	char text[64];

	if (now < 0)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "memory cannot be pushed out: that takes cgroup v2 and the "
				      "memory controller");
	for (int n = 0; n < PUSHES; n++) {
		before = now;
		snprintf(text, sizeof(text), "%lld swappiness=200", (long long)now);
		r = file_write_at(dirfd, "memory.reclaim", text);
		if (r < 0 && r != -EAGAIN)
			return rbce_error_errno(err, r,
						"memory cannot be pushed out (memory.reclaim)");
		now = in_memory(dirfd);
		if (now > before - PROGRESS)
			break;
	}
	return 0;
}

/*
 * What was in swap and is in memory now, since it was read, goes back: its place in swap is still
 * there, so nothing has to be written.
 */
static void push_back(const struct process *p, const struct iovec *runs, size_t n)
{
	if (n > 0)
		syscall(SYS_process_madvise, p->pidfd, runs, n, MADV_PAGEOUT, 0);
}

/* ---- pages ---- */

static void end_run(struct copy *copy)
{
	uint8_t message[64];
	size_t n;

	if (copy->run_pages == 0)
		return;
	n = put_number(message, FIELD_ADDRESS, copy->run);
	n += put_number(message + n, FIELD_PAGES, copy->run_pages);
	n += put_number(message + n, FIELD_FLAGS, PAGE_IS_HERE);
	put_message(copy->map, message, n);
	copy->run_pages = 0;
}

static void add_page(struct copy *copy, uint64_t address, const char *page)
{
	if (copy->run_pages && copy->run + copy->run_pages * PAGE != address)
		end_run(copy);
	if (copy->run_pages == 0)
		copy->run = address;
	copy->run_pages++;
	if (copy->failed == 0 && fwrite(page, PAGE, 1, copy->pages) != 1)
		copy->failed = -errno;
}

/* Runs of pages that are in swap. */
static size_t find_swapped(struct copy *copy, uint64_t address, size_t n,
			   struct iovec runs[static PIECE_PAGES])
{
	size_t size = n * sizeof(*copy->entries), count = 0;
	off_t at = (off_t)(address / PAGE * sizeof(*copy->entries));

	if (pread(copy->process->pagemap, copy->entries, size, at) != (ssize_t)size)
		return 0;
	for (size_t i = 0; i < n; i++) {
		void *page = (void *)(uintptr_t)(address + i * PAGE);

		if (!(copy->entries[i] & ENTRY_SWAPPED))
			continue;
		if (i == 0 || !(copy->entries[i - 1] & ENTRY_SWAPPED))
			runs[count++] = (struct iovec){page, 0};
		runs[count - 1].iov_len += PAGE;
		*copy->ret_swapped += PAGE;
	}
	return count;
}

/* Those that are gone meanwhile are left out. */
static void copy_piece(struct copy *copy, uint64_t address, size_t n)
{
	const struct process *p = copy->process;
	struct iovec runs[PIECE_PAGES];
	size_t n_runs = find_swapped(copy, address, n, runs);
	bool all = pread(p->memory, copy->piece, n * PAGE, (off_t)address) == (ssize_t)(n * PAGE);

	for (size_t i = 0; i < n; i++) {
		uint64_t at = address + i * PAGE;
		char *page = copy->piece + i * PAGE;

		if (all || pread(p->memory, page, PAGE, (off_t)at) == PAGE)
			add_page(copy, at, page);
	}
	push_back(p, runs, n_runs);
}

static void copy_region(struct copy *copy, uint64_t start, uint64_t stop)
{
	for (uint64_t at = start; at < stop && copy->failed == 0; at += PIECE_PAGES * PAGE) {
		uint64_t n = (stop - at) / PAGE;

		copy_piece(copy, at, n < PIECE_PAGES ? (size_t)n : PIECE_PAGES);
	}
}

/* The page of zeros that all share is none, as the engine has it, but for a huge one. */
static bool is_taken(const struct area *area, uint64_t categories)
{
	return !(area->file && categories & SCAN_FILE) &&
	       (!(categories & SCAN_PFNZERO) || categories & SCAN_HUGE);
}

static int copy_area(struct copy *copy, const struct area *area)
{
	struct region regions[REGIONS];
	uint64_t at = area->start;
	int n = 0;

	if (area->all)
		copy_region(copy, area->start, area->end);
	else
		while ((n = scan(copy->process, &at, area->end, regions)) > 0)
			for (int i = 0; i < n; i++)
				if (is_taken(area, regions[i].categories))
					copy_region(copy, regions[i].start, regions[i].end);
	return copy->failed < 0 ? copy->failed : n;
}

static int copy_process(struct copy *copy, const struct process *p, unsigned nth)
{
	uint8_t message[16];
	char name[64];
	size_t size;
	int r = 0, q;

	copy->process = p;
	snprintf(name, sizeof(name), "pagemap-%d.img", p->pid);
	copy->map = create_image(copy->dir, name, MAGIC_PAGEMAP);
	snprintf(name, sizeof(name), "pages-%u.img", nth);
	copy->pages = create(copy->dir, name);
	if (!copy->map || !copy->pages)
		r = -errno;
	size = put_number(message, FIELD_PAGES_ID, nth);
	if (r == 0)
		put_message(copy->map, message, size);
	for (size_t i = 0; r == 0 && i < p->n_areas; i++)
		r = copy_area(copy, &p->areas[i]);
	end_run(copy);
	q = copy->pages ? end(copy->pages) : 0;
	r = r < 0 ? r : q;
	q = copy->map ? end(copy->map) : 0;
	return r < 0 ? r : q;
}

/* A process that ends meanwhile is none to be copied. */
static int copy_processes(const struct record_tasks *tasks, struct process *list, struct copy *copy)
{
	unsigned n = 0;
	int r = write_inventory(copy->dir);

	for (size_t i = 0; r == 0 && i < tasks->n; i++) {
		if (list[i].pagemap < 0)
			continue;
		r = find_areas(&list[i]);
		if (r == 0)
			r = copy_process(copy, &list[i], ++n);
		if (r == -ESRCH || r == -ENOENT)
			r = 0;
	}
	return r;
}

/* From here on what is written is known as written. */
static int open_processes(const struct record_tasks *tasks, struct process *list)
{
	char path[64];
	int r = 0;

	for (size_t i = 0; i < tasks->n; i++) {
		if (open_process(tasks->list[i].pid, &list[i]) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/clear_refs", list[i].pid);
		r = file_write_at(AT_FDCWD, path, "4");
		if (r < 0 && r != -ESRCH && r != -ENOENT)
			return r;
	}
	return 0;
}

int ahead_copy(struct rbce_container *c, const struct record_tasks *tasks, int dir,
	       uint64_t *ret_swapped, struct rbce_error *err)
{
	cleanup_free struct process *list = calloc(tasks->n, sizeof(*list));
	cleanup_free struct copy *copy = calloc(1, sizeof(*copy));
	int r;

	if (!list || !copy)
		return rbce_error_errno(err, -ENOMEM, "cannot copy memory ahead");
	*ret_swapped = 0;
	copy->dir = dir;
	copy->ret_swapped = ret_swapped;
	for (size_t i = 0; i < tasks->n; i++)
		list[i] = (struct process){.pidfd = -1, .memory = -1, .pagemap = -1};
	r = open_processes(tasks, list);
	if (r < 0)
		rbce_error_errno(err, r, "cannot see what is written (soft-dirty)");
	else
		r = push_out(c, err);
	if (r == 0) {
		r = copy_processes(tasks, list, copy);
		if (r < 0)
			rbce_error_errno(err, r, "cannot copy memory ahead");
	}
	for (size_t i = 0; i < tasks->n; i++)
		process_done(&list[i]);
	return r;
}
