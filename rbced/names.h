/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Users and groups for the rules that are in force: the system's name service (nss(5)), without
 * waiting for one that does not answer.
 */
#ifndef RBCED_NAMES_H
#define RBCED_NAMES_H

#include <rules/rules.h>

/*
 * Ids of names are asked for as rules_nss does: that is when rules are read, in a thread. The name
 * of an id is asked for when a container is named; where the answer takes longer than 100 ms it is
 * -EAGAIN, and at once for as long as the service hangs. A late answer is there for the next call.
 */
extern const struct rules_names names_bounded;

#endif
