// SPDX-License-Identifier: GPL-2.0-or-later
/* What the recorder keeps beside the samples of containers; see parts.h. */
#include "parts.h"

#include <errno.h>

#include "cli/log.h"
#include "exits/exits.h"
#include "exits/jobs.h"
#include "exits/states.h"
#include "shares/shares.h"
#include "store/devices.h"
#include "util.h"

struct parts {
	struct listener *listener;
	struct exits *exits; /* NULL where there is none, as all of these */
	struct shares *shares;
	struct states *states;
	struct devices *devices;
	struct jobs *jobs;
};

static int write_exits(void *data, sqlite3 *db, int64_t time)
{
	return exits_write(data, db, time);
}

static void stored_exits(void *data)
{
	exits_stored(data);
}

static void skip_exits(void *data, int64_t ms)
{
	exits_skip(data, ms);
}

static int write_shares(void *data, sqlite3 *db, int64_t time)
{
	return shares_write(data, db, time);
}

static void stored_shares(void *data)
{
	shares_stored(data);
}

static void skip_shares(void *data, int64_t ms)
{
	shares_skip(data, ms);
}

static int write_states(void *data, sqlite3 *db, int64_t time)
{
	return states_write(data, db, time);
}

static void stored_states(void *data)
{
	states_stored(data);
}

static int write_devices(void *data, sqlite3 *db, int64_t time)
{
	return devices_write(data, db, time);
}

static void stored_devices(void *data)
{
	devices_stored(data);
}

static void skip_devices(void *data, int64_t ms)
{
	devices_skip(data, ms);
}

static int write_jobs(void *data, sqlite3 *db, int64_t time)
{
	return jobs_write(data, db, time);
}

static void stored_jobs(void *data)
{
	jobs_stored(data);
}

static void on_line(void *data, const char *line)
{
	struct parts *p = data;

	if (p->exits)
		exits_told(p->exits, line);
}

int parts_open(const struct parts_options *options, sd_event *loop, const struct rbce_hierarchy *h,
	       struct parts **ret)
{
	struct parts *p = calloc(1, sizeof(*p));
	struct rbce_error err = {0};

	if (!p)
		return -ENOMEM;
	if (!options->no_exits && exits_open(loop, h, &p->exits, &err) < 0)
		log_warning("%s; containers are recorded without it", err.message);
	if (options->running && p->exits && exits_ask_running(p->exits, &err) < 0)
		log_warning("%s; tasks that run are left out", err.message);
	if (options->states && states_open(h, &p->states, &err) < 0)
		log_warning("%s; their states are left out", err.message);
	p->devices = devices_new(h);
	if (!p->devices || jobs_open(rbce_hierarchy_group(h), &p->jobs) < 0 ||
	    (options->shares && shares_open(h, options->shares, &p->shares) < 0)) {
		parts_close(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

void parts_connect(struct parts *p, struct listener *listener, struct store *store)
{
	const struct store_part exits = {write_exits, stored_exits, p->exits, skip_exits};
	const struct store_part states = {write_states, stored_states, p->states, NULL};
	const struct store_part shares = {write_shares, stored_shares, p->shares, skip_shares};
	const struct store_part devices = {write_devices, stored_devices, p->devices, skip_devices};
	const struct store_part jobs = {write_jobs, stored_jobs, p->jobs, NULL};

	p->listener = listener;
	listener_watch(listener, on_line, p);
	store_add_part(store, &jobs);
	if (p->exits)
		store_add_part(store, &exits);
	if (p->shares)
		store_add_part(store, &shares);
	if (p->states)
		store_add_part(store, &states);
	store_add_part(store, &devices);
}

void parts_note(struct parts *p, const struct sample *sample)
{
	if (p->exits)
		exits_note_container(p->exits, sample->name);
	if (p->shares)
		shares_note(p->shares, sample->name);
	if (p->states)
		states_note(p->states, sample->name);
	devices_note(p->devices, sample);
}

void parts_begin(struct parts *p, bool final)
{
	devices_begin(p->devices);
	if (p->shares)
		shares_begin(p->shares, final);
}

void parts_tick(struct parts *p, bool final)
{
	listener_drain(p->listener);
	if (p->exits)
		exits_settle(p->exits, final);
	if (p->shares)
		shares_end(p->shares);
}

char *parts_summary(const struct parts *p)
{
	const uint64_t *counts;
	char *text = NULL;

	if (!p || !p->exits)
		return NULL;
	counts = exits_counts(p->exits);
	if (asprintf(&text,
		     "%llu processes ended: %llu in containers, %llu outside, %llu nobody knows "
		     "where; "
		     "%llu records lost",
		     (unsigned long long)counts[COUNT_EXITS],
		     (unsigned long long)(counts[COUNT_BY_GROUP] + counts[COUNT_BY_TABLE] +
					  counts[COUNT_BY_PARENT]),
		     (unsigned long long)counts[COUNT_OUTSIDE],
		     (unsigned long long)counts[COUNT_UNATTRIBUTED],
		     (unsigned long long)counts[COUNT_LOST]) < 0)
		return NULL;
	return text;
}

struct parts *parts_close(struct parts *p)
{
	if (p) {
		exits_close(p->exits);
		shares_close(p->shares);
		states_close(p->states);
		devices_free(p->devices);
		jobs_close(p->jobs);
	}
	free(p);
	return NULL;
}
