// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What weights entitle to; see judge.h.
 *
 * The mean of w / (w + W), W being the weights of whoever else is runnable, is the integral of
 * w exp(-w t) times the product over the others of (1 - r + r exp(-v t)) over all t from 0, with v
 * and r their weights and runnable parts. The product is the same for all but for one factor, so
 * that all are judged in one pass instead of one for each case. The logarithm of t goes in even
 * steps, as weights may be ten thousand times each other.
 */
#include "judge.h"

#include <math.h>

#define STEP  0.125
#define BEGIN 1e-5 /* over the highest weight: so much of the integral is left out */
#define END   40.0 /* over the lowest: exp(-END) is nothing */

static double factor(const struct competitor *c, double t)
{
	return 1 - c->runnable + c->runnable * exp(-c->weight * t);
}

void judge(struct competitor *c, size_t n)
{
	double lowest = INFINITY, highest = 0, last;

	for (size_t i = 0; i < n; i++) {
		c[i].share = 0;
		lowest = fmin(lowest, c[i].weight);
		highest = fmax(highest, c[i].weight);
	}
	if (!n)
		return;
	last = log(END / lowest);
	for (double x = log(BEGIN / highest); x < last; x += STEP) {
		double t = exp(x), logarithm = 0;

		for (size_t i = 0; i < n; i++)
			logarithm += log(fmax(factor(&c[i], t), 1e-300));
		for (size_t i = 0; i < n; i++)
			c[i].share += STEP * c[i].weight * t *
				      exp(-c[i].weight * t + logarithm -
					  log(fmax(factor(&c[i], t), 1e-300)));
	}
	for (size_t i = 0; i < n; i++)
		c[i].share = fmin(c[i].share, 1);
}
