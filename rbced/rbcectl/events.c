// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl events: what the daemon does, line by line, until it or we are stopped. */
#include <core/cli/log.h>
#include <errno.h>
#include <poll.h>
#include <rbce/units.h>
#include <rbced/runtime.h>
#include <stdio.h>
#include <sys/socket.h>

#include "rbcectl.h"
#include "util.h"

/* No bound was given. */
#define FOREVER UINT64_MAX

/* 1 when there is something to read, 0 when that time has come. */
static int wait_until(int fd, uint64_t until)
{
	struct pollfd ready = {fd, POLLIN, 0};
	int r, wait = -1;

	do {
		uint64_t now = monotonic_usec();

		if (until != FOREVER) {
			if (now >= until)
				return 0;
			wait = (int)((until - now + 999) / 1000 < 1000000
					     ? (until - now + 999) / 1000
					     : 1000000);
		}
		r = poll(&ready, 1, wait);
	} while (r == 0 || (r < 0 && errno == EINTR));
	return r < 0 ? -errno : 1;
}

/* An answer of one packet that is a failure; the lines have no "error" before their "event". */
static bool is_refusal(const char *text, struct rbce_error *err)
{
	struct json_object *reply =
		after_prefix(text, "{\"error\"") ? json_tokener_parse(text) : NULL;

	if (!reply)
		return false;
	rbce_error_set(err, -EREMOTEIO, "%s", reply_text(reply, "error"));
	json_object_put(reply);
	return true;
}

static int print_line(const char *text, size_t size)
{
	return fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0 ? 0 : -EPIPE;
}

/*
 * Prints COUNT lines, without the greeting that says that nothing is missed from now on. 0; 1 at
 * UNTIL; -errno with ERR.
 */
static int follow(const char *root, int fd, uint64_t count, uint64_t until, struct rbce_error *err)
{
	static char text[4 * CONTROL_PACKET + 1];
	int r;

	for (bool greeted = false; !greeted || count > 0; greeted = true) {
		ssize_t n;

		r = wait_until(fd, until);
		if (r <= 0)
			return r < 0 ? rbce_error_errno(err, r, "cannot listen to rbced") : 1;
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			return rbce_error_errno(err, -errno, "cannot listen to rbced");
		if (n == 0)
			return rbce_error_set(err, -EPIPE, "cannot go on: rbced on root '%s' ended",
					      root);
		text[n] = '\0';
		if (!greeted && is_refusal(text, err))
			return err->code;
		r = print_line(text, (size_t)n);
		if (r < 0)
			return rbce_error_errno(err, r, "cannot print");
		if (greeted && count != FOREVER)
			count--;
	}
	return 0;
}

static int parse_count(const char *argument, void *data)
{
	if (rbce_parse_number(argument, 1, INT32_MAX, data) == 0)
		return 0;
	log_error("cannot use --count '%s': it is no number above 0", argument);
	return -EINVAL;
}

static int parse_timeout(const char *argument, void *data)
{
	if (rbce_parse_duration(argument, data) == 0)
		return 0;
	log_error("cannot use --timeout '%s': it is no duration (like 30s)", argument);
	return -EINVAL;
}

int command_events(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	uint64_t count = FOREVER, timeout = FOREVER;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_PARSED("count", "N", "end after so many lines behind the first", parse_count,
			      &count),
		OPTION_PARSED("timeout", "TIME", "end after so long", parse_timeout, &timeout),
		{0},
	};
	const struct command_line line = {
		.usage = "events [--root NAME] [--count N] [--timeout TIME]",
		.about = "Shows what the daemon does, as it does it: a line of JSON for each "
			 "decision of which\nsomething comes, for losses, reloads, containers "
			 "made and removed.",
		.more = "With --count, it fails where the time is up before.",
		.options = options,
	};
	struct rbce_error err;
	int r, fd;

	command_parse(&line, argc, argv, 0, 0);
	r = daemon_listen(common.root, daemon_request("events"), &fd, &err);
	if (r < 0)
		return command_failed(&err);
	r = follow(common.root, fd, count,
		   timeout == FOREVER ? FOREVER : monotonic_usec() + timeout, &err);
	close(fd);
	if (r < 0)
		return command_failed(&err);
	return r > 0 && count != FOREVER ? EXIT_FAILURE : EXIT_SUCCESS;
}
