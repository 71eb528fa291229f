/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program of the suite says: one line each, "program: message", on stderr, or to the journal
 * with its fields when stderr is connected to it. For programs only; libraries return errors.
 */
#ifndef CORE_CLI_LOG_H
#define CORE_CLI_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* NAME is kept (argv[0]'s basename is found by itself); messages above LEVEL are dropped. */
void log_open(const char *program, enum log_level level);

/* The name given to log_open(). */
const char *log_program(void);

__attribute__((format(printf, 2, 3))) void log_message(enum log_level level, const char *format,
						       ...);

/*
 * An event with its facts: "message key=value key=value" on stderr, in the journal the message and
 * one field RBCE_KEY for each. A NULL value is left out.
 */
struct log_field {
	const char *key; /* lower case */
	const char *value;
};
void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t n);

/*
 * From now on a thread does the writing, so that no caller waits for whoever reads the log. Some
 * messages may wait; further ones are dropped, counted, and the log says so. Signals are to be
 * blocked before, as for every thread. 0 or -errno.
 */
int log_in_background(void);
uint64_t log_lost(void);

/* Waits until all is written, a second at most. */
void log_flush(void);

#define log_error(...)   log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
