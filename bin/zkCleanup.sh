#!/usr/bin/env bash
# Removes old snapshots and logs, with the arguments and environment of Apache ZooKeeper's script of this name.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/zkEnv.sh"
export ZOOCFGDIR="${ZOOCFGDIR:-$root/conf}"
export ZOOCFG
run_tool zk-cleanup "$@"
