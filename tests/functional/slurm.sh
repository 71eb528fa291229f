# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbce.so in a Slurm of one node: jobs and steps in their containers, limits of requests, accounts.
# needs: root cgroup systemd slurm

# 200 take their time where all is emulated: RBCE_JOBS=200 RBCE_LIMIT=3000.
JOBS=${RBCE_JOBS:-12}
# Milliseconds of CPU time that each of them uses: what starting and ending it takes is little beside that.
BURN=${RBCE_BURN:-3000}
U=u$$
STARTS=0

# start_slurm [cgroup]: with Slurm's own control groups, if asked for.
start_slurm() {
	local tracks=linuxproc task=none
	[ -z "${1:-}" ] || { tracks=cgroup && task=cgroup; }
	export SLURM_CONF=$T/slurm.conf
	mkdir -p "$T/state" "$T/spool" "$T/out" "$T/ended"
	chmod 777 "$T/out" "$T/ended"
	write_task_epilog
	cat >"$SLURM_CONF" <<-END
		ClusterName=test
		SlurmctldHost=guest(127.0.0.1)
		SlurmUser=root
		AuthType=auth/munge
		CredType=cred/munge
		AuthInfo=cred_expire=20
		ProctrackType=proctrack/$tracks
		TaskPlugin=task/$task
		MpiDefault=none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU_Memory
		SlurmdParameters=config_overrides
		SchedulerParameters=batch_sched_delay=0,sched_min_interval=10000
		ReturnToService=2
		KillWait=2
		SlurmdTimeout=600
		StateSaveLocation=$T/state
		SlurmdSpoolDir=$T/spool
		SlurmctldPidFile=$T/slurmctld.pid
		SlurmdPidFile=$T/slurmd.pid
		SlurmctldLogFile=$T/slurmctld.log
		SlurmdLogFile=$T/slurmd.log
		PlugStackConfig=$T/plugstack.conf
		TaskEpilog=$T/task-epilog
		NodeName=guest CPUs=4 RealMemory=1000 State=UNKNOWN
		PartitionName=all Nodes=guest Default=YES MaxTime=60 State=UP
	END
	printf 'CgroupPlugin=cgroup/v2\nConstrainRAMSpace=yes\n' >"$T/cgroup.conf"
	echo "required $PWD/$B/lib/slurm/rbce.so root=$ROOT rbcectl=$BIN/rbcectl" >"$T/plugstack.conf"
	# Names are looked up for networks only that there are, and loopback is none.
	ip address add 10.77.7.7/32 dev lo 2>/dev/null
	systemctl unmask munge 2>/dev/null
	chown -R munge: /etc/munge
	systemctl start munge || fail "no munge: $(journalctl -u munge | tail -n 5)"
	at_end stop_slurm
	slurmctld -D >"$T/slurmctld.out" 2>&1 &
	CTLD=$!
	start_slurmd
	wait_for 90 node_is_idle
}

# Slurm runs it when it has waited for a task, and the container is still there: what the kernel says that all
# in it have used, to their last instruction.
write_task_epilog() {
	cat >"$T/task-epilog" <<-END
		#!/bin/sh
		read -r key usec <"/sys/fs/cgroup/$ROOT/slurm/\$SLURM_JOB_USER/job_\$SLURM_JOB_ID/cpu.stat" 2>/dev/null || exit 0
		echo "\$key \$usec" >"$T/ended/\$SLURM_JOB_ID"
	END
	chmod 755 "$T/task-epilog"
}

# As a unit of its own, which Slurm's control groups want; another each time, as jobs of the one before may still
# run in that.
start_slurmd() {
	SLURMD=slurmd-$$-$((++STARTS))
	systemd-run --quiet --unit="$SLURMD" -p Delegate=yes -p KillMode=process -E SLURM_CONF="$SLURM_CONF" slurmd -D -N guest ||
		fail "no slurmd"
}

stop_slurm() {
	scancel -u "$U" 2>/dev/null
	kill "$CTLD" 2>/dev/null
	systemctl kill --kill-whom=all -s KILL "slurmd-$$-*" 2>/dev/null
	systemctl stop "slurmd-$$-*" 2>/dev/null
	wait "$CTLD" 2>/dev/null
}

node_is_idle() {
	[ "$(sinfo -h -o %T 2>/dev/null)" = idle ]
}

slurm_rules() {
	useradd --create-home "$U" || fail "cannot add a user"
	write_rules <<-END
		[container slurm/%u/job_%j]
		pids.max = 90
		[rule people]
		user = $U
		from-systemd = yes
		container = people/%u
	END
}

# As the user, in a folder that is there.
as_user() {
	runuser -u "$U" -- env --chdir=/ SLURM_CONF="$SLURM_CONF" "$@"
}

# submit OPTION... <SCRIPT: prints the job's id.
submit() {
	cat >"$T/script"
	as_user sbatch --parsable -o "$T/out/%j" --mem=50 "$@" "$T/script" || fail "sbatch failed"
}

# All of the user's jobs, with their epilogs.
all_ended() {
	[ -z "$(squeue -h -u "$U" -t all -o %T | grep -vE 'COMPLETED|CANCELLED|FAILED')" ] && [ -z "$(ls "/run/rbce/$ROOT.jobs" 2>/dev/null)" ]
}

accounts() {
	sqlite3 "$T/db" "SELECT $1 FROM jobs WHERE container LIKE '$2' ORDER BY ended" 2>/dev/null
}

has_accounts() {
	[ "$(accounts 'count(*)' "$1")" = "$2" ]
}

# Looks at each process of a job, again and again: the job that its environment names, where it stands. Without
# a process for it, so that nobody is missed. One that has just ended tells nothing any more.
watch_jobs() {
	local dir text id place
	while :; do
		for dir in /proc/[0-9]*; do
			text='' id='' place=''
			read -r -d '' text <"$dir/cmdline"
			[ "$text" = "$HELP/burn-static" ] || continue
			while read -r -d '' text; do
				[[ $text != SLURM_JOB_ID=* ]] || id=${text#*=}
			done <"$dir/environ"
			while read -r text; do
				[[ $text != 0::* ]] || place=${text#0::}
			done <"$dir/cgroup"
			[ -z "$id" ] || [ -z "$place" ] || echo "$id $place"
		done >>"$T/seen" 2>/dev/null
		pause
	done
}

# What it saw elsewhere than in the container of its job.
seen_elsewhere() {
	awk -v at="/$ROOT/slurm/$U/job_" '$2 != at $1 "/step_batch"' "$T/seen"
}

# off BY FROM ACTUAL: is it off by more than so many percent, above or below?
off() {
	awk -v by="$1" -v from="$2" -v is="$3" 'BEGIN { exit !(from == "" || is == "" || is < from * (1 - by / 100) || is > from * (1 + by / 100)) }'
}

# middle_and_most FILE: of the numbers in it.
middle_and_most() {
	sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.2f %% (median), %.2f %% (most)", v[int((NR + 1) / 2)], v[NR] }'
}

# Very short ones, all at a time: where each of their processes began and was seen, and whether their accounts
# are right. Two know what a job did: its own processes, of which each tells what it has used until it ends,
# and the kernel, which has counted their ends as well: where all is emulated on a busy machine, the end of one
# may take as long as a tenth of its life. So no account is off from the kernel's count, none is below what the
# processes told, and most are not above that either.
test_many_short_jobs() {
	local file id used before ended told n_above wrong=0 off=0 n=0
	slurm_rules
	start_rbced
	start_recorder 1s
	start_slurm
	watch_jobs &
	submit --array="1-$JOBS" <<<"#!$HELP/burn-static $BURN" >"$T/id"
	wait_for $((200 + JOBS * 10)) sh -c "[ \$(ls '$T/out' | wc -l) -eq $JOBS ]"
	wait_for 300 all_ended
	wait_for 30 has_accounts "slurm/$U/job_%" "$JOBS"
	for file in "$T"/out/*; do
		id=${file##*/}
		[ "$(grep -c "^place /$ROOT/slurm/$U/job_$id/step_batch\$" "$file")" = 2 ] || {
			wrong=$((wrong + 1))
			cat "$file" >&2
		}
		used=$(sed -n 's/^used //p' "$file")
		before=$(sed -n 's/^before //p' "$file")
		ended=$(sed -n 's/^usage_usec //p' "$T/ended/$id")
		told=$(accounts cpu_usec "slurm/$U/job_$id")
		n=$((n + 1))
		if off 2 "$ended" "$told" || [ "$told" -lt $(((used + before) * 98 / 100)) ]; then
			off=$((off + 1))
			echo "    job $id used $used after $before, its container $ended; its account says $told" >&2
		fi
		awk -v u="$((used + before))" -v t="$told" 'BEGIN { print (t - u) / u * 100 }' >>"$T/unseen"
		awk -v e="$ended" -v t="$told" 'BEGIN { d = (t - e) / e * 100; print d < 0 ? -d : d }' >>"$T/differences"
	done
	equal "jobs" "$JOBS" "$n"
	equal "jobs with a process elsewhere" 0 "$wrong"
	equal "accounts that are off by more than 2 %" 0 "$off"
	n_above=$(awk '$1 > 2 { n++ } END { print n + 0 }' "$T/unseen")
	between "accounts by more than 2 % above what the processes told" 0 $((n / 10)) "$n_above"
	equal "seen elsewhere" "" "$(seen_elsewhere)"
	equal "jobs that were seen" "$n" "$(cut -d' ' -f1 "$T/seen" | sort -u | wc -l)"
	figure "$n jobs, seen by $(wc -l <"$T/seen") looks at one of their processes"
	figure "accounts off from what their containers had used: by $(middle_and_most "$T/differences"); above what their processes told: $(middle_and_most "$T/unseen")"
	"$BIN/containerstats" report --db "$T/db" --last 1h --by job --json |
		jq '[.containers[] | select(.container | test("job_[0-9]+$"))]' >"$T/report"
	equal "in the report" "$JOBS" "$(jq length "$T/report")"
	equal "of these with both processes' ends" "$JOBS" "$(jq '[.[] | select(.exits >= 2 and .failed == 0)] | length' "$T/report")"
	[ -z "$(compgen -G "/sys/fs/cgroup/$ROOT/slurm/$U/job_*")" ] || fail "containers stayed"
	[ -z "$(ls "/run/rbce/$ROOT.ended")" ] || fail "accounts stayed"
}

test_limits_and_steps() {
	local id other
	slurm_rules
	start_rbced
	start_slurm
	other=$(submit --rbce=pids.max=60 <<<"#!/bin/sh
		exec '$BIN/ulimitx' --raw pids.max")
	id=$(submit --mem=100 -n 2 <<-END
		#!/bin/sh
		"$BIN/ulimitx" --raw memory.max cpu.max pids.max
		srun -n 1 --rbce=memory.max=40M,pids.max=25 "$BIN/ulimitx" --raw memory.max pids.max
		srun -n 1 cat /proc/self/cgroup
	END
	)
	wait_for 180 all_ended
	contains "tasks that sbatch asked for" " 60 " "$(cat "$T/out/$other")"
	contains "memory of the request" "104857600" "$(grep '^memory.max' "$T/out/$id" | head -n 1)"
	contains "who says so" "/$ROOT/slurm/$U/job_$id" "$(grep '^memory.max' "$T/out/$id" | head -n 1)"
	contains "tasks of the rules" " 90 " "$(grep '^pids.max' "$T/out/$id" | head -n 1)"
	grep -q '^cpu.max' "$T/out/$id" || fail "no CPU limit: $(cat "$T/out/$id")"
	contains "memory of the step" "41943040" "$(grep '^memory.max' "$T/out/$id" | tail -n 1)"
	contains "tasks of the step" " 25 " "$(grep '^pids.max' "$T/out/$id" | tail -n 1)"
	contains "second step" "0::/$ROOT/slurm/$U/job_$id/step_1" "$(cat "$T/out/$id")"
	as_user srun --rbce=oom.policy=none true 2>"$T/err" && fail "any key is taken"
	contains "refused" "it is no KEY=VALUE of a key that a job may set" "$(cat "$T/err")"
}

job_runs() {
	[ "$(squeue -h -j "$1" -o %T 2>/dev/null)" = RUNNING ] && [ -s "$T/out/$1" ]
}

# The process that a job told of.
told_pid() {
	PID=$(head -n 1 "$T/out/$1")
}

gone() {
	[ ! -d "/proc/$1" ] || [ "$(awk '{ print $3 }' "/proc/$1/stat")" = Z ]
}

# What runs away from Slurm, which knows processes by their parents, ends with the job all the same.
test_cancel_and_requeue() {
	local id
	slurm_rules
	start_rbced
	start_recorder 1s
	start_slurm
	id=$(submit --requeue <<-'END'
		#!/bin/sh
		setsid sh -c 'sleep 1000 & echo $!'
		exec sleep 1000
	END
	)
	wait_for 120 job_runs "$id"
	told_pid "$id"
	stands_in "$PID" "slurm/$U/job_$id/step_batch" ||
		fail "it ran to '$(container_of "$PID")': $(ctl explain "$PID") $(tail -n 5 "$T/rbced.log")"
	scontrol requeue "$id" || fail "not requeued"
	wait_for 120 has_accounts "slurm/$U/job_$id" 1
	gone "$PID" || fail "it lives"
	rm -f "$T/out/$id"
	wait_for 240 job_runs "$id"
	scancel "$id"
	(wait_for 120 has_accounts "slurm/$U/job_$id" 2) ||
		fail "$(squeue -t all) $(ls -R "/run/rbce/$ROOT."*) $(tail -n 20 "$T/slurmd.log")"
	wait_for 120 all_ended
	[ -z "$(compgen -G "/sys/fs/cgroup/$ROOT/slurm/$U/job_*")" ] || fail "containers stayed"
}

# slurmd that restarts, rbced that is killed, away while a job starts, and back.
test_restarts() {
	local id other
	slurm_rules
	start_rbced
	start_recorder 1s
	start_slurm
	id=$(submit <<-END
		#!/bin/sh
		echo \$\$
		until [ -e "$T/go" ]; do sleep 0.2; done
		exec "$HELP/burn-static" 500
	END
	)
	wait_for 120 job_runs "$id"
	told_pid "$id"
	kill -KILL "$(systemctl show -P MainPID "$SLURMD")"
	start_slurmd
	kill -KILL "$RBCED"
	wait "$RBCED" 2>/dev/null
	other=$(submit <<<"#!$HELP/burn-static 500")
	wait_for 120 test -s "$T/out/$other"
	start_rbced
	ctl reclassify >/dev/null
	equal "where the first one is" "slurm/$U/job_$id/step_batch" "$(container_of "$PID")"
	touch "$T/go"
	wait_for 120 all_ended
	wait_for 30 has_accounts "slurm/$U/job_%" 2
	equal "places of the second" 2 "$(grep -c "^place /$ROOT/slurm/$U/job_$other/step_batch\$" "$T/out/$other")"
	between "CPU of the first" 500 5000 "$(accounts 'cpu_usec / 1000' "slurm/$U/job_$id")"
}

# On v2 a task stands in one group: with task/cgroup and proctrack/cgroup it is Slurm's, with its limits. Rules
# that take tasks out of units are kept off by those of slurm-rbce(8).
test_control_groups_of_slurms_own() {
	local id
	slurm_rules
	sed -n '/^\[rule slurmstepd\]/,/^\.Ed/p' man/slurm-rbce.8 | grep -v '^\.' >"$T/rules/00-jobs.rules"
	start_rbced
	start_slurm cgroup
	id=$(submit <<-END
		#!/bin/sh
		cat /proc/self/cgroup
		sleep 1
		cat /proc/self/cgroup
		"$BIN/ulimitx" --raw memory.max
	END
	)
	wait_for 120 all_ended
	[ "$(grep -c "^0::/.*/job_$id/step_batch/" "$T/out/$id")" = 2 ] || fail "not in Slurm's group: $(cat "$T/out/$id")"
	contains "Slurm's limit" "52428800" "$(grep '^memory.max' "$T/out/$id")"
	contains "said" "rbce: job $id is in a control group of Slurm's, and stays there" "$(cat "$T/slurmd.log")"
	[ ! -d "/sys/fs/cgroup/$ROOT/slurm" ] || fail "it has a container as well"
}
