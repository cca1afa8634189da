# needs: setpriv initdb postgres psql pgbench
# limit: 150
. "$TOOLS"
port=$(free_port)
# PostgreSQL refuses root. setpriv keeps the environment, so the library goes with it.
as_user=()
if ((EUID == 0)); then
    as_user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    mkdir pg && chown nobody:nogroup pg && cd pg || exit 1
fi
export HOME=$PWD PGHOST=127.0.0.1 PGPORT=$port PGUSER=tester PGDATABASE=postgres
as() { "${as_user[@]}" "$@"; }
as initdb -D data -U tester -A trust --no-sync -E UTF8 --no-instructions | grep -v 'selecting default'
printf '%s\n' "listen_addresses = '127.0.0.1'" "unix_socket_directories = ''" "fsync = off" "max_connections = 30" \
    "shared_buffers = 32MB" "logging_collector = off" >>data/postgresql.conf
"${as_user[@]}" postgres -D data -p "$port" >server.log 2>&1 & # no function: $! is to be the server itself
server=$!
trap 'kill -INT $server 2>/dev/null; wait $server' EXIT
wait_for 30 as psql -c 'select 1' || { tail -n 5 server.log; exit 1; }
as pgbench -i -s 2 -q 2>&1 | grep -v ' s)\|seconds\|vacuum\|NOTICE' | sed -E 's/done in .*/done/; s/\(elapsed.*//'
as pgbench -n -c 6 -j 2 -t 150 2>&1 | grep -E 'processed|failed|clients'
as pgbench -n -c 4 -j 2 -t 300 -S -M prepared 2>&1 | grep -E 'processed|failed'
as psql -At <<'END'
select count(*), sum(bid) from pgbench_accounts;
select count(*) from pgbench_history;
create table t as select i, md5(i::text) as m, repeat('x', i % 500) as r from generate_series(1, 60000) i;
create index on t(m); create index on t using hash(r); analyze t;
select md5(string_agg(m, ',' order by m desc)), sum(length(r)) from t;
select i % 10 as k, count(distinct r), max(m) from t group by k order by k;
with recursive f(n, a, b) as (select 1, 0::numeric, 1::numeric union all select n + 1, b, a + b from f where n < 500) select b from f where n = 500;
select jsonb_object_agg(i, m) -> '77' from t where i < 3000;
set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
select count(*) from t a join t b on a.r = b.r and a.i = b.i + 500;
do $$ declare s text := ''; begin for i in 1..3000 loop s := s || i; end loop; raise notice '%', md5(s); end $$;
select 1 / 0;
update t set r = r || m where i % 3 = 0; delete from t where i % 7 = 0; vacuum full t;
select md5(string_agg(r, '' order by i)) from t;
END
kill -INT $server; wait $server; echo "server ended with $?"
trap - EXIT
grep -E 'PANIC|terminated by signal' server.log
true
