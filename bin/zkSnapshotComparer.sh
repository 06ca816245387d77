#!/usr/bin/env bash
# Compares two snapshots, with the options of Apache ZooKeeper's script of this name.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/zkEnv.sh"
run_tool zk-snapshot-comparer "$@"
