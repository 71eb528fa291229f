// SPDX-License-Identifier: GPL-2.0-or-later
/* The OOM handler's side of the daemon: which containers it watches, what it did. See oom.h. */
#include "oom.h"

#include <core/cli/log.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "../put.h"
#include "../runtime.h"
#include "../stream.h"
#include "file.h"
#include "internal.h"
#include "util.h"

enum { SLOTS_AT_ONCE = 16, CHILD_STACK = 64 << 10 };

/* ---- what the rules say ---- */

static const char *value_of(const struct container_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->n_keys; i++)
		if (streq(section->keys[i].key, key))
			return section->keys[i].value;
	return NULL;
}

/* The values were checked when the rules were read. */
static void read_config(const struct container_section *section, struct oom_config *ret)
{
	const char *value;

	memset(ret, 0, sizeof(*ret));
	value = value_of(section, "oom.policy");
	if (!value || oom_policy_parse(value, &ret->policy, NULL) < 0)
		ret->policy.n = 0;
	value = value_of(section, "oom.prekill");
	ret->has_prekill = value && oom_prekill_parse(value, &ret->prekill, NULL) == 0;
	value = value_of(section, "oom.pressure");
	ret->has_pressure = value && oom_pressure_parse(value, &ret->pressure, NULL) == 0;
	ret->has_high = value_of(section, "memory.high");
	snprintf(ret->prefer, sizeof(ret->prefer), "%s", value_of(section, "oom.prefer") ?: "");
	snprintf(ret->avoid, sizeof(ret->avoid), "%s", value_of(section, "oom.avoid") ?: "");
}

static bool is_same(const struct oom_config *a, const struct oom_config *b)
{
	const size_t from = offsetof(struct oom_config, policy);

	return memcmp((const char *)a + from, (const char *)b + from, sizeof(*a) - from) == 0;
}

/* The containers of a section have one together; NULL without memory. */
static struct oom_config *config_obtain(struct oom *oom, const struct oom_config *read)
{
	struct oom_config *config = oom->configs;

	while (config && !is_same(config, read))
		config = config->next;
	if (!config) {
		config = memory_reserve(sizeof(*config));
		if (!config)
			return NULL;
		*config = *read;
		config->users = 0;
		config->next = oom->configs;
		oom->configs = config;
	}
	config->users++;
	return config;
}

static void config_release(struct oom *oom, struct oom_config *config)
{
	struct oom_config **link = &oom->configs;

	if (!config || --config->users > 0)
		return;
	while (*link != config)
		link = &(*link)->next;
	*link = config->next;
	memory_release(config, sizeof(*config));
}

/* ---- slots ---- */

static struct oom_slot *slot_find(const struct oom *oom, const char *name)
{
	for (size_t i = 0; i < oom->n_slots; i++)
		if (oom->slots[i]->used && streq(oom->slots[i]->name, name))
			return oom->slots[i];
	return NULL;
}

static int add_slots(struct oom *oom)
{
	struct oom_slot *more = memory_reserve(SLOTS_AT_ONCE * sizeof(*more));
	struct oom_slot **list;

	if (!more)
		return -ENOMEM;
	if (oom->n_slots + SLOTS_AT_ONCE > oom->room) {
		size_t room = oom->room ? 2 * oom->room : 16 * SLOTS_AT_ONCE;

		list = memory_reserve(room * sizeof(struct oom_slot *));
		if (!list) {
			memory_release(more, SLOTS_AT_ONCE * sizeof(*more));
			return -ENOMEM;
		}
		if (oom->slots)
			memcpy(list, oom->slots, oom->n_slots * sizeof(struct oom_slot *));
		memory_release(oom->slots, oom->room * sizeof(struct oom_slot *));
		oom->slots = list;
		oom->room = room;
	}
	for (size_t i = 0; i < SLOTS_AT_ONCE; i++) {
		more[i].index = (uint32_t)oom->n_slots;
		oom->slots[oom->n_slots++] = &more[i];
	}
	return 0;
}

/* One that is free, with a generation of its own. */
static struct oom_slot *slot_take(struct oom *oom)
{
	size_t i = 0;
	struct oom_slot *slot;
	unsigned generation;
	uint32_t index;

	while (i < oom->n_slots && oom->slots[i]->used)
		i++;
	if (i == oom->n_slots && add_slots(oom) < 0)
		return NULL;
	slot = oom->slots[i];
	generation = slot->generation + 1;
	index = slot->index;
	memset(slot, 0, sizeof(*slot));
	slot->generation = generation;
	slot->index = index;
	slot->victim_fd = slot->run = -1;
	slot->answer = ANSWER_NONE;
	slot->until = OOM_UNLIMITED;
	return slot;
}

/* The kernel gets its own back; KEEP: for a daemon, or a slot, that comes after. */
static void slot_drop(struct oom *oom, struct oom_slot *slot, bool keep)
{
	handler_drop(oom, slot);
	policy_end(oom, slot);
	if (!keep && slot->limit > slot->base)
		act_set_limit(oom, slot, slot->base);
	if (!keep && slot->frozen)
		act_freeze(oom, slot, false);
	act_disarm(oom, slot);
	files_close(&slot->files);
	config_release(oom, slot->config);
	slot->config = NULL;
	slot->used = false;
}

/* What stood there before this daemon, or before its rules changed. */
static void take_over(struct oom_slot *slot)
{
	const struct journal_entry *entry = slot->entry;

	slot->guard = entry->guard;
	slot->delayed = entry->delayed;
	slot->base = entry->base;
	slot->limit = entry->limit;
	slot->grown_at = monotonic_usec();
	/* Somebody else may have thawed it since. */
	slot->frozen = entry->frozen && act_is_frozen(slot);
}

static int slot_open(struct oom *oom, struct rbce_container *c, const struct oom_config *read,
		     struct oom_slot **ret, struct rbce_error *err)
{
	const char *name = rbce_container_name(c);
	struct oom_slot *slot = slot_take(oom);
	char text[512];
	int r;

	if (!slot)
		return rbce_error_errno(err, -ENOMEM, "there is no room for it");
	snprintf(slot->name, sizeof(slot->name), "%s", name);
	slot->config = config_obtain(oom, read);
	slot->entry = slot->config ? journal_obtain(oom->journal, name) : NULL;
	r = slot->entry ? 0 : rbce_error_errno(err, -ENOMEM, "there is no room for it");
	if (r == 0)
		r = files_open(&slot->files, c, read->has_pressure ? &read->pressure : NULL, err);
	if (r < 0) {
		config_release(oom, slot->config);
		return r;
	}
	/* Something of it cannot be had, and the rest is of use. */
	if (r > 0)
		log_warning("container '%s': %s", name, err->message);
	slot->used = true;
	take_over(slot);
	if (file_pread(slot->files.events, text, sizeof(text)) >= 0)
		events_parse(text, &slot->seen);
	/* Of what began before us the kernel says nothing; it ends our own delay by itself. */
	slot->waits = !slot->delayed && slot->seen.n[EVENT_OOM_DELAYED] > 0;
	*ret = slot;
	return 0;
}

static void slot_begin(struct oom *oom, struct oom_slot *slot)
{
	act_arm(oom, slot);
	if (slot->frozen)
		policy_ask(slot);
	else
		policy_begin(oom, slot);
	if (handler_add(oom, slot) < 0)
		log_warning("container '%s': its memory cannot be watched", slot->name);
}

/* ---- from the rest of the daemon ---- */

/* No policy any more, nor what an earlier one did. */
static void unwatch(struct oom *oom, struct rbce_container *c)
{
	static const struct oom_config nothing;
	const char *name = rbce_container_name(c);
	struct oom_slot *slot = slot_find(oom, name);

	if (!slot && journal_find(oom->journal, name))
		slot_open(oom, c, &nothing, &slot, NULL);
	if (slot)
		slot_drop(oom, slot, false);
	journal_drop(oom->journal, name);
}

static int watch(struct oom *oom, struct rbce_container *c, const struct oom_config *read,
		 struct rbce_error *err)
{
	struct oom_slot *slot = slot_find(oom, rbce_container_name(c));
	uint64_t limit;
	int r;

	if (slot && is_same(slot->config, read) && files_read(slot->files.max, &limit) == 0) {
		act_arm(oom, slot);
		return 0;
	}
	if (slot)
		slot_drop(oom, slot, true);
	r = slot_open(oom, c, read, &slot, err);
	if (r == 0)
		slot_begin(oom, slot);
	return r;
}

void oom_watch(struct engine *engine, struct rbce_container *c)
{
	struct oom *oom = engine->oom;
	const char *name = rbce_container_name(c);
	struct oom_config read;
	struct rbce_error err = {0};
	int r = 0;

	if (!oom || engine->options.observe)
		return;
	read_config(ruleset_section(engine->rules, name), &read);
	pthread_mutex_lock(&oom->lock);
	if (read.policy.n)
		r = watch(oom, c, &read, &err);
	else
		unwatch(oom, c);
	pthread_mutex_unlock(&oom->lock);
	handler_ring(oom);
	if (r < 0)
		log_warning("cannot watch the memory of container '%s': %s", name, err.message);
}

void oom_forget(struct engine *engine, const char *name)
{
	struct oom *oom = engine->oom;
	struct oom_slot *slot;

	if (!oom)
		return;
	pthread_mutex_lock(&oom->lock);
	slot = slot_find(oom, name);
	if (slot)
		slot_drop(oom, slot, true);
	journal_drop(oom->journal, name);
	pthread_mutex_unlock(&oom->lock);
}

static bool keeps(struct oom *oom, struct rbce_container *c, uint64_t value)
{
	struct journal_entry *entry = journal_find(oom->journal, rbce_container_name(c));
	struct oom_slot *slot = slot_find(oom, rbce_container_name(c));
	bool v1 = rbce_container_version(c, RBCE_MEMORY) == 1;
	cleanup_close int fd =
		rbce_container_open_file(c, RBCE_MEMORY,
					 v1 ? "memory.limit_in_bytes" : "memory.max", O_RDONLY);
	uint64_t now;

	/* The kernel has to hold what it has grown to: it may be another group of that name. */
	if (!entry || !entry->limit || files_read(fd, &now) < 0 || now != entry->limit)
		return false;
	value -= value % (uint64_t)sysconf(_SC_PAGESIZE);
	if (value >= entry->limit) {
		entry->base = entry->limit = 0;
		if (slot)
			slot->base = slot->limit;
		return false;
	}
	entry->base = value;
	if (slot)
		slot->base = value;
	journal_write(oom->journal, entry);
	return true;
}

bool oom_keeps(struct engine *engine, struct rbce_container *c, const char *key, const char *value)
{
	struct oom *oom = engine->oom;
	struct oom_config read;
	uint64_t amount;
	bool r;

	if (!oom || !streq(key, "memory.max") || rbce_parse_size(value, &amount) < 0)
		return false;
	read_config(ruleset_section(engine->rules, rbce_container_name(c)), &read);
	if (!oom_policy_has(&read.policy, OOM_GROW) && !oom_policy_has(&read.policy, OOM_FREEZE))
		return false;
	pthread_mutex_lock(&oom->lock);
	r = keeps(oom, c, amount);
	pthread_mutex_unlock(&oom->lock);
	return r;
}

/* The kinds that may be an answer. */
static int parse_answer(const char *answer, int *ret)
{
	static const enum oom_kind kinds[] = {OOM_KILL_LARGEST, OOM_KILL_NEWEST, OOM_KILL_ALL,
					      OOM_GROW};

	if (streq(answer, "thaw")) {
		*ret = ANSWER_THAW;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(oom_kind_name(kinds[i]), answer)) {
			*ret = (int)kinds[i];
			return 0;
		}
	return -EINVAL;
}

int oom_answer(struct engine *engine, const char *name, const char *answer, uint64_t by,
	       struct rbce_error *err)
{
	struct oom *oom = engine->oom;
	struct oom_slot *slot;
	int kind, r = 0;

	if (parse_answer(answer, &kind) < 0)
		return rbce_error_set(err, -EINVAL,
				      "cannot answer '%s': it is not kill-largest, kill-newest, "
				      "kill-all, grow or thaw",
				      answer);
	if (oom)
		pthread_mutex_lock(&oom->lock);
	slot = oom ? slot_find(oom, name) : NULL;
	if (!slot || slot->stage != STAGE_ASKED)
		r = rbce_error_set(err, -EINVAL, "cannot answer container '%s': it %s", name,
				   slot ? "is not frozen for want of memory" : "has no oom.policy");
	else {
		slot->answer = kind;
		slot->answer_by = by;
	}
	if (oom)
		pthread_mutex_unlock(&oom->lock);
	if (r == 0)
		handler_ring(oom);
	return r;
}

bool oom_run(struct engine *engine, const char *path, const char *const *env)
{
	struct oom *oom = engine->oom;
	struct oom_run *run;

	if (!oom)
		return false;
	pthread_mutex_lock(&oom->lock);
	run = run_new(oom, path);
	for (; run && *env; env++)
		run_env(run, "%s", *env);
	pthread_mutex_unlock(&oom->lock);
	handler_ring(oom);
	return run;
}

/* ---- what was done ---- */

static void put_victim(struct json_object *fields, const struct oom_victim *victim)
{
	if (!victim->pid)
		return;
	put_number(fields, "pid", (uint64_t)victim->pid);
	put_string(fields, "comm", victim->comm);
	put_number(fields, "size", victim->size);
}

static void tell(struct engine *engine, const struct oom_report *report)
{
	struct json_object *fields;

	if (!stream_is_heard(engine))
		return;
	fields = json_object_new_object();
	put_string(fields, "container", report->name);
	put_string(fields, "action", oom_action_name(report->action));
	put_string(fields, "reason", oom_reason_name(report->reason));
	put_victim(fields, &report->victim);
	put_number(fields, "usage", report->usage);
	if (report->limit != OOM_UNLIMITED)
		put_number(fields, "limit", report->limit);
	if (report->action == ACTION_HOOK || report->action == ACTION_PREKILL)
		json_object_object_add(fields, "status", json_object_new_int(report->status));
	stream_tell(engine, "oom", fields);
}

static void log_report(const struct oom_report *report)
{
	bool victim = report->victim.pid != 0;
	bool program = report->action == ACTION_HOOK || report->action == ACTION_PREKILL;
	char pid[16], size[RBCE_UNITS_SIZE], usage[RBCE_UNITS_SIZE], limit[RBCE_UNITS_SIZE];
	char status[16], comm[sizeof(report->victim.comm)];
	struct log_field fields[] = {
		{"container", report->name},
		{"action", oom_action_name(report->action)},
		{"reason", oom_reason_name(report->reason)},
		{"pid", victim ? pid : NULL},
		{"comm", victim ? comm : NULL},
		{"size", victim ? size : NULL},
		{"usage", rbce_format_size(report->usage, usage)},
		{"limit", rbce_format_size(report->limit, limit)},
		{"status", program ? status : NULL},
	};

	snprintf(pid, sizeof(pid), "%d", report->victim.pid);
	snprintf(comm, sizeof(comm), "%s", report->victim.comm);
	one_line(comm);
	rbce_format_size(report->victim.size, size);
	snprintf(status, sizeof(status), "%d", report->status);
	log_event(report->action == ACTION_SHRUNK ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "oom",
		  fields, ARRAY_SIZE(fields));
}

static bool take_report(struct oom *oom, struct oom_report *ret)
{
	bool is_one;

	pthread_mutex_lock(&oom->lock);
	is_one = oom->n_reports > 0;
	if (is_one) {
		*ret = oom->reports[oom->first];
		oom->first = (oom->first + 1) % OOM_REPORTS;
		oom->n_reports--;
	} else {
		journal_tidy(oom->journal);
	}
	pthread_mutex_unlock(&oom->lock);
	return is_one;
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct engine *engine = data;
	struct oom_report report;
	eventfd_t value;

	(void)source;
	(void)events;
	eventfd_read(fd, &value);
	while (take_report(engine->oom, &report)) {
		tell(engine, &report);
		log_report(&report);
	}
	return 0;
}

static void put_done(const uint64_t *done, struct json_object *object)
{
	for (size_t i = 0; i < ACTION_COUNT; i++)
		put_number(object, oom_action_name((enum oom_action)i), done[i]);
}

void oom_put_status(const struct engine *engine, struct json_object *object)
{
	static const uint64_t none[ACTION_COUNT];
	struct oom *oom = engine->oom;
	size_t watched = 0;

	if (oom)
		pthread_mutex_lock(&oom->lock);
	for (size_t i = 0; oom && i < oom->n_slots; i++)
		watched += oom->slots[i]->used;
	put_number(object, "watched", watched);
	put_done(oom ? oom->done : none, object);
	put_number(object, "untold", oom ? oom->lost : 0);
	if (oom)
		pthread_mutex_unlock(&oom->lock);
}

static void put_slot(const struct oom_slot *slot, struct json_object *object)
{
	uint64_t usage = 0;

	put_string(object, "container", slot->name);
	put_string(object, "state", oom_stage_name(slot->stage));
	if (files_read(slot->files.usage, &usage) == 0)
		put_number(object, "usage", usage);
	if (slot->limit != OOM_UNLIMITED) {
		put_number(object, "limit", slot->limit);
		put_number(object, "base", slot->base);
	}
	put_done(slot->done, object);
}

void oom_put_containers(const struct engine *engine, struct json_object *array)
{
	struct oom *oom = engine->oom;

	if (!oom)
		return;
	pthread_mutex_lock(&oom->lock);
	for (size_t i = 0; i < oom->n_slots; i++) {
		struct json_object *object;

		if (!oom->slots[i]->used)
			continue;
		object = json_object_new_object();
		put_slot(oom->slots[i], object);
		json_object_array_add(array, object);
	}
	pthread_mutex_unlock(&oom->lock);
}

/* ---- opening ---- */

static bool is_needed(const struct engine *engine, const char *state_file)
{
	struct stat st;

	for (size_t i = 0; i < ruleset_containers(engine->rules); i++) {
		const struct container_section *section = ruleset_container_at(engine->rules, i);

		if (value_of(section, "oom.policy") || value_of(section, "penalty"))
			return true;
	}
	return stat(state_file, &st) == 0 && st.st_size > 0;
}

static int open_all(struct engine *engine, struct oom *oom, const char *state_file)
{
	int r = journal_open(state_file, &oom->journal);

	if (r < 0)
		return r;
	oom->proc = rbce_root_openat(engine->root, "/proc", O_PATH | O_DIRECTORY);
	oom->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	oom->epoll = epoll_create1(EPOLL_CLOEXEC);
	oom->command = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	oom->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (oom->proc < 0 || oom->null < 0 || oom->epoll < 0 || oom->command < 0 || oom->news < 0)
		return -errno;
	oom->stack = memory_reserve(OOM_STACK);
	oom->child_stack = memory_reserve(CHILD_STACK);
	if (!oom->stack || !oom->child_stack)
		return -ENOMEM;
	r = memory_lock_code();
	if (r < 0)
		log_warning("the OOM handler cannot be locked in memory: %s", strerror(-r));
	r = sd_event_add_io(engine->loop, &oom->on_news, oom->news, EPOLLIN, on_news, engine);
	return r < 0 ? r : handler_start(oom);
}

static int lock_open(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;
	int r = pthread_mutexattr_init(&attributes);

	if (r == 0)
		r = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	return r ? -r : -pthread_mutex_init(lock, &attributes);
}

static void close_all(struct oom *oom)
{
	const int fds[] = {oom->proc, oom->null, oom->epoll, oom->command, oom->news};

	sd_event_source_disable_unref(oom->on_news);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (size_t i = 0; i < oom->n_slots; i += SLOTS_AT_ONCE)
		memory_release(oom->slots[i], SLOTS_AT_ONCE * sizeof(struct oom_slot));
	memory_release(oom->slots, oom->room * sizeof(struct oom_slot *));
	journal_close(oom->journal);
	memory_release(oom->stack, OOM_STACK);
	memory_release(oom->child_stack, CHILD_STACK);
	pthread_mutex_destroy(&oom->lock);
	memory_release(oom, sizeof(*oom));
}

void oom_open(struct engine *engine)
{
	char path[256];
	struct oom *oom;
	int r;

	runtime_path(engine->options.root, "oom", path, sizeof(path));
	if (engine->oom || engine->options.observe || !is_needed(engine, path))
		return;
	oom = memory_reserve(sizeof(*oom));
	r = oom ? lock_open(&oom->lock) : -ENOMEM;
	if (r == 0) {
		oom->proc = oom->null = oom->epoll = oom->command = oom->news = -1;
		oom->h = engine->h;
		for (size_t i = 0; i < OOM_RUNS; i++)
			oom->runs[i].fd = -1;
		oom->spared[0] = engine->self;
		oom->spared[1] = 1;
		snprintf(oom->group, sizeof(oom->group), "%s", engine->options.root);
		r = open_all(engine, oom, path);
		if (r < 0)
			close_all(oom);
	}
	if (r < 0)
		log_error("the OOM handler cannot start: %s", strerror(-r));
	else
		engine->oom = oom;
}

void oom_close(struct engine *engine)
{
	struct oom *oom = engine->oom;

	if (!oom)
		return;
	handler_stop(oom);
	for (size_t i = 0; i < oom->n_slots; i++)
		if (oom->slots[i]->used)
			slot_drop(oom, oom->slots[i], true);
	for (size_t i = 0; i < OOM_RUNS; i++)
		run_free(&oom->runs[i]);
	engine->oom = NULL;
	close_all(oom);
}
