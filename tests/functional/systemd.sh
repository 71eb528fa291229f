# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbced as a unit of systemd: readiness, journal, reload, logins, stop.
# needs: root cgroup systemd

# install_unit: the built programs and this test's rules, as an administrator would.
install_unit() {
	install -m 755 "$BIN/rbced" /usr/local/sbin/rbced
	sed "s|^ExecStart=.*|& --rules $T/rules --root $ROOT|" packaging/systemd/rbced.service \
		>/run/systemd/system/rbced.service
	systemctl daemon-reload
	systemctl start rbced || fail "it does not start: $(journalctl -u rbced | tail -n 5)"
}

remove_unit() {
	systemctl stop rbced
	rm -f /run/systemd/system/rbced.service /usr/local/sbin/rbced
	systemctl daemon-reload
}

test_as_a_unit() {
	local pid
	useradd --create-home "u$$" || fail "cannot add a user"
	write_rules <<-END
		[container people/%u]
		pids.max = 200
		[rule people]
		user = u$$
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
	systemctl reload rbced
	wait_for 15 sh -c "journalctl --sync; journalctl -u rbced | grep -q 'test.rules:6: '"
	equal "state after a refused reload" active "$(systemctl is-active rbced)"
	settled "$pid" "people/u$$"
	# systemd's own upheavals do not disturb it.
	systemctl daemon-reexec
	daemon_answers || fail "it does not answer after daemon-reexec"
	systemctl stop rbced
	settled "$pid" "people/u$$"
	kill "$pid"
	remove_unit
}
