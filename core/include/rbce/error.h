/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors that a person will read.
 *
 * Functions return 0 (or a count) on success and a negative errno on failure. One that takes a
 * `struct rbce_error *` as its last argument also says why, as "cannot VERB 'OBJECT': reason", so
 * that a program only has to put its name in front. The pointer may be NULL. The structure owns
 * nothing: it needs no release, and it is written on failure only.
 */
#ifndef RBCE_ERROR_H
#define RBCE_ERROR_H

#define RBCE_ERROR_SIZE 1024

struct rbce_error {
	int code; /* negative errno of the failure, 0 when none has happened */
	char message[RBCE_ERROR_SIZE];
};

/* Records CODE (a negative errno) and the formatted message; returns CODE. */
__attribute__((format(printf, 3, 4))) int rbce_error_set(struct rbce_error *err, int code,
							 const char *format, ...);

/* The same, with ": " and the text of CODE behind the message. */
__attribute__((format(printf, 3, 4))) int rbce_error_errno(struct rbce_error *err, int code,
							   const char *format, ...);

#endif
