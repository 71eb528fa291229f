# SPDX-License-Identifier: GPL-2.0-or-later
# What is built for tests and benchmarks; the Makefile above reads it.
UNIT     := $(patsubst %.c,$B/%,$(filter-out $(if $(CRFS_LACKS),%/test-crfs.c),$(wildcard tests/unit/test-*.c)))
HELPERS  := $(patsubst %.c,$B/%,$(filter-out %/nss-hang.c,$(wildcard tests/functional/helpers/*.c)))
# Some of them in other forms.
HELPERS_MORE := $(addprefix $B/tests/functional/helpers/,states first-static recycle-static burn-static libnss_hang.so.2)
FUZZ     := $(patsubst tests/fuzz/fuzz-%.c,%,$(filter-out $(if $(CRFS_LACKS),%-crfs.c %-crfs-tree.c),$(wildcard tests/fuzz/fuzz-*.c)))
REPLAY   := $(FUZZ:%=$B/tests/fuzz/replay-%)
BENCH    := $(addprefix $B/tests/bench/,witness spawn herd match start writer cost bulk fill day daylong sleeper)

tests: $(UNIT) $(REPLAY) $(HELPERS) $(HELPERS_MORE) $B/tests/bench/daylong $B/tests/bench/sleeper

$B/tests/unit/%: $B/tests/unit/%.o $(PROGRAM_DIRS:%=$B/%.a) $B/lib.a
	$(call say,LD)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(CHECK_LIBS)

$B/tests/fuzz/replay-%: $B/tests/fuzz/fuzz-%.o $B/tests/fuzz/replay.o $B/stats.a $B/lib.a
	$(call say,LD)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Programs of their own, without the library.
BARE_CC = $Q mkdir -p $(@D) && $(CC) -std=gnu17 $(WARN) -D_GNU_SOURCE -O1

$(HELPERS) $(addprefix $B/tests/bench/,witness spawn herd writer cost sleeper): $B/tests/%: tests/%.c tests/build.mk
	$(call say,CC)
	$(BARE_CC) -o $@ $<

$B/tests/functional/helpers/states: $(wildcard tests/functional/states/*.[ch]) tests/build.mk
	$(call say,CC)
	$(BARE_CC) -pthread -o $@ $(filter %.c,$^)

$B/tests/functional/helpers/%-static: tests/functional/helpers/%.c tests/build.mk
	$(call say,CC)
	$(BARE_CC) -static -o $@ $<

# It runs in root file systems that have nothing else.
$B/tests/bench/start: tests/bench/start.c tests/build.mk
	$(call say,CC)
	$(BARE_CC) -static -o $@ $<

$B/tests/functional/helpers/libnss_%.so.2: tests/functional/helpers/nss-%.c tests/build.mk
	$(call say,CC)
	$(BARE_CC) -shared -fPIC -o $@ $<

$B/tests/bench/match: $B/tests/bench/match.o $B/tests/bench/generate.o $B/lib.a
	$(call say,LD)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$B/tests/bench/bulk: $B/tests/bench/bulk.o $B/lib.a
	$(call say,LD)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(addprefix $B/tests/bench/,fill day daylong): %: %.o $B/stats.a $B/lib.a
	$(call say,LD)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
