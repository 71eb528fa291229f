# SPDX-License-Identifier: GPL-2.0-or-later
# The program for the kernel, and what loads it.
$B/%.bpf.o: %.bpf.c $(wildcard rbced/source/*.h) rbced/build.mk
	$(call say,BPF)
	$Q mkdir -p $(@D) && $(CLANG) $(BPF_FLAGS) -c -o $@ $<

$B/%.skel.h: $B/%.bpf.o
	$(call say,GEN)
	$Q$(BPFTOOL) gen skeleton $< name rbced_$(notdir $*) >$@

$B/rbced/source/bpf.o: $B/rbced/source/bpf.skel.h
$B/rbced/source/bpf.o: override CPPFLAGS += -isystem $B
