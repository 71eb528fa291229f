// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory by address; see memory.h. */
#include "memory.h"

#include <errno.h>
#include <unistd.h>

#include "util.h"

enum { IN_PARENT = 1, PRESENT = 4, EXTENTS_MAX = 1 << 22 };

static int add_extent(struct memory *m, struct extent extent)
{
	if (extent.start >= extent.end)
		return 0;
	if (m->n_extents == m->room) {
		size_t room = m->room ? 2 * m->room : 16;
		struct extent *more;

		if (room > EXTENTS_MAX)
			return -EFBIG;
		more = reallocarray(m->extents, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		m->extents = more;
		m->room = room;
	}
	m->extents[m->n_extents++] = extent;
	return 0;
}

/* The first extent that ends behind ADDRESS. */
static size_t extent_behind(const struct memory *m, uint64_t address)
{
	size_t low = 0, high = m->n_extents;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->extents[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What FROM has of START to END, to which SHIFT is added. */
static int add_part(struct memory *m, const struct memory *from, uint64_t start, uint64_t end,
		    uint64_t shift)
{
	for (size_t i = extent_behind(from, start); i < from->n_extents; i++) {
		struct extent e = from->extents[i];
		int r;

		if (e.start >= end)
			break;
		if (e.start < start) {
			e.offset += start - e.start;
			e.start = start;
		}
		if (e.end > end)
			e.end = end;
		e.start += shift;
		e.end += shift;
		r = add_extent(m, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_entry(struct memory *m, const struct memory *parent, struct message entry,
		     struct extent *at)
{
	uint64_t old = message_number(entry, "in_parent", 0) ? IN_PARENT : PRESENT;
	uint64_t flags = message_number(entry, "flags", old);
	uint64_t size = message_number(entry, "nr_pages", 0) * FOLDER_PAGE;
	uint64_t start = message_number(entry, "vaddr", 0);
	int r = 0;

	/* Not in order, or beyond all addresses: it is not what the engine writes. */
	if (start < at->end || start + size < start)
		return -EBADMSG;
	at->start = start;
	at->end = start + size;
	if (flags & IN_PARENT)
		r = add_part(m, parent, at->start, at->end, 0);
	else if (flags & PRESENT) {
		r = add_extent(m, *at);
		at->offset += size;
	}
	return r;
}

/* The extents of the image NAME, on this LEVEL of the folder, from its parents on. */
static int load_extents(const struct folder *folder, const char *name, size_t level,
			struct memory *ret)
{
	struct memory parent = {0};
	struct img image;
	int r;

	if (level == folder->n_dirs || img_read(folder->dirs[level], name, &image, NULL) < 0)
		return 0;
	r = load_extents(folder, name, level + 1, &parent);
	if (image.n && image.entries[0].message.type != image.type->rest) {
		struct extent at = {
			.pages = (uint32_t)message_number(image.entries[0].message, "pages_id", 0),
			.level = (uint32_t)level,
		};

		for (size_t i = 1; i < image.n && r == 0; i++)
			r = add_entry(ret, &parent, image.entries[i].message, &at);
	}
	memory_done(&parent);
	img_done(&image);
	return r == -EBADMSG ? 0 : r;
}

/* Shared memory has images of its own, by offset. The last one is kept: its mappings may be many.
 */
struct shared {
	uint64_t id;
	bool loaded;
	struct memory memory;
};

static int load_shared(const struct folder *folder, uint64_t id, struct shared *shared)
{
	char name[64];

	if (shared->loaded && shared->id == id)
		return 0;
	memory_done(&shared->memory);
	*shared = (struct shared){.id = id, .loaded = true};
	snprintf(name, sizeof(name), "pagemap-shmem-%u.img", (uint32_t)id);
	return load_extents(folder, name, 0, &shared->memory);
}

/* Has this mapping its pages in an image of shared memory? Its number then. */
static bool is_shared(const struct folder *folder, struct message vma, uint64_t *ret)
{
	uint64_t status = message_number(vma, "status", 0), id = message_number(vma, "shmid", 0);

	*ret = id;
	if (status & AREA_ANON_SHARED)
		return true;
	if (!(status & AREA_MEMFD) || !(status & AREA_FILE_SHARED))
		return false;
	*ret = message_number(folder_memfd(folder, (uint32_t)id), "shmid", 0);
	return true;
}

static int add_segment(const struct folder *folder, struct memory *m, const struct memory *own,
		       struct shared *shared, struct message vma)
{
	struct segment *s = &m->segments[m->n_segments];
	uint64_t offset = message_number(vma, "pgoff", 0), id;
	int r;

	*s = (struct segment){.start = message_number(vma, "start", 0),
			      .end = message_number(vma, "end", 0),
			      .vma = vma,
			      .first = m->n_extents};
	if (s->start >= s->end || (m->n_segments && s->start < s[-1].end))
		return -EBADMSG;
	m->n_segments++;
	if (is_shared(folder, vma, &id)) {
		r = load_shared(folder, id, shared);
		if (r == 0 && offset + (s->end - s->start) >= offset)
			r = add_part(m, &shared->memory, offset, offset + (s->end - s->start),
				     s->start - offset);
	} else
		r = add_part(m, own, s->start, s->end, 0);
	s->n = m->n_extents - s->first;
	return r;
}

/* There are no more of them than extents. */
static int make_runs(struct memory *m)
{
	m->runs = reallocarray(NULL, m->n_extents + 1, sizeof(*m->runs));
	if (!m->runs)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_segments; i++) {
		const struct segment *s = &m->segments[i];

		for (size_t e = s->first; e < s->first + s->n; e++) {
			struct run *last = m->n_runs ? &m->runs[m->n_runs - 1] : NULL;

			if (last && last->segment == i && last->end == m->extents[e].start)
				last->end = m->extents[e].end;
			else
				m->runs[m->n_runs++] =
					(struct run){m->extents[e].start, m->extents[e].end, i};
		}
	}
	return 0;
}

static size_t count_segments(struct message mm)
{
	struct cursor c = message_each(mm);
	struct value value;
	size_t n = 0;

	while (message_take(&c, "vmas", &value))
		n++;
	return n;
}

int memory_load(const struct folder *folder, uint32_t pid, struct message mm, struct memory *ret)
{
	struct cursor c = message_each(mm);
	struct memory m = {0}, own = {0};
	struct shared shared = {0};
	struct value vma;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "pagemap-%u.img", pid);
	r = load_extents(folder, name, 0, &own);
	m.segments = reallocarray(NULL, count_segments(mm) + 1, sizeof(*m.segments));
	if (!m.segments)
		r = -ENOMEM;
	while (r == 0 && message_take(&c, "vmas", &vma))
		r = add_segment(folder, &m, &own, &shared, value_message(&vma));
	if (r == 0 || r == -EBADMSG)
		r = make_runs(&m);
	memory_done(&own);
	memory_done(&shared.memory);
	if (r < 0) {
		memory_done(&m);
		return r;
	}
	*ret = m;
	return 0;
}

void memory_done(struct memory *m)
{
	free(m->extents);
	free(m->segments);
	free(m->runs);
	*m = (struct memory){0};
}

static int read_extent(const struct folder *folder, const struct extent *e, uint64_t address,
		       uint8_t *buf, size_t size)
{
	char name[32];
	cleanup_close int fd = -1;

	snprintf(name, sizeof(name), "pages-%u.img", e->pages);
	fd = img_open(folder->dirs[e->level], name, NULL);
	for (size_t done = 0; done < size;) {
		ssize_t n = fd < 0 ? 0
				   : pread(fd, buf + done, size - done,
					   (off_t)(e->offset + (address - e->start) + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

int memory_read(const struct folder *folder, const struct memory *m, uint64_t address, void *buf,
		size_t size)
{
	uint8_t *to = buf;

	for (size_t i = extent_behind(m, address); size; i++) {
		size_t n;

		if (i == m->n_extents || m->extents[i].start > address)
			return -EIO;
		n = m->extents[i].end - address < size ? (size_t)(m->extents[i].end - address)
						       : size;
		if (read_extent(folder, &m->extents[i], address, to, n) < 0)
			return -EIO;
		address += n;
		to += n;
		size -= n;
	}
	return 0;
}

const struct run *memory_run_behind(const struct memory *m, uint64_t address)
{
	size_t low = 0, high = m->n_runs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->runs[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->n_runs ? &m->runs[low] : NULL;
}
