# SPDX-License-Identifier: GPL-2.0-or-later
# Libraries of ulimitx: the core's limits alone, as position-independent code of their own.
# librbce.so.1: the number changes when a program that was linked against it would not run any more.
PRELOADED := $(addprefix $B/lib/,libulimitx-preload.so libulimitx-res.so)
SHARED := $B/lib/librbce.so.1 $(PRELOADED)
LIMITS_PIC := $(patsubst %.c,$B/pic/%.o,$(wildcard core/limits*.c) core/error.c core/file.c core/root.c core/task.c)

all: $(SHARED) $B/lib/librbce.so

# The core alone shows its functions; the others show what they replace.
$B/pic/core/%.o: core/%.c Makefile
	$(call say,CC)
	$Q mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -c -o $@ $<

$B/pic/hidden/%.o: %.c Makefile
	$(call say,CC)
	$Q mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -c -o $@ $<

HIDDEN := $(patsubst $B/pic/%,$B/pic/hidden/%,$(LIMITS_PIC))
$B/lib/librbce.so.1: $(LIMITS_PIC) core/librbce.map
$B/lib/librbce.so.1: override LDFLAGS += -Wl,--version-script=core/librbce.map
$B/lib/librbce.so: $B/lib/librbce.so.1
	$Qln -sf $(<F) $@
$B/lib/libulimitx-preload.so: $B/pic/hidden/ulimitx/preload/preload.o $(HIDDEN)
$B/lib/libulimitx-res.so: $B/pic/hidden/ulimitx/preload/res.o $(HIDDEN)
$(SHARED):
	$(call say,LD)
	$Q mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(@F) -o $@ $(filter-out %.map,$^)

$B/examples/limits: core/examples/limits.c $B/lib/librbce.so
	$(call say,LD)
	$Q mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -L$B/lib -lrbce -Wl,-rpath,'$$ORIGIN/../lib'
all: $B/examples/limits

install: install-limits
install-limits: $(SHARED)
	install -d $(DESTDIR)$(LIBDIR)/rbce $(DESTDIR)$(PREFIX)/include/rbce
	install -m 644 $B/lib/librbce.so.1 $(DESTDIR)$(LIBDIR)
	ln -sf librbce.so.1 $(DESTDIR)$(LIBDIR)/librbce.so
	install -m 644 $(PRELOADED) $(DESTDIR)$(LIBDIR)/rbce
	install -m 644 core/include/rbce/limits.h core/include/rbce/error.h core/include/rbce/root.h $(DESTDIR)$(PREFIX)/include/rbce
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rbce/python ulimitx/python/rbce_limits.py
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' packaging/rbce.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/rbce.pc
.PHONY: install-limits
