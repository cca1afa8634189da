# set: fast
# needs: redis-server redis-cli redis-benchmark
# limit: 60
. "$TOOLS"
port=$(free_port)
redis-server --port "$port" --bind 127.0.0.1 --save '' --dbfilename dump.rdb --dir . --daemonize no --enable-debug-command local >server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
cli() { redis-cli -h 127.0.0.1 -p "$port" "$@"; }
wait_for 10 cli ping || { tail -n 5 server.log; exit 1; }
redis-benchmark -h 127.0.0.1 -p "$port" -n 15000 -c 20 -P 8 -r 5000 -d 200 -t set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100 -q 2>&1 |
    tr '\r' '\n' | sed -n 's/: [0-9.]* requests per second.*/ done/p'
{
    for i in {1..8000}; do echo "SET fixed:$i value-$i-$((i * i))"; done
    for i in {1..2000}; do echo "RPUSH list $i"; echo "HSET hash f$i v$i"; echo "ZADD zset $((i * 37 % 1009)) m$i"; done
    for i in {1..8000..3}; do echo "DEL fixed:$i"; echo "APPEND fixed:$((i + 1)) -more-and-more-text-to-grow-by"; done
} | cli --pipe | tail -n 1
cli get fixed:2; cli get fixed:1; cli llen list; cli hlen hash; cli zrange zset 0 5 withscores
cli eval 'local t = {} for i = 1, 20000 do t[i] = "x" .. i end return #table.concat(t)' 0
cli setrange big 3000000 end; cli strlen big
cli save; cli bgrewriteaof >/dev/null
cli debug reload; cli llen list; cli get fixed:8000
cli flushall; cli dbsize
cli shutdown nosave; wait $server; echo "server ended with $?"
trap - EXIT
grep -ciE 'crash|assert' server.log || true
