#!/bin/sh
# Runs a command with a private PostgreSQL server: postgres.sh COMMAND [ARG…]
#
# GATEHOUSE_TEST_POSTGRES holds the server's address while the command runs.
# Then the server is stopped and everything it wrote is removed. It listens on
# a Unix socket in a directory of its own, so that no port is taken, and it
# flushes to disk as a real one does, because tests of lost power rely on it.
# Exit status: the command's own, or 69 when PostgreSQL cannot be had.
set -eu

unavailable() {
	echo "$*" >&2
	exit 69
}

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v postgres || true)")
[ -x "$bin/postgres" ] && [ -x "$bin/initdb" ] ||
	unavailable "the programs postgres and initdb were not found"

# PostgreSQL refuses to run as root.
as=
if [ "$(id -u)" = 0 ]; then
	id postgres >/dev/null 2>&1 || unavailable "root needs a user named postgres to run the server as"
	as="setpriv --reuid=postgres --regid=postgres --init-groups"
fi

dir=$(mktemp -d /tmp/gatehouse-postgres.XXXXXX)
server=
stop() {
	if [ -n "$server" ]; then
		kill -INT "$server" 2>/dev/null || true
		for _ in $(seq 100); do
			kill -0 "$server" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$server" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
[ -z "$as" ] || chown postgres: "$dir"
cd "$dir" # the caller's directory may be closed to the server's user

$as "$bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >initdb.log 2>&1 ||
	{ cat initdb.log >&2; exit 1; }
# Standard input belongs to the command alone.
$as "$bin/postgres" -D data -k "$dir" -c listen_addresses= -c max_connections=400 \
	</dev/null >"$dir/server.log" 2>&1 &
server=$!
tries=0
until "$bin/pg_isready" -q -h "$dir" -U postgres; do
	tries=$((tries + 1))
	if [ $tries -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
		cat "$dir/server.log" >&2
		exit 1
	fi
	sleep 0.1
done

cd "$OLDPWD"
export GATEHOUSE_TEST_POSTGRES="postgres://postgres@/postgres?host=$dir"
"$@"
