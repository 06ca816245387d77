#!/usr/bin/env bash
# Prints, verifies, repairs and cuts a transaction log, with the options of Apache ZooKeeper's script of this name.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/zkEnv.sh"
run_tool zk-txn-log-toolkit "$@"
