#!/usr/bin/env bash
# A real three-node Slurm cluster on one machine, for tests: munged, slurmctld and slurmd for n1, n2 and n3, all of them root's,
# all files in one work folder. Needs no systemd and touches nothing in /etc. Use it with SLURM_CONF=WORK/slurm.conf.
set -uo pipefail

usage() {
  cat >&2 <<TEXT
usage: cluster.sh COMMAND WORK [NODE]
  start WORK               install Slurm where it is missing, start what is not running, wait until all nodes are idle
  stop WORK                end every daemon and every task of this cluster
  status WORK              show daemons, nodes and queue
  kill-node WORK NODE      SIGKILL for a node's slurmd, its step daemons and their tasks
  start-node WORK NODE     start that slurmd again
  resume WORK              what an administrator does after a crash: let nodes tell anew what runs there, bring drained ones back
  restart-controller WORK  SIGKILL for slurmctld, then start it again
WORK is an absolute path of at most 60 characters. Exit 3: Slurm is missing and cannot be installed here.
Settings, read at the first start: SLURM_TEST_CPUS (CPUs a node, 1), SLURM_TEST_TIMEOUT (seconds until a silent node is down, 10),
SLURM_TEST_MAX_ARRAY (MaxArraySize, 1001). SLURM_TEST_OWNER: a pid; when that process is gone, the cluster is stopped.
TEXT
  exit 2
}

[ $# -ge 2 ] || usage
command=$1 work=${2%/} node=${3:-}
case $work in /*) ;; *) usage ;; esac
[ ${#work} -le 60 ] || { echo "slurm: $work is longer than 60 characters, too long for the sockets in it" >&2; exit 2; }
conf=$work/slurm.conf socket=$work/munge/munge.socket
nodes=(n1 n2 n3)
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C SLURM_CONF=$conf
# Nothing started here may hold the caller's pipes or think that it runs inside a job.
for name in $(compgen -e | grep -E '^(SLURM|SLURMD|SBATCH|SQUEUE|SINFO)_'); do
  case $name in SLURM_CONF | SLURM_TEST_*) ;; *) unset "$name" ;; esac
done
exec < /dev/null

say() { printf 'slurm: %s\n' "$*"; }
fail() { printf 'slurm: %s\n' "$*" >&2; exit 1; }
skip() { printf 'slurm: %s\n' "$*" >&2; exit 3; }

have_all() { for name in munged slurmctld slurmd sbatch squeue scontrol; do command -v "$name" > /dev/null || return 1; done; }

install() {
  [ "$(id -u)" -eq 0 ] || skip "a cluster of three nodes on one machine needs root; run this as root, or leave the Slurm tests out"
  have_all && return
  command -v apt-get > /dev/null || skip "Slurm is not installed and there is no apt-get: install munge, slurmctld, slurmd and Slurm's client commands"
  say "installing munge and slurm-wlm"
  local log=$work/apt.log
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends munge slurm-wlm > "$log" 2>&1 ||
    { apt-get update -qq >> "$log" 2>&1; apt-get install -y -qq --no-install-recommends munge slurm-wlm >> "$log" 2>&1; }
  have_all || { tail -n 5 "$log" >&2; skip "apt-get could not install munge and slurm-wlm (all it said is in $log)"; }
}

# True when the process of a pid file is alive and belongs to this cluster (a pid may be another's after a reboot).
alive() { local pid; pid=$(cat "$1" 2> /dev/null) && [ -n "$pid" ] && tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -qF "$work/"; }

# Pids whose environment has a line for each of the given patterns.
with_environment() {
  local pattern files
  files=$(echo /proc/[0-9]*/environ)
  for pattern in "$@"; do
    # shellcheck disable=SC2086
    files=$(grep -lzs -- "$pattern" $files)
    [ -n "$files" ] || return 0
  done
  cut -d / -f 3 <<< "$files"
}

# A node's slurmd and step daemons (they write to its log), then the tasks: killed in this order no step daemon tells of a killed
# task. $1: name of the node, * for all.
of_node() {
  find /proc/[0-9]*/fd -maxdepth 1 -lname "$work/slurmd.$1.log" 2> /dev/null | cut -d / -f 3 | sort -u
  with_environment "^SLURM_CONF=$conf\$" "^SLURMD_NODENAME=${1/\*/}"
}

of_cluster() { with_environment "^STILLROOM_CLUSTER=$work\$"; of_node '*'; }

free_ports() { # the first of five free ports in a row
  local base port free
  for ((base = 17000; base < 17500; base += 10)); do
    free=yes
    for ((port = base; port < base + 5; port++)); do (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && free=no; done
    [ "$free" = no ] || { echo "$base"; return; }
  done
  return 1
}

write_conf() {
  [ -s "$conf" ] && return
  local host base
  host=$(hostname -s)
  base=$(free_ports) || fail "no five free ports in a row between 17000 and 17500"
  # batch_sched_delay and sched_min_interval: no three seconds between two waves. SlurmctldParameters: a stopped job is
  # requeued on another node at once. KillWait: TERM to KILL.
  cat > "$conf.new" <<CONF
ClusterName=stillroom
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$base
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$work/jobcomp.txt
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=5,bf_interval=5
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=${SLURM_TEST_TIMEOUT:-10}
KillWait=10
MinJobAge=60
MaxArraySize=${SLURM_TEST_MAX_ARRAY:-1001}
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool/%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.%n.log
NodeName=n[1-3] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((base + 1))-$((base + 3))] CPUs=${SLURM_TEST_CPUS:-1} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP
CONF
  mv "$conf.new" "$conf"
}

# Starts a daemon away from the caller's pipes, terminal and session.
daemon() { STILLROOM_CLUSTER=$work setsid "$@" >> "$work/daemons.log" 2>&1; }

start_munged() {
  alive "$work/munge/munged.pid" && return
  mkdir -p "$work/munge" && chmod 755 "$work/munge"
  [ -s "$work/munge/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom > "$work/munge/munge.key")
  rm -f "$socket" "$socket.lock" "$work/munge/munged.pid"
  # --force: the work folder may lie below one that others can write to, such as /tmp
  daemon munged --force --socket="$socket" --key-file="$work/munge/munge.key" --pid-file="$work/munge/munged.pid" \
    --log-file="$work/munge/munged.log" --seed-file="$work/munge/munged.seed" || fail "munged did not start: $(tail -n 3 "$work/daemons.log")"
}

start_controller() {
  alive "$work/slurmctld.pid" || daemon slurmctld -f "$conf" || fail "slurmctld did not start: $(tail -n 3 "$work/daemons.log")"
}

start_node() {
  alive "$work/slurmd.$1.pid" || daemon slurmd -f "$conf" -N "$1" || fail "slurmd $1 did not start: $(tail -n 3 "$work/daemons.log")"
}

# Waits, at most 30 s, until every node can take jobs.
wait_ready() {
  local try states
  for ((try = 0; try < 150; try++)); do
    states=$(sinfo --noheader --Node --format=%T 2> /dev/null | grep -cE '^(idle|mixed|allocated|completing)$')
    [ "$states" = "${#nodes[@]}" ] && return
    sleep 0.2
  done
  sinfo --Node --long >&2
  fail "the nodes are not all up after 30 s; see the logs in $work"
}

known_node() { case " ${nodes[*]} " in *" $node "*) ;; *) fail "expected a node of ${nodes[*]}, found \"$node\"" ;; esac; }

# SIGKILL for those that a function lists, until it lists none: a process may start another one while the list is made.
kill_all() {
  local try pids
  for ((try = 0; try < 50; try++)); do
    pids=$("$@" | tr '\n' ' ')
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -KILL $pids 2> /dev/null
    sleep 0.05
  done
  fail "these processes of the cluster do not end: $pids"
}

case $command in
  start)
    mkdir -p "$work/state" "$work/spool" && chmod 755 "$work" || fail "$work cannot be made"
    install
    write_conf
    start_munged
    start_controller
    for node in "${nodes[@]}"; do start_node "$node"; done
    if [ -n "${SLURM_TEST_OWNER:-}" ]; then setsid "$0" watch "$work" "$SLURM_TEST_OWNER" > /dev/null 2>&1 & fi
    wait_ready
    say "three nodes are up: export SLURM_CONF=$conf"
    ;;
  watch) # a test that was killed leaves no cluster behind; one that ended took the folder away
    while [ -d "/proc/$node" ] && [ -s "$conf" ]; do sleep 2; done
    [ ! -s "$conf" ] || exec "$0" stop "$work"
    ;;
  stop)
    kill_all of_cluster
    rm -f "$work"/*.pid "$work"/munge/*.pid "$socket" "$socket.lock"
    say "stopped"
    ;;
  status)
    for file in "$work/munge/munged.pid" "$work/slurmctld.pid" "${nodes[@]/#/$work/slurmd.}"; do
      case $file in *.pid) ;; *) file=$file.pid ;; esac
      if alive "$file"; then say "$(basename "$file" .pid) runs as $(cat "$file")"; else say "$(basename "$file" .pid) does not run"; fi
    done
    alive "$work/slurmctld.pid" && { sinfo --Node --format='%N %T %E'; squeue; }
    ;;
  kill-node)
    known_node
    kill_all of_node "$node"
    rm -f "$work/slurmd.$node.pid"
    say "$node is dead"
    ;;
  start-node) known_node; start_node "$node" ;;
  resume)
    scontrol reconfigure
    for node in $(sinfo --noheader --Node --format='%N %T' | awk '$2 ~ /^drain/ { print $1 }' | sort -u); do
      scontrol update NodeName="$node" State=RESUME && say "$node is back"
    done
    ;;
  restart-controller)
    pid=$(cat "$work/slurmctld.pid" 2> /dev/null)
    alive "$work/slurmctld.pid" && kill -KILL "$pid"
    while alive "$work/slurmctld.pid"; do sleep 0.05; done
    rm -f "$work/slurmctld.pid"
    start_controller
    say "the controller was killed and started again"
    ;;
  *) usage ;;
esac
