/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables and views of the database, made from the table of metrics, and the steps from one
 * version of it to the next.
 */
#ifndef STATS_TABLES_H
#define STATS_TABLES_H

#include "schema.h"

extern const schema_step tables_steps[];
extern const size_t tables_version; /* the newest: how many steps there are */

/* Columns for metrics that the database does not know yet, and views that show all; in a
 * transaction. */
int tables_complete(sqlite3 *db);

/*
 * Columns for those of METRICS that belong into details and are not there, in all tiers, and the
 * views with them; in a transaction.
 * They are many, most machines know a part of them, and what is not known would take a byte in each
 * row: so there are only those that were known once. In the views the others are NULL.
 */
int tables_add_details(sqlite3 *db, const struct metric_mask *metrics);

#endif
