// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An image that comes as a stream: whatever it is, nothing is made outside of the directory. The
 * sums of headers are made to fit, so that more than their beginnings is looked at.
 */
#include <core/file.h>
#include <dirent.h>
#include <rbce/checkpoint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *data;
	size_t size, at;
};

static ssize_t next(void *data, void *bytes, size_t size, struct rbce_error *err)
{
	struct input *input = data;
	size_t n = input->size - input->at;

	(void)err;
	n = n < size ? n : size;
	memcpy(bytes, input->data + input->at, n);
	input->at += n;
	return (ssize_t)n;
}

/* Each block that says that it is a header gets its sum. */
static void fit(struct input *input)
{
	for (size_t at = 0; at + 512 <= input->size; at += 512) {
		uint8_t *block = input->data + at;
		unsigned sum = 0;

		if (memcmp(block + 257, "ustar", 5) != 0)
			continue;
		memset(block + 148, ' ', 8);
		for (size_t i = 0; i < 512; i++)
			sum += block[i];
		snprintf((char *)block + 148, 7, "%06o", sum & 0777777);
		block[155] = ' ';
	}
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {.data = malloc(size + 1), .size = size};
	struct rbce_stream stream = {.read = next, .data = &input};
	struct rbce_manifest *m = NULL;
	char path[] = "/tmp/fuzz-stream-XXXXXX", inner[64];
	struct rbce_error err;

	if (!input.data || !mkdtemp(path))
		abort();
	snprintf(inner, sizeof(inner), "%s/image", path);
	memcpy(input.data, data, size);
	fit(&input);
	if (mkdir(inner, 0700) < 0)
		abort();
	if (rbce_stream_receive(&stream, inner, &m, &err) == 0 &&
	    rbce_checkpoint_verify(inner, &err) < 0)
		abort();
	if (entries(path) != 3)
		abort();
	rbce_manifest_free(m);
	file_remove_tree(path);
	free(input.data);
	return 0;
}
