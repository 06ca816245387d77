#!/usr/bin/env bash
# Sourced by the tools beside it: finds Node.js and the compiled program, and runs it.

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"

# Runs dist/src/cli/$1.js with the arguments behind it, in the place of this shell.
run_tool() {
  local tool="$root/dist/src/cli/$1.js"
  shift
  if [ ! -f "$tool" ]; then
    echo "$root/dist is missing: run 'npm ci && npm run build' in $root first" >&2
    exit 1
  fi
  if ! command -v "${NODE:=node}" > /dev/null; then
    echo "$NODE is missing: install Node.js 20 or newer, or set NODE to its path" >&2
    exit 1
  fi
  exec "$NODE" "$tool" "$@"
}
