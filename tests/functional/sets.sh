# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The rule sets that are shipped: what each of them decides.

SETS=$PWD/rules/sets

# decides SET: reads lines "RULE CONTAINER FACT..." and asks for each ("-" for none).
decides() {
	local rule container facts got
	while read -r rule container facts; do
		[ -n "$rule" ] || continue
		eval "facts=($facts)"
		got=$("$BIN/rbcectl" simulate --rules "$SETS/$1.rules" "${facts[@]}" --json |
			jq -r '"\(.rule // "-") \(.container // "-")"')
		equal "$1: ${facts[*]}" "$rule $container" "$got"
	done
}

test_login_node() {
	decides login-node <<-END
		compilers people/1500/build --user 1500 --exe /usr/lib/gcc/x86_64-linux-gnu/12/cc1
		compilers people/1500/build --user 1500 --exe /home/me/llvm/bin/clang-14
		compilers people/1500/build --user 1500 --exe /usr/lib/go-1.19/pkg/tool/linux_amd64/compile
		build-tools people/1500/build --user 1500 --exe /usr/bin/make
		build-steps people/1500/build --user 1500 --exe /bin/sh --parent /usr/bin/make --in people/1500/build
		everything-else people/1500 --user 1500 --exe /bin/sh --parent /usr/bin/make
		editors people/1500/edit --user 1500 --exe /usr/bin/vim.basic
		editors people/1500/edit --user 1500 --exe /usr/bin/emacs-nox
		copies people/1500/copy --user 1500 --exe /usr/lib/openssh/sftp-server
		copies people/1500/copy --user 1500 --exe /usr/bin/rsync --args '-a x y'
		compute people/1500/compute --user 1500 --exe /opt/matlab/bin/glnxa64/MATLAB
		everything-else people/1500 --user 1500 --exe /usr/bin/bash
		everything-else people/1500 --user 1500 --exe /usr/bin/gcc
		everything-else people/1500 --user 1500 --euser 0 --exe /usr/bin/sudo
		session-managers - --user 1500 --exe /usr/lib/systemd/systemd
		session-managers - --user 1500 --exe /usr/lib/systemd/systemd --unit init.scope
		everything-else people/1500 --user 1500 --exe /usr/bin/bash --unit session-3.scope
		compilers people/1500/build --user 1500 --exe /usr/lib/gcc/cc1 --unit session-3.scope
		- - --user 0 --exe /usr/lib/gcc/x86_64-linux-gnu/12/cc1
		- - --user 0 --exe /usr/sbin/sshd
		- - --user 65534 --exe /usr/bin/bash
		- - --user 60001 --exe /usr/bin/bash
	END
}

test_build_farm() {
	decides build-farm <<-END
		linkers farm/job-1/link --user 1500 --tag job-1 --exe /usr/bin/ld.bfd
		linkers farm/job-1/link --user 1500 --tag job-1 --exe /usr/bin/x86_64-linux-gnu-ld
		tests farm/job-1/test --user 1500 --tag job-1 --exe /home/w/a.out --parent /usr/bin/ctest
		test-children farm/job-1/test --user 1500 --tag job-1 --exe /home/w/b.out --in farm/job-1/test
		jobs farm/job-1 --user 1500 --tag job-1 --exe /usr/bin/gcc
		jobs farm/job-1 --user 1500 --tag job-1 --exe /usr/bin/gcc --unit worker.service
		jobs farm/job-1 --user 0 --tag job-1 --exe /usr/bin/apt
		jobs farm/job-4711 --user 1500 --tag job-4711 --exe /usr/lib/gcc/cc1
		fetchers fetch --user 1500 --exe /usr/bin/git
		fetchers fetch --user 1500 --exe /usr/lib/git-core/git-remote-https
		jobs farm/job-1 --user 1500 --tag job-1 --exe /usr/bin/git
		jobs-without-a-tag farm/user-1500 --user 1500 --exe /usr/lib/gcc/cc1
		jobs-without-a-tag farm/user-1500 --user 1500 --tag other --exe /usr/bin/ninja
		what-they-start farm/user-1500 --user 1500 --exe /bin/sh --parent /usr/bin/ninja
		- - --user 1500 --exe /bin/bash
		- - --user 0 --exe /usr/bin/make
		- - --user 0 --exe /usr/bin/git
	END
	equal "limits of a job without a tag" "1600%" "$("$BIN/rbcectl" simulate --rules "$SETS/build-farm.rules" --user 1500 \
		--exe /usr/bin/make --json | jq -r '.limits[] | select(.container == "farm/user-1500" and .key == "cpu.max").value')"
}

test_workstation() {
	decides workstation <<-END
		sound - --user 1000 --exe /usr/bin/pipewire
		desktop desktop --user 1000 --exe /usr/bin/gnome-shell
		desktop desktop --user 1000 --exe /usr/libexec/gnome-terminal-server
		desktop desktop --user 1000 --exe /usr/bin/tmux
		compilers builds --user 1000 --exe /usr/lib/gcc/x86_64-linux-gnu/12/cc1plus
		compilers builds --user 1000 --exe /home/me/.rustup/toolchains/stable/bin/rustc
		build-tools builds --user 1000 --exe /usr/bin/npm
		what-they-start builds --user 1000 --exe /bin/sh --parent /usr/bin/make --in builds
		- - --user 1000 --exe /bin/sh --parent /usr/bin/make
		background background --user 1000 --exe /usr/lib/x86_64-linux-gnu/libexec/kf5/baloo_file_extractor
		background background --user 1000 --exe /usr/bin/clangd
		background background --user 1000 --exe /usr/bin/rclone
		browsers-and-mail apps/firefox-esr --user 1000 --exe /usr/lib/firefox-esr/firefox-esr
		browsers-and-mail apps/code --user 1000 --exe /usr/share/code/code
		browsers-and-mail apps/code --user 1000 --exe /usr/share/code/code --unit app-code.scope
		- - --user 1000 --exe /usr/bin/bash
		- - --user 0 --exe /usr/bin/make
		- - --user 110 --exe /usr/bin/gnome-shell
	END
}

test_backup() {
	decides backup <<-END
		backups backup --user 0 --exe /usr/bin/borg
		backups backup --user 1000 --exe /usr/bin/restic
		backup-by-script backup --user 0 --exe /usr/bin/rsync --args '-a /home /mnt/backup'
		backup-by-script backup --user 0 --exe /bin/tar --args 'czf /srv/snapshot-1.tgz /etc'
		- - --user 0 --exe /bin/tar --args 'xf linux.tar'
		- - --user 0 --exe /usr/bin/vi --args '/etc/backup.conf'
		what-a-backup-starts backup --user 0 --exe /usr/bin/zstd --in backup
		- - --user 0 --exe /usr/bin/zstd --in backup/journal
		indexers backup --user 0 --exe /usr/bin/updatedb.plocate
		indexers backup --user 1000 --exe /usr/libexec/tracker-miner-fs-3
		scanners backup --user 0 --exe /usr/bin/clamscan
		journals backup/journal --user 0 --exe /usr/sbin/rsyslogd
		journals backup/journal --user 0 --exe /usr/sbin/rsyslogd --unit rsyslog.service
		- - --user 0 --exe /usr/lib/systemd/systemd-journald
		- - --user 0 --exe /usr/sbin/sshd
		- - --user 1000 --exe /usr/bin/bash
	END
}

test_default_observes() {
	decides default <<-END
		compilers builds/1500 --user 1500 --exe /usr/lib/gcc/cc1
		people users/1500 --user 1500 --exe /bin/bash
		people users/1500 --user 1500 --exe /bin/bash --unit session-3.scope
		daemons system/root --user 0 --exe /usr/sbin/sshd
		- - --user 0 --exe /usr/sbin/sshd --unit ssh.service
	END
	equal "rules in force" 0 "$(grep -c '^mode *= *enforce' "$SETS/default.rules")"
	equal "rules that observe" "$(grep -c '^\[rule' "$SETS/default.rules")" "$(grep -c '^mode *= *observe' "$SETS/default.rules")"
}

test_nothing_to_complain_of() {
	local set
	for set in "$SETS"/*.rules; do
		"$BIN/rbced" --check --rules "$set" >/dev/null || fail "$set has errors"
		contains "$set" "nothing found" "$("$BIN/rbcectl" lint --rules "$set")"
	done
}
