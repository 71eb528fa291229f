// SPDX-License-Identifier: LGPL-2.1-or-later
/* Errors that a person will read; see rbce/error.h. */
#include <rbce/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

int rbce_error_set(struct rbce_error *err, int code, const char *format, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, format);
	vsnprintf(err->message, sizeof(err->message), format, ap);
	va_end(ap);
	one_line(err->message);
	err->code = code;
	return code;
}

int rbce_error_errno(struct rbce_error *err, int code, const char *format, ...)
{
	char reason[128];
	va_list ap;
	int n;

	if (!err)
		return code;
	va_start(ap, format);
	n = vsnprintf(err->message, sizeof(err->message), format, ap);
	va_end(ap);
	/* A long object is cut rather than the reason. */
	const char *text = strerror_r(-code, reason, sizeof(reason));
	size_t room = strlen(text) + 3, at = n < 0 ? 0 : (size_t)n;
	if (at + room > sizeof(err->message))
		at = sizeof(err->message) - room;
	snprintf(err->message + at, sizeof(err->message) - at, ": %s", text);
	one_line(err->message);
	err->code = code;
	return code;
}
