// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * states DIR NAME...: a process for each of these states. When all are made, DIR/ready appears;
 * when DIR/go does, each looks at itself, and DIR/NAME.result has "ok" or what is wrong.
 * states --list GROUP: names of the states of memory, process, files or ipc.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "states.h"

static const char *dir, *current;

static const struct {
	const char *name;
	const struct state *states;
} groups[] = {
	{"memory", states_memory},
	{"process", states_process},
	{"files", states_files},
	{"ipc", states_ipc},
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

const char *path_of(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s%s%s", dir, current, *name ? "." : "", name);
	return path;
}

static void put(const char *path, const char *text)
{
	char new[4200];
	FILE *f;

	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || rename(new, path) < 0)
		_exit(3);
}

void checkpointed(void)
{
	char go[4096];

	put(path_of("made"), "");
	snprintf(go, sizeof(go), "%s/go", dir);
	while (access(go, F_OK) < 0)
		usleep(20000);
}

static const struct state *find(const char *name)
{
	for (size_t i = 0; i < GROUPS; i++)
		for (const struct state *s = groups[i].states; s->name; s++)
			if (strcmp(s->name, name) == 0)
				return s;
	return NULL;
}

static int list(const char *group)
{
	for (size_t i = 0; i < GROUPS; i++)
		for (const struct state *s = groups[i].states;
		     strcmp(groups[i].name, group) == 0 && s->name; s++)
			puts(s->name);
	return 0;
}

__attribute__((noreturn)) static void be(const struct state *state)
{
	const char *wrong;
	char text[512];

	setsid();
	current = state->name;
	wrong = state->run();
	snprintf(text, sizeof(text), "%s\n", wrong ? wrong : "ok");
	put(path_of("result"), text);
	_exit(0);
}

/* One that failed before all were made has its result already. */
static bool all_made(char **names)
{
	for (; *names; names++) {
		current = *names;
		if (access(path_of("made"), F_OK) < 0 && access(path_of("result"), F_OK) < 0)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--list") == 0)
		return list(argv[2]);
	if (argc < 3) {
		fprintf(stderr, "usage: states DIR NAME... | --list GROUP\n");
		return 2;
	}
	dir = argv[1];
	for (char **name = argv + 2; *name; name++) {
		const struct state *state = find(*name);

		if (!state) {
			fprintf(stderr, "states: there is no state '%s'\n", *name);
			return 2;
		}
		if (fork() == 0)
			be(state);
	}
	while (!all_made(argv + 2))
		usleep(20000);
	current = "ready";
	put(path_of(""), "");
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
