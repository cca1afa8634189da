# needs: nginx curl
# limit: 60
. "$TOOLS"
port=$(free_port)
mkdir -p www logs tmp
chmod 755 . www
numbers 200000 >www/big.txt
for i in {1..50}; do echo "page $i" >www/p$i.html; done
chmod 644 www/*
cat >nginx.conf <<END
worker_processes 2;
daemon off;
pid nginx.pid;
error_log logs/error.log warn;
events { worker_connections 256; }
http {
    access_log logs/access.log;
    client_body_temp_path tmp/a; proxy_temp_path tmp/b; fastcgi_temp_path tmp/c; uwsgi_temp_path tmp/d; scgi_temp_path tmp/e;
    gzip on; gzip_types text/plain; types { text/html html; text/plain txt; }
    server {
        listen 127.0.0.1:$port;
        root www;
        location /echo/ { return 200 "\$request_method \$uri \$args \$http_x_long\n"; }
        location /back/ { proxy_pass http://127.0.0.1:$port/; }
        location ~ ^/re/(?<n>[0-9]+)\$ { rewrite ^ /p\$n.html last; }
    }
}
END
[[ $EUID == 0 ]] && sed -i '1i user root;' nginx.conf
nginx -p "$PWD" -c nginx.conf -t 2>&1 | grep -c 'syntax is ok'
nginx -p "$PWD" -c nginx.conf &
server=$!
trap 'kill $server 2>/dev/null' EXIT
url=http://127.0.0.1:$port
wait_for 10 curl -sf $url/p1.html || exit 1
for i in {1..50}; do printf '%s/re/%s\n' $url $i; done | xargs -n 10 -P 4 curl -s | sort | md5sum
curl -s $url/big.txt | md5sum
curl -s --compressed $url/big.txt | md5sum
curl -s -r 1000-1999 $url/back/big.txt | md5sum
curl -s --no-progress-meter -Z "$url/back/p[1-50].html" | sort | md5sum
curl -s -X POST -d "$(numbers 200)" "$url/echo/x?y=$(printf 'z%.0s' {1..3000})" -H "X-Long: $(printf 'h%.0s' {1..3000})" | md5sum
curl -s -o /dev/null -w '%{http_code}\n' $url/missing
kill -HUP $server; sleep 0.3; curl -s --retry 5 --retry-connrefused $url/p7.html
kill -QUIT $server; wait $server; echo "server ended with $?"
trap - EXIT
grep -cE 'emerg|crit|signal 11|signal 6' logs/error.log
wc -l <logs/access.log | sed 's/^/requests: /; s/: 2[0-9][0-9]$/: as many as expected/'
