# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Real logins through pam_rbce.so: su, login, sshd, cron; with a daemon, without one, with one that hangs.
# needs: root cgroup systemd pam

U=u$$

login_rules() {
	useradd --create-home --shell /bin/bash "$U" || fail "cannot add a user"
	write_rules <<-END
		[container logins/%p]
		pids.max = 60
		[rule remote]
		user = $U
		tag = sshd 127.0.0.1 *
		from-systemd = yes
		container = logins/remote
		[rule cron]
		user = $U
		tag = cron - *
		from-systemd = yes
		container = logins/cron
		[rule terminal]
		user = $U
		tag = login - pts_*, login - /dev/pts/*
		from-systemd = yes
		container = logins/terminal
		[rule others]
		user = $U
		tag = *
		from-systemd = yes
		container = logins/others
	END
}

# use_module OPTION...: for all that log in here.
use_module() {
	local file
	[ -e "$T/pam" ] || cp -r /etc/pam.d "$T/pam"
	at_end undo
	for file in common-session common-session-noninteractive; do
		{ cat "$T/pam/$file" && echo "session required $PWD/$B/lib/pam_rbce.so root=$ROOT $*"; } >"/etc/pam.d/$file"
	done
}

undo() {
	cp "$T/pam"/* /etc/pam.d/
	[ ! -e "$T/sshd.pid" ] || kill "$(cat "$T/sshd.pid")"
	rm -f "/var/spool/cron/crontabs/$U"
}

start_sshd() {
	mkdir -p /run/sshd "/home/$U/.ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$T/key"
	cp "$T/key.pub" "/home/$U/.ssh/authorized_keys"
	chown -R "$U": "/home/$U/.ssh" && chmod 700 "/home/$U/.ssh"
	rm -f /run/nologin
	printf 'Port 2222\nListenAddress 127.0.0.1\nUsePAM yes\nPidFile %s/sshd.pid\nHostKey /etc/ssh/ssh_host_ed25519_key\n' "$T" >"$T/sshd_config"
	/usr/sbin/sshd -f "$T/sshd_config" -E "$T/sshd.log"
	wait_for 20 test -s "$T/sshd.pid"
}

over_ssh() {
	ssh -i "$T/key" -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$U@127.0.0.1" "$@" 2>"$T/err"
}

# over_su TEXT: a login shell that reads it. With a command of its own, su keeps what modules say to itself.
over_su() {
	su - "$U" <<<"$1"
}

# Where a shell stood, of whose /proc/self/cgroup the output is.
stood_in() {
	{ echo 1 && tr -d '\r' <"$1" | grep '^0::'; } | places_in -
}

test_su_ssh_login_cron() {
	login_rules
	start_rbced
	use_module say
	over_su 'cat /proc/self/cgroup; exit 7' >"$T/su"
	equal "status of su" 7 $?
	equal "su" logins/others "$(stood_in "$T/su")"
	contains "said" "This session is in container logins/others (rule others)." "$(cat "$T/su")"
	start_sshd
	over_ssh cat /proc/self/cgroup >"$T/ssh" || fail "no ssh: $(cat "$T/err" "$T/sshd.log")"
	equal "ssh" logins/remote "$(stood_in "$T/ssh")"
	printf 'cat /proc/self/cgroup >%s\nexit\n' "/home/$U/where" | script -qec "login -f $U" "$T/typescript" >/dev/null 2>&1 &
	wait_for 60 test -s "/home/$U/where"
	equal "login" logins/terminal "$(stood_in "/home/$U/where")"
	echo "@reboot cat /proc/self/cgroup >/home/$U/cron" >"$T/crontab"
	crontab -u "$U" "$T/crontab"
	rm -f /run/crond.reboot
	cron -f &
	wait_for 60 test -s "/home/$U/cron"
	equal "cron" logins/cron "$(stood_in "/home/$U/cron")"
}

# What a login starts stays where its rule puts it, as other rules would not.
test_what_a_session_starts() {
	login_rules
	start_rbced
	use_module
	start_sshd
	over_ssh 'echo $$; exec sleep 1000' >"$T/ssh" &
	wait_for 60 test -s "$T/ssh"
	ctl reclassify >/dev/null
	equal "its process" logins/remote "$(container_of "$(cat "$T/ssh")")"
	contains "why" "remote" "$(ctl explain --json "$(cat "$T/ssh")" | jq -r .rule)"
	# Also with a daemon that starts anew.
	stop_rbced || fail "the daemon ended badly"
	start_rbced
	ctl reclassify >/dev/null
	equal "after a restart" logins/remote "$(container_of "$(cat "$T/ssh")")"
}

# Nobody is kept out by a daemon that is away, hangs or is being replaced.
test_daemon_is_away() {
	login_rules
	use_module say
	start_sshd
	over_su true >"$T/su" || fail "no su without a daemon"
	! grep -q container "$T/su" || fail "it says what is not so: $(cat "$T/su")"
	over_ssh true || fail "no ssh without a daemon: $(cat "$T/err")"
	start_rbced
	kill -STOP "$RBCED"
	over_su true >"$T/su" || fail "no su while it hangs"
	over_ssh true || fail "no ssh while it hangs: $(cat "$T/err")"
	kill -CONT "$RBCED"
	use_module fail=closed
	stop_rbced
	RBCED=
	su - "$U" -c true >"$T/su" 2>&1 && fail "su though it is to fail"
	over_ssh true && fail "ssh though it is to fail"
	start_rbced
	su - "$U" -c true || fail "no su with a daemon"
}
