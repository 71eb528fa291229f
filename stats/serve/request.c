// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests as text; see request.h. */
#include "request.h"

#include "util.h"

const char *const request_headers[REQUEST_HEADERS] = {
	[HEADER_HOST] = "Host",
	[HEADER_ORIGIN] = "Origin",
	[HEADER_AUTHORIZATION] = "Authorization",
	[HEADER_COOKIE] = "Cookie",
	[HEADER_ACCEPT] = "Accept",
	[HEADER_ACCEPT_ENCODING] = "Accept-Encoding",
	[HEADER_IF_NONE_MATCH] = "If-None-Match",
	[HEADER_FETCH_SITE] = "Sec-Fetch-Site",
	[HEADER_FETCH_MODE] = "Sec-Fetch-Mode",
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of the UTF-8 character at P, 0 where there is none; nothing longer than it must be. */
static size_t character(const unsigned char *p)
{
	static const struct {
		unsigned char mask, lead;
		unsigned long least;
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t n = 0; n < ARRAY_SIZE(forms); n++) {
		unsigned long c = *p & (unsigned char)~forms[n].mask;

		if ((*p & forms[n].mask) != forms[n].lead)
			continue;
		for (size_t i = 1; i <= n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (p[i] & 0x3f);
		}
		return c < forms[n].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0
											 : n + 1;
	}
	return 0;
}

/* Text without control characters. */
static int check_text(const char *text)
{
	size_t n;

	for (const unsigned char *p = (const unsigned char *)text; *p; p += n) {
		n = character(p);
		if (n == 0 || *p < ' ' || *p == 0x7f)
			return -EINVAL;
	}
	return 0;
}

/* In place. */
static int decode(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		int c = (unsigned char)*p;

		if (c == '+')
			c = ' ';
		if (c == '%') {
			if (digit(p[1]) < 0 || digit(p[2]) < 0)
				return -EINVAL;
			c = digit(p[1]) << 4 | digit(p[2]);
			p += 2;
		}
		if (c == 0)
			return -EINVAL;
		*to++ = (char)c;
	}
	*to = '\0';
	return check_text(text);
}

static int add_arg(struct request *r, char *text)
{
	char *value = strchr(text, '=');
	int result;

	if (!*text)
		return 0;
	if (r->n_args == REQUEST_ARGS_MAX)
		return -E2BIG;
	if (value)
		*value++ = '\0';
	result = decode(text);
	if (result == 0 && value)
		result = decode(value);
	r->arg[r->n_args++] = (struct request_arg){text, value ?: ""};
	return result;
}

int request_parse(struct request *r, const char *target)
{
	char *rest, *word;
	int result;

	if (target[0] != '/')
		return -EINVAL;
	if (strlen(target) > REQUEST_TARGET_MAX)
		return -E2BIG;
	r->text = strdup(target);
	if (!r->text)
		return -ENOMEM;
	rest = r->text;
	r->path = strsep(&rest, "?");
	result = decode(r->text);
	while (result == 0 && (word = strsep(&rest, "&")))
		result = add_arg(r, word);
	return result;
}

void request_done(struct request *r)
{
	free(TAKE_PTR(r->text));
	r->path = NULL;
	r->n_args = 0;
}

const char *request_arg(const struct request *r, const char *name, size_t nth)
{
	for (size_t i = 0; i < r->n_args; i++)
		if (streq(r->arg[i].name, name) && nth-- == 0)
			return r->arg[i].value;
	return NULL;
}
