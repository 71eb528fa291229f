# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# pam_rbce.so: where a session begins, and what it says when that cannot be done.
# needs: root cgroup pam
# the same on both as on v1

# A service of this test's own; nobody else's session has its name.
SERVICE=rbce-test-$$

# service OPTION...: its stack, which ends with a look at where the session stands.
service() {
	[ ! -e "$T/look" ] || rm "$T/where"
	at_end 'rm -f "/etc/pam.d/$SERVICE"'
	printf '#!/bin/sh\ncat /proc/$PPID/cgroup >%s/where\n' "$T" >"$T/look"
	chmod 755 "$T/look"
	cat >"/etc/pam.d/$SERVICE" <<-END
		session required pam_permit.so
		session required $PWD/$B/lib/pam_rbce.so root=$ROOT $*
		session required pam_exec.so $T/look
	END
}

# A session of NOBODY from a host: the module's words and status.
session() {
	pamtester -I rhost=10.1.2.3 -I tty=/dev/pts/9 "$SERVICE" nobody open_session close_session >"$T/out" 2>&1
}

where() {
	{ echo 1 && cat "$T/where"; } | places_in -
}

login_rules() {
	write_rules <<-END
		[container people/%u]
		pids.max = 50
		[rule far]
		user = nobody
		tag = $SERVICE 10.*
		comm = $(basename "$(getent passwd nobody | cut -d: -f7)")
		${1:-}
		container = people/%u
	END
}

test_a_session_begins_in_its_container() {
	login_rules
	start_rbced
	service say
	session || fail "no session: $(cat "$T/out")"
	equal "container" people/nobody "$(where)"
	contains "said" "This session is in container people/nobody (rule far)." "$(cat "$T/out")"
	contains "limit" " 50 " "$(ctl get people/nobody pids.max)"
	# Without being asked it says nothing.
	service
	session || fail "no session: $(cat "$T/out")"
	equal "container" people/nobody "$(where)"
	! grep -q container "$T/out" || fail "it talks: $(cat "$T/out")"
}

test_what_the_rules_do_not_take() {
	login_rules "mode = observe"
	start_rbced
	service say fail=closed
	session || fail "no session: $(cat "$T/out")"
	equal "observed" - "$(where)"
	contains "said" "This session would be in container people/nobody (rule far)." "$(cat "$T/out")"
	write_rules </dev/null
	ctl reload || fail "no reload"
	session || fail "no session: $(cat "$T/out")"
	equal "no rule" - "$(where)"
	contains "said" "This session is in no container of its own." "$(cat "$T/out")"
}

# A daemon that is away or hangs, and one that cannot do it.
test_failures() {
	login_rules
	service say fail=open
	session || fail "no session without a daemon: $(cat "$T/out")"
	equal "where" - "$(where)"
	! grep -q container "$T/out" || fail "it says what is not so: $(cat "$T/out")"
	service say fail=closed
	session && fail "a session though it is to fail"
	start_rbced
	kill -STOP "$RBCED"
	service say timeout=1
	session || fail "no session while the daemon hangs: $(cat "$T/out")"
	equal "where" - "$(where)"
	service fail=closed timeout=1
	session && fail "a session while the daemon hangs, though it is to fail"
	kill -CONT "$RBCED"
	wait_for 20 daemon_answers
	session || fail "no session: $(cat "$T/out")"
	equal "where" people/nobody "$(where)"
	# A container that cannot be had.
	write_rules <<-END
		[container bad]
		raw.pids.nothing = 1
		on-unsupported = error
		[rule far]
		user = nobody
		tag = $SERVICE *
		container = bad
	END
	ctl reload || fail "no reload"
	service say fail=closed
	session && fail "a session in a container that is not there"
	! grep -q "is in container" "$T/out" || fail "it says what is not so: $(cat "$T/out")"
}

test_mistakes() {
	login_rules
	start_rbced
	service say fail=never timeout=0 nonsense
	session || fail "a mistake locks out: $(cat "$T/out")"
	equal "container" people/nobody "$(where)"
	# Only root is told where to put whom; the look goes into a file that others may write to, too.
	: >"$T/where"
	chmod 666 "$T/where"
	setpriv --reuid "$TEST_UID" --clear-groups pamtester "$SERVICE" nobody open_session >"$T/out" 2>&1
	equal "where" - "$(where)"
}
