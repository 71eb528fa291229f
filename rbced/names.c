// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of users and groups, from a thread that may wait for them; see names.h. */
#include "names.h"

#include <core/cli/log.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#include "util.h"

enum { PATIENCE_NSEC = 100000000 };

struct key {
	uint32_t id;
	uint32_t is_group; /* of that width: the key is compared as bytes */
};

/* A question, and then its answer until somebody takes that. */
struct question {
	struct key key;
	struct question *next; /* that waits for the thread */
	bool answered;
	int r;
	char *name;
	UT_hash_handle hh;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t asked, answered;
	struct question *table, *first, **end;
	bool runs;
	bool hangs; /* an answer has not come in time, and none since */
} service = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.asked = PTHREAD_COND_INITIALIZER,
	.answered = PTHREAD_COND_INITIALIZER,
	.end = &service.first,
};

static void *answer_questions(void *data)
{
	pthread_mutex_lock(&service.lock);
	for (;;) {
		struct question *question = service.first;
		char *name = NULL;
		int r;

		if (!question) {
			pthread_cond_wait(&service.asked, &service.lock);
			continue;
		}
		service.first = question->next;
		if (!service.first)
			service.end = &service.first;
		pthread_mutex_unlock(&service.lock);
		if (question->key.is_group)
			r = rules_nss.group_name(NULL, question->key.id, &name);
		else
			r = rules_nss.user_name(NULL, question->key.id, &name);
		pthread_mutex_lock(&service.lock);
		question->r = r;
		question->name = name;
		question->answered = true;
		service.hangs = false;
		pthread_cond_broadcast(&service.answered);
	}
	return data;
}

static int start_thread(void)
{
	pthread_t thread;
	int r = service.runs ? 0 : -pthread_create(&thread, NULL, answer_questions, NULL);

	if (r == 0 && !service.runs)
		pthread_detach(thread);
	service.runs |= r == 0;
	return r;
}

static struct question *ask(const struct key *key)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	question->key = *key;
	HASH_ADD(hh, service.table, key, sizeof(question->key), question);
	if (!question->hh.tbl) {
		free(question);
		return NULL;
	}
	*service.end = question;
	service.end = &question->next;
	pthread_cond_signal(&service.asked);
	return question;
}

static void wait_a_moment(const struct question *question)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PATIENCE_NSEC;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!question->answered && !service.hangs && r == 0)
		r = pthread_cond_timedwait(&service.answered, &service.lock, &until);
	if (question->answered || service.hangs)
		return;
	service.hangs = true;
	log_warning("the name service does not answer: containers are named by numbers meanwhile");
}

static int look_up(bool is_group, uint32_t id, char **ret)
{
	const struct key key = {.id = id, .is_group = is_group};
	struct question *question;
	int r;

	pthread_mutex_lock(&service.lock);
	r = start_thread();
	HASH_FIND(hh, service.table, &key, sizeof(key), question);
	if (r == 0 && !question)
		question = ask(&key);
	if (r == 0 && question && !question->answered)
		wait_a_moment(question);
	if (question && question->answered) {
		r = question->r;
		*ret = question->name;
		HASH_DEL(service.table, question);
		free(question);
	} else if (r == 0) {
		r = question ? -EAGAIN : -ENOMEM;
	}
	pthread_mutex_unlock(&service.lock);
	return r;
}

static int user_name(void *data, uid_t uid, char **ret)
{
	(void)data;
	return look_up(false, uid, ret);
}

static int group_name(void *data, gid_t gid, char **ret)
{
	(void)data;
	return look_up(true, gid, ret);
}

static int user(void *data, const char *name, uid_t *ret)
{
	return rules_nss.user(data, name, ret);
}

static int group(void *data, const char *name, gid_t *ret)
{
	return rules_nss.group(data, name, ret);
}

const struct rules_names names_bounded = {
	.user = user,
	.group = group,
	.user_name = user_name,
	.group_name = group_name,
};
