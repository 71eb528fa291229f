// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pam_rbce.so: a session begins in the container that the rules choose for the login.
 *
 *   session optional pam_rbce.so [root=NAME] [fail=open|closed] [timeout=SECONDS] [say]
 *
 * It asks rbced once, and waits no longer than it was told. Then it looks where it stands: what it
 * says, and returns, is what it saw. PAM_IGNORE where it could not be done and that is to stop
 * nobody (fail=open).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <json-c/json.h>
#include <pwd.h>
#include <rbced/put.h>
#include <rbced/runtime.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "util.h"

struct options {
	const char *root;
	bool closed, say;
	unsigned timeout; /* seconds */
};

/* The word or number behind "NAME=" in an argument. */
static const char *value_of(const char *argument, const char *name)
{
	const char *rest = after_prefix(argument, name);

	return rest && *rest == '=' ? rest + 1 : NULL;
}

/* A mistake in the configuration is told and passed over, so that it locks nobody out. */
static struct options read_options(pam_handle_t *pamh, int argc, const char **argv)
{
	struct options o = {.root = "rbce", .timeout = 2};

	for (int i = 0; i < argc; i++) {
		const char *root = value_of(argv[i], "root"), *fail = value_of(argv[i], "fail");
		const char *timeout = value_of(argv[i], "timeout");
		char *end = NULL;
		unsigned long seconds = timeout ? strtoul(timeout, &end, 10) : 0;

		if (root)
			o.root = root;
		else if (streq(argv[i], "say"))
			o.say = true;
		else if (fail && (streq(fail, "open") || streq(fail, "closed")))
			o.closed = streq(fail, "closed");
		else if (timeout && !*end && seconds >= 1 && seconds <= 60)
			o.timeout = (unsigned)seconds;
		else
			pam_syslog(pamh, LOG_ERR, "cannot use option '%s'", argv[i]);
	}
	return o;
}

/* ---- the login ---- */

/* "-" where the login has none; blanks and the like would make two of one. */
static void add_word(pam_handle_t *pamh, int item, char *to, size_t size)
{
	const void *value = NULL;
	size_t n = strlen(to);

	if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || !value || !*(const char *)value)
		value = "-";
	snprintf(to + n, size - n, "%s%.80s", n ? " " : "", (const char *)value);
	for (n += n > 0; to[n]; n++)
		if ((unsigned char)to[n] <= ' ' || to[n] == 0x7f)
			to[n] = '_';
}

static void add_groups(struct json_object *request, const struct passwd *user)
{
	struct json_object *list = put_array(request, "groups");
	gid_t groups[1024];
	int n = 1024;

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
		n = 1024;
	for (int i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_int64(groups[i]));
}

static struct json_object *request_for(pam_handle_t *pamh, const struct passwd *user)
{
	struct json_object *request = json_object_new_object();
	char tag[256] = "";

	add_word(pamh, PAM_SERVICE, tag, sizeof(tag));
	add_word(pamh, PAM_RHOST, tag, sizeof(tag));
	add_word(pamh, PAM_TTY, tag, sizeof(tag));
	put_string(request, "verb", "login");
	put_number(request, "uid", user->pw_uid);
	put_number(request, "gid", user->pw_gid);
	add_groups(request, user);
	put_string(request, "shell", *user->pw_shell ? user->pw_shell : "/bin/sh");
	put_string(request, "tag", tag);
	return request;
}

/* ---- the daemon ---- */

/* Connecting waits too, where the daemon hangs and many ask. */
static int reach(const struct options *o)
{
	const struct timeval patience = {.tv_sec = o->timeout};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	runtime_path(o->root, "sock", address.sun_path, sizeof(address.sun_path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* The reply, which is short, in one packet. */
static int ask(const struct options *o, struct json_object *request, struct json_object **ret)
{
	cleanup_close int fd = reach(o);
	char reply[CONTROL_PACKET + 1];
	const char *text;
	size_t size;
	ssize_t n;

	if (fd < 0)
		return fd;
	text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &size);
	if (send(fd, text, size, MSG_NOSIGNAL) < 0)
		return -errno;
	n = recv(fd, reply, CONTROL_PACKET, 0);
	if (n < 0)
		return -errno;
	reply[n] = '\0';
	*ret = json_tokener_parse(reply);
	return *ret ? 0 : -EBADMSG;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value ? json_object_get_string(value) : NULL;
}

/* ---- the session ---- */

/* Does this process stand in it? */
static bool stands_in(const char *root, const char *container)
{
	cleanup_close int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char text[16384], path[PATH_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t size = (size_t)snprintf(path, sizeof(path), ":/%s/%s", root, container);

	if (n < 0)
		return false;
	text[n] = '\0';
	for (const char *at = text; (at = strstr(at, path)); at += size)
		if (at[size] == '\n' || !strncmp(at + size, "/leaf\n", 6))
			return true;
	return false;
}

static int not_placed(pam_handle_t *pamh, const struct options *o, const char *user,
		      const char *why)
{
	pam_syslog(pamh, LOG_WARNING, "cannot place the session of '%s': %s%s", user, why,
		   o->closed ? "" : "; it goes on where it is");
	return o->closed ? PAM_SESSION_ERR : PAM_IGNORE;
}

static int placed(pam_handle_t *pamh, const struct options *o, const char *user,
		  struct json_object *reply)
{
	const char *outcome = text_of(reply, "outcome"), *container = text_of(reply, "container");
	bool stands = outcome &&
		      (streq(outcome, "moved") || streq(outcome, "right") || streq(outcome, "set"));

	if (!outcome)
		return not_placed(pamh, o, user, text_of(reply, "error") ?: "it gave no answer");
	if (stands && container && !stands_in(o->root, container))
		return not_placed(pamh, o, user, "it does not stand where rbced says");
	if (o->say && stands && container)
		pam_info(pamh, "This session is in container %s (rule %s).", container,
			 text_of(reply, "rule"));
	else if (o->say && streq(outcome, "observed"))
		pam_info(pamh, "This session would be in container %s (rule %s).", container,
			 text_of(reply, "rule"));
	else if (o->say)
		pam_info(pamh, "This session is in no container of its own.");
	return PAM_SUCCESS;
}

__attribute__((visibility("default"))) int pam_sm_open_session(pam_handle_t *pamh, int flags,
							       int argc, const char **argv)
{
	struct options o = read_options(pamh, argc, argv);
	struct json_object *request, *reply = NULL;
	const char *name = NULL;
	struct passwd *user;
	int r;

	if (flags & PAM_SILENT)
		o.say = false;
	if (pam_get_user(pamh, &name, NULL) != PAM_SUCCESS || !name ||
	    !(user = pam_modutil_getpwnam(pamh, name)))
		return not_placed(pamh, &o, name ?: "", "no such user");
	request = request_for(pamh, user);
	r = ask(&o, request, &reply);
	json_object_put(request);
	if (r < 0)
		return not_placed(pamh, &o, name,
				  r == -ENOENT || r == -ECONNREFUSED ? "rbced is not running"
				  : r == -EAGAIN                     ? "rbced does not answer"
								     : strerror(-r));
	r = placed(pamh, &o, name, reply);
	json_object_put(reply);
	return r;
}

/* What is left of it stays where it is. */
__attribute__((visibility("default"))) int pam_sm_close_session(pam_handle_t *pamh, int flags,
								int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
