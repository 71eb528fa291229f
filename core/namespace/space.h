/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that make a space share. Internal. */
#ifndef CORE_NAMESPACE_SPACE_H
#define CORE_NAMESPACE_SPACE_H

#include <rbce/namespace.h>
#include <stdint.h>

/* The rows of keys.c. */
enum space_key {
	SPACE_NEW,
	SPACE_ROOTFS,
	SPACE_OVERLAY,
	SPACE_IDMAP,
	SPACE_HOSTNAME,
	SPACE_DOMAINNAME,
	SPACE_UIDS,
	SPACE_GIDS,
	SPACE_MONOTONIC,
	SPACE_BOOTTIME,
	SPACE_PID,
	SPACE_PROC,
	SPACE_SYS,
	SPACE_DEV,
	SPACE_DEVICE,
	SPACE_SYSCTL,
	SPACE_TMPFS,
	SPACE_BIND,
	SPACE_MASK,
	SPACE_READONLY,
	SPACE_CAPS,
	SPACE_NO_NEW_PRIVS,
	SPACE_SECCOMP,
	SPACE_DENY,
	SPACE_KMSG_SIZE,
	SPACE_RLIMIT,
	SPACE_INIT,
	SPACE_USER,
	SPACE_CWD,
	SPACE_ENV,
	SPACE_NET_BRIDGE,
	SPACE_NET_NAME,
	SPACE_NET_HOST_NAME,
	SPACE_NET_ADDRESS,
	SPACE_NET_HOST_ADDRESS,
	SPACE_NET_ROUTE,
};
enum { SPACE_KEY_COUNT = SPACE_NET_ROUTE + 1 };

struct space_setting {
	enum space_key key;
	char *value;
};

struct rbce_space {
	struct space_setting *settings;
	size_t n, room;
	bool by_root; /* who made it is; inside, everybody may be */
	int kmsg;     /* its /dev/kmsg, a mount; 0 for none. In the copy that a start works with */
};

/* The value of KEY, NULL for none; of one that repeats, those from *I on, which moves. */
const char *space_get(const struct rbce_space *space, enum space_key key);
const char *space_next(const struct rbce_space *space, enum space_key key, size_t *i);

/* A switch: what it was set to, else FALLBACK. */
bool space_is(const struct rbce_space *space, enum space_key key, bool fallback);

/* The namespaces that it has (CLONE_NEW*); what it has for a root file system. */
unsigned space_flags(const struct rbce_space *space);
bool space_has_root(const struct rbce_space *space);
bool space_has_user(const struct rbce_space *space);

/* ---- values ---- */

enum { SPACE_WORDS = 64, SPACE_TEXT = 4096, SPACE_RANGES = 16, SPACE_MOUNTS = 64 };

/* A value cut into words: they point into TEXT. -EINVAL for too much of it. */
struct space_words {
	char text[SPACE_TEXT];
	char *word[SPACE_WORDS];
	size_t n;
};
int space_cut(const char *value, const char *separators, struct space_words *ret);

/* "mount, pid" or "all" as CLONE_NEW* bits. */
int space_parse_flags(const char *value, unsigned *ret, struct rbce_error *err);

struct space_range {
	uint32_t inside, outside, count;
};
struct space_map {
	bool automatic; /* from subuid(5) or subgid(5) */
	bool self;      /* one id: the caller's, which is 0 inside */
	struct space_range range[SPACE_RANGES];
	size_t n;
};
int space_parse_map(const char *value, struct space_map *ret, struct rbce_error *err);

/* "+1h", "-5s", as nanoseconds. */
int space_parse_offset(const char *value, int64_t *ret, struct rbce_error *err);

struct space_bind {
	struct space_words words;
	const char *source, *target;
	uint64_t attributes; /* MOUNT_ATTR_* */
	bool idmap;
};
int space_parse_bind(const char *value, struct space_bind *ret, struct rbce_error *err);

struct space_rlimit {
	int resource;
	uint64_t soft, hard;
};
int space_parse_rlimit(const char *value, struct space_rlimit *ret, struct rbce_error *err);

struct space_user {
	uid_t uid;
	gid_t gid;
	gid_t groups[SPACE_WORDS];
	size_t n_groups;
};
int space_parse_user(const char *value, struct space_user *ret, struct rbce_error *err);

/* The pids of set_tid, innermost first. */
int space_parse_tids(const char *value, pid_t *ret, size_t *ret_n, struct rbce_error *err);

/* Capabilities as bits: "default", "all", "none" or names. */
int space_parse_caps(const char *value, uint64_t *ret, struct rbce_error *err);

/* Does libseccomp know all these system calls here? */
int space_check_deny(const char *value, struct rbce_error *err);

int space_check_address(const char *value, struct rbce_error *err);
int space_check_route(const char *value, struct rbce_error *err);

/* ---- network ---- */

/* Is there more than the loopback device? */
bool space_has_network(const struct rbce_space *space);

/* Before there is a process inside, which loads nothing of what it finds there: the libraries for
 * it. */
void space_load_network(void);

/* Outside: its devices, one of them in the network namespace of PID. Inside: what that one has. */
int space_make_network(const struct rbce_space *space, pid_t pid, struct rbce_error *err);
int space_set_network(const struct rbce_space *space, struct rbce_error *err);

/* ---- from outside ---- */

/* Writes the maps of the process PID, which has just got a user namespace. */
int space_map_ids(const struct rbce_space *space, pid_t pid, struct rbce_error *err);

/*
 * Mounts that the space cannot make by itself, where it has a user namespace: copies of outside,
 * some with its ids. Their order is that of space_mount_all().
 */
struct space_mounts {
	int fd[SPACE_MOUNTS];
	size_t n;
};
int space_give_mounts(const struct rbce_space *space, pid_t pid, struct space_mounts *ret,
		      struct rbce_error *err);
void space_mounts_done(struct space_mounts *mounts);

/* ---- talk between who starts a space and its first process ---- */

enum space_word {
	SPACE_READY,    /* from inside: the program waits to be let go */
	SPACE_GO,       /* from outside: it may run */
	SPACE_FAILED,   /* from inside: CODE and TEXT say why */
	SPACE_STARTED,  /* from a process that was only there to set the clocks: PID is the first */
	SPACE_MAPPED,   /* from outside, where it has a user namespace: ids and mounts are there */
	SPACE_TERMINAL, /* from inside: the other end of its terminal, as the one mount */
	SPACE_SYSLOG,   /* from inside: who hears its calls of syslog(2), as the one mount */
	SPACE_CONNECTED, /* from outside, where it has a network: its devices are there */
};
struct space_message {
	enum space_word word;
	int code;
	pid_t pid;
	char text[RBCE_ERROR_SIZE];
};
int space_say(int link, const struct space_message *message, const struct space_mounts *mounts);

/* -EPIPE when the other side is gone. */
int space_hear(int link, struct space_message *ret, struct space_mounts *ret_mounts);

/* ---- the child, in order ---- */

/*
 * clone3(2) with FLAGS and the pids that SPACE (NULL: none) asks for, into GROUP (a directory of
 * the v2 tree, -1 for none) where that works: *RET_PLACED.
 */
pid_t space_clone(const struct rbce_space *space, unsigned long long flags, int group,
		  int *ret_pidfd, bool *ret_placed);

/* The namespaces that clone3(2) makes at once: not those that need something before or after. */
unsigned space_clone_flags(const struct rbce_space *space);

/* Is the clock to be set, so that a process is needed before the first one? */
bool space_sets_clock(const struct rbce_space *space);

/* This process ends when the one at the other end of LINK does. */
void space_tie(int link);

/* Becomes the first process of the space; ends in the program, or tells why not. */
__attribute__((noreturn)) void space_child(const struct rbce_space *space, int link,
					   char *const argv[], unsigned flags);

/* The same where clocks are to be set: the process that does, and starts the first one. */
__attribute__((noreturn)) void space_clock_child(const struct rbce_space *space, int link,
						 char *const argv[], unsigned flags);

/* Its parts, for who enters: root of the user namespace; the command; why there is none. */
int space_become_root(void);
int space_run(const struct rbce_space *space, int link, char *const argv[], unsigned flags,
	      struct rbce_error *err);
__attribute__((noreturn)) void space_tell(int link, const struct rbce_error *err);

/* The parent's: the next word, with what comes along; the end of the start. */
struct space_start {
	int link;
	pid_t pid;
	int pidfd, terminal, syslog;
};
int space_start_take_over(struct space_start *s, struct rbce_error *err);
int space_start_finish(struct space_start *s, struct rbce_error *err);
void space_start_abort(struct space_start *s, struct rbce_error *err);

/*
 * A terminal of the /dev/pts that this process sees becomes its input and output; the other end
 * goes out. Then, in the command itself: it becomes the one that controls its session.
 */
int space_open_terminal(const struct rbce_space *space, int link, struct rbce_error *err);
int space_take_terminal(struct rbce_error *err);

/* Mounts of all kinds, into the mount namespace that this process has got; then / is the space's.
 */
int space_mount_all(const struct rbce_space *space, struct space_mounts *given,
		    struct rbce_error *err);

/* A /dev/kmsg of its own: the mount, and *RET_FILE, where its requests come. */
int space_make_kmsg(int *ret_file, struct rbce_error *err);

/* Own /dev in the directory ROOT. */
int space_make_dev(const struct rbce_space *space, int root, struct rbce_error *err);

/* Limits, capabilities, ids, system calls: what remains, in the order that works. */
int space_drop(const struct rbce_space *space, int link, struct rbce_error *err);
int space_load_seccomp(const struct rbce_space *space, int link, struct rbce_error *err);

/*
 * Makes a process that calls RUN, which becomes the program or tells why it cannot; this one stays
 * as the first of its pid namespace: hands signals on, reaps, and ends with that one. Returns only
 * on failure.
 */
int space_init(int (*run)(void *of), void *of, struct rbce_error *err);

/* ---- mount.c: mount(2) by descriptors ---- */

/* A new file system, not attached: OPTIONS are "key=value" or "flag", NULL at the end. */
int mount_new(const char *type, const char *const *options, uint64_t attributes);

/* A copy of what is mounted at PATH below DIRFD, with all below it; not attached. */
int mount_copy(int dirfd, const char *path);

/* Adds attributes to an unattached copy and all below. */
int mount_change(int fd, uint64_t set, uint64_t clear);

/*
 * Opens PATH below ROOT as one who has ROOT for / would: no link leads out of it. MODE S_IFDIR or
 * S_IFREG makes what is missing, 0 makes nothing. O_PATH.
 */
int mount_target(int root, const char *path, mode_t mode);

/* Attaches the mount FD at the open TARGET. */
int mount_attach(int fd, int target);

#endif
