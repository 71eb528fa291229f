// SPDX-License-Identifier: GPL-2.0-or-later
/* A manifest: what is read is written again as it was. Its last line is made to fit, so that the
 * rest is looked at. */
#include <core/checkpoint/digest.h>
#include <rbce/checkpoint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_it(const char *text)
{
	struct rbce_manifest *m = NULL, *again = NULL;
	struct rbce_error err;
	char *first = NULL, *second = NULL;
	size_t n, k;

	if (rbce_manifest_parse(text, "m", &m, &err) < 0)
		return;
	if (rbce_manifest_text(m, &first, &n) < 0 ||
	    rbce_manifest_parse(first, "m", &again, &err) < 0 ||
	    rbce_manifest_text(again, &second, &k) < 0 || n != k || memcmp(first, second, n) != 0)
		abort();
	free(first);
	free(second);
	rbce_manifest_free(again);
	rbce_manifest_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t room = size + DIGEST_SIZE + sizeof("end \n");
	char digest[DIGEST_SIZE], *text = malloc(room);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	read_it(text);
	size = strlen(text);
	digest_of(text, size, digest);
	snprintf(text + size, room - size, "end %s\n", digest);
	read_it(text);
	free(text);
	return 0;
}
