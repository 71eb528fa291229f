# SPDX-License-Identifier: GPL-2.0-or-later
# The programs for the kernel, and what loads them.
$B/%.bpf.o: %.bpf.c $(wildcard rbced/source/*.h controllers/bpf/*.h) rbced/build.mk
	$(call say,BPF)
	$Q mkdir -p $(@D) && $(CLANG) $(BPF_FLAGS) -c -o $@ $<

$B/%.skel.h: $B/%.bpf.o
	$(call say,GEN)
	$Q$(BPFTOOL) gen skeleton $< name $(subst /,_,$(patsubst rbced/source/%,rbced_%,$(patsubst controllers/bpf/%,%_bpf,$*))) >$@

$B/rbced/source/bpf.o: $B/rbced/source/bpf.skel.h
$B/rbced/source/bpf.o: override CPPFLAGS += -isystem $B

$B/controllers/bpf/pins.o: $B/controllers/bpf/net.skel.h
$B/controllers/bpf/pins.o: override CPPFLAGS += -isystem $B
