// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as messages of TASKSTATS, one after the other, each with two bytes of length before it.
 */
#include <stats/exits/account.h>
#include <stats/exits/taskstats.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of its own, so that every byte read beyond it is found. */
static void read_one(struct account *account, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ?: 1);
	struct task_message message;
	struct task_record record;
	uint64_t states[TASK_STATES];

	if (!copy)
		return;
	memcpy(copy, data, size);
	if (taskstats_read(copy, size, &message) == 0) {
		if (memchr(message.task.comm, '\0', sizeof(message.task.comm)) == NULL)
			abort();
		if (account_join(account, &message, &record) &&
		    record.usage.value[USAGE_EXITS] != 1)
			abort();
	}
	taskstats_read_states(copy, size, states);
	taskstats_decode(copy, size, &record);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct account *account = account_new();

	while (account && size >= 2) {
		size_t length = (size_t)data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		read_one(account, data, length);
		data += length;
		size -= length;
	}
	account_free(account);
	return 0;
}
