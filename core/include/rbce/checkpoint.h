/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint and restart of a container, by CRIU (criu.org) as the engine.
 *
 * An image is a directory: the engine's files (*.img) and a file `manifest` that says what they
 * are. It is made under a name of its own beside and gets its name when it is complete and on the
 * disk, so what has the name is whole.
 *
 * The manifest is text, one record a line, "KEYWORD VALUE"; in a value a backslash and control
 * characters are written as \xHH. In this order:
 *
 *   rbce-checkpoint 1                  the first line: the layout's version
 *   container users/alice              its name, and the root group of it
 *   root rbce
 *   taken 2007-09-03T09:00:00Z         when
 *   clock monotonic 5021.123456789     the container's clocks then, in seconds
 *   clock boottime 5021.123456789
 *   engine criu 3.17.1
 *   kernel 6.12.0 x86_64
 *   cpu fpu vme de pse ...             what the processor could do
 *   option tcp-established             what was asked for, without the dashes
 *   group .                            the containers it has: itself, then those below
 *   group sub
 *   limit . memory.max 64M             a key of such a container, as rule files have it
 *   rule . {...}                       the rule that placed it, as `rbcectl explain --json` tells
 *   stat memory.current 1048576        files of its group: counters so far
 *   namespace time own                 of each kind: own, or the host's
 *   address 10.0.0.5                  of the host's, where sockets of it stand
 *   process 812 1 . counter            pid, parent, container of those above, name
 *   tree 812 .                         a tree of processes, by its first, and the directory, in
 *                                      the image, of its files
 *   round pre-1 8388608                memory that was copied ahead: directory in the image, bytes
 *   parent ../before                   the image that unchanged memory is in, if any
 *   file core-812.img 2063 xxh3:...    each file: name, bytes, digest
 *   end xxh3:...                       the digest of all above
 */
#ifndef RBCE_CHECKPOINT_H
#define RBCE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rbce/container.h>
#include <rbce/error.h>

/* ---- the manifest: records in the order they were added ---- */

struct rbce_manifest;

/* NULL: out of memory. Release with rbce_manifest_free(), which takes NULL and returns NULL. */
struct rbce_manifest *rbce_manifest_new(void);
struct rbce_manifest *rbce_manifest_free(struct rbce_manifest *m);

/* Adds a record. 0, -ENOMEM; -EINVAL for a keyword that is no word. */
__attribute__((format(printf, 3, 4))) int
rbce_manifest_add(struct rbce_manifest *m, const char *keyword, const char *format, ...);

/* The value of the first record with KEYWORD; of those from *I on, which moves. NULL: none. */
const char *rbce_manifest_get(const struct rbce_manifest *m, const char *keyword);
const char *rbce_manifest_next(const struct rbce_manifest *m, const char *keyword, size_t *i);

/* The N-th record, from 0 until NULL; *RET_VALUE is borrowed too. */
const char *rbce_manifest_at(const struct rbce_manifest *m, size_t n, const char **ret_value);

/*
 * From and to text. Of a text that is cut off or changed, or of another version, -EBADMSG or
 * -EPROTONOSUPPORT with what is wrong; NAME is for the message.
 */
int rbce_manifest_parse(const char *text, const char *name, struct rbce_manifest **ret,
			struct rbce_error *err);
int rbce_manifest_text(const struct rbce_manifest *m, char **ret, size_t *ret_size);

/* That of the image DIR. */
int rbce_manifest_read(const char *dir, struct rbce_manifest **ret, struct rbce_error *err);

/*
 * Are all files of the image DIR there, as they were written, and those of the images that it
 * continues? -EBADMSG with the first that is not.
 */
int rbce_checkpoint_verify(const char *dir, struct rbce_error *err);

/* ---- the way that an image goes ---- */

/*
 * What takes the files of an image, each as soon as it is complete: those of memory that is copied
 * ahead while the container runs, MANIFEST last. FINISH is called when all was given, and fails
 * where it may not have arrived. FOLLOW is for RBCE_CHECKPOINT_POST_COPY alone, NULL without: after
 * FINISH, in a thread of its own, it carries what comes at SOCKET to rbce_restore_memory() and what
 * comes from there back, and returns when all memory is there, or why it is not.
 */
struct rbce_sink {
	int (*put)(void *data, const char *name, int fd, struct rbce_error *err);
	int (*finish)(void *data, struct rbce_error *err);
	int (*follow)(void *data, int socket, struct rbce_error *err);
	void *data;
};

/* Bytes to and from another place. WRITE takes all or fails; READ returns 0 at the end. */
struct rbce_stream {
	int (*write)(void *data, const void *bytes, size_t size, struct rbce_error *err);
	ssize_t (*read)(void *data, void *bytes, size_t size, struct rbce_error *err);
	void *data;
};

/* A stream over descriptors, -1 for one that is not used; FDS has that to read and that to write.
 */
struct rbce_stream rbce_stream_fds(int fds[2]);

/*
 * An image as a stream is a tar archive (ustar) of plain files. These put a file, a text, the end;
 * with a stream as DATA they are a sink's.
 */
int rbce_stream_put(void *stream, const char *name, int fd, struct rbce_error *err);
int rbce_stream_put_text(const struct rbce_stream *stream, const char *name, const char *text,
			 size_t size, struct rbce_error *err);
int rbce_stream_end(void *stream, struct rbce_error *err);

/* The manifest that is the next file, NAME, of a stream. */
int rbce_stream_get_manifest(const struct rbce_stream *stream, const char *name,
			     struct rbce_manifest **ret, struct rbce_error *err);

/*
 * Receives an image into the directory DIR, which is there and empty, and compares each file with
 * the manifest: -EBADMSG with what is wrong, also where the stream ends before its end. What is in
 * DIR then is nothing to be used.
 */
int rbce_stream_receive(const struct rbce_stream *stream, const char *dir,
			struct rbce_manifest **ret, struct rbce_error *err);

/* ---- checkpoint ---- */

enum rbce_checkpoint_flags {
	RBCE_CHECKPOINT_LEAVE_RUNNING = 1 << 0,
	RBCE_CHECKPOINT_LEAVE_FROZEN = 1 << 1,
	RBCE_CHECKPOINT_TCP = 1 << 2,   /* with established connections */
	RBCE_CHECKPOINT_LOCKS = 1 << 3, /* with locks on files */
	RBCE_CHECKPOINT_SHELL = 1 << 4, /* with a terminal or session of outside */
	RBCE_CHECKPOINT_UNIX = 1 << 5,  /* with connections to unix sockets outside */
	RBCE_CHECKPOINT_TRACK = 1 << 6, /* so that a next one can continue this one */
	/*
	 * Its memory stays here, held still, until the sink says that it has followed what was
	 * restored. One tree of processes, without RBCE_CHECKPOINT_TCP and rounds.
	 */
	RBCE_CHECKPOINT_POST_COPY = 1 << 7,
	/*
	 * A first round pushes out what it has in memory, and copies it from swap a piece at a
	 * time, which goes back at once. One tree of processes, cgroup v2 and Linux 6.7.
	 */
	RBCE_CHECKPOINT_THROUGH_SWAP = 1 << 8,
};

struct rbce_checkpoint_order {
	unsigned flags;
	uint64_t deadline; /* to freeze and to dump, in microseconds each; 0: 10 s */
	const char *const
		*external;  /* what the engine takes as outside; NULL at the end, or NULL */
	const char *parent; /* an image that this one continues, relative to it, NULL for none */
	/*
	 * Memory is copied ahead, while it runs, in at most so many rounds: until one has no more
	 * than BOUND bytes to copy, or hardly less than the one before.
	 */
	unsigned rounds;
	uint64_t bound;
	/* Records that the manifest begins with; the checkpoint adds to it. */
	struct rbce_manifest *manifest;
	/* Adds what more the caller knows, while the engine comes up; NULL for none. */
	int (*describe)(struct rbce_manifest *manifest, void *data, struct rbce_error *err);
	void *data;
	/* Where the image goes, NULL for the directory; that is for the engine's work only then. */
	const struct rbce_sink *sink;
};

struct rbce_checkpoint_figures {
	uint64_t frozen; /* microseconds that the container stood still */
	uint64_t pages;  /* bytes of memory that were copied in that time */
	uint64_t ahead;  /* that were copied before, and in how many rounds */
	unsigned rounds;
	uint64_t swapped; /* of those copied before: that were in swap */
};

/* Can this build do it? -EOPNOTSUPP with the reason. */
int rbce_checkpoint_available(struct rbce_error *err);

/*
 * Checkpoints the container C into the directory DIR, which must not be there. Its tasks end, if
 * they are not to be left, when the image has its name; on failure they run on, and nothing has the
 * name. Messages of the engine are in DIR.log then. Should the caller be killed, the container runs
 * on.
 */
int rbce_checkpoint(struct rbce_container *c, const char *dir,
		    const struct rbce_checkpoint_order *order, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err);

/* Adds to the order's manifest what it would tell of C now, apart from the files of an image. */
int rbce_checkpoint_describe(struct rbce_container *c, const struct rbce_checkpoint_order *order,
			     struct rbce_error *err);

/*
 * What stands in the way of a checkpoint of C with FLAGS, found without stopping it: FUNCTION is
 * called for each, with the process and words that say what to do. Returns how many, or -errno.
 */
typedef void rbce_obstacle_fn(pid_t pid, const char *what, void *data);
int rbce_checkpoint_check(struct rbce_container *c, unsigned flags, rbce_obstacle_fn *function,
			  void *data, struct rbce_error *err);

/* ---- restart ---- */

struct rbce_restore_order {
	const char *dir;                      /* the image, verified by the caller */
	const struct rbce_manifest *manifest; /* of it */
	const char *log;                      /* directory for the engine's messages */
	/* Called when all tasks are there, in their groups, and none runs; NULL for none. */
	int (*ready)(struct rbce_container *c, void *data, struct rbce_error *err);
	void *data;
};

/*
 * Can the image be restored here and now? -EEXIST names the process that has a pid of it,
 * -EOPNOTSUPP what the machine lacks, -EADDRNOTAVAIL the address.
 */
int rbce_restore_check(const struct rbce_root *root, const struct rbce_manifest *manifest,
		       struct rbce_error *err);

/*
 * Restores an image into the container C, which is there with its limits. The first processes are
 * children of the caller; *RET_PIDS is a new array of them. On failure none of them is left.
 */
int rbce_restore(struct rbce_container *c, const struct rbce_restore_order *order, pid_t **ret_pids,
		 size_t *ret_n, struct rbce_error *err);

/*
 * Before rbce_restore() of an image that was made with RBCE_CHECKPOINT_POST_COPY: starts what asks
 * for its memory at SOCKET, first for what is waited for (userfaultfd, userfaultfd.rst), then for
 * all else. *RET_PID, a child of the caller's, ends with status 0 when all is there. Where it ends
 * otherwise, what was restored has lost its memory, and is to be killed.
 */
int rbce_restore_memory(const struct rbce_restore_order *order, int socket, pid_t *ret_pid,
			struct rbce_error *err);

#endif
