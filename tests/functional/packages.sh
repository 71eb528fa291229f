# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The Debian packages on a real system: a fresh installation observes, one command enforces, an upgrade
# keeps everything, a removal leaves nothing behind. They are those that `make deb` has built.
# needs: root cgroup systemd

DEBS=$PWD/build-deb
PACKAGES=(rbce-dashboard slurm-rbce libpam-rbce rbce librbce-dev librbce1)

# As installed, not as built.
export BIN=/usr/bin ROOT=rbce

# install_packages [PACKAGE...]: with apt, as an administrator would.
install_packages() {
	[ -e "$(compgen -G "$DEBS/rbce_*.deb")" ] || skip "no packages in build-deb (make deb)"
	[ $# -gt 0 ] || set -- "$DEBS"/rbce_*.deb
	at_end purge
	apt-get install -q -y --no-install-recommends "$@" >"$T/apt" 2>&1 ||
		fail "apt-get: $(tail -n 20 "$T/apt")"
}

purge() {
	systemctl stop rbced 2>/dev/null
	rbcectl dissolve --all 2>/dev/null
	dpkg --purge "${PACKAGES[@]}" >/dev/null 2>&1
	[ -z "${PID:-}" ] || kill "$PID"
	[ -z "${HOG:-}" ] || kill -KILL "$HOG"
}

# log_in: a user of this test's, and a login of his; sets PID.
log_in() {
	id "u$$" >/dev/null 2>&1 || useradd --create-home "u$$" || fail "cannot add a user"
	# shellcheck disable=SC2016 # for the login shell
	su - "u$$" -c 'echo $$; exec sleep 1000' >"$T/login" &
	wait_for 60 test -s "$T/login"
	PID=$(cat "$T/login")
}

verdict_is() {
	[ "$(ctl explain --json "$PID" | jq -r .verdict)" = "$1" ]
}

# repacked VERSION: the package as if it had that version; its path.
repacked() {
	rm -rf "$T/repack"
	dpkg-deb -R "$DEBS"/rbce_*.deb "$T/repack"
	sed -i "s/^Version: .*/Version: $1/" "$T/repack/DEBIAN/control"
	dpkg-deb -Zgzip -z1 -b "$T/repack" "$T/rbce.deb" >/dev/null && echo "$T/rbce.deb"
}

# recorded [CONTAINER]
recorded() {
	containerstats report --db /var/lib/rbce/stats.db --json 2>/dev/null | grep "\"${1:-users/u$$}\"" >/dev/null
}

test_installed_it_observes_until_told() {
	install_packages "$DEBS"/*.deb
	equal "the daemon" active "$(systemctl is-active rbced)"
	equal "the recorder" active "$(systemctl is-active rbce-stats)"
	equal "after a boot" "enabled enabled" "$(systemctl is-enabled rbced rbce-stats | xargs)"
	contains "before logins" "systemd-user-sessions.service" "$(systemctl show -P Before rbced)"
	equal "what it may" yes "$(systemctl show -P NoNewPrivileges rbced)"
	log_in
	wait_for 30 verdict_is observed
	contains "what a rule would do" "users/u$$" "$(rbcectl explain "$PID")"
	equal "containers" 0 "$(rbcectl containers --json | jq '[.containers[] | select(.container != "")] | length')"
	rbcectl enforce --yes >"$T/out" || fail "enforce: $(cat "$T/out")"
	contains "what it said" "$PID" "$(cat "$T/out")"
	settled "$PID" "users/u$$"
	contains "systemd-cgls" "sleep 1000" "$(systemd-cgls --no-pager "/rbce/users/u$$")"
	wait_for 60 recorded
	# What the library's packages are for.
	equal "pkg-config" "-lrbce" "$(sed -n 's/^Libs: .*\(-l.*\)/\1/p' /usr/lib/*/pkgconfig/rbce.pc)"
	[ -e "$(readlink -f /usr/lib/*/librbce.so)" ] || fail "the link of librbce-dev leads nowhere"
	contains "preloaded" "$(nproc)" "$(LD_PRELOAD="/usr/\$LIB/rbce/libulimitx-preload.so" nproc)"
	# Mistakes in the rules are told by the reload, and change nothing.
	echo nonsense >/etc/rbce/rules.d/own.rules
	systemctl reload rbced 2>"$T/err" && fail "a reload with a mistake succeeded"
	journalctl --sync
	contains "journal" "own.rules:1: " "$(journalctl -u rbced)"
	equal "the daemon" active "$(systemctl is-active rbced)"
	settled "$PID" "users/u$$"
}

# compute: a user who does nothing else, in a container that is recorded; sets HOG.
compute() {
	useradd --create-home "h$$" || fail "cannot add a user"
	# shellcheck disable=SC2016 # for the login shell
	su - "h$$" -c 'echo $$; while :; do :; done' >"$T/hog" &
	wait_for 60 test -s "$T/hog"
	HOG=$(cat "$T/hog")
	settled "$HOG" "users/h$$"
	wait_for 60 recorded "users/h$$"
}

# One login after the other, until $T/enough is there.
keep_logging_in() {
	local n=0
	until [ -e "$T/enough" ]; do
		su - "h$$" -c true || echo "a login failed" >>"$T/failed"
		n=$((n + 1))
		sleep 1
	done
	echo "$n" >"$T/logins"
}

# Milliseconds that a unit was down when it was last started anew.
down() {
	local from to
	from=$(systemctl show -P InactiveEnterTimestampMonotonic "$1")
	to=$(systemctl show -P ActiveEnterTimestampMonotonic "$1")
	echo $(((to - from) / 1000))
}

# What the account of who computes lacks: no more than what can be used while the recorder is down.
check_account() {
	local used told out
	kill -STOP "$HOG"
	used=$(awk '{ print ($14 + $15) * 10 }' "/proc/$HOG/stat")
	out=$(down rbce-stats)
	sleep 3
	told=$(containerstats report --db /var/lib/rbce/stats.db --last 1h --json |
		jq --arg c "users/h$$" '[.containers[] | select(.container == $c).cpu_seconds] | add * 1000 | floor')
	figure "$used ms used, $told ms in the account; the recorder was down for $out ms, rbced for $(down rbced) ms, $(cat "$T/logins") logins meanwhile"
	[ "$out" -lt $((used / 2)) ] || fail "the recorder was down for $out ms of $used"
	[ "$told" -ge $((used * 98 / 100 - out)) ] || fail "used $used ms, but the account has $told"
}

test_an_upgrade_keeps_everything() {
	local before rows
	install_packages
	rbcectl enforce --yes >/dev/null || fail "enforce failed"
	log_in
	settled "$PID" "users/u$$"
	wait_for 60 recorded
	ctl classify "$PID" by/hand >/dev/null || fail "classify failed"
	before=$(systemctl show -P MainPID rbced)
	rows=$(sqlite3 /var/lib/rbce/stats.db 'SELECT count(*) FROM containers')
	# Rules that a new version does not like: the old daemon goes on.
	echo nonsense >/etc/rbce/rules.d/own.rules
	install_packages "$(repacked 0.1.0+1)"
	contains "what apt said" "own.rules:1: " "$(cat "$T/apt")"
	contains "what apt said" "rbced is not restarted" "$(cat "$T/apt")"
	equal "the daemon" "$before" "$(systemctl show -P MainPID rbced)"
	equal "the task" by/hand "$(container_of "$PID")"
	# Good ones, and a file of the package's that was changed here.
	rm /etc/rbce/rules.d/own.rules
	echo '; ours' >>/etc/rbce/rules.d/default.rules
	repacked 0.1.0+2 >"$T/path"
	compute
	keep_logging_in &
	install_packages "$(cat "$T/path")"
	touch "$T/enough"
	wait $!
	[ ! -e "$T/failed" ] || fail "$(cat "$T/failed")"
	equal "version" 0.1.0+2 "$(dpkg-query -W -f '${Version}' rbce)"
	[ "$(systemctl show -P MainPID rbced)" != "$before" ] || fail "the old daemon still runs"
	wait_for 30 daemon_answers
	equal "our line" "; ours" "$(tail -n 1 /etc/rbce/rules.d/default.rules)"
	equal "the task" by/hand "$(container_of "$PID")"
	equal "its verdict" manual "$(ctl explain --json "$PID" | jq -r .verdict)"
	equal "rules that observe" 0 "$(ctl rules --json | jq '[.rules[] | select(.mode == "observe")] | length')"
	ctl release "$PID" >/dev/null || fail "release failed"
	settled "$PID" "users/u$$"
	[ "$(sqlite3 /var/lib/rbce/stats.db 'SELECT count(*) FROM containers')" -ge "$rows" ] || fail "the record has lost containers"
	equal "the recorder" active "$(systemctl is-active rbce-stats)"
	check_account
}

# group_value CONTAINER FILE: of the group itself.
group_value() {
	cat "/sys/fs/cgroup/rbce/$1/$2"
}

# Two people of a login node, one of whom compiles: who is where, under which weights and limits.
test_login_node() {
	local builder=b$$ compilers pid
	install_packages
	cp /usr/share/rbce/sets/login-node.rules /etc/rbce/rules.d/default.rules
	systemctl reload rbced || fail "reload: $(journalctl -u rbced | tail -n 5)"
	useradd --create-home "$builder" || fail "cannot add a user"
	cp /bin/bash "/home/$builder/make"
	cp /bin/sleep "/home/$builder/cc1"
	# shellcheck disable=SC2016 # for that shell
	su - "$builder" -c 'exec ./make -c "for i in 1 2 3 4 5 6; do ~/cc1 1000 & done; wait"' &
	compile() { mapfile -t compilers < <(pgrep -x -u "$builder" cc1) && [ "${#compilers[@]}" -eq 6 ]; }
	wait_for 60 compile
	log_in
	settled "$PID" "people/u$$"
	for pid in "${compilers[@]}"; do settled "$pid" "people/$builder/build"; done
	equal "weight of one person" 100 "$(group_value "people/u$$" cpu.weight)"
	equal "weight of the other" 100 "$(group_value "people/$builder" cpu.weight)"
	equal "weight of the compilers within that" 50 "$(group_value "people/$builder/build" cpu.weight)"
	equal "CPUs of the compilers" "400000 100000" "$(group_value "people/$builder/build" cpu.max)"
	equal "tasks of the compilers" 400 "$(group_value "people/$builder/build" pids.max)"
	equal "memory of all that is the builder's" $((16 << 30)) "$(group_value "people/$builder" memory.max)"
	equal "memory that one person keeps" $((512 << 20)) "$(group_value "people/u$$" memory.low)"
	wait_for 20 sh -c "[ \"\$(ps -o ni= -p ${compilers[0]} | tr -d ' ')\" = 5 ]"
	contains "what a compiler may start" "people/$builder/build" "$(ulimitx --raw --pid "${compilers[0]}" pids.max)"
	# The account has both apart.
	wait_for 60 recorded "people/$builder/build"
	wait_for 60 recorded "people/u$$"
	kill "${compilers[@]}"
}

PAGE=http://127.0.0.1:8787

# The record of this machine, as the dashboard's server has it.
served() {
	[ "$(curl -s "$PAGE/api/v1/status" | jq '.record | length > 0')" = true ]
}

server_pid() {
	systemctl show -P MainPID rbce-dashboard.service
}

# It begins with the first who connects, as a user without rights, and ends with its package.
test_dashboard() {
	local before
	install_packages "$DEBS"/rbce_*.deb "$DEBS"/rbce-dashboard_*.deb
	equal "its socket" "active enabled" "$(systemctl is-active rbce-dashboard.socket) $(systemctl is-enabled rbce-dashboard.socket)"
	equal "its server" inactive "$(systemctl is-active rbce-dashboard.service)"
	(wait_for 60 served) || fail "$(ls -l /var/lib/rbce; journalctl -u rbce-dashboard | tail -n 8)"
	equal "who it is" rbce "$(stat -c %U "/proc/$(server_pid)")"
	equal "what it may" 0000000000000000 "$(awk '/^CapBnd/ { print $2 }' "/proc/$(server_pid)/status")"
	contains "the page" "<!doctype html>" "$(curl -s --compressed "$PAGE/" | head -n 1 | tr '[:upper:]' '[:lower:]')"
	# One that is killed is started by the next who asks, and a new version is taken.
	before=$(server_pid)
	kill -KILL "$before"
	wait_for 60 served
	before=$(server_pid)
	install_packages "$(repacked 0.1.0+3)"
	wait_for 60 served
	[ "$(server_pid)" != "$before" ] || fail "the old server still runs"
	dpkg --purge rbce-dashboard >"$T/apt" 2>&1 || fail "purge: $(cat "$T/apt")"
	curl -s "$PAGE/" >/dev/null && fail "somebody still answers"
	equal "the daemon" active "$(systemctl is-active rbced)"
}

programs() {
	pgrep -x rbced
	pgrep -x containerstats
}

# Of the suite, but for this test's sources.
left_behind() {
	find / -xdev \( -path "$PWD" -o -path "$T" -o -path /run/guest -o -path /var/lib/dpkg -o -path /var/lib/apt \
		-o -path /var/log -o -path /proc -o -path /sys \) -prune -o \( -name '*rbce*' -o -name 'containerstats*' \
		-o -name 'ulimitx*' \) -print
	find /sys/fs/cgroup /run -name '*rbce*' ! -path '/run/guest*' ! -path '*rbce-test*'
	programs
}

in_force() {
	install_packages "$@"
	rbcectl enforce --yes >/dev/null || fail "enforce failed"
	log_in
	settled "$PID" "users/u$$"
}

# But for rules and record, which the next installation finds.
test_a_removal_leaves_nothing_running() {
	in_force
	dpkg --remove rbce >"$T/apt" 2>&1 || fail "remove: $(cat "$T/apt")"
	kill -0 "$PID" || fail "a user's task was ended"
	equal "groups" "" "$(find /sys/fs/cgroup -name rbce)"
	equal "processes" "" "$(programs)"
	[ ! -e /run/rbce ] || fail "/run/rbce is still there"
	[ -e /etc/rbce/rules.d/enforce.rules ] && [ -e /var/lib/rbce/stats.db ] || fail "rules or record went without a purge"
}

test_a_purge_leaves_nothing() {
	in_force "$DEBS"/*.deb
	dpkg --purge "${PACKAGES[@]}" >"$T/apt" 2>&1 || fail "purge: $(cat "$T/apt")"
	kill -0 "$PID" || fail "a user's task was ended"
	equal "left behind" "" "$(left_behind)"
}

# typed FILE: what it tells root ("#") and alice ("$") to type, one after the other.
typed() {
	local who line
	while read -r who line; do
		line=${line//apt-get install -y/apt-get install -q -y --no-install-recommends}
		if [ "$who" = "#" ]; then
			bash -c "$line" </dev/null >"$T/out" 2>&1
		else
			su - alice -c "$line" </dev/null >"$T/out" 2>&1
		fi || fail "$1: $line: $(tail -n 5 "$T/out")"
	done < <(grep -E '^    [#$] ' "$1")
}

test_documents() {
	install_packages
	useradd --create-home alice || fail "cannot add a user"
	su - alice -c 'exec sleep 1000' &
	wait_for 60 pgrep -x -u alice sleep >/dev/null
	# The first screen of the README, with an answer to the question.
	while read -r line; do
		line=${line/apt install/apt-get install -q -y --no-install-recommends}
		line=${line/enforce/enforce --yes}
		bash -c "$line" </dev/null >"$T/out" 2>&1 || fail "README.md: $line: $(tail -n 5 "$T/out")"
	done < <(sed -n '/^On Debian 12/,/^Without/s/^    \([^#]*\).*/\1/p' README.md)
	contains "what the last one shows" "pids.max" "$(cat "$T/out")"
	rbcectl enforce --off >/dev/null || fail "enforce --off failed"
	typed docs/TUTORIAL.md
	typed docs/OPERATIONS.md
}
