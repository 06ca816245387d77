#!/usr/bin/env bash
# Starts, stops and asks a server, with the commands, environment and exit codes of Apache ZooKeeper's script of this name.

usage="Usage: $0 [--config <conf-dir>] {start|start-foreground|stop|version|restart|status|check|print-cmd} [zoo.cfg]"
root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"

if [ "$1" = "--config" ] && [ $# -gt 1 ]; then
  ZOOCFGDIR="$2"
  shift 2
fi
export ZOOCFGDIR="${ZOOCFGDIR:-$root/conf}"
command="$1"
case "$command" in
  start | start-foreground | stop | version | restart | status | check | print-cmd) shift ;;
  -h | --help | help) echo "$usage"; exit 0 ;;
  *) echo "$usage" >&2; exit 2 ;;
esac

# Where people put SERVER_JVMFLAGS, ZOO_LOG_DIR and the like.
for settings in zookeeper-env.sh java.env; do
  # shellcheck disable=SC1090
  [ -e "$ZOOCFGDIR/$settings" ] && . "$ZOOCFGDIR/$settings"
done
export ZOOCFG ZOOPIDFILE
export ZOO_LOG_DIR="${ZOO_LOG_DIR:-$root/logs}"

server="$root/dist/src/cli/zk-server.js"
if [ ! -f "$server" ]; then
  echo "$root/dist is missing: run 'npm ci && npm run build' in $root first" >&2
  exit 1
fi
if ! command -v "${NODE:=node}" > /dev/null; then
  echo "$NODE is missing: install Node.js 20 or newer, or set NODE to its path" >&2
  exit 1
fi
if [ "$command" = version ]; then
  exec "$NODE" "$server" version
fi

# Of the options for Java only its system properties mean something here.
properties=()
[ -n "$ZOO_DATADIR_AUTOCREATE_DISABLE" ] && properties+=("-Dzookeeper.datadir.autocreate=false")
for flag in $SERVER_JVMFLAGS $JVMFLAGS; do
  case "$flag" in -D?*) properties+=("$flag") ;; esac
done
# See src/cli/node-options.ts.
exec "$NODE" --max-semi-space-size=2 "$server" "$command" "${properties[@]}" "$@"
