# SPDX-License-Identifier: GPL-2.0-or-later
# The engine of checkpoints, where its library is.
CRIU_LACKS := $(if $(shell { $(PKG_CONFIG) --exists criu libprotobuf-c && echo yes; } 2>/dev/null),,libcriu)
PACKAGES   += $(if $(CRIU_LACKS),,criu libprotobuf-c)
LEFT_OUT   += $(if $(CRIU_LACKS),%/checkpoint/engine.c,%/checkpoint/engine-none.c)
$(eval $(call optional,criu,checkpoint and restore,$(CRIU_LACKS)))

# crfs takes FUSE, and the engine's package, which says what its images are made of.
PYCRIU ?= $(firstword $(wildcard /usr/lib/python3/dist-packages/pycriu/images))
CRFS_LACKS := $(strip $(if $(PYCRIU),,criu) $(if $(shell command -v python3),,python3) \
        $(if $(shell { $(PKG_CONFIG) --exists fuse3 && echo yes; } 2>/dev/null),,fuse3))
PACKAGES   += $(if $(CRFS_LACKS),,fuse3)
LEFT_OUT   += $(if $(CRFS_LACKS),$(filter-out %/none.c,$(wildcard core/crfs/*.c)),core/crfs/none.c)
$(eval $(call optional,crfs,crfs,$(CRFS_LACKS)))
