#!/bin/sh
# redis-server under an allocator, redis-benchmark beside it without: redis.sh LAUNCH RECORD PRELOAD SCALE
# The record is the server's. They talk through a socket file, so that no port is needed.
set -eu
launch=$1 record=$2 preload=$3 scale=$4
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench-redis.XXXXXX")
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

"$launch" -r "$record" -p "$preload" -o "$dir/log" -t 120 \
    redis-server --save "" --appendonly no --port 0 --unixsocket "$dir/socket" --dir "$dir" &
server=$!
tries=0
until redis-cli -s "$dir/socket" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { echo "redis-server does not answer" >&2; exit 1; }
    sleep 0.01
done
requests=$((scale * 800))
redis-benchmark -s "$dir/socket" -q -P 64 -c 20 -n $requests -r 50000 -d 120 -t set,get,lpush,lrange_100,sadd,hset \
    >/dev/null 2>&1
redis-cli -s "$dir/socket" flushall >/dev/null
redis-cli -s "$dir/socket" shutdown nosave >/dev/null 2>&1 || true
wait "$server"
server=
echo done
