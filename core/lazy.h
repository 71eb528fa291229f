/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Libraries that are loaded when one of their functions is called for the first time. Each one that
 * a program is linked with costs every start of it 0.04 ms, most commands need few of them, and a
 * workload manager starts rbcectl for each job. A program is linked with stubs in place of such a
 * library (core/lazy-stubs), which bear the names of its functions and come here; who calls them
 * does not know.
 */
#ifndef CORE_LAZY_H
#define CORE_LAZY_H

#include <stddef.h>

/*
 * NAMES has the library's name and those of its functions, each with its end. Puts where the
 * function of number INDEX lies into SLOTS and returns it. Ends the program when there is no such
 * library or function, as the dynamic loader would have done at its start.
 */
void *lazy_resolve(const char *names, size_t index, void **slots);

/* From now on only what is loaded is called: this process goes where others have put the files. */
void lazy_forbid(void);

#endif
