/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small tools for the C of this project: cleanup attributes, ownership, strings. Internal.
 */
#ifndef CORE_UTIL_H
#define CORE_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hands a pointer or descriptor on: yields its value and leaves nothing to clean up. */
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__auto_type take_tmp_ = (p);                                                       \
		(p) = NULL;                                                                        \
		take_tmp_;                                                                         \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int take_tmp_ = (fd);                                                              \
		(fd) = -1;                                                                         \
		take_tmp_;                                                                         \
	})

#define CLEANUP(f) __attribute__((cleanup(f)))

/* For `CLEANUP(name_p)`: calls FREE on a variable that holds a pointer, if there is one. */
#define DEFINE_CLEANUP(type, free_function)                                                        \
	static inline void free_function##_p(type *p)                                              \
	{                                                                                          \
		if (*p)                                                                            \
			free_function(*p);                                                         \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* CLOCK_MONOTONIC */
static inline uint64_t monotonic_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline int64_t monotonic_ms(void)
{
	return (int64_t)(monotonic_usec() / 1000);
}

/* The directory open at FD, which belongs to it from then on, or is closed; FD may be negative. */
static inline DIR *take_directory(int fd)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int error = errno;

	if (!dir && fd >= 0) {
		close(fd);
		errno = error;
	}
	return dir;
}

DEFINE_CLEANUP(DIR *, closedir)
DEFINE_CLEANUP(FILE *, fclose)

#define cleanup_free  CLEANUP(freep)
#define cleanup_close CLEANUP(closep)
#define cleanup_dir   CLEANUP(closedir_p)
#define cleanup_file  CLEANUP(fclose_p)

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Whatever a user put into it, a message is one line; returned for convenience. */
static inline char *one_line(char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return text;
}

/* What follows PREFIX in S, or NULL when S does not begin with it. */
static inline const char *after_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* FNV-1a of N bytes, behind others that have the hash BEFORE; HASH_BEGIN where there are none. */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)
static inline uint64_t hash_bytes(uint64_t before, const void *data, size_t n)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < n; i++)
		before = (before ^ bytes[i]) * UINT64_C(0x100000001b3);
	return before;
}

#endif
