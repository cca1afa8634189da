# needs: python3
# limit: 600
# Python's own tests of what leans most on malloc, threads and fork (Debian: libpython3.11-testsuite).
python3 -c 'import test.test_threading' 2>/dev/null || { echo "libpython3.11-testsuite is not installed" >&2; exit 77; }
suite() {
    timeout -k 5 "$1" python3 -m test -j2 --timeout 120 "${@:2}" 2>&1 | sed -E 's/^[0-9:]+ (load avg: [0-9.]+ )?(\[ *[0-9\/]+\] )?//; s/ \([0-9].*//; s/ -- running:.*//' |
        grep -E '^(test_[a-z0-9_]+ (passed|failed|skipped|crashed|run)|Result|Tests result|== Tests result|[0-9]+ tests? )' | sort -u
}
suite 250 test_threading test_thread test_subprocess test_ctypes test_threadsignals test_fork1 test_posix
export PYTHONMALLOC=malloc
suite 250 test_multiprocessing_fork test_multiprocessing_forkserver test_gc test_mmap test_dict test_list test_bytes
