// SPDX-License-Identifier: GPL-2.0-or-later
/* The finished rule set: what it answers; see rules.h. Made in parse.c. */
#include <errno.h>
#include <limits.h>

#include "internal.h"
#include "util.h"

static void done(struct compiled *compiled, bool packed)
{
	for (size_t i = 0; i < compiled->n_terms; i++) {
		if (packed)
			term_unpack(compiled->terms[i]);
		else
			term_free(compiled->terms[i]);
	}
	if (!packed)
		free(compiled->terms);
	for (size_t i = 0; i < compiled->n_depends; i++)
		free(compiled->depends[i].name);
	free(compiled->depends);
	free(compiled->terms_text);
	free(compiled->container);
}

struct ruleset *ruleset_free(struct ruleset *set)
{
	if (!set)
		return NULL;
	index_free(set->index);
	free(set->by_name);
	for (size_t i = 0; i < set->n_rules; i++)
		done(&set->rules[i], set->packed);
	free(set->rules);
	free(set->packed);
	for (size_t i = 0; i < set->n_sections; i++) {
		free((void *)set->sections[i].keys);
		term_free(set->sections[i].jobs);
	}
	free(set->sections);
	environment_forget(set);
	name_cache_free(set->names);
	raw_done(&set->raw);
	free(set);
	return NULL;
}

unsigned ruleset_facts(const struct ruleset *set)
{
	return set->facts;
}

bool ruleset_forks_matter(const struct ruleset *set)
{
	if (set->facts & (RBCE_FACT_PARENT | RBCE_FACT_CGROUP))
		return true;
	for (size_t i = 0; i < set->n_rules; i++)
		if (set->rules[i].container && template_uses(set->rules[i].container, 'P'))
			return true;
	return false;
}

static bool asks(const struct compiled *rule, const struct attribute *attribute)
{
	for (size_t i = 0; i < rule->n_terms; i++)
		if (rule->terms[i]->attribute == attribute)
			return true;
	for (size_t i = 0; i < rule->n_depends; i++)
		if (asks(rule->depends[i].rule, attribute))
			return true;
	return false;
}

bool ruleset_asks(const struct ruleset *set, const char *key)
{
	const struct attribute *attribute = attribute_find(key);

	for (size_t i = 0; i < set->n_rules; i++)
		if (set->rules[i].rule.enabled && asks(&set->rules[i], attribute))
			return true;
	return false;
}

bool ruleset_names_by(const struct ruleset *set, char variable)
{
	for (size_t i = 0; i < set->n_rules; i++)
		if (set->rules[i].rule.enabled && set->rules[i].container &&
		    template_uses(set->rules[i].container, variable))
			return true;
	return false;
}

size_t ruleset_size(const struct ruleset *set)
{
	return set->n_rules;
}

static int compare_name(const void *a, const void *b)
{
	const struct compiled *const *x = a, *const *y = b;

	return strcmp((*x)->rule.name, (*y)->rule.name);
}

int ruleset_sort_names(struct ruleset *set)
{
	set->by_name = calloc(set->n_rules + 1, sizeof(*set->by_name));
	if (!set->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_rules; i++)
		set->by_name[i] = &set->rules[i];
	if (set->n_rules)
		qsort(set->by_name, set->n_rules, sizeof(*set->by_name), compare_name);
	return 0;
}

const struct rule *ruleset_find(const struct ruleset *set, const char *name)
{
	const struct compiled key = {.rule = {.name = name}}, *wanted = &key;
	const struct compiled **found = set->n_rules ? bsearch(&wanted, set->by_name, set->n_rules,
							       sizeof(*found), compare_name)
						     : NULL;

	return found ? &(*found)->rule : NULL;
}

const struct rule *ruleset_rule(const struct ruleset *set, size_t index)
{
	return &set->rules[index].rule;
}

/* The first term of the rule that does not hold; NULL when all do. */
static const struct term *failing_term(const struct compiled *compiled,
				       const struct rbce_task *task)
{
	for (size_t i = 0; i < compiled->n_terms; i++)
		if (!term_holds(compiled->terms[i], task))
			return compiled->terms[i];
	return NULL;
}

/* The first of the rules it depends on that speaks against it. */
static const struct depend *failing_depend(const struct compiled *compiled,
					   const struct rbce_task *task)
{
	for (size_t i = 0; i < compiled->n_depends; i++)
		if (compiled_holds(compiled->depends[i].rule, task) == compiled->depends[i].except)
			return &compiled->depends[i];
	return NULL;
}

bool compiled_holds(const struct compiled *compiled, const struct rbce_task *task)
{
	return !failing_term(compiled, task) && !failing_depend(compiled, task);
}

const struct rule *ruleset_match(const struct ruleset *set, const struct rbce_task *task)
{
	const struct compiled *compiled = index_first(set->index, task);

	return compiled ? &compiled->rule : NULL;
}

const struct rule *ruleset_match_naive(const struct ruleset *set, const struct rbce_task *task)
{
	for (size_t i = 0; i < set->n_rules; i++)
		if (set->rules[i].rule.enabled &&
		    !(task->unit && compiled_guarded(&set->rules[i])) &&
		    compiled_holds(&set->rules[i], task))
			return &set->rules[i].rule;
	return NULL;
}

/* An explanation in the making. */
struct explanation {
	const struct rbce_task *task;
	ruleset_explain_fn *function;
	void *data;
	char failed[PATH_MAX], actual[PATH_MAX];
};

/* What speaks against the rule through the rule that it depends on, told by that one's own term. */
static void explain_depend(struct explanation *e, const struct depend *depend)
{
	const struct compiled *rule = depend->rule;
	const struct depend *below;
	const struct term *term;

	snprintf(e->failed, sizeof(e->failed), "depend = %s%s", depend->except ? "!" : "",
		 depend->name);
	if (depend->except) {
		snprintf(e->actual, sizeof(e->actual), "all terms of that rule hold");
		return;
	}
	/* The first one on the way down that fails by a term of its own. */
	while (!(term = failing_term(rule, e->task)) && (below = failing_depend(rule, e->task)) &&
	       !below->except)
		rule = below->rule;
	if (term) {
		char value[PATH_MAX / 2];

		term_actual(term, e->task, value, sizeof(value));
		snprintf(e->actual, sizeof(e->actual), "%.1024s fails: %s", term->text, value);
	} else {
		snprintf(e->actual, sizeof(e->actual), "what '%s' excludes holds", rule->rule.name);
	}
}

/* True when the rule matches. */
static bool explain_rule(struct explanation *e, const struct compiled *compiled)
{
	const struct depend *depend;
	const struct term *term;

	if (!compiled->rule.enabled) {
		e->function(e->data, &compiled->rule, "state = on", "off");
		return false;
	}
	term = failing_term(compiled, e->task);
	if (term) {
		term_actual(term, e->task, e->actual, sizeof(e->actual));
		e->function(e->data, &compiled->rule, term->text, e->actual);
		return false;
	}
	depend = failing_depend(compiled, e->task);
	if (!depend && e->task->unit && compiled_guarded(compiled)) {
		snprintf(e->actual, sizeof(e->actual), "unit %s is systemd's", e->task->unit);
		e->function(e->data, &compiled->rule, "from-systemd = no", e->actual);
		return false;
	}
	if (depend)
		explain_depend(e, depend);
	e->function(e->data, &compiled->rule, depend ? e->failed : NULL, depend ? e->actual : NULL);
	return !depend;
}

/* Up to this many rules all are told of. */
enum { EXPLAIN_ALL = 50 };

/* Does at least one of its terms hold? A rule without terms that hold is far from matching. */
static bool comes_near(const struct compiled *compiled, const struct rbce_task *task)
{
	for (size_t i = 0; i < compiled->n_terms; i++)
		if (term_holds(compiled->terms[i], task))
			return true;
	return compiled->n_terms == 0;
}

size_t ruleset_explain(const struct ruleset *set, const struct rbce_task *task, bool all,
		       ruleset_explain_fn *function, void *data)
{
	struct explanation e = {.task = task, .function = function, .data = data};
	const struct compiled *match = index_first(set->index, task);
	size_t left_out = 0;

	if ((match ? match->rule.index : set->n_rules) <= EXPLAIN_ALL)
		all = true;
	for (size_t i = 0; i < set->n_rules; i++) {
		if (!all && !comes_near(&set->rules[i], task))
			left_out++;
		else if (explain_rule(&e, &set->rules[i]))
			break;
	}
	return left_out;
}

int ruleset_container(struct ruleset *set, const struct rule *rule, const struct rbce_task *task,
		      char **ret, struct rbce_error *err)
{
	const struct compiled *compiled = &set->rules[rule->index];
	char job[NAME_MAX + 1];
	struct template_values values = {
		.user = "",
		.group = "",
		.executable = rbce_task_basename(task),
		.rule = rule->name,
		.tag = task->tag ?: "",
		.job = environment_job(compiled, task, job, sizeof(job)) ?: "",
		.uid = task->uid,
		.gid = task->gid,
		.pid = task->pid,
	};
	int r;

	if (template_uses(rule->container, 'u'))
		values.user = name_cache_user(set->names, task->uid);
	if (template_uses(rule->container, 'g'))
		values.group = name_cache_group(set->names, task->gid);
	if (values.user && values.group)
		r = template_fill(rule->container, &values, ret);
	else
		r = -ENOMEM;
	return r < 0 ? rbce_error_errno(err, r, "cannot name container " QUOTED, rule->container)
		     : 0;
}

bool ruleset_container_lasts(const struct ruleset *set, const struct rule *rule,
			     const struct rbce_task *task)
{
	const char *text = rule->container;

	return !template_uses(text, 'P') && !template_uses(text, 't') &&
	       !template_uses(text, 'j') &&
	       (!template_uses(text, 'u') || name_cache_has_user(set->names, task->uid)) &&
	       (!template_uses(text, 'g') || name_cache_has_group(set->names, task->gid));
}

size_t ruleset_containers(const struct ruleset *set)
{
	return set->n_sections;
}

const struct container_section *ruleset_container_at(const struct ruleset *set, size_t index)
{
	return &set->sections[index];
}

int ruleset_literal(const struct container_section *section, char **ret)
{
	static const struct template_values nothing;

	return template_uses(section->name, '\0') ? -EINVAL
						  : template_fill(section->name, &nothing, ret);
}

const struct container_section *ruleset_section(const struct ruleset *set, const char *name)
{
	const struct container_section *template = NULL;

	for (size_t i = 0; i < set->n_sections; i++) {
		const struct container_section *section = &set->sections[i];

		if ((template && template_uses(section->name, '\0')) ||
		    !template_fits(section->name, name))
			continue;
		if (!template_uses(section->name, '\0'))
			return section;
		template = section;
	}
	return template;
}

bool ruleset_lets_run(const struct ruleset *set, const char *name, const struct rbce_task *task)
{
	cleanup_free char *above = strdup(name);

	while (above && *above) {
		const struct container_section *section = ruleset_section(set, above);
		char *slash = strrchr(above, '/');

		if (section && section->jobs)
			return term_holds(section->jobs, task);
		*(slash ?: above) = '\0';
	}
	return false;
}

static void give_limits(const struct ruleset *set, const char *name, ruleset_limit_fn *function,
			void *data)
{
	const struct container_section *section = ruleset_section(set, name);

	for (size_t i = 0; section && i < section->n_keys; i++)
		function(data, name, &section->keys[i]);
}

int ruleset_limits(const struct ruleset *set, const char *name, ruleset_limit_fn *function,
		   void *data)
{
	cleanup_free char *above = strdup(name);

	if (!above)
		return -ENOMEM;
	for (char *slash = strchr(above, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		give_limits(set, above, function, data);
		*slash = '/';
	}
	give_limits(set, name, function, data);
	return 0;
}
