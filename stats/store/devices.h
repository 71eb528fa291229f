/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each block device did for each container, beside the sums of the view v_io. Readers use
 *
 * v_io_devices
 *   container, generation, time, period, device ("8:0"), name ("sda"), and the columns of v_io
 *
 * and device_counters, with what the kernel had counted at a time in ms (that of the container's
 * first row, then each minute); what followed is in device_io.
 *
 * A device that did nothing in a tick has no row. What it did while nobody recorded is not told.
 */
#ifndef STATS_STORE_DEVICES_H
#define STATS_STORE_DEVICES_H

#include <rbce/hierarchy.h>
#include <sqlite3.h>
#include <stdint.h>

#include "stats/sample/sampler.h"

/* As in shares/shares.h. */
int device_tables_create(sqlite3 *db);
int device_counters_create(sqlite3 *db);
void device_tables_append_views(sqlite3_str *sql);
enum { DEVICE_VIEWS = 1 };

/* Makes minutes of rows before FINE, and drops those before OLD (ms); as in ageing.h. */
int device_tables_age(sqlite3 *db, int64_t fine, int64_t old, bool *more);

struct devices;

/* H must outlive it. NULL when out of memory. Release with devices_free(), which returns NULL. */
struct devices *devices_new(const struct rbce_hierarchy *h);
struct devices *devices_free(struct devices *d);

/* In each tick: its begin, and each container, which holds until the next. */
void devices_begin(struct devices *d);
void devices_note(struct devices *d, const struct sample *sample);

/* As of exits.h. */
int devices_write(struct devices *d, sqlite3 *db, int64_t time);
void devices_stored(struct devices *d);
void devices_skip(struct devices *d, int64_t ms);

#endif
