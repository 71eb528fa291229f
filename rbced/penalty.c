// SPDX-License-Identifier: GPL-2.0-or-later
/* Lower limits for who uses too much for too long; see penalty.h. */
#include "penalty.h"

#include <core/cli/log.h>
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <sys/stat.h>

#include "oom/oom.h"
#include "put.h"
#include "runtime.h"
#include "stream.h"
#include "use.h"
#include "util.h"

/* Looks within the time that is allowed; how far apart they may be, microseconds. */
enum { LOOKS = 20, LOOK_MIN = 100000, LOOK_MAX = 5000000 };

enum { LIMITS_SIZE = PENALTY_LIMITS * (PENALTY_VALUE + 32) };

/* A key that is lowered, and what it goes back to. */
struct lowered {
	const struct controller_key *key;
	char base[PENALTY_VALUE];
};

struct watched {
	struct watched *next;
	char *name;
	char *text; /* of the rule */
	char *notice;
	struct penalty penalty;
	struct penalty_state state;
	struct use use;
	size_t n_lowered;
	struct lowered lowered[PENALTY_LIMITS];
};

struct penalties {
	struct watched *list;
	sd_event_source *timer;
	uint64_t least; /* microseconds from one look to the next; 0: nobody is looked at */
	bool leftover;  /* a daemon before this one left something */
	uint64_t raised, lifted;
	char path[256];
};

/* ---- the levels ---- */

static uint64_t level_time(const struct penalty *penalty, const struct penalty_state *state)
{
	return penalty->levels[state->level - 1].time;
}

enum penalty_change penalty_step(const struct penalty *penalty, struct penalty_state *state,
				 uint64_t now, uint64_t use)
{
	uint64_t passed = state->last && now > state->last ? now - state->last : 0;

	state->last = now;
	if (use > penalty->amount)
		state->over += passed;
	else
		state->over -= passed < state->over ? passed : state->over;
	if (state->over >= penalty->time) {
		if (state->level < penalty->n)
			state->level++;
		state->phase = PENALTY_HELD;
		state->until = now + level_time(penalty, state);
		state->over = 0;
		return PENALTY_RAISED;
	}
	if (state->phase == PENALTY_FREE || now < state->until)
		return PENALTY_SAME;
	if (state->phase == PENALTY_HELD) {
		state->phase = PENALTY_PROBATION;
		state->until = now + level_time(penalty, state);
		state->over = 0;
		return PENALTY_LIFTED;
	}
	state->level--;
	if (state->level)
		state->until = now + level_time(penalty, state);
	else
		state->phase = PENALTY_FREE;
	return PENALTY_DECAYED;
}

static uint64_t now_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- limits ---- */

static const struct container_section *section_of(const struct engine *engine, const char *name)
{
	return ruleset_section(engine->rules, name);
}

static const char *value_of(const struct container_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->n_keys; i++)
		if (streq(section->keys[i].key, key))
			return section->keys[i].value;
	return NULL;
}

static struct lowered *find_lowered(struct watched *w, const struct controller_key *key)
{
	for (size_t i = 0; i < w->n_lowered; i++)
		if (w->lowered[i].key == key)
			return &w->lowered[i];
	return NULL;
}

/* What the rules say by now, else what it had. */
static void put_back(struct engine *engine, struct watched *w, struct rbce_container *c,
		     struct lowered *lowered)
{
	const char *own = value_of(section_of(engine, w->name), controller_key_name(lowered->key));
	struct rbce_error err;

	if (controller_set(lowered->key, c, own ?: lowered->base, &err) < 0)
		log_warning("cannot set '%s' of container '%s' back: %s",
			    controller_key_name(lowered->key), w->name, err.message);
	*lowered = w->lowered[--w->n_lowered];
}

static void put_all_back(struct engine *engine, struct watched *w, struct rbce_container *c)
{
	while (w->n_lowered)
		put_back(engine, w, c, &w->lowered[w->n_lowered - 1]);
}

/* What it has now is what it goes back to; a limit that is lower already stays. */
static void lower(struct engine *engine, struct watched *w, struct rbce_container *c,
		  const struct penalty_limit *limit)
{
	struct lowered *lowered = find_lowered(w, limit->key);
	const char *own = value_of(section_of(engine, w->name), controller_key_name(limit->key));
	char now[PENALTY_VALUE];
	struct rbce_error err = {0};
	int r = 0;

	if (!lowered) {
		if (w->n_lowered == PENALTY_LIMITS)
			return;
		if (own)
			snprintf(now, sizeof(now), "%s", own);
		else
			r = controller_get(limit->key, c, now, sizeof(now), &err);
		if (r == 0) {
			lowered = &w->lowered[w->n_lowered++];
			lowered->key = limit->key;
			memcpy(lowered->base, now, sizeof(now));
		}
	}
	if (r == 0)
		r = controller_set(limit->key, c,
				   penalty_lower(limit->key, lowered->base, limit->value), &err);
	if (r < 0)
		log_warning("cannot set '%s' of container '%s': %s",
			    controller_key_name(limit->key), w->name, err.message);
}

static bool is_in(const struct penalty_level *level, const struct controller_key *key)
{
	for (size_t i = 0; i < level->n; i++)
		if (level->limits[i].key == key)
			return true;
	return false;
}

static void apply_level(struct engine *engine, struct watched *w, struct rbce_container *c)
{
	const struct penalty_level *level = &w->penalty.levels[w->state.level - 1];

	for (size_t i = w->n_lowered; i-- > 0;)
		if (!is_in(level, w->lowered[i].key))
			put_back(engine, w, c, &w->lowered[i]);
	for (size_t i = 0; i < level->n; i++)
		lower(engine, w, c, &level->limits[i]);
}

/* ---- what is kept ---- */

static void write_one(FILE *file, const struct watched *w)
{
	fprintf(file, "%s\t%d\t%zu\t%" PRIu64 "\t%" PRIu64, w->name, (int)w->state.phase,
		w->state.level, w->state.until, w->state.over);
	for (size_t i = 0; i < w->n_lowered; i++)
		fprintf(file, "\t%s=%s", controller_key_name(w->lowered[i].key),
			w->lowered[i].base);
	fputc('\n', file);
}

static void save(struct penalties *penalties)
{
	char path[sizeof(penalties->path) + 8];
	FILE *file;
	bool failed;

	snprintf(path, sizeof(path), "%s.new", penalties->path);
	file = fopen(path, "we");
	for (const struct watched *w = penalties->list; file && w; w = w->next)
		if (w->state.phase != PENALTY_FREE)
			write_one(file, w);
	failed = !file || ferror(file);
	if (file)
		failed |= fclose(file) != 0;
	if (failed || rename(path, penalties->path) < 0)
		log_warning("cannot write '%s': %s", penalties->path, strerror(errno));
}

static void read_lowered(struct watched *w, char *text)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, "\t\n", &rest); word && w->n_lowered < PENALTY_LIMITS;
	     word = strtok_r(NULL, "\t\n", &rest)) {
		struct lowered *lowered = &w->lowered[w->n_lowered];
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value++ = '\0';
		lowered->key = controller_key_find(word);
		snprintf(lowered->base, sizeof(lowered->base), "%s", value);
		w->n_lowered += lowered->key != NULL;
	}
}

/* The line of a container; false where there is none. */
static bool restore(const struct penalties *penalties, struct watched *w)
{
	cleanup_file FILE *file = fopen(penalties->path, "re");
	char line[RBCE_NAME_MAX + LIMITS_SIZE + 128];

	while (file && fgets(line, sizeof(line), file)) {
		char *rest = strchr(line, '\t');
		unsigned phase;
		int n = 0;

		if (!rest)
			continue;
		*rest++ = '\0';
		if (!streq(line, w->name) ||
		    sscanf(rest, "%u\t%zu\t%" SCNu64 "\t%" SCNu64 "%n", &phase, &w->state.level,
			   &w->state.until, &w->state.over, &n) != 4 ||
		    phase > PENALTY_PROBATION)
			continue;
		w->state.phase = (enum penalty_phase)phase;
		read_lowered(w, rest + n);
		return true;
	}
	return false;
}

/* ---- telling ---- */

static void format_limits(const struct watched *w, char buf[LIMITS_SIZE])
{
	const struct penalty_level *level =
		w->state.phase == PENALTY_HELD ? &w->penalty.levels[w->state.level - 1] : NULL;
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; level && i < level->n && n < LIMITS_SIZE; i++)
		n += (size_t)snprintf(buf + n, LIMITS_SIZE - n, "%s%s=%s", i ? " " : "",
				      controller_key_name(level->limits[i].key),
				      level->limits[i].value);
}

static void give_notice(struct engine *engine, const struct watched *w, const char *action,
			const char *limits, uint64_t seconds)
{
	char container[RBCE_NAME_MAX + 32], root[RBCE_NAME_MAX + 32], event[32], level[32];
	char what[LIMITS_SIZE + 32], time[48], reason[1088];
	const char *const env[] = {event, root, container, level, what, time, reason, NULL};

	if (!w->notice)
		return;
	snprintf(event, sizeof(event), "RBCE_EVENT=%s", action);
	snprintf(root, sizeof(root), "RBCE_ROOT=%s", engine->options.root);
	snprintf(container, sizeof(container), "RBCE_CONTAINER=%s", w->name);
	snprintf(level, sizeof(level), "RBCE_LEVEL=%zu", w->state.level);
	snprintf(what, sizeof(what), "RBCE_LIMITS=%s", limits);
	snprintf(time, sizeof(time), "RBCE_SECONDS=%" PRIu64, seconds);
	snprintf(reason, sizeof(reason), "RBCE_REASON=%s", w->text);
	if (!oom_run(engine, w->notice, env))
		log_warning("cannot run '%s': too many programs run already", w->notice);
}

static void tell(struct engine *engine, const struct watched *w, const char *action, uint64_t now)
{
	uint64_t seconds = w->state.phase != PENALTY_FREE && w->state.until > now
				   ? (w->state.until - now + 500000) / 1000000
				   : 0;
	char limits[LIMITS_SIZE], level[24], time[24];
	struct json_object *fields;

	format_limits(w, limits);
	snprintf(level, sizeof(level), "%zu", w->state.level);
	snprintf(time, sizeof(time), "%" PRIu64, seconds);
	log_event(LOG_LEVEL_INFO, "penalty",
		  (const struct log_field[]){{"container", w->name},
					     {"action", action},
					     {"level", level},
					     {"limits", *limits ? limits : NULL},
					     {"seconds", time}},
		  5);
	if (stream_is_heard(engine)) {
		fields = json_object_new_object();
		put_string(fields, "container", w->name);
		put_string(fields, "action", action);
		put_number(fields, "level", w->state.level);
		put_string(fields, "limits", limits);
		put_number(fields, "seconds", seconds);
		stream_tell(engine, "penalty", fields);
	}
	if (!streq(action, "decayed"))
		give_notice(engine, w, action, limits, seconds);
}

/* ---- looking ---- */

static void change(struct engine *engine, struct watched *w, enum penalty_change change_,
		   uint64_t now)
{
	static const char *const names[] = {
		[PENALTY_RAISED] = "raised",
		[PENALTY_LIFTED] = "lifted",
		[PENALTY_DECAYED] = "decayed",
	};
	struct rbce_container *c;

	if (rbce_container_open(engine->h, w->name, 0, &c, NULL) < 0)
		return;
	if (change_ == PENALTY_RAISED) {
		engine->penalties->raised++;
		apply_level(engine, w, c);
	} else if (change_ == PENALTY_LIFTED) {
		engine->penalties->lifted++;
		put_all_back(engine, w, c);
	}
	rbce_container_close(c);
	save(engine->penalties);
	tell(engine, w, names[change_], now);
}

/* Between two looks at it. */
static uint64_t interval(const struct watched *w)
{
	uint64_t usec = w->penalty.time / LOOKS;

	return usec < LOOK_MIN ? LOOK_MIN : usec > LOOK_MAX ? LOOK_MAX : usec;
}

static void look(struct engine *engine, struct watched *w, uint64_t now)
{
	enum penalty_change what;
	uint64_t use = 0;

	if (w->state.last && now - w->state.last < interval(w))
		return;
	if (use_read(&w->use, w->state.last ? now - w->state.last : 0, &use) < 0)
		return;
	what = penalty_step(&w->penalty, &w->state, now, use);
	if (what != PENALTY_SAME)
		change(engine, w, what, now);
}

/* As often as the shortest of them needs it. */
static void set_timer(struct engine *engine)
{
	uint64_t least = UINT64_MAX;

	for (const struct watched *w = engine->penalties->list; w; w = w->next)
		if (interval(w) < least)
			least = interval(w);
	engine->penalties->least = least == UINT64_MAX ? 0 : least;
	if (!engine->penalties->least) {
		sd_event_source_set_enabled(engine->penalties->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(engine->penalties->timer, least);
	sd_event_source_set_enabled(engine->penalties->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct engine *engine = data;
	uint64_t now = now_boot();

	(void)source;
	(void)usec;
	for (struct watched *w = engine->penalties->list; w; w = w->next)
		look(engine, w, now);
	set_timer(engine);
	return 0;
}

/* ---- containers ---- */

static struct watched *find(const struct engine *engine, const char *name)
{
	struct watched *w = engine->penalties ? engine->penalties->list : NULL;

	while (w && !streq(w->name, name))
		w = w->next;
	return w;
}

static void drop(struct engine *engine, struct watched *w)
{
	struct watched **link = &engine->penalties->list;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	use_close(&w->use);
	free(w->name);
	free(w->text);
	free(w->notice);
	free(w);
}

static struct watched *add(struct engine *engine, const char *name)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->use = USE_NONE;
	w->name = strdup(name);
	if (!w->name) {
		free(w);
		return NULL;
	}
	restore(engine->penalties, w);
	w->next = engine->penalties->list;
	engine->penalties->list = w;
	return w;
}

static void set_free(struct engine *engine, struct watched *w, struct rbce_container *c)
{
	bool held = w->state.phase == PENALTY_HELD;

	put_all_back(engine, w, c);
	w->state = (struct penalty_state){0};
	if (held) {
		engine->penalties->lifted++;
		tell(engine, w, "lifted", now_boot());
	}
}

/* The penalty as it reads now; what the container is at goes on, as far as there is such a level.
 */
static int configure(struct engine *engine, struct watched *w, struct rbce_container *c,
		     const char *text)
{
	const char *notice = value_of(section_of(engine, w->name), "penalty.notice");
	int r;

	free(w->notice);
	w->notice = notice ? strdup(notice) : NULL;
	if (w->text && streq(w->text, text) && use_is_open(&w->use))
		return 0;
	free(w->text);
	w->text = strdup(text);
	r = w->text ? penalty_parse(text, &w->penalty, NULL) : -ENOMEM;
	if (r < 0)
		return r;
	if (w->state.level > w->penalty.n)
		w->state.level = w->penalty.n;
	if (w->state.phase != PENALTY_FREE && w->state.level == 0)
		w->state.phase = PENALTY_FREE;
	w->state.last = 0;
	use_close(&w->use);
	r = use_open(&w->use, w->penalty.resource, c);
	if (r == 0 && w->state.phase == PENALTY_HELD)
		apply_level(engine, w, c);
	return r;
}

void penalty_watch(struct engine *engine, struct rbce_container *c)
{
	const char *name = rbce_container_name(c);
	const char *text = value_of(section_of(engine, name), "penalty");
	struct watched *w = find(engine, name);
	int r;

	if (!engine->penalties || engine->options.observe)
		return;
	/* Also one that is left from rules before has its own limits back. */
	if (!w && (text || engine->penalties->leftover))
		w = add(engine, name);
	if (!w && !text)
		return;
	if (w && !text) {
		set_free(engine, w, c);
		drop(engine, w);
		return;
	}
	r = w ? configure(engine, w, c, text) : -ENOMEM;
	if (r < 0) {
		log_warning("cannot watch what container '%s' uses: %s", name, strerror(-r));
		if (w)
			drop(engine, w);
		return;
	}
	/* Not anew for each container, or it would never come to an end. */
	if (!engine->penalties->least || interval(w) < engine->penalties->least)
		set_timer(engine);
}

void penalty_forget(struct engine *engine, const char *name)
{
	struct watched *w = find(engine, name);

	if (!w)
		return;
	drop(engine, w);
	save(engine->penalties);
}

bool penalty_keeps(struct engine *engine, const char *name, const char *key, const char *value)
{
	struct watched *w = find(engine, name);
	struct lowered *lowered;

	/* At the start no container is watched yet. */
	if (!engine->penalties || !value_of(section_of(engine, name), "penalty"))
		return false;
	if (!w)
		w = add(engine, name);
	lowered = w ? find_lowered(w, controller_key_find(key)) : NULL;
	if (!lowered)
		return false;
	snprintf(lowered->base, sizeof(lowered->base), "%s", value);
	return true;
}

int penalty_lift(struct engine *engine, const char *name, struct rbce_error *err)
{
	struct watched *w = find(engine, name);
	struct rbce_container *c;
	int r;

	if (!w)
		return rbce_error_set(err, -ENOENT,
				      "cannot lift the penalty of container '%s': it has none",
				      name);
	r = rbce_container_open(engine->h, name, 0, &c, err);
	if (r < 0)
		return r;
	set_free(engine, w, c);
	rbce_container_close(c);
	save(engine->penalties);
	return 0;
}

/* ---- for people ---- */

void penalty_put_status(const struct engine *engine, struct json_object *object)
{
	const struct penalties *penalties = engine->penalties;
	uint64_t watched = 0, held = 0, probation = 0;

	for (const struct watched *w = penalties ? penalties->list : NULL; w; w = w->next) {
		watched++;
		held += w->state.phase == PENALTY_HELD;
		probation += w->state.phase == PENALTY_PROBATION;
	}
	put_number(object, "watched", watched);
	put_number(object, "held", held);
	put_number(object, "probation", probation);
	put_number(object, "raised", penalties ? penalties->raised : 0);
	put_number(object, "lifted", penalties ? penalties->lifted : 0);
}

void penalty_put_containers(const struct engine *engine, struct json_object *array)
{
	static const char *const phases[] = {
		[PENALTY_FREE] = "free",
		[PENALTY_HELD] = "penalty",
		[PENALTY_PROBATION] = "probation",
	};
	uint64_t now = now_boot();

	for (const struct watched *w = engine->penalties ? engine->penalties->list : NULL; w;
	     w = w->next) {
		struct json_object *object = json_object_new_object();
		char limits[LIMITS_SIZE];

		format_limits(w, limits);
		put_string(object, "container", w->name);
		put_string(object, "state", phases[w->state.phase]);
		put_number(object, "level", w->state.level);
		put_number(object, "seconds",
			   w->state.phase != PENALTY_FREE && w->state.until > now
				   ? (w->state.until - now) / 1000000
				   : 0);
		put_string(object, "limits", limits);
		put_number(object, "over_ms", w->state.over / 1000);
		put_string(object, "rule", w->text);
		json_object_array_add(array, object);
	}
}

/* ---- opening ---- */

/* Did a daemon before this one leave something? */
static bool is_left(const char *state_file)
{
	struct stat st;

	return stat(state_file, &st) == 0 && st.st_size > 0;
}

static bool is_needed(const struct engine *engine, const char *state_file)
{
	for (size_t i = 0; i < ruleset_containers(engine->rules); i++)
		if (value_of(ruleset_container_at(engine->rules, i), "penalty"))
			return true;
	return is_left(state_file);
}

void penalty_open(struct engine *engine)
{
	struct penalties *penalties;
	char path[256];
	int r = -ENOMEM;

	runtime_path(engine->options.root, "penalty", path, sizeof(path));
	if (engine->penalties || engine->options.observe || !is_needed(engine, path))
		return;
	penalties = calloc(1, sizeof(*penalties));
	if (penalties) {
		memcpy(penalties->path, path, sizeof(path));
		penalties->leftover = is_left(path);
		r = sd_event_add_time_relative(engine->loop, &penalties->timer, CLOCK_BOOTTIME,
					       LOOK_MAX, 0, on_timer, engine);
	}
	if (r >= 0)
		r = sd_event_source_set_enabled(penalties->timer, SD_EVENT_OFF);
	if (r < 0) {
		log_error("penalties cannot be given: %s", strerror(-r));
		free(penalties);
		return;
	}
	engine->penalties = penalties;
}

void penalty_close(struct engine *engine)
{
	struct penalties *penalties = engine->penalties;

	if (!penalties)
		return;
	save(penalties);
	while (penalties->list)
		drop(engine, penalties->list);
	sd_event_source_disable_unref(penalties->timer);
	free(penalties);
	engine->penalties = NULL;
}
