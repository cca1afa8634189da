# needs: curl python3
# limit: 60
. "$TOOLS"
port=$(free_port)
mkdir www && numbers 100000 >www/big.txt && for i in {1..20}; do echo "page $i" >www/p$i.txt; done
python3 -m http.server "$port" --bind 127.0.0.1 --directory www >/dev/null 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
url=http://127.0.0.1:$port
wait_for 10 curl -sf $url/p1.txt || exit 1
curl -s "$url/p[1-20].txt" -o 'got#1' && cat got* | sort | md5sum
curl -s --no-progress-meter -Z --parallel-max 8 "$url/{big,p1,p2,p3}.txt" | sort | md5sum
curl -s "file://$PWD/www/big.txt" | md5sum
curl -s -I $url/big.txt | grep -i '^content-length'
curl -s -d b=c $url/p1.txt -o /dev/null -w '%{http_code} %{method}\n'
curl -s http://127.0.0.1:1/ ; echo "code $?"
curl -s nonsense://x; echo "code $?"
kill $server; wait $server 2>/dev/null; echo "server ended with $?"
trap - EXIT
