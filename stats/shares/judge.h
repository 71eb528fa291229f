/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What its weight entitled each of several competitors to. A pure function of their numbers. */
#ifndef STATS_SHARES_JUDGE_H
#define STATS_SHARES_JUDGE_H

#include <stddef.h>

struct competitor {
	double weight;   /* above 0 */
	double runnable; /* part of the time in which it ran or could have, 0 to 1 */
	double share;    /* written: of what there was while it was runnable, 0 to 1 */
};

/*
 * While some of them are runnable, each of those is entitled to its weight's part of their weights
 * together. When which of them were runnable is not known, only for how long: so the share is the
 * mean over all cases, each as likely as these times make it, taken as independent of one another.
 */
void judge(struct competitor *c, size_t n);

#endif
