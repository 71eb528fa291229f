// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers of the server; see reply.h. */
#include "reply.h"

#include <stdarg.h>
#include <zlib.h>

#include "stats/show/listing.h"
#include "util.h"

/* What is smaller goes in one packet anyway. */
enum { GZIP_LEAST = 1024, GZIP_LEVEL = 4, GZIP_WINDOW = 15 + 16 };

int reply_finish(struct reply *r, FILE *file, const char *type)
{
	if (fclose(file) != 0 || !r->body) {
		free(TAKE_PTR(r->body));
		r->size = 0;
		return -ENOMEM;
	}
	r->owned = true;
	r->type = type;
	if (!r->status)
		r->status = 200;
	return 0;
}

void reply_error(struct reply *r, unsigned status, const char *format, ...)
{
	char text[512];
	va_list ap;
	FILE *file;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	reply_done(r);
	r->status = status;
	r->etag[0] = '\0';
	file = open_memstream(&r->body, &r->size);
	if (!file)
		return;
	fputs("{\"error\": ", file);
	listing_json_text(file, text);
	fputs("}\n", file);
	reply_finish(r, file, TYPE_JSON);
}

void reply_gzip(struct reply *r)
{
	z_stream z = {0};
	unsigned char *packed;
	size_t room;

	if (r->size < GZIP_LEAST || r->gzipped || !r->owned ||
	    deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	room = deflateBound(&z, r->size);
	packed = malloc(room);
	z.next_in = (unsigned char *)r->body;
	z.avail_in = (unsigned)r->size;
	z.next_out = packed;
	z.avail_out = (unsigned)room;
	if (packed && deflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out < r->size) {
		free(r->body);
		r->body = (char *)TAKE_PTR(packed);
		r->size = z.total_out;
		r->gzipped = true;
	}
	free(packed);
	deflateEnd(&z);
}

void reply_done(struct reply *r)
{
	if (r->owned)
		free(r->body);
	r->body = NULL;
	r->size = 0;
	r->owned = r->gzipped = false;
}
