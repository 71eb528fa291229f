# SPDX-License-Identifier: GPL-2.0-or-later
# make [all|run|check|check-guest|check-kernel|check-kernel-debug|check-series|kernel|kernel-deb|deb|guest-shell|lint|fuzz|bench|install|clean]
#   SAN=1: address and undefined behaviour sanitizers   V=1: full command lines
VERSION := 0.1.0
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
DESTDIR ?=
PKG_CONFIG ?= pkg-config

comma := ,
B := build$(if $(SAN),-san)
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla -Wformat=2 -Wundef \
        -Wwrite-strings -Wpointer-arith -Werror=implicit-function-declaration
SANITIZE := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all \
        -fno-omit-frame-pointer)
PACKAGES := libcgroup libnl-3.0 libnl-genl-3.0 libnl-route-3.0 sqlite3 inih libsystemd smartcols \
        json-c libpcre2-8 libseccomp libcap-ng ncursesw libxxhash

.DEFAULT_GOAL := all
# $(call optional,NAME,WHAT,LACKS): what is left out where something that it takes is missing.
define optional
FEATURES += $(if $3,-,+)$1
$(if $3,all: without-$1
.PHONY: without-$1
without-$1:
	@echo "built without $2: there is no $3")
endef
LEFT_OUT := %/main.c %.bpf.c
include core/build.mk rbced/build.mk stats/build.mk

override CPPFLAGS += -I. -Icore/include -Icore -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -MMD -MP
override CPPFLAGS += -DFEATURES='"$(strip $(FEATURES))"'
override CFLAGS   += -std=gnu17 $(WARN) $(SANITIZE) $(PKG_CFLAGS)
override LDFLAGS  += $(SANITIZE) -Wl,--as-needed
# Asked once per run and only when something is built: `make deps` comes before that.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm)$(PKG_LIBS)
CHECK_LIBS = $(eval CHECK_LIBS := $$(shell $(PKG_CONFIG) --libs check))$(CHECK_LIBS)

Q   := $(if $(V),,@)
QUIET := --no-print-directory $(if $(V),,--silent)
say  = $(if $(V),,@printf '  %-5s %s\n' $(1) $@)

# Folders with a library's sources, lowest last (link order); of programs; of parts of a program.
LIBRARIES := rules controllers core
# Commands of a program that are programs of their own: PROGRAM/FOLDER is PROGRAM-FOLDER.
APART := rbced/rbcectl/images stats/serve ulimitx/run
PROGRAM_DIRS := rbced rbced/rbcectl stats ulimitx $(APART)
PARTS := rbced/gate rbced/source rbced/oom $(addprefix stats/,sample store exits shares show top serve)
base_name = $(patsubst stats,containerstats,$(notdir $1))
program_name = $(if $(filter $1,$(APART)),$(call base_name,$(patsubst %/,%,$(dir $1)))-$(notdir $1),$(call base_name,$1))
objects = $(patsubst %.c,$B/%.o,$(filter-out $(LEFT_OUT),$(foreach d,$1,$(wildcard $d/*.c))))

LIBRARY_OBJ := $(call objects,$(LIBRARIES) controllers/bpf rules/import core/cli \
        core/namespace core/checkpoint core/crfs) $(if $(CRFS_LACKS),,$B/core/crfs/types.o)
PROGRAMS := $(foreach d,$(PROGRAM_DIRS),$B/bin/$(call program_name,$d))

all: $(PROGRAMS)

$B/lib.a: $(LIBRARY_OBJ)
	$(call say,AR)
	$Q$(RM) $@ && $(AR) rcs $@ $^

# One rule per program: its main.o, an archive of the rest (which unit tests link too), the library.
define program
$B/$1.a: $(call objects,$1 $(filter $1/%,$(PARTS)))
	$$(call say,AR)
	$$Q mkdir -p $$(@D) && $$(RM) $$@ && $$(AR) rcs $$@ $$^
$B/bin/$(call program_name,$1): $B/$1/main.o $B/$1.a $B/lib.a
	$$(call say,LD)
	$$Q mkdir -p $$(@D) && $$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(PKG_LIBS)
endef
$(foreach d,$(PROGRAM_DIRS),$(eval $(call program,$d)))
# They take what all commands share.
$B/bin/rbcectl-images: $B/rbced/rbcectl.a
$B/bin/containerstats-serve: $B/stats.a

# Written when it changes: what a library that has come or gone makes different is built again.
ifneq ($(strip $(FEATURES)),$(file <$B/features))
$(shell mkdir -p $B)
$(file >$B/features,$(strip $(FEATURES)))
endif

$B/%.o: %.c Makefile $B/features
	$(call say,CC)
	$Q mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

include core/crfs/build.mk ulimitx/build.mk tests/build.mk packaging/build.mk controllers/kernel/build.mk

# Debian packages of everything above and of the tests; quick and silent where they are there.
deps:
	@packaging/deps
deps-tests:
	@packaging/deps tests

run: deps
	@$(MAKE) $(QUIET) all $(HELPERS)
	@env B=$B tests/tour

check: deps-tests
	@$(MAKE) $(QUIET) all tests
	@B=$B tests/check

# The same and more in QEMU, on the kernel of controllers/kernel (built and cached at the first time).
check-guest: deps-tests kernel
	@$(MAKE) $(QUIET) all tests
	@tests/check-guest

guest-shell: kernel
	@tests/guest/run --shell

lint: deps-tests
	@tests/lint

fuzz: deps-tests
	@tests/fuzz/run $(FUZZ)

bench: deps-tests
	@$(MAKE) $(QUIET) all $(HELPERS) $(BENCH)
	@for bench in match apply ulimitx place spawn storm spaces exits stats series room serve checkpoint; do tests/bench/$$bench || exit 1; done

clean:
	$(RM) -r build build-san build-deb

.PHONY: all deps deps-tests run check check-guest deb guest-shell tests lint manual fuzz bench install clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $B -name '*.d' 2>/dev/null)
