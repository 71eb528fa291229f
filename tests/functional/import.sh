# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbcectl import: what an administrator who comes from another program types.
# the same on every cgroup layout

# import KIND PATH...: output to $T/out, messages to $T/err.
import() {
	"$BIN/rbcectl" import "$@" >"$T/out" 2>"$T/err"
}

test_cgrules() {
	cat >"$T/cgrules.conf" <<-'END'
		# users
		root:make   cpu,memory  builds/%p
		@users      *           people/%u
		%           cpuset      people/%u
		*           cpu         rest  ignore
	END
	import cgrules "$T/cgrules.conf" || fail "it failed: $(cat "$T/err")"
	equal "a warning with its line" \
		"rbcectl: $T/cgrules.conf:5: 'ignore' holds for containers under the root of rbced; groups outside it are left alone unless a rule matches" \
		"$(cat "$T/err")"
	mkdir "$T/rules"
	cp "$T/out" "$T/rules/imported.rules"
	contains "the rules are good" "3 rules, 0 containers" "$("$BIN/rbced" --check --rules "$T/rules" 2>&1)"
	diff "$T/out" - <<-END || fail "it reads otherwise"
		# Imported from cgrules.conf: $T/cgrules.conf
		# The first rule that matches decides, there and here. Users are the real ones here, the effective
		# ones there (euser); groups are those that a task really has, not a list of members. A container is
		# one for all controllers, also where a line named some.

		[rule root-make]
		user      = root
		comm      = make
		container = builds/%p
		from-systemd = yes

		[rule @users]
		group     = @users
		container = people/%u
		from-systemd = yes

		[rule everyone-ignore]
		in        = rest*
		ignore    = yes
	END
}

test_cgconfig() {
	cat >"$T/cgconfig.conf" <<-'END'
		group builds {
			perm { task { uid = root; } }
			cpu { cpu.shares = 512; cpu.cfs_quota_us = 150000; cpu.cfs_period_us = 100000; }
			memory { memory.limit_in_bytes = 2147483648; memory.soft_limit_in_bytes = 1500M; }
		}
		mount { cpu = /sys/fs/cgroup/cpu; }
	END
	import cgconfig "$T/cgconfig.conf" || fail "it failed: $(cat "$T/err")"
	contains "permissions" "cgconfig.conf:2: left out: permissions" "$(cat "$T/err")"
	contains "mounts" "cgconfig.conf:6: left out: mounts" "$(cat "$T/err")"
	diff "$T/out" - <<-END || fail "it reads otherwise"
		# Imported from cgconfig.conf: $T/cgconfig.conf

		[container builds]
		cpu.weight = 50
		memory.max = 2G
		memory.soft = 1500M
		cpu.max = 150%
	END
}

test_a_folder_of_ananicy() {
	mkdir -p "$T/ananicy.d/00-default"
	echo '{"cgroup": "cpu80", "CPUQuota": 80}' >"$T/ananicy.d/00-cgroups.cgroups"
	echo '{"type": "BG_CPUIO", "nice": 16, "cgroup": "cpu80"}' >"$T/ananicy.d/00-types.types"
	cat >"$T/ananicy.d/00-default/rules.rules" <<-'END'
		# comment
		{"name": "make", "type": "BG_CPUIO"}
		{"name": "strange", "tyqe": "BG_CPUIO"}
	END
	echo 'not read' >"$T/ananicy.d/README.md"
	import ananicy "$T/ananicy.d" || fail "it failed: $(cat "$T/err")"
	contains "an unknown member" "rules.rules:3: " "$(cat "$T/err")"
	mkdir "$T/rules"
	cp "$T/out" "$T/rules/imported.rules"
	contains "the rules are good" "no errors" "$("$BIN/rbced" --check --rules "$T/rules" 2>&1)"
	contains "nice" "nice          = 16" "$(cat "$T/out")"
	contains "container" "container     = cpu80" "$(cat "$T/out")"
	contains "a share of all CPUs" "cpu.max = $((80 * $(nproc)))%" "$(cat "$T/out")"
	import ananicy --cpus 16 "$T/ananicy.d" || fail "it failed: $(cat "$T/err")"
	contains "of another host" "cpu.max = 1280%" "$(cat "$T/out")"
	equal "one that is none" 2 "$(import ananicy --cpus 0 "$T/ananicy.d"; echo $?)"
}

test_mistakes() {
	local status
	import cgrules "$T/none.conf"
	equal "status for a file that is missing" 1 $?
	equal "message" "rbcectl: cannot read '$T/none.conf': No such file or directory" "$(cat "$T/err")"
	mkdir "$T/empty"
	import ananicy "$T/empty"
	equal "status for a folder without files" 1 $?
	equal "message" "rbcectl: cannot import '$T/empty': it has no file of ananicy" "$(cat "$T/err")"
	import cgroups.conf "$T/empty"
	equal "status for an unknown kind" 2 $?
	contains "message" "cannot import 'cgroups.conf': usage: " "$(cat "$T/err")"
	printf 'alice cpu\nbob memory x\n' >"$T/wrong.conf"
	import cgrules "$T/wrong.conf"
	equal "status for a wrong line" 1 $?
	equal "output" "" "$(cat "$T/out")"
	equal "message" \
		"rbcectl: $T/wrong.conf:1: expected USER CONTROLLERS DESTINATION [OPTIONS]" "$(cat "$T/err")"
	printf 'root cpu x\n' >"$T/good.conf"
	"$BIN/rbcectl" import cgrules "$T/good.conf" >/dev/full 2>"$T/err"
	status=$?
	equal "status for a full disk" 1 $status
	contains "message" "No space left on device" "$(cat "$T/err")"
}
