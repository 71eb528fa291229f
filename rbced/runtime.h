/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths below /run/rbce that rbced and rbcectl meet at. */
#ifndef RBCED_RUNTIME_H
#define RBCED_RUNTIME_H

#include <stdio.h>

#define RUNTIME_DIR "/run/rbce"
#define RULES_DIR   "/etc/rbce/rules.d"

enum { CONTROL_PACKET = 32768 };

/* "/run/rbce/ROOT.SUFFIX", slashes of ROOT turned to dashes. Returns BUF. */
static inline char *runtime_path(const char *root, const char *suffix, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/%s.%s", RUNTIME_DIR, root, suffix);

	for (size_t i = sizeof(RUNTIME_DIR); n > 0 && i < (size_t)n && i < size; i++)
		if (buf[i] == '/')
			buf[i] = '-';
	return buf;
}

#endif
