# SPDX-License-Identifier: LGPL-2.1-or-later
# The table of the engine's messages.
$B/core/crfs/types.c: core/crfs/describe.py $(wildcard $(PYCRIU)/*.py)
	$(call say,GEN)
	$Q mkdir -p $(@D) && python3 $< $(PYCRIU) >$@

$B/core/crfs/types.o: $B/core/crfs/types.c Makefile
	$(call say,CC)
	$Q$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
