# SPDX-License-Identifier: GPL-2.0-or-later
# The engine of checkpoints, where its library is.
CRIU_LACKS := $(if $(shell { $(PKG_CONFIG) --exists criu libprotobuf-c && echo yes; } 2>/dev/null),,libcriu)
PACKAGES   += $(if $(CRIU_LACKS),,criu libprotobuf-c)
LEFT_OUT   += $(if $(CRIU_LACKS),%/checkpoint/engine.c,%/checkpoint/engine-none.c)
$(eval $(call optional,criu,checkpoint and restore,$(CRIU_LACKS)))

# A loop over all memory of a container.
$B/core/checkpoint/digest.o: override CFLAGS += -O3 -fno-tree-vectorize

# crfs takes FUSE, and the engine's package, which says what its images are made of.
PYCRIU ?= $(firstword $(wildcard /usr/lib/python3/dist-packages/pycriu/images))
CRFS_LACKS := $(strip $(if $(PYCRIU),,criu) $(if $(shell command -v python3),,python3) \
        $(if $(shell { $(PKG_CONFIG) --exists fuse3 && echo yes; } 2>/dev/null),,fuse3))
PACKAGES   += $(if $(CRFS_LACKS),,fuse3)
LEFT_OUT   += $(if $(CRFS_LACKS),$(filter-out %/none.c,$(wildcard core/crfs/*.c)),core/crfs/none.c)
$(eval $(call optional,crfs,crfs,$(CRFS_LACKS)))

# What programs that are started for one command load when they call it (core/lazy.h). Others of the package are
# linked with each of these, so that it depends on them; what no other takes is named in packaging/debian/rules.
LAZY := $(if $(SAN)$(filter-out x86_64-%,$(shell $(CC) -dumpmachine)),,bpf cgroup nl-3 nl-route-3 smartcols)
define lazy
$B/bin/$1: $B/lazy/$1.o
$B/lazy/$1.o: $B/$2.a $B/lib.a core/lazy-stubs core/build.mk
	$$(call say,CC)
	$$Q mkdir -p $$(@D) && CC='$(CC)' core/lazy-stubs $$(filter %.a,$$^) -- $3 >$$(@:.o=.S) && $$(CC) -c -o $$@ $$(@:.o=.S)
endef
$(if $(LAZY),$(eval $(call lazy,rbcectl,rbced/rbcectl,$(LAZY) pcre2-8)))
$(if $(LAZY),$(eval $(call lazy,rbcectl-images,rbced/rbcectl/images,$(LAZY) fuse3 gnutls)))
$(if $(LAZY),$(eval $(call lazy,containerstats,stats,$(LAZY) systemd)))
