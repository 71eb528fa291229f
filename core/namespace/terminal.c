// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A terminal for a command: made in the /dev/pts that the command sees, so that it is a terminal of
 * the container's and can be found by name there; its other end is kept outside.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "space.h"
#include "util.h"

int space_open_terminal(const struct rbce_space *space, int link, struct rbce_error *err)
{
	struct space_message message = {.word = SPACE_TERMINAL};
	struct space_mounts master = {.n = 1};
	int unlock = 0, slave, number, r;
	struct winsize size;
	char name[32];

	master.fd[0] = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master.fd[0] < 0)
		master.fd[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master.fd[0] < 0)
		return rbce_error_errno(err, -errno, "cannot make a terminal");
	if (ioctl(master.fd[0], TIOCSPTLCK, &unlock) < 0)
		return rbce_error_errno(err, -errno, "cannot unlock a terminal");
	slave = ioctl(master.fd[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return rbce_error_errno(err, -errno, "cannot open a terminal");
	/* What a getty asks for. In a /dev of the host's nothing is changed. */
	if (space_is(space, SPACE_DEV, space_has_root(space)) &&
	    ioctl(master.fd[0], TIOCGPTN, &number) == 0) {
		snprintf(name, sizeof(name), "pts/%d", number);
		if (symlink(name, "/dev/console") < 0 && errno != EEXIST)
			return rbce_error_errno(err, -errno, "cannot make '/dev/console'");
	}
	/* As large as the one that it is looked at in, before the command asks. */
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(master.fd[0], TIOCSWINSZ, &size);
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(slave, fd) < 0)
			return rbce_error_errno(err, -errno, "cannot take a terminal");
	r = space_say(link, &message, &master);
	close(slave);
	space_mounts_done(&master);
	return r < 0 ? rbce_error_errno(err, r, "cannot give a terminal") : 0;
}

int space_take_terminal(struct rbce_error *err)
{
	setsid();
	return ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0
		       ? rbce_error_errno(err, -errno, "cannot take the terminal")
		       : 0;
}
