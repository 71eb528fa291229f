/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kinds of state that a process may have when it is checkpointed, each in a process that looks for
 * itself afterwards whether all is there.
 */
#ifndef STATES_STATES_H
#define STATES_STATES_H

#include <stddef.h>

/* Makes its state, calls checkpointed(), and looks: NULL, or what is not as it was. */
typedef const char *state_fn(void);

struct state {
	const char *name;
	state_fn *run;
};

/* Ends with a row without a name. */
extern const struct state states_memory[], states_process[], states_files[], states_ipc[];

/* Says that all is made, and returns after the restart. */
void checkpointed(void);

/* A path in the folder of the test, for this state alone; static. */
const char *path_of(const char *name);

#define TEXT(line)  #line
#define TEXT2(line) TEXT(line)
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return "line " TEXT2(__LINE__) ": " #condition;                            \
	} while (0)

#endif
