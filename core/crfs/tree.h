/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree that a checkpoint is shown as. Internal. */
#ifndef CORE_CRFS_TREE_H
#define CORE_CRFS_TREE_H

#include <sys/types.h>

#include "memory.h"

enum node_kind {
	NODE_DIRECTORY,
	NODE_TEXT, /* written anew for each reader */
	NODE_LINK, /* its text is where it leads */
	NODE_DATA, /* read in parts */
};

/* A process of the image. What it does not have is a message without a type. */
struct process {
	const struct folder *folder;
	uint32_t pid, ppid;
	struct message entry; /* of the process tree */
	struct message core, mm, ids, fs;
	struct memory memory;
	struct dump *dump; /* the core file, once it is asked for; owned */
};

struct node;
typedef void text_fn(FILE *out, const struct node *node);
/* SIZE bytes from OFFSET on, fewer at the end; -errno. The size of all of it. */
typedef ssize_t read_fn(const struct node *node, uint64_t offset, void *buf, size_t size);
typedef uint64_t size_fn(const struct node *node);

struct node {
	char *name;
	enum node_kind kind;
	struct node *parent, *children, *last, *next;
	size_t number; /* among all nodes of the tree, the root is 1 */

	const struct folder *folder;
	struct process *process; /* that it is of, or NULL */
	struct message message;  /* what it shows */
	uint64_t id;             /* of a thread, a descriptor, a file; or where it begins */
	text_fn *text;
	read_fn *read;
	size_fn *size;
};

struct tree {
	struct folder *folders;
	size_t n_folders;
	struct process **processes;
	size_t n_processes;
	struct img manifest; /* of the checkpoint, empty where it has none */
	struct node **nodes; /* by number less one */
	size_t n_nodes, room;
};

/* The image PATH, or the images in it where a checkpoint has several. */
int tree_open(const char *path, struct tree *ret, struct rbce_error *err);
void tree_close(struct tree *tree);

struct node *tree_child(const struct node *node, const char *name);

/* The text of a node, to be freed; 0 or -ENOMEM. */
int node_text(const struct node *node, char **ret, size_t *ret_size);

/* How large the file is, SIZE bytes of it; -errno. */
int64_t node_size(const struct node *node);

/* ---- what the files have; proc.c, sysv.c: as in /proc ---- */
text_fn text_status, text_signal, text_limits, text_maps, text_timers, text_fdinfo, text_comm;
text_fn text_shm, text_sem, text_msg, text_shmcount;
/* text.c: what /proc does not have */
text_fn text_pending, text_thread_pending, text_action, text_thread, text_frame, text_fpu, text_tls,
	text_altstack, text_armed, text_process, text_threads, text_zombies, text_aio, text_image,
	text_file, text_stdios, text_listening, text_orphan_count, text_orphan_info,
	text_orphan_data, text_manifest;
/* links */
text_fn text_exe, text_cwd, text_root, text_fd, text_timers_link;

read_fn read_memory, read_cmdline, read_environ, read_auxv, read_dump;
size_fn size_memory, size_cmdline, size_environ, size_auxv, size_dump;

/* ---- elf.c ---- */
bool dump_possible(const struct process *process);
void dump_free(struct dump *dump);

/* The signal of the in `sigactions`, which leave out the two that nobody catches, is of. */
int action_signal(size_t place);

/* How often a segment of System V's is mapped. */
size_t count_attached(const struct folder *folder, uint64_t id);

/* The signals that are in a message with a queue of them, as a mask. */
uint64_t pending_mask(struct message queue);

#endif
