# tools.sh: what the program scripts share; sourced as "$TOOLS".

# A port of 127.0.0.1 that nobody listens on now.
free_port() {
    local port
    while port=$((RANDOM % 20000 + 20000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    echo "$port"
}

# wait_for SECONDS COMMAND...: tries the command until it succeeds or the time is over.
wait_for() {
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || { echo "gave up waiting for: $*"; return 1; }
        sleep 0.05
    done
}

# end PID: ends one server of ours and tells how it ended (exit code).
end() {
    kill -TERM "$1" && wait "$1"
    echo "server ended with $?"
}

# A repeatable stream of N numbers below 2^31, one per line.
numbers() { awk -v n="$1" 'BEGIN { x = 42; for (i = 0; i < n; i++) { x = (x * 16807) % 2147483647; print x } }'; }
