// SPDX-License-Identifier: GPL-2.0-or-later
/* A name service that never answers, as libnss_hang.so.2 (nss(5)): for users by id only. */
#include <nss.h>
#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

enum nss_status _nss_hang_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
				     int *error);

enum nss_status _nss_hang_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
				     int *error)
{
	(void)uid;
	(void)result;
	(void)buffer;
	(void)size;
	(void)error;
	for (;;)
		pause();
}
