#!/usr/bin/env bash
# A Slurm of this machine alone, for tests: temporary_slurm.sh start FOLDER [CPUS] | stop FOLDER
# Everything lies in FOLDER, which must be new; clients find it with SLURM_CONF=FOLDER/slurm.conf. Needs root, and
# Debian's slurmctld, slurmd, slurm-client and munge; status 77 if it cannot be.
set -euo pipefail
command=${1:?start or stop} folder=${2:?a folder} cpus=${3:-4}

is_running() { # FILE: whether the process that it names runs
  [ -s "$1" ] && grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(cat "$1")/status" 2>/dev/null
}

stop() {
  local name
  SLURM_CONF=$folder/slurm.conf timeout 10 scancel --user="$(id -un)" 2>/dev/null || true
  for name in slurmd slurmctld munged; do
    is_running "$folder/$name.pid" || continue
    kill "$(cat "$folder/$name.pid")" || true
    # They write into the folder to their end.
    for _ in $(seq 100); do
      is_running "$folder/$name.pid" || continue 2
      sleep 0.1
    done
    kill -KILL "$(cat "$folder/$name.pid")" || true
  done
}

start() {
  for program in munged slurmctld slurmd sbatch squeue; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; exit 77; }
  done
  [ "$(id -u)" = 0 ] || { echo "Slurm's daemons need root"; exit 77; }
  # Daemons keep what they inherit, and whoever started this script may wait until all of it is closed.
  for file in /proc/$$/fd/*; do
    case ${file##*/} in 0 | 1 | 2 | 255) ;; *) eval "exec ${file##*/}>&-" ;; esac
  done
  mkdir -p "$folder"/{state,spool,munge}
  # munge demands folders that nobody else may write to.
  chmod 755 "$folder" "$folder/munge"
  head -c 1024 /dev/urandom >"$folder/munge/key"
  chmod 400 "$folder/munge/key"
  local socket=$folder/munge/socket host=node controller_port node_port
  # Below the ports that the system gives to clients.
  read -r controller_port node_port < <(shuf -i 20000-32000 -n 2 | paste -sd ' ')
  cat >"$folder/slurm.conf" <<CONF
ClusterName=temporary
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A job that is requeued starts when its credential has expired, after two minutes by default.
AuthInfo=socket=$socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=100000,batch_sched_delay=0
SchedulerType=sched/builtin
ReturnToService=2
# As many CPUs as asked for, whatever this machine has.
SlurmdParameters=config_overrides
MpiDefault=none
KillWait=5
NodeName=$host NodeHostname=$(hostname) NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF=$folder/slurm.conf
  munged --key-file="$folder/munge/key" --socket="$socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --force
  slurmctld -f "$SLURM_CONF"
  slurmd -f "$SLURM_CONF" -N $host
  for _ in $(seq 150); do
    [ "$(sinfo --noheader --format=%t 2>/dev/null)" = idle ] && return
    sleep 0.2
  done
  echo "Slurm did not start: $(tail -n 3 "$folder"/slurmctld.log "$folder"/slurmd.log)"
  stop
  exit 1
}

"$command"
