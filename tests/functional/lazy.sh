# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# core/lazy-stubs, core/lazy.c: libraries that are loaded when one of their functions is called.

# A library whose function is given what a call can be given, and a program that is linked with stubs for it.
make_program() {
	[ "$(uname -m)" = x86_64 ] || skip "stubs are for x86-64"
	cat >"$T/sum.c" <<-'END'
		#include <stdarg.h>
		double sum(int a, long b, int c, int d, int e, int f, int g, int h, double x, double y, int n, ...)
		{
			double all = a + b + c + d + e + f + g + h + x + y;
			va_list list;
			va_start(list, n);
			while (n-- > 0) all += va_arg(list, double);
			return all;
		}
	END
	cat >"$T/main.c" <<-'END'
		#include <core/lazy.h>
		#include <stdio.h>
		double sum(int a, long b, int c, int d, int e, int f, int g, int h, double x, double y, int n, ...);
		int main(int argc, char **argv)
		{
			if (argc > 2) lazy_forbid();
			for (int i = 1; argc > 1 && i <= 2; i++)
				printf("%.2f\n", sum(1, 1L << 40, 3, 4, 5, 6, 7, 8, 0.25, 0.5, 9, 1., 2., 3., 4., 5., 6., 7., 8., i * 100.));
			return argv[0] == 0;
		}
	END
	cc -shared -fPIC -Wl,-soname,libsum.so -o "$T/libsum.so" "$T/sum.c"
	cc -I. -c -o "$T/main.o" "$T/main.c"
	CC="cc -B$T" core/lazy-stubs "$T/main.o" -- sum missing >"$T/stubs.S"
	cc -I. -Icore -Icore/include -D_GNU_SOURCE -o "$T/program" "$T/main.o" "$T/stubs.S" core/lazy.c ||
		fail "it does not link"
	export LD_LIBRARY_PATH=$T
}

test_arguments_arrive() {
	make_program
	equal "what it says" "1099511627946.75 1099511628046.75" "$("$T/program" call | xargs)"
}

# A program that does not call it does not miss it.
test_library_that_is_not_there() {
	make_program
	rm "$T/libsum.so"
	"$T/program" || fail "it does not run without"
	contains "what it says" "program: cannot load 'libsum.so': " "$("$T/program" call 2>&1)"
	"$T/program" call 2>/dev/null
	equal "exit status" 127 $?
}

# A process that has gone where others put the files does not take theirs.
test_forbidden() {
	make_program
	equal "what it says" "program: cannot load 'libsum.so': it is too late" "$("$T/program" call late 2>&1)"
}

# Each of them would cost every start of it.
test_what_rbcectl_is_linked_with() {
	[ "$(uname -m)" = x86_64 ] && [ -z "${SAN:-}" ] || skip "it is linked with all"
	equal "libraries for few commands" "" "$(ldd "$BIN/rbcectl" | grep -E 'libbpf|libnl|libcgroup|libpcre2|libsmartcols')"
}
