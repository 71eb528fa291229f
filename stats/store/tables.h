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
 * Has a metric its column only when it was known once? Most machines know a part of the metrics,
 * and what is not known would take a byte in each row. In the views the others are NULL.
 */
bool tables_on_demand(size_t metric);

/* Columns for those of METRICS, in all tiers, and the views with them; in a transaction. */
int tables_add_columns(sqlite3 *db, const struct metric_mask *metrics);

#endif
