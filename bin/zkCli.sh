#!/usr/bin/env bash
# A command line for a ZooKeeper ensemble, with the options, commands and exit codes of Apache ZooKeeper's script of this name.

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
cli="$root/dist/src/cli/zk-cli.js"
if [ ! -f "$cli" ]; then
  echo "$root/dist is missing: run 'npm ci && npm run build' in $root first" >&2
  exit 1
fi
if ! command -v "${NODE:=node}" > /dev/null; then
  echo "$NODE is missing: install Node.js 20 or newer, or set NODE to its path" >&2
  exit 1
fi
exec "$NODE" "$cli" "$@"
