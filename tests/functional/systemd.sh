# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbced as a unit of systemd's, beside its other units: readiness, journal, reload, watchdog, stop;
# services, scopes and logins that are left alone or taken.
# needs: root cgroup systemd

# install_unit [WATCHDOG]: the built programs and this test's rules, as an administrator would.
install_unit() {
	install -m 755 "$BIN/rbced" /usr/local/sbin/rbced
	sed -e "s|^ExecStart=.*|& --rules $T/rules --root $ROOT ${RBCE_SOURCE:+--source $RBCE_SOURCE}|" -e "s|^ExecReload=.*|ExecReload=$BIN/rbcectl reload --root $ROOT|" -e "s|^WatchdogSec=.*|WatchdogSec=${1:-30s}|" \
		packaging/systemd/rbced.service >/run/systemd/system/rbced.service
	systemctl daemon-reload
	at_end remove_unit
	systemctl start rbced || fail "it does not start: $(journalctl -u rbced | tail -n 5)"
}

remove_unit() {
	systemctl stop rbced "$UNIT-*" 2>/dev/null
	rm -f /run/systemd/system/rbced.service /usr/local/sbin/rbced
	systemctl daemon-reload
}

# What the tests' own units begin with.
UNIT=rbce-test-$$

main_pid() {
	systemctl show -P MainPID "${1:-rbced}"
}

service_runs() {
	runs "$(main_pid "$1")" "$2"
}

# start_worker SERVICE: a service that runs the worker; sets PID.
start_worker() {
	systemd-run --quiet --unit="$1" "$T/bin/worker" 1000 || fail "cannot start $1"
	wait_for 20 service_runs "$1" "$T/bin/worker"
	PID=$(main_pid "$1")
}

worker_rules() {
	[ -x "$T/bin/worker" ] || private_copy /bin/sleep worker >/dev/null
	write_rules <<-END
		[container work]
		pids.max = 77
		[rule workers]
		exe = $T/bin/worker
		${1:-}
		container = work
	END
}

test_as_a_unit() {
	local pid
	useradd --create-home "u$$" || fail "cannot add a user"
	write_rules <<-END
		[container people/%u]
		pids.max = 200
		[rule people]
		user = u$$
		from-systemd = yes
		container = people/%u
	END
	install_unit
	# Type=notify: a start that returns has been told that it is ready.
	equal "state" active "$(systemctl is-active rbced)"
	daemon_answers || fail "it is not ready when systemd says so"
	# A login through PAM and systemd-logind, and whatever it starts.
	# shellcheck disable=SC2016 # for the login shell
	su - "u$$" -c 'echo $$; exec sleep 100' >"$T/out" &
	wait_for 20 test -s "$T/out"
	pid=$(cat "$T/out")
	settled "$pid" "people/u$$"
	# What it said stands in the journal, with its facts as fields.
	journalctl --sync
	contains "journal" "people/u$$" "$(journalctl -u rbced -o json | jq -r 'select(.RBCE_CONTAINER).RBCE_CONTAINER' | tail -n 1)"
	# A reload with an error is refused in the journal, and nothing changes.
	echo "nonsense" >>"$T/rules/test.rules"
	systemctl reload rbced 2>/dev/null && fail "a reload with an error succeeded"
	wait_for 15 sh -c "journalctl --sync; journalctl -u rbced | grep -q 'test.rules:7: '"
	equal "state after a refused reload" active "$(systemctl is-active rbced)"
	settled "$pid" "people/u$$"
}

# active_since UNIT: microseconds, when it was active, on the clock of the boot.
active_since() {
	systemctl show -P ActiveEnterTimestampMonotonic "$1"
}

let_people_in() {
	rm -rf /run/systemd/system/rbced.service.d "/run/systemd/system/$UNIT-boot.target"
	remove_unit
	systemctl start systemd-user-sessions
}

# As in a boot, both come with a target, in one transaction, and nobody may log in before rbced is ready, slow as it may be.
test_boots_before_logins() {
	worker_rules
	install_unit
	at_end let_people_in
	mkdir -p /run/systemd/system/rbced.service.d
	printf '[Service]\nExecStartPre=/bin/sleep 2\n' >/run/systemd/system/rbced.service.d/slow.conf
	printf '[Unit]\nWants=systemd-user-sessions.service rbced.service\n' >"/run/systemd/system/$UNIT-boot.target"
	systemctl daemon-reload
	systemctl stop rbced systemd-user-sessions || fail "they do not stop"
	[ -e /run/nologin ] || fail "people may log in while logins are stopped"
	systemctl start "$UNIT-boot.target" || fail "they do not start"
	gets_both() { systemctl is-active --quiet rbced && systemctl is-active --quiet systemd-user-sessions; }
	wait_for 60 gets_both
	[ "$(active_since rbced)" -le "$(active_since systemd-user-sessions)" ] ||
		fail "logins from $(active_since systemd-user-sessions) on, rbced from $(active_since rbced) on"
	[ ! -e /run/nologin ] || fail "nobody may log in"
}

# A service and a scope of systemd's are not the rules' matter, unless one says so.
test_units_are_left_alone() {
	local service=$UNIT-service scope
	worker_rules
	install_unit
	start_worker "$service"
	systemd-run --quiet --slice="$UNIT.slice" --scope --unit="$UNIT-scope" "$T/bin/worker" 1000 &
	scope=$!
	wait_for 20 runs $scope "$T/bin/worker"
	"$T/bin/worker" 1000 &
	settled $! work
	ctl reclassify >/dev/null
	equal "the service" - "$(container_of "$PID")"
	equal "the scope" - "$(container_of $scope)"
	contains "why" "left alone: unit $service.service is systemd's, and rule 'workers' does not say from-systemd = yes" \
		"$(ctl explain "$PID")"
	equal "of the scope" "$UNIT-scope.scope" "$(ctl explain --json $scope | jq -r .unit)"
	equal "simulated" null "$("$BIN/rbcectl" simulate --root "$ROOT" --rules "$T/rules" --pid "$PID" --json | jq -r .rule)"
	# Then one says so.
	worker_rules "from-systemd = yes"
	ctl reload >/dev/null
	settled "$PID" work
	settled $scope work
	equal "the service's state" active "$(systemctl is-active "$service")"
	kill -0 $scope || fail "the scope's command has ended"
	contains "systemd-cgls" "$T/bin/worker 1000" "$(systemd-cgls --no-pager "/$ROOT/work")"
	# systemd still ends what it has started.
	systemctl stop "$service"
	gone() { [ ! -e "/proc/$PID" ]; }
	wait_for 15 gone
	# A slice of one's own goes on working.
	systemd-run --quiet --slice="$UNIT.slice" --scope --unit="$UNIT-scope-2" "$T/bin/worker" 0.1 || fail "systemd-run failed"
	kill $scope
}

# A login of which every task is taken stays a login.
test_logins_go_on() {
	local pid session
	useradd --create-home "u$$" || fail "cannot add a user"
	cat >"$T/login" <<-'END'
		systemd-run --user --quiet --unit=of-the-user sleep 1000 && systemctl --user is-active of-the-user
		echo $$
		exec sleep 1000
	END
	chmod 644 "$T/login"
	write_rules <<-END
		[rule managers]
		exe = /usr/lib/systemd/systemd, /lib/systemd/systemd
		ignore = yes
		[rule people]
		user = u$$
		from-systemd = yes
		container = people/%u
	END
	install_unit
	su - "u$$" -c "bash $T/login" >"$T/out" 2>"$T/err" &
	wait_for 60 grep -q '^[0-9]' "$T/out"
	pid=$(tail -n 1 "$T/out")
	equal "a service of the user's own" active "$(head -n 1 "$T/out")"
	settled "$pid" "people/u$$"
	session=$(loginctl list-sessions --no-legend | awk -v user="u$$" '$3 == user { print $1; exit }')
	[ -n "$session" ] || fail "no session: $(loginctl list-sessions) $(cat "$T/err")"
	systemctl reload rbced
	ctl reclassify >/dev/null
	settled "$pid" "people/u$$"
	contains "the session" "$(loginctl show-session "$session" -P State)" "active online"
	equal "the user's service" active "$(systemctl is-active "user@$(id -u "u$$").service")"
	[ -d "/run/user/$(id -u "u$$")" ] || fail "its runtime directory is gone"
	# It ends like any other.
	kill "$pid"
	wait %1
	ended() { ! loginctl list-sessions --no-legend | grep "u$$" >/dev/null; }
	wait_for 30 ended
}

# Tasks, containers and limits stay; systemd's own upheavals change nothing, and the next one takes over.
test_stopping_breaks_nothing() {
	local pids_max
	worker_rules "from-systemd = yes"
	install_unit
	start_worker "$UNIT-service"
	settled "$PID" work
	pids_max=$(group_file pids pids.max pids.max work)
	equal "limit" 77 "$(cat "$pids_max")"
	equal "delegated" yes "$(systemctl show -P Delegate rbced)"
	stands_on() {
		equal "after $1" work "$(container_of "$PID")"
		equal "limit after $1" 77 "$(cat "$pids_max")"
	}
	systemctl stop rbced || fail "it does not stop"
	stands_on "the stop"
	equal "state" inactive "$(systemctl is-active rbced)"
	systemctl daemon-reload
	stands_on "daemon-reload"
	systemctl daemon-reexec
	stands_on "daemon-reexec"
	systemctl start rbced || fail "it does not start again: $(journalctl -u rbced | tail -n 5)"
	equal "left by the one before" "" "$(journalctl -u rbced | grep -i 'left-over')"
	settled "$PID" work
	systemctl daemon-reexec
	daemon_answers || fail "it does not answer after daemon-reexec"
	# What is sent to the unit is not for the tasks.
	systemctl kill --signal=KILL rbced
	stands_on "a kill"
	wait_for 20 daemon_answers
	kill -0 "$PID" || fail "the task was killed with the unit"
}

# One that hangs is ended and started anew, and what it knew by hand is known again.
test_watchdog() {
	local before held
	worker_rules
	install_unit 10s
	"$T/bin/worker" 1000 &
	held=$!
	settled $held work
	ctl classify $held by/hand >/dev/null || fail "classify failed"
	before=$(main_pid)
	kill -STOP "$before"
	"$T/bin/worker" 1000 &
	PID=$!
	restarted() { [ "$(main_pid)" != "$before" ] && [ "$(main_pid)" != 0 ] && daemon_answers; }
	wait_for 60 restarted
	settled $PID work
	equal "placed by hand" by/hand "$(container_of $held)"
	equal "verdict" manual "$(ctl explain --json $held | jq -r .verdict)"
	contains "journal" "watchdog" "$(journalctl -u rbced | grep -i watchdog)"
}
