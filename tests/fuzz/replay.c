// SPDX-License-Identifier: GPL-2.0-or-later
/* Linked with a fuzz driver, gives it each file named on the command line: the corpus as a test. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");
		uint8_t *data = malloc(1 << 20);
		size_t size;

		if (!file || !data) {
			fprintf(stderr, "replay: cannot read '%s'\n", argv[i]);
			return 1;
		}
		size = fread(data, 1, 1 << 20, file);
		fclose(file);
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	printf("Checks: %d, Failures: 0, Errors: 0\n", argc - 1);
	return 0;
}
