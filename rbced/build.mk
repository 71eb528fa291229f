# SPDX-License-Identifier: GPL-2.0-or-later
# The programs for the kernel, and what loads them.
CLANG   ?= clang
BPFTOOL ?= $(shell PATH=$$PATH:/usr/sbin:/sbin command -v bpftool)
BPF_LACKS := $(strip $(if $(shell command -v $(CLANG)),,clang) $(if $(BPFTOOL),,bpftool) \
        $(if $(shell { $(PKG_CONFIG) --exists libbpf && echo yes; } 2>/dev/null),,libbpf))
BPF_ARCH  := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -D__TARGET_ARCH_$(BPF_ARCH) \
        -idirafter /usr/include/$(shell $(CC) -print-multiarch)
PACKAGES  += $(if $(BPF_LACKS),,libbpf)
LEFT_OUT  += $(if $(BPF_LACKS),%/source/bpf.c %/bpf/net.c %/bpf/pins.c %/bpf/complaint.c,%/source/bpf-none.c %/bpf/none.c)
$(eval $(call optional,bpf,BPF (source bpf; keys net.*),$(BPF_LACKS)))

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

# Migration goes over TLS.
TLS_LACKS := $(if $(shell { $(PKG_CONFIG) --exists gnutls && echo yes; } 2>/dev/null),,libgnutls28)
PACKAGES  += $(if $(TLS_LACKS),,gnutls)
LEFT_OUT  += $(if $(TLS_LACKS),%/images/peer.c,%/images/peer-none.c)
$(eval $(call optional,tls,migration,$(TLS_LACKS)))

# What others load: a session module of PAM, a plugin of Slurm. Each is left out where its headers are not.
PAM_HEADER := $(wildcard /usr/include/security/pam_modules.h)
$(eval $(call optional,pam,pam_rbce.so,$(if $(PAM_HEADER),,libpam0g-dev)))
SLURM_HEADER := $(wildcard /usr/include/slurm/spank.h)
$(eval $(call optional,slurm,Slurm's rbce.so,$(if $(SLURM_HEADER),,libslurm-dev)))
JOIN := $(if $(PAM_HEADER),$B/lib/pam_rbce.so) $(if $(SLURM_HEADER),$B/lib/slurm/rbce.so)
PAMDIR ?= $(PREFIX)/lib/security
SPANKDIR ?= $(PREFIX)/lib/slurm-wlm

# Without the sanitizers, which a program that loads it would have to have.
JOIN_CC = $Q mkdir -p $(@D) && $(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) $(filter-out $(SANITIZE),$(CFLAGS)) \
        -fPIC -shared -o $@ $<

$B/lib/pam_rbce.so: rbced/join/pam.c rbced/put.h rbced/runtime.h rbced/build.mk
	$(call say,LD)
	$(JOIN_CC) -fvisibility=hidden -Wl,-z,defs -Wl,-z,nodelete -ljson-c -lpam

# Who loads it has the functions of Slurm.
$B/lib/slurm/rbce.so: rbced/join/slurm.c rbced/job.h rbced/runtime.h rbced/build.mk
	$(call say,LD)
	$(JOIN_CC) -DRBCECTL='"$(BINDIR)/rbcectl"' -Wno-missing-prototypes

all: $(JOIN)

install: install-join
install-join: $(JOIN)
	$(if $(PAM_HEADER),install -D -m 644 -t $(DESTDIR)$(PAMDIR) $B/lib/pam_rbce.so)
	$(if $(SLURM_HEADER),install -D -m 644 -t $(DESTDIR)$(SPANKDIR) $B/lib/slurm/rbce.so)
.PHONY: install-join
