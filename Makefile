# SPDX-License-Identifier: GPL-2.0-or-later
# make [all|run|check|check-guest|check-kernel|kernel|guest-shell|lint|fuzz|bench|install|clean]
#   SAN=1: address and undefined behaviour sanitizers   V=1: full command lines
VERSION := 0.1.0
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc
DESTDIR ?=
PKG_CONFIG ?= pkg-config

comma := ,
B := build$(if $(SAN),-san)
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla -Wformat=2 -Wundef \
        -Wwrite-strings -Wpointer-arith -Werror=implicit-function-declaration
SANITIZE := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all \
        -fno-omit-frame-pointer)
PACKAGES := libcgroup libnl-3.0 sqlite3 inih libsystemd smartcols json-c libpcre2-8

# What the bpf source of rbced takes; it is left out where something of it is missing.
CLANG   ?= clang
BPFTOOL ?= $(shell PATH=$$PATH:/usr/sbin:/sbin command -v bpftool)
BPF_LACKS := $(strip $(if $(shell command -v $(CLANG)),,clang) $(if $(BPFTOOL),,bpftool) \
        $(if $(shell { $(PKG_CONFIG) --exists libbpf && echo yes; } 2>/dev/null),,libbpf))
BPF_ARCH  := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -D__TARGET_ARCH_$(BPF_ARCH) \
        -idirafter /usr/include/$(shell $(CC) -print-multiarch)
PACKAGES  += $(if $(BPF_LACKS),,libbpf)

override CPPFLAGS += -I. -Icore/include -Icore -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -MMD -MP
override CPPFLAGS += -DFEATURES='"$(if $(BPF_LACKS),-bpf,+bpf)"'
override CFLAGS   += -std=gnu17 $(WARN) $(SANITIZE) $(PKG_CFLAGS)
override LDFLAGS  += $(SANITIZE) -Wl,--as-needed
# Asked once per run and only when something is built: `make deps` comes before that.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PACKAGES)))$(PKG_LIBS)
CHECK_LIBS = $(eval CHECK_LIBS := $$(shell $(PKG_CONFIG) --libs check))$(CHECK_LIBS)

Q   := $(if $(V),,@)
QUIET := --no-print-directory $(if $(V),,--silent)
say  = $(if $(V),,@printf '  %-5s %s\n' $(1) $@)

# Folders with a library's sources, lowest last (link order); of programs; of parts of a program.
LIBRARIES := rules controllers core
PROGRAM_DIRS := $(patsubst %/main.c,%,$(wildcard rbced/main.c rbced/rbcectl/main.c stats/main.c \
        ulimitx/main.c))
PARTS := rbced/gate rbced/source rbced/oom
program_name = $(if $(filter stats,$1),containerstats,$(notdir $1))
LEFT_OUT := %/main.c %.bpf.c $(if $(BPF_LACKS),%/source/bpf.c %/bpf/net.c %/bpf/pins.c,%/source/bpf-none.c \
        %/bpf/none.c)
objects = $(patsubst %.c,$B/%.o,$(filter-out $(LEFT_OUT),$(foreach d,$1,$(wildcard $d/*.c))))

LIBRARY_OBJ := $(call objects,$(LIBRARIES) controllers/bpf rules/import core/cli)
PROGRAMS := $(foreach d,$(PROGRAM_DIRS),$B/bin/$(call program_name,$d))

all: $(PROGRAMS)
	$(if $(BPF_LACKS),@echo "built without BPF (source bpf, keys net.*): there is no $(BPF_LACKS)")

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
	$$Q mkdir -p $$(@D) && $$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach d,$(PROGRAM_DIRS),$(eval $(call program,$d)))

$B/%.o: %.c Makefile
	$(call say,CC)
	$Q mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

include rbced/build.mk tests/build.mk

# Debian packages of everything above and of the tests; quick and silent where they are there.
deps:
	@packaging/deps

run: deps
	@$(MAKE) $(QUIET) all $(HELPERS)
	@env B=$B tests/tour

check: deps
	@$(MAKE) $(QUIET) all tests
	@B=$B tests/check

# The same and more in QEMU, on the kernel of controllers/kernel (built and cached at the first time).
check-guest: deps kernel
	@$(MAKE) $(QUIET) all tests
	@tests/check-guest

# The kernel's own cgroup selftests: the series may not turn a pass into anything else.
check-kernel: deps kernel
	@tests/guest/check-kernel

kernel kernel-plain kernel-debug:
	@controllers/kernel/build $(or $(filter-out kernel,$(@:kernel-%=%)),patched)

guest-shell: kernel
	@tests/guest/run --shell

lint: deps
	@tests/lint

# The parts of the manual that come from the tables that rules are read by.
manual: all
	@packaging/manual $B/bin/rbcectl man/rbce.rules.5

fuzz: deps
	@tests/fuzz/run $(FUZZ)

bench: deps
	@$(MAKE) $(QUIET) all $(HELPERS) $(BENCH)
	@for bench in match apply place spawn storm; do tests/bench/$$bench || exit 1; done

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNITDIR)
	install -m 755 $B/bin/rbced $(DESTDIR)$(SBINDIR)
	install -m 755 $(filter-out %/rbced,$(PROGRAMS)) $(DESTDIR)$(BINDIR)
	install -D -m 644 -t $(DESTDIR)$(SYSCONFDIR)/rbce/rules.d rules/sets/default.rules
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rbce/sets rules/sets/*.rules
	sed 's|/usr/local/sbin|$(SBINDIR)|' packaging/systemd/rbced.service \
		>$(DESTDIR)$(UNITDIR)/rbced.service
	for m in man/*.[1-8]; do install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${m##*.} $$m; done

clean:
	$(RM) -r build build-san

.PHONY: all deps run check check-guest check-kernel kernel kernel-plain kernel-debug guest-shell \
        tests lint manual fuzz bench install clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $B -name '*.d' 2>/dev/null)
