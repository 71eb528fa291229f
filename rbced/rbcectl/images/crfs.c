// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl crfs: a checkpoint as a file system; a directory that is a checkpoint. */
#include <core/cli/log.h>
#include <fcntl.h>
#include <rbce/crfs.h>
#include <rbced/rbcectl/rbcectl.h>

#include "checkpoint.h"
#include "util.h"

DEFINE_CLEANUP(struct rbce_crfs *, rbce_crfs_close)

/* Leaves the terminal; what is open of it stays open nowhere. */
static void leave_terminal(void)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (chdir("/") < 0 || null < 0)
		return;
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
}

/* The child goes on; what is mounted is its, so here nothing may be taken down. */
static void go_to_background(void)
{
	pid_t child = fork();

	if (child > 0)
		_exit(EXIT_SUCCESS);
	if (child == 0)
		leave_terminal();
	else
		log_warning("cannot go to the background, staying: %m");
}

/* In the background the current directory is another one. NULL after saying why. */
static char *absolute(const char *path)
{
	char *real = realpath(path, NULL);

	if (!real)
		log_error("cannot use '%s': %m", path);
	return real;
}

static void stay(void)
{
}

static int show(const char *dir, const char *mount, bool foreground)
{
	CLEANUP(rbce_crfs_close_p) struct rbce_crfs *crfs = NULL;
	struct rbce_error err;

	if (rbce_crfs_mount(dir, mount, &crfs, &err) < 0)
		return command_failed(&err);
	if (!foreground)
		go_to_background();
	return rbce_crfs_serve(crfs, &err) < 0 ? command_failed(&err) : EXIT_SUCCESS;
}

struct source {
	const char *root;
	const char *name;
};

static int take(const char *dir, void *data)
{
	const struct source *source = data;
	struct rbce_error err = {0};
	int r = checkpoint_take(source->root, source->name, dir, &err);

	if (r < 0)
		log_error("%s", err.message);
	return r;
}

static int serve_live(const char *root, const char *name, const char *mount, const char *scratch,
		      bool foreground)
{
	CLEANUP(containers_close) struct containers all = {0};
	struct source source = {root, name};
	const struct rbce_crfs_live live = {name, scratch, take, &source};
	struct rbce_container *c;
	struct rbce_error err;

	if (containers_open(root, &all, &err) < 0 ||
	    rbce_container_open(all.h, name, 0, &c, &err) < 0)
		return command_failed(&err);
	rbce_container_close(c);
	if (rbce_crfs_live(&live, mount, foreground ? stay : go_to_background, &err) < 0)
		return command_failed(&err);
	return EXIT_SUCCESS;
}

int command_crfs(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *scratch = "/var/tmp";
	bool foreground = false, live = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_FLAG("foreground", "stay, and unmount at the end", &foreground),
		OPTION_FLAG("live", "a container, of which a copy takes a checkpoint", &live),
		OPTION_TEXT("scratch", "DIR",
			    "where checkpoints lie until they are read (default /var/tmp)",
			    &scratch),
		{0},
	};
	const struct command_line line = {
		.usage = "crfs [--foreground] DIR MOUNT | crfs --live [--scratch DIR] CONTAINER "
			 "MOUNT",
		.about =
			"Shows the checkpoint in DIR as files below MOUNT: processes with their "
			"state as "
			"text, memory\nby address, core files for a debugger. Or makes a directory "
			"MOUNT/CONTAINER, a copy of which is\na checkpoint. 'umount MOUNT' ends "
			"it.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 2, 2);
	cleanup_free char *mount = absolute(argv[first + 1]), *place = absolute(scratch);

	if (!mount || !place)
		return EXIT_FAILURE;
	if (!live)
		return show(argv[first], mount, foreground);
	if (streq(argv[first], ".")) {
		log_error("cannot use '.' with --live: its directory would have no name");
		return EXIT_USAGE;
	}
	return serve_live(common.root, argv[first], mount, place, foreground);
}
