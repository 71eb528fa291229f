// SPDX-License-Identifier: GPL-2.0-or-later
/* A list of the network's rules: what is taken, written out, gives the same list again. */
#include <controllers/net-list.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_SIZE = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_rule_list list = {0}, back = {0};
	char *text = strndup((const char *)data, size), *written = malloc(TEXT_SIZE);
	struct rbce_error err = {0};

	if (!text || !written)
		abort();
	if (net_list_parse(text, &list, &err) < 0) {
		if (!*err.message || err.code >= 0 || strchr(err.message, '\n'))
			abort();
	} else if (net_list_format(&list, written, TEXT_SIZE) < 0 ||
		   net_list_parse(written, &back, NULL) < 0 ||
		   memcmp(&list, &back, sizeof(list)) != 0) {
		abort();
	}
	free(text);
	free(written);
	return 0;
}
