/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libbpf complains of, for the one line that tells why a program was not loaded. Internal. */
#ifndef CONTROLLERS_BPF_COMPLAINT_H
#define CONTROLLERS_BPF_COMPLAINT_H

#include <bpf/libbpf.h>

/*
 * From now on libbpf prints nothing: the first complaint of this thread is kept, and ALSO, if not
 * NULL, gets this thread's lines from then on. Forgets an earlier complaint. Returns what libbpf
 * printed with before.
 */
libbpf_print_fn_t complaint_listen(void (*also)(const char *line));

/* Without a line's end; "" where there was none. The thread's own. */
char *complaint_first(void);

#endif
