/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a command of containerstats as a process, and keeps what it prints. */
#ifndef TESTS_UNIT_STATS_COMMAND_H
#define TESTS_UNIT_STATS_COMMAND_H

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/log.h"

static void read_printed(const char *directory, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX + 16];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	buf[fread(buf, 1, size - 1, file)] = '\0';
	fclose(file);
}

/*
 * Its exit status. LINE is its name and arguments, divided by spaces; @ is DATABASE. What it prints
 * lies in "out" and "err" of DIRECTORY.
 */
static int run_command(int (*command)(int argc, char **argv), const char *line,
		       const char *directory, char *database)
{
	char words[1024], *argv[24] = {0}, *rest = words, *word, name[PATH_MAX + 16];
	int argc = 0, status;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(name, sizeof(name), "%s/out", directory);
		if (!freopen(name, "w", stdout))
			_exit(99);
		snprintf(name, sizeof(name), "%s/err", directory);
		if (!freopen(name, "w", stderr))
			_exit(99);
		snprintf(words, sizeof(words), "%s", line);
		while (argc < 23 && (word = strtok_r(rest, " ", &rest)))
			argv[argc++] = strcmp(word, "@") == 0 ? database : word;
		log_open("containerstats", LOG_LEVEL_INFO);
		exit(command(argc, argv));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#endif
