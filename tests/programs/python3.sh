# set: fast
# needs: python3
# limit: 60
cat >work.py <<'END'
import concurrent.futures, ctypes, hashlib, json, os, random, re, sqlite3, subprocess, sys, threading, zlib

random.seed(7)
words = ["w%05d" % random.randrange(30000) for _ in range(150000)]
count = {}
for w in words:
    count.setdefault(w, []).append(len(count))
print(len(count), sorted(count)[:5])

text = json.dumps(count, sort_keys=True)
assert json.loads(text) == count
packed = zlib.compress(text.encode())
print(len(text), hashlib.sha256(text.encode()).hexdigest(), zlib.decompress(packed).decode() == text)
print(len(re.findall(r"w(\d)\1", text)))

box, lock = [], threading.Lock()
def work(k):
    mine = [bytearray(i % 3000) for i in range(6000)]
    with lock:
        box.append(mine)
        other = box.pop(0) if len(box) > 2 else []
    return k + sum(map(len, mine)) - sum(map(len, other)) * 0
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(sorted(pool.map(work, range(16))))

db = sqlite3.connect(":memory:")
db.execute("create table t(a, b)")
db.executemany("insert into t values(?, ?)", ((w, i) for i, w in enumerate(words)))
print(db.execute("select a, count(*), sum(b) from t group by a order by 2 desc, 1 limit 4").fetchall())

print([subprocess.run([sys.executable, "-c", "print(sum(map(len, [str(i) for i in range(40000)])))"],
                      capture_output=True, text=True).stdout.strip() for _ in range(3)])
kids = []
for i in range(4):
    pid = os.fork()
    if pid == 0:
        data = [str(j) * (j % 20) for j in range(20000)]
        os._exit(len(data) % 200 + i)
    kids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in kids])

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.realloc.restype = ctypes.c_void_p, ctypes.c_void_p
libc.realloc.argtypes, libc.free.argtypes = [ctypes.c_void_p, ctypes.c_size_t], [ctypes.c_void_p]
p = libc.malloc(100)
ctypes.memset(p, 65, 100)
p = libc.realloc(p, 1 << 20)
print(ctypes.string_at(p, 100) == b"A" * 100)
libc.free(p)
sys.exit(5)
END
python3 work.py; echo "code $?"
PYTHONMALLOC=malloc python3 work.py; echo "code $?"
python3 -X dev -c 'import decimal, email, http.client, xml.dom.minidom as m
print(m.parseString("<a>" + "<b c=\"1\">x</b>" * 3000 + "</a>").documentElement.childNodes.length)'
