/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories for images that are only on their way. */
#ifndef RBCECTL_SCRATCH_H
#define RBCECTL_SCRATCH_H

#include <rbce/error.h>

struct scratch {
	char path[256]; /* empty: there is none */
	int lock;       /* whoever has it open uses the directory */
};

/* A new one, in TMPDIR or /var/tmp; those of processes that were killed are taken away. */
int scratch_make(struct scratch *ret, struct rbce_error *err);

/* Only the latter. */
void scratch_clean(void);

/* Takes it away, where there is one. */
void scratch_done(struct scratch *scratch);

/* It failed: what the engine has said stays there, under another name, which is told. */
void scratch_keep(struct scratch *scratch);

#endif
