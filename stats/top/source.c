// SPDX-License-Identifier: GPL-2.0-or-later
/* The containers of this machine, for top; see source.h. */
#include "source.h"

#include <controllers/controllers.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <rbce/units.h>
#include <sys/resource.h>
#include <time.h>

#include "file.h"
#include "stats/exits/exits.h"
#include "util.h"

/*
 * Limits change seldom, and to read those of a container costs as much as all its numbers: each is
 * looked at again once in so many ticks.
 */
enum { LIMIT_TURNS = 10 };

enum { SPARE_DESCRIPTORS = 64 };

struct top_source {
	struct rbce_root *root;
	struct rbce_hierarchy *hierarchy;
	struct sampler *sampler;
	sd_event *loop;
	struct exits *exits; /* NULL where the kernel does not tell us */
	uint64_t ticks;
	struct timespec last;
};

/* Each container keeps some twenty files open. */
static int descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > 1 << 20)
		limit.rlim_cur = 1 << 20;
	return limit.rlim_cur > SPARE_DESCRIPTORS ? (int)limit.rlim_cur - SPARE_DESCRIPTORS : 0;
}

int top_source_open(const char *group, struct top_source **ret, struct rbce_error *err)
{
	struct top_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return rbce_error_errno(err, -ENOMEM, "cannot sample '%s'", group);
	r = rbce_root_open(NULL, &s->root, err);
	if (r == 0)
		r = rbce_hierarchy_open(s->root, group, &s->hierarchy, err);
	if (r == 0)
		r = sampler_open(s->hierarchy, descriptors(), &s->sampler, err);
	if (r == 0 && sd_event_new(&s->loop) < 0)
		r = rbce_error_errno(err, -ENOMEM, "cannot sample '%s'", group);
	if (r == 0)
		exits_open(s->loop, s->hierarchy, &s->exits, NULL);
	if (r < 0) {
		top_source_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct top_source *top_source_close(struct top_source *s)
{
	if (!s)
		return NULL;
	exits_close(s->exits);
	sd_event_unref(s->loop);
	sampler_close(s->sampler);
	rbce_hierarchy_close(s->hierarchy);
	rbce_root_close(s->root);
	free(s);
	return NULL;
}

const char *top_source_layout(const struct top_source *s)
{
	return rbce_hierarchy_layout(s->hierarchy);
}

/* Limits. */

static struct rbce_container *open_container(struct top_source *s, const struct top_row *row)
{
	const char *name = streq(row->name, SAMPLER_ROOT_NAME) ? "" : row->name;
	struct rbce_container *c;

	/* It may have gone since it was sampled. */
	return rbce_container_open(s->hierarchy, name, 0, &c, NULL) == 0 ? c : NULL;
}

static double read_limit(struct rbce_container *c, const struct top_column_info *info)
{
	const struct controller_key *key = controller_key_find(info->limit);
	enum rbce_controller controller = controller_key_controller(key);
	cleanup_close int dir = rbce_container_open_file(c, controller, ".", O_PATH | O_DIRECTORY);
	uint64_t amount;

	if (dir < 0 ||
	    controller_read_amount(key, dir, rbce_container_version(c, controller), &amount) < 0)
		return NAN;
	if (amount == RBCE_UNLIMITED)
		return INFINITY;
	return info->unit == TOP_PERCENT ? (double)amount / 1000 : (double)amount;
}

static void read_limits(struct top_source *s, struct top_row *row)
{
	struct rbce_container *c = open_container(s, row);

	if (!c)
		return;
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		if (top_columns[i].kind == TOP_LIMIT)
			top_row_set_limit(row, i, read_limit(c, &top_columns[i]));
	rbce_container_close(c);
}

static void look_at_limits(struct top_source *s, struct top_model *m)
{
	uint64_t turn = s->ticks;

	for (struct top_row *row = NULL; (row = top_model_next(m, row)); turn++)
		if (turn % LIMIT_TURNS == 0 || row->elapsed == 0)
			read_limits(s, row);
}

/* The machine. */

static void read_host(struct top_source *s, struct top_host *host)
{
	static const char *const stalls[] = {
		[TOP_STALL_CPU] = "proc/pressure/cpu",
		[TOP_STALL_MEMORY] = "proc/pressure/memory",
		[TOP_STALL_IO] = "proc/pressure/io",
	};
	int fd = rbce_root_fd(s->root);
	char *text;

	if (file_read_all_at(fd, "proc/stat", &text) >= 0) {
		top_host_read_stat(host, text);
		free(text);
	}
	if (file_read_all_at(fd, "proc/meminfo", &text) >= 0) {
		top_host_read_memory(host, text);
		free(text);
	}
	if (file_read_all_at(fd, "proc/loadavg", &text) >= 0) {
		top_host_read_load(host, text);
		free(text);
	}
	for (size_t i = 0; i < TOP_STALLS; i++) {
		host->stall[i] = NAN;
		if (file_read_all_at(fd, stalls[i], &text) < 0)
			continue;
		top_host_read_stall(host, i, text);
		free(text);
	}
}

static double seconds_since(struct timespec *last)
{
	struct timespec now;
	double seconds = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (last->tv_sec || last->tv_nsec)
		seconds = (double)(now.tv_sec - last->tv_sec) +
			  (double)(now.tv_nsec - last->tv_nsec) / 1e9;
	*last = now;
	return seconds;
}

/* Tasks that end. */

int top_source_descriptor(const struct top_source *s)
{
	return sd_event_get_fd(s->loop);
}

void top_source_listen(struct top_source *s)
{
	while (sd_event_run(s->loop, 0) > 0)
		;
}

void top_source_wait(struct top_source *s, uint64_t until)
{
	struct timespec now;
	uint64_t usec;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
		if (usec >= until)
			return;
		sd_event_run(s->loop, until - usec);
	}
}

/* They count for the containers above, too. */
static int on_ended(void *data, const struct exit_key *key, const struct usage *usage)
{
	struct top_model *m = data;
	char *name, *slash;

	if (key->place != PLACE_CONTAINER)
		return 0;
	top_model_exits(m, SAMPLER_ROOT_NAME, usage->value[USAGE_EXITS]);
	if (streq(key->container, SAMPLER_ROOT_NAME))
		return 0;
	name = strdup(key->container);
	if (!name)
		return -ENOMEM;
	do {
		top_model_exits(m, name, usage->value[USAGE_EXITS]);
		slash = strrchr(name, '/');
		if (slash)
			*slash = 0;
	} while (slash);
	free(name);
	return 0;
}

static int count_ended(struct top_source *s, struct top_model *m)
{
	const struct sample *sample = NULL;
	int r;

	while ((sample = sampler_next(s->sampler, sample)))
		exits_note_container(s->exits, sample->name);
	exits_settle(s->exits, false);
	r = exits_each(s->exits, on_ended, m);
	exits_stored(s->exits);
	return r;
}

int top_source_tick(struct top_source *s, struct top_model *m, struct top_host *host)
{
	const struct sample *sample = NULL;
	int r, result;

	top_model_begin(m, seconds_since(&s->last));
	result = sampler_tick(s->sampler);
	while ((sample = sampler_next(s->sampler, sample))) {
		r = top_model_put(m, sample);
		if (result == 0)
			result = r;
	}
	top_model_count_exits(m, s->exits != NULL);
	if (s->exits && count_ended(s, m) < 0)
		result = -ENOMEM;
	s->ticks++;
	look_at_limits(s, m);
	read_host(s, host);
	r = top_model_end(m);
	return result ?: r;
}

/* One container in all detail. */

static void print_amount(FILE *out, enum metric_unit unit, double value)
{
	char text[RBCE_UNITS_SIZE];

	switch (unit) {
	case METRIC_USEC:
		fprintf(out, "%14s", rbce_format_duration((uint64_t)value, text));
		break;
	case METRIC_BYTES:
		fprintf(out, "%14s", rbce_format_size((uint64_t)value, text));
		break;
	case METRIC_NUMBER:
		fprintf(out, "%14.0f", value);
		break;
	}
}

static void print_metric(FILE *out, const struct top_row *row, size_t i)
{
	uint64_t now = row->latest.value[i], before = row->before.value[i];

	if (!metric_known(&row->latest, i))
		return;
	fprintf(out, "  %-28s", metric_shown(i));
	print_amount(out, metrics[i].unit, (double)now);
	if (metrics[i].kind == METRIC_COUNTER && metric_known(&row->before, i) &&
	    row->elapsed > 0 && now >= before) {
		fprintf(out, "  +");
		print_amount(out, metrics[i].unit, (double)(now - before) / row->elapsed);
		fprintf(out, "/s");
	}
	fputc('\n', out);
}

/* Values of several lines are indented alike. */
static void print_limits(FILE *out, struct rbce_container *c)
{
	char *value = malloc(CONTROLLER_TEXT_SIZE), *rest, *line;
	const struct controller_key *key;

	for (size_t i = 0; value && (key = controller_key_at(i)); i++) {
		if (controller_key_is_family(key) || controller_key_is_daemon(key) ||
		    !controller_supported(key, c) ||
		    controller_get(key, c, value, CONTROLLER_TEXT_SIZE, NULL) < 0)
			continue;
		rest = value;
		fprintf(out, "  %-28s  %s\n", controller_key_name(key), strsep(&rest, "\n"));
		while ((line = strsep(&rest, "\n")))
			fprintf(out, "  %-28s  %s\n", "", line);
	}
	free(value);
}

char *top_source_detail(struct top_source *s, const struct top_row *row)
{
	struct rbce_container *c = open_container(s, row);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		fprintf(out, "%s\n\nNumbers, those below included\n", row->name);
		for (size_t i = 0; i < METRIC_TOTAL; i++)
			print_metric(out, row, i);
		if (c) {
			fprintf(out, "\nLimits of its own\n");
			print_limits(out, c);
		} else {
			fprintf(out, "\nIt has gone.\n");
		}
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	rbce_container_close(c);
	return text;
}
