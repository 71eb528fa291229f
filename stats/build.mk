# SPDX-License-Identifier: GPL-2.0-or-later
# containerstats serve and its page, packed into the program: each is left out where something of what it takes
# is missing.
SERVE_LIBRARIES := libmicrohttpd zlib
SERVE_LACKS := $(strip $(foreach p,$(SERVE_LIBRARIES),$(if $(shell { $(PKG_CONFIG) --exists $p && echo yes; } 2>/dev/null),,$p)))
PAGE_LACKS  := $(strip $(SERVE_LACKS) $(foreach p,npm esbuild,$(if $(shell command -v $p),,$p)))
PACKAGES    += $(if $(SERVE_LACKS),,$(SERVE_LIBRARIES))
LEFT_OUT    += $(if $(SERVE_LACKS),$(filter-out %/none.c,$(wildcard stats/serve/*.c)),%/serve/none.c)
LEFT_OUT    += $(if $(PAGE_LACKS),,%/serve/page-none.c)
$(eval $(call optional,serve,containerstats serve,$(SERVE_LACKS)))
$(eval $(call optional,page,the page of containerstats serve,$(PAGE_LACKS)))

ifeq ($(PAGE_LACKS),)
$B/stats.a: $B/stats/serve/page-files.o

$B/stats/serve/page-files.c: $(wildcard stats/web/*)
	$(call say,PAGE)
	$Q mkdir -p $(@D) && stats/web/embed $B/web $@

$B/stats/serve/page-files.o: $B/stats/serve/page-files.c
	$(call say,CC)
	$Q$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
endif
