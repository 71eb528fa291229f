// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A directory of images as a file system: every file of it is read. The input is the images, one
 * after the other: which of the names below, its size in two bytes, what it has.
 */
#include <core/crfs/tree.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	"pstree.img",      "core-87.img",     "mm-87.img",           "pagemap-87.img",
	"ids-87.img",      "fs-87.img",       "fdinfo-2.img",        "files.img",
	"core-92.img",     "memfd.img",       "pagemap-shmem-2.img", "ipcns-shm-9.img",
	"ipcns-sem-9.img", "ipcns-msg-9.img", "remap-fpath.img",     "pages-1.img",
};
enum { NAMES = sizeof(names) / sizeof(names[0]), MOST = 1 << 22 };

static char path[] = "/tmp/rbce-fuzz-crfs-XXXXXX";
static int dir = -1;

static void empty(void)
{
	for (int i = 0; i < NAMES; i++)
		unlinkat(dir, names[i], 0);
}

static void leave(void)
{
	empty();
	rmdir(path);
}

static void write_image(const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void write_images(const uint8_t *data, size_t size)
{
	empty();
	while (size >= 3) {
		const char *name = names[data[0] % NAMES];
		size_t n = (size_t)data[1] | (size_t)data[2] << 8;

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		write_image(name, data, n);
		data += n;
		size -= n;
	}
}

/* A core file may be as large as its addresses say: not all of it is read. */
static void read_data(const struct node *node)
{
	static uint8_t buf[65536];
	uint64_t size = (uint64_t)node_size(node);

	for (uint64_t at = 0; at < size && at < MOST;) {
		ssize_t n = node->read(node, at, buf, sizeof(buf));

		if (n > (ssize_t)sizeof(buf) || (n > 0 && at + (uint64_t)n > size))
			abort();
		if (n <= 0)
			break;
		at += (uint64_t)n;
	}
	if (node->read(node, size, buf, sizeof(buf)) > 0)
		abort();
}

static void read_node(const struct node *node)
{
	char *text = NULL;
	size_t size;

	if (node->kind == NODE_DATA)
		read_data(node);
	else if (node->kind != NODE_DIRECTORY && node_text(node, &text, &size) == 0)
		free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbce_error err;
	struct tree tree;

	if (dir < 0) {
		if (!mkdtemp(path) || atexit(leave) != 0)
			abort();
		dir = open(path, O_RDONLY | O_DIRECTORY);
	}
	write_images(data, size);
	if (tree_open(path, &tree, &err) == 0) {
		for (size_t i = 0; i < tree.n_nodes; i++)
			read_node(tree.nodes[i]);
		tree_close(&tree);
	} else if (!*err.message || err.code >= 0)
		abort();
	return 0;
}
