// SPDX-License-Identifier: GPL-2.0-or-later
/* Paths of programs by device and inode; see programs.h. */
#include "programs.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <uthash.h>

#include "util.h"

/* Beyond so many all are forgotten, and learned anew. */
enum { PROGRAMS_MAX = 16384 };

/* A path is looked at again after so long; one that is not known is looked for again. */
#define TRUST_USEC   UINT64_C(60000000)
#define UNKNOWN_USEC UINT64_C(1000000)

static const char *const folders[] = {"/usr/bin", "/usr/sbin",    "/usr/local/bin",
				      "/bin",     "/usr/libexec", "/usr/local/sbin"};

struct file {
	uint64_t device, inode;
};

struct program {
	struct file file;
	uint64_t checked; /* 0: not since it was learned */
	char *path;       /* NULL: nobody knows */
	UT_hash_handle hh;
};

struct programs {
	int proc;
	struct program *known;
};

struct programs *programs_new(int proc)
{
	struct programs *p = calloc(1, sizeof(*p));

	if (p)
		p->proc = proc;
	return p;
}

static void forget_all(struct programs *p)
{
	struct program *program, *next;

	HASH_ITER (hh, p->known, program, next) {
		HASH_DEL(p->known, program);
		free(program->path);
		free(program);
	}
}

struct programs *programs_free(struct programs *p)
{
	if (p)
		forget_all(p);
	free(p);
	return NULL;
}

static bool is_file(const char *path, const struct file *file)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode;
}

/* The entry of FILE, made where there is none; NULL when out of memory. */
static struct program *entry_of(struct programs *p, const struct file *file)
{
	struct program *program;

	HASH_FIND(hh, p->known, file, sizeof(*file), program);
	if (program)
		return program;
	program = calloc(1, sizeof(*program));
	if (program) {
		program->file = *file;
		HASH_ADD(hh, p->known, file, sizeof(program->file), program);
	}
	return program;
}

static void set_path(struct program *program, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return;
	free(program->path);
	program->path = copy;
}

static void make_room(struct programs *p)
{
	if (HASH_COUNT(p->known) >= PROGRAMS_MAX)
		forget_all(p);
}

static void learn(struct programs *p, const char *path)
{
	struct program *program;
	struct file file;
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	file = (struct file){st.st_dev, st.st_ino};
	program = entry_of(p, &file);
	if (program && !program->path)
		set_path(program, path);
}

static void learn_task(struct programs *p, pid_t pid)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "proc/%d/exe", (int)pid);
	n = readlinkat(p->proc, link, path, sizeof(path) - 1);
	if (n <= 0)
		return;
	path[n] = '\0';
	learn(p, path);
}

void programs_learn(struct programs *p, const char *path)
{
	make_room(p);
	learn(p, path);
}

void programs_learn_task(struct programs *p, pid_t pid)
{
	make_room(p);
	learn_task(p, pid);
}

/* Where programs are, under the task's name, which the kernel cuts at 15 bytes. */
static void search(struct program *program, const char *comm)
{
	char path[PATH_MAX];

	if (!*comm || strchr(comm, '/'))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], comm);
		if (is_file(path, &program->file)) {
			set_path(program, path);
			return;
		}
	}
}

const char *programs_find(struct programs *p, uint64_t device, uint64_t inode, const char *comm,
			  pid_t pid, uint64_t now)
{
	struct file file = {device, inode};
	struct program *program;

	make_room(p);
	program = inode ? entry_of(p, &file) : NULL;
	if (!program)
		return "";
	if (program->checked &&
	    now - program->checked < (program->path ? TRUST_USEC : UNKNOWN_USEC))
		return program->path ?: "";
	if (program->path && !is_file(program->path, &file)) {
		free(program->path);
		program->path = NULL;
	}
	program->checked = now;
	/* A task that ends may have it for a moment longer. */
	if (!program->path)
		learn_task(p, pid);
	if (!program->path)
		search(program, comm);
	return program->path ?: "";
}
