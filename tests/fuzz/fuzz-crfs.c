// SPDX-License-Identifier: GPL-2.0-or-later
/* An image of a checkpoint: read and printed, whatever it is. */
#include <core/crfs/img.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct img image = {.data = malloc(size + !size), .size = size};
	FILE *out = fopen("/dev/null", "w");

	if (!image.data || !out)
		abort();
	memcpy(image.data, data, size);
	if (img_parse(&image) < 0 || image.broken > size)
		abort();
	img_print(out, &image);
	fclose(out);
	img_done(&image);
	return 0;
}
