// SPDX-License-Identifier: LGPL-2.1-or-later
/* From images to a tree of files; see tree.h. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>

#include "util.h"

/* Files of each kind of directory. */
struct row {
	const char *name;
	enum node_kind kind;
	text_fn *text;
	read_fn *read;
	size_fn *size;
};

static const struct row top_rows[] = {
	{"af_inet_listening", NODE_TEXT, .text = text_listening},
	{"af_inet_orphan_count", NODE_TEXT, .text = text_orphan_count},
	{"af_inet_orphan_data", NODE_TEXT, .text = text_orphan_data},
	{"af_inet_orphan_info", NODE_TEXT, .text = text_orphan_info},
	{"sysv.msq", NODE_TEXT, .text = text_msg},
	{"sysv.sem", NODE_TEXT, .text = text_sem},
	{"sysv.shm", NODE_TEXT, .text = text_shm},
};

static const struct row process_rows[] = {
	{"process", NODE_TEXT, .text = text_process},
	{"comm", NODE_TEXT, .text = text_comm},
	{"attr", NODE_TEXT, .text = text_status},
	{"signal.action", NODE_TEXT, .text = text_action},
	{"signal.pending", NODE_TEXT, .text = text_pending},
	{"thread.list", NODE_TEXT, .text = text_threads},
	{"timers", NODE_TEXT, .text = text_timers},
	{"timers.armed", NODE_TEXT, .text = text_armed},
	{"limits", NODE_TEXT, .text = text_limits},
};

/* Of processes that have memory. */
static const struct row memory_rows[] = {
	{"mem.segments", NODE_TEXT, .text = text_maps},
	{"aio", NODE_TEXT, .text = text_aio},
	{"sysv.shmcount", NODE_TEXT, .text = text_shmcount},
	{"exe", NODE_LINK, .text = text_exe},
	{"cmdline", NODE_DATA, .read = read_cmdline, .size = size_cmdline},
	{"environ", NODE_DATA, .read = read_environ, .size = size_environ},
	{"auxv", NODE_DATA, .read = read_auxv, .size = size_auxv},
};

static const struct row fs_rows[] = {
	{"cwd", NODE_LINK, .text = text_cwd},
	{"root", NODE_LINK, .text = text_root},
};

static const struct row dump_rows[] = {
	{"core", NODE_DATA, .read = read_dump, .size = size_dump},
};

static const struct row thread_rows[] = {
	{"attr", NODE_TEXT, .text = text_status},
	{"signal", NODE_TEXT, .text = text_signal},
	{"signal.altstack", NODE_TEXT, .text = text_altstack},
	{"signal.pending", NODE_TEXT, .text = text_thread_pending},
	{"thread", NODE_TEXT, .text = text_thread},
	{"thread.frame", NODE_TEXT, .text = text_frame},
	{"thread.fpu", NODE_TEXT, .text = text_fpu},
	{"timers", NODE_LINK, .text = text_timers_link},
	{"tls", NODE_TEXT, .text = text_tls},
	{"wait.zombies", NODE_TEXT, .text = text_zombies},
};

/* ---- growing it ---- */

static bool register_node(struct tree *tree, struct node *node)
{
	if (tree->n_nodes == tree->room) {
		size_t room = tree->room ? 2 * tree->room : 256;
		struct node **more = reallocarray(tree->nodes, room, sizeof(*more));

		if (!more)
			return false;
		tree->nodes = more;
		tree->room = room;
	}
	tree->nodes[tree->n_nodes++] = node;
	node->number = tree->n_nodes;
	return true;
}

/* A node below PARENT, which it takes folder and process from. NULL: no memory, nothing is left. */
__attribute__((format(printf, 4, 5))) static struct node *
add(struct tree *tree, struct node *parent, enum node_kind kind, const char *format, ...)
{
	struct node *node = calloc(1, sizeof(*node));
	va_list ap;
	int n;

	if (!node)
		return NULL;
	va_start(ap, format);
	n = vasprintf(&node->name, format, ap);
	va_end(ap);
	if (n < 0 || !register_node(tree, node)) {
		if (n >= 0)
			free(node->name);
		free(node);
		return NULL;
	}
	node->kind = kind;
	node->parent = parent;
	if (!parent)
		return node;
	node->folder = parent->folder;
	node->process = parent->process;
	node->message = parent->message;
	node->id = parent->id;
	if (parent->last)
		parent->last->next = node;
	else
		parent->children = node;
	parent->last = node;
	return node;
}

static int add_rows(struct tree *tree, struct node *parent, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct node *node = add(tree, parent, rows[i].kind, "%s", rows[i].name);

		if (!node)
			return -ENOMEM;
		node->text = rows[i].text;
		node->read = rows[i].read;
		node->size = rows[i].size;
	}
	return 0;
}
#define ADD_ROWS(tree, parent, rows) add_rows(tree, parent, rows, ARRAY_SIZE(rows))

struct node *tree_child(const struct node *node, const char *name)
{
	for (struct node *child = node->children; child; child = child->next)
		if (streq(child->name, name))
			return child;
	return NULL;
}

/* ---- what a process has ---- */

static int add_memory(struct tree *tree, struct node *directory)
{
	const struct memory *memory = &directory->process->memory;
	struct node *mem = add(tree, directory, NODE_DIRECTORY, "mem");

	for (size_t i = 0; mem && i < memory->n_runs; i++) {
		struct node *run = add(tree, mem, NODE_DATA, "0x%" PRIx64, memory->runs[i].start);

		if (!run)
			return -ENOMEM;
		run->id = memory->runs[i].start;
		run->read = read_memory;
		run->size = size_memory;
	}
	return mem ? ADD_ROWS(tree, directory, memory_rows) : -ENOMEM;
}

static int add_descriptors(struct tree *tree, struct node *directory)
{
	const struct process *p = directory->process;
	const struct img *image = folder_find(p->folder, "fdinfo-%u.img",
					      (uint32_t)message_number(p->ids, "files_id", 0));
	struct node *fds, *info;

	if (!p->ids.type || !image)
		return 0;
	fds = add(tree, directory, NODE_DIRECTORY, "fds");
	info = add(tree, directory, NODE_DIRECTORY, "fdinfo");
	for (size_t i = 0; i < image->n && fds && info; i++) {
		uint64_t fd = message_number(image->entries[i].message, "fd", 0);
		struct node *link = add(tree, fds, NODE_LINK, "%" PRIu64, fd);
		struct node *text = add(tree, info, NODE_TEXT, "%" PRIu64, fd);

		if (!link || !text)
			return -ENOMEM;
		link->text = text_fd;
		text->text = text_fdinfo;
		text->message = image->entries[i].message;
		link->id = text->id = message_number(image->entries[i].message, "id", 0);
	}
	return fds && info ? 0 : -ENOMEM;
}

static int add_threads(struct tree *tree, struct node *directory)
{
	struct cursor c = message_each(directory->process->entry);
	struct value value;

	while (message_take(&c, "threads", &value)) {
		uint32_t tid = (uint32_t)value.integer;
		struct message core = folder_first(directory->folder, "core-%u.img", tid);
		struct node *thread;

		if (!core.type)
			continue;
		thread = add(tree, directory, NODE_DIRECTORY, "0x%08x", tid);
		if (!thread)
			return -ENOMEM;
		thread->id = tid;
		thread->message = core;
		if (ADD_ROWS(tree, thread, thread_rows) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int fill_process(struct tree *tree, struct node *directory)
{
	const struct process *p = directory->process;
	int r = ADD_ROWS(tree, directory, process_rows);

	if (r == 0 && p->mm.type)
		r = add_memory(tree, directory);
	if (r == 0 && p->fs.type)
		r = ADD_ROWS(tree, directory, fs_rows);
	if (r == 0 && dump_possible(p))
		r = ADD_ROWS(tree, directory, dump_rows);
	if (r == 0)
		r = add_descriptors(tree, directory);
	return r < 0 ? r : add_threads(tree, directory);
}

static struct process *new_process(struct tree *tree, const struct folder *folder,
				   struct message entry)
{
	uint32_t pid = (uint32_t)message_number(entry, "pid", 0);
	struct process **more = reallocarray(tree->processes, tree->n_processes + 1, sizeof(*more));
	struct process *process = calloc(1, sizeof(*process));

	if (more)
		tree->processes = more;
	if (!more || !process) {
		free(process);
		return NULL;
	}
	tree->processes[tree->n_processes++] = process;
	*process = (struct process){
		.folder = folder,
		.pid = pid,
		.ppid = (uint32_t)message_number(entry, "ppid", 0),
		.entry = entry,
		.core = folder_first(folder, "core-%u.img", pid),
		.mm = folder_first(folder, "mm-%u.img", pid),
		.ids = folder_first(folder, "ids-%u.img", pid),
		.fs = folder_first(folder, "fs-%u.img", pid),
	};
	return process;
}

static int add_process(struct tree *tree, struct node *top, struct message entry)
{
	struct process *process = new_process(tree, top->folder, entry);
	struct node *directory;
	int r;

	if (!process)
		return -ENOMEM;
	r = memory_load(process->folder, process->pid, process->mm, &process->memory);
	if (r < 0)
		return r;
	directory = add(tree, top, NODE_DIRECTORY, "0x%08x", process->pid);
	if (!directory)
		return -ENOMEM;
	directory->process = process;
	directory->id = process->pid;
	directory->message = process->core;
	return fill_process(tree, directory);
}

/* ---- the whole ---- */

static int add_files(struct tree *tree, struct node *top)
{
	const struct img *image = folder_find(top->folder, "files.img");
	struct node *files = add(tree, top, NODE_DIRECTORY, "files");
	struct node *stdios = files ? add(tree, files, NODE_TEXT, "stdios") : NULL;

	if (!stdios)
		return -ENOMEM;
	stdios->text = text_stdios;
	for (size_t i = 0; image && i < image->n; i++) {
		struct node *file = add(tree, files, NODE_TEXT, "%" PRIu64,
					message_number(image->entries[i].message, "id", 0));

		if (!file)
			return -ENOMEM;
		file->text = text_file;
		file->message = image->entries[i].message;
	}
	return 0;
}

static int add_images(struct tree *tree, struct node *top)
{
	struct node *images = add(tree, top, NODE_DIRECTORY, "images");

	for (size_t i = 0; images && i < top->folder->n; i++) {
		struct node *image =
			add(tree, images, NODE_TEXT, "%s", top->folder->images[i].name);

		if (!image)
			return -ENOMEM;
		image->text = text_image;
		image->id = i;
	}
	return images ? 0 : -ENOMEM;
}

static int fill_folder(struct tree *tree, struct node *top)
{
	const struct img *all = folder_find(top->folder, "pstree.img");
	int r = ADD_ROWS(tree, top, top_rows);

	if (r == 0)
		r = add_files(tree, top);
	if (r == 0)
		r = add_images(tree, top);
	for (size_t i = 0; i < all->n && r == 0; i++)
		r = add_process(tree, top, all->entries[i].message);
	return r;
}

static int add_folder(struct tree *tree, const char *path, struct rbce_error *err)
{
	struct folder *more = reallocarray(tree->folders, tree->n_folders + 1, sizeof(*more));
	int r;

	if (!more)
		return rbce_error_errno(err, -ENOMEM, "cannot open '%s'", path);
	tree->folders = more;
	r = folder_open(path, &tree->folders[tree->n_folders], err);
	if (r == 0)
		tree->n_folders++;
	return r;
}

/* The directories below PATH that have a process tree each. */
static int add_folders_below(struct tree *tree, const char *path, struct rbce_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		cleanup_free char *below = NULL, *image = NULL;

		if (r == 0 && entries[i]->d_name[0] != '.' && entries[i]->d_type == DT_DIR) {
			if (asprintf(&below, "%s/%s", path, entries[i]->d_name) < 0 ||
			    asprintf(&image, "%s/pstree.img", below) < 0)
				r = -ENOMEM;
			else if (access(image, F_OK) == 0)
				r = add_folder(tree, below, err);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int fill(struct tree *tree, struct node *root, bool several)
{
	int r = 0;

	for (size_t i = 0; i < tree->n_folders && r == 0; i++) {
		struct node *top = root;

		if (several)
			top = add(tree, root, NODE_DIRECTORY, "%s", tree->folders[i].name);
		if (!top)
			return -ENOMEM;
		top->folder = &tree->folders[i];
		r = fill_folder(tree, top);
	}
	if (r == 0 && tree->manifest.size) {
		struct node *manifest = add(tree, root, NODE_TEXT, "manifest");

		if (!manifest)
			return -ENOMEM;
		manifest->text = text_manifest;
		manifest->message.bytes = (struct bytes){tree->manifest.data, tree->manifest.size};
	}
	return r;
}

static int open_folders(struct tree *tree, const char *path, bool *ret_several,
			struct rbce_error *err)
{
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return rbce_error_errno(err, -errno, "cannot open '%s'", path);
	img_read(dir, "manifest", &tree->manifest, NULL);
	if (faccessat(dir, "pstree.img", F_OK, 0) < 0) {
		r = add_folders_below(tree, path, err);
		*ret_several = tree->n_folders;
		if (r < 0 || tree->n_folders)
			return r;
	}
	return add_folder(tree, path, err);
}

int tree_open(const char *path, struct tree *ret, struct rbce_error *err)
{
	struct tree tree = {0};
	struct node *root = add(&tree, NULL, NODE_DIRECTORY, "/");
	bool several = false;
	int r = root ? open_folders(&tree, path, &several, err)
		     : rbce_error_errno(err, -ENOMEM, "cannot open '%s'", path);

	if (r == 0) {
		r = fill(&tree, root, several);
		if (r < 0)
			rbce_error_errno(err, r, "cannot show '%s'", path);
	}
	if (r < 0) {
		tree_close(&tree);
		return r;
	}
	*ret = tree;
	return 0;
}

void tree_close(struct tree *tree)
{
	for (size_t i = 0; i < tree->n_nodes; i++) {
		free(tree->nodes[i]->name);
		free(tree->nodes[i]);
	}
	for (size_t i = 0; i < tree->n_processes; i++) {
		memory_done(&tree->processes[i]->memory);
		dump_free(tree->processes[i]->dump);
		free(tree->processes[i]);
	}
	for (size_t i = 0; i < tree->n_folders; i++)
		folder_close(&tree->folders[i]);
	img_done(&tree->manifest);
	free(tree->nodes);
	free(tree->processes);
	free(tree->folders);
	*tree = (struct tree){0};
}

/* ---- reading ---- */

int node_text(const struct node *node, char **ret, size_t *ret_size)
{
	FILE *out = open_memstream(ret, ret_size);

	if (!out)
		return -ENOMEM;
	node->text(out, node);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

int64_t node_size(const struct node *node)
{
	char *text;
	size_t size;

	switch (node->kind) {
	case NODE_DIRECTORY:
		return 0;
	case NODE_DATA:
		return (int64_t)node->size(node);
	case NODE_TEXT:
	case NODE_LINK:
		if (node_text(node, &text, &size) < 0)
			return -ENOMEM;
		free(text);
		return (int64_t)size;
	}
	return 0;
}

/* From ADDRESS on, SIZE bytes of LENGTH less OFFSET. */
static ssize_t read_part(const struct node *node, uint64_t address, uint64_t length,
			 uint64_t offset, void *buf, size_t size)
{
	if (offset >= length)
		return 0;
	if (size > length - offset)
		size = (size_t)(length - offset);
	if (memory_read(node->folder, &node->process->memory, address + offset, buf, size) < 0)
		return -EIO;
	return (ssize_t)size;
}

/* How much of the memory from the field START to the field END is there. */
static uint64_t size_between(const struct node *node, const char *start, const char *end)
{
	uint64_t begin = message_number(node->process->mm, start, 0);
	uint64_t last = message_number(node->process->mm, end, 0);
	const struct run *run = memory_run_behind(&node->process->memory, begin);

	if (!run || run->start > begin || last < begin)
		return 0;
	return (last < run->end ? last : run->end) - begin;
}

uint64_t size_memory(const struct node *node)
{
	return memory_run_behind(&node->process->memory, node->id)->end - node->id;
}

ssize_t read_memory(const struct node *node, uint64_t offset, void *buf, size_t size)
{
	return read_part(node, node->id, size_memory(node), offset, buf, size);
}

uint64_t size_cmdline(const struct node *node)
{
	return size_between(node, "mm_arg_start", "mm_arg_end");
}

ssize_t read_cmdline(const struct node *node, uint64_t offset, void *buf, size_t size)
{
	return read_part(node, message_number(node->process->mm, "mm_arg_start", 0),
			 size_cmdline(node), offset, buf, size);
}

uint64_t size_environ(const struct node *node)
{
	return size_between(node, "mm_env_start", "mm_env_end");
}

ssize_t read_environ(const struct node *node, uint64_t offset, void *buf, size_t size)
{
	return read_part(node, message_number(node->process->mm, "mm_env_start", 0),
			 size_environ(node), offset, buf, size);
}

uint64_t size_auxv(const struct node *node)
{
	struct cursor c = message_each(node->process->mm);
	struct value value;
	uint64_t size = 0;

	while (message_take(&c, "mm_saved_auxv", &value))
		size += sizeof(value.integer);
	return size;
}

ssize_t read_auxv(const struct node *node, uint64_t offset, void *buf, size_t size)
{
	struct cursor c = message_each(node->process->mm);
	struct value value;
	uint8_t *to = buf;

	/* Byte by byte: a reader may begin and end anywhere. */
	for (uint64_t at = 0; message_take(&c, "mm_saved_auxv", &value);
	     at += sizeof(value.integer))
		for (size_t i = 0; i < sizeof(value.integer); i++)
			if (at + i >= offset && at + i - offset < size)
				*to++ = (uint8_t)(value.integer >> 8 * i);
	return to - (uint8_t *)buf;
}
