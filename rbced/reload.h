/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of a running engine: read in a thread of their own, so that classification by the old
 * ones goes on, and swapped in between two events. On any error the old rules stay.
 */
#ifndef RBCED_RELOAD_H
#define RBCED_RELOAD_H

#include "engine.h"

/* Reads the rules for the first time, and waits for it. Every error is logged; 0 or -errno. */
int reload_first(struct engine *engine, struct rbce_error *err);

/*
 * What was asked for is done: the new rules are in force, limits are up to date and every task was
 * looked at (R is 0); or nothing has changed (R is -errno, ERR says why).
 */
typedef void reload_done_fn(void *data, int r, const struct rbce_error *err);

/*
 * Reads the rules as they are now, and calls DONE(DATA) later. While a reload runs, the files are
 * read once more behind it, for all who ask meanwhile. 0, or -errno and nothing is called.
 */
int reload_request(struct engine *engine, reload_done_fn *done, void *data, struct rbce_error *err);

/* Whoever asked with DATA does not want to know any more. */
void reload_forget(struct engine *engine, const void *data);

/* Waits for nothing. False: a thread still reads; then the engine's rules must stay as they are. */
bool reload_close(struct engine *engine);

#endif
