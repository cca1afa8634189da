# needs: node
# limit: 120
cat >work.js <<'END'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib'), fs = require('fs'), { execFileSync } = require('child_process');
if (!isMainThread) {
    const m = new Map();
    for (let i = 0; i < 40000; i++) m.set('k' + (i * workerData) % 9973, 'v'.repeat(i % 60) + i);
    const b = Buffer.alloc(1 << 20, workerData);
    parentPort.postMessage({ n: m.size, hash: crypto.createHash('sha256').update(b).digest('hex') }, []);
} else {
    const start = n => new Promise((yes, no) => {
        const w = new Worker(__filename, { workerData: n });
        w.on('message', yes); w.on('error', no);
    });
    (async () => {
        for (let round = 0; round < 3; round++)
            console.log(JSON.stringify(await Promise.all([1, 2, 3, 4].map(n => start(n + round)))));
        const big = JSON.stringify(Array.from({ length: 60000 }, (_, i) => ({ i, s: 'x'.repeat(i % 30) })));
        const packed = zlib.gzipSync(big), br = zlib.brotliCompressSync(big.slice(0, 300000));
        console.log(JSON.parse(zlib.gunzipSync(packed)).length, zlib.brotliDecompressSync(br).length);
        fs.writeFileSync('out', big);
        console.log((await fs.promises.readFile('out')).length, execFileSync('wc', ['-c', 'out']).toString().trim());
        const bufs = []; for (let i = 0; i < 3000; i++) bufs.push(Buffer.alloc(i * 10, i & 255));
        console.log(crypto.createHash('md5').update(Buffer.concat(bufs)).digest('hex'));
        console.log(await new Promise(y => crypto.pbkdf2('a', 'b', 20000, 32, 'sha512', (e, k) => y(k.toString('hex')))));
        process.exitCode = 4;
    })();
}
END
node work.js; echo "code $?"
node -e 'function f() { f() } try { f() } catch (e) { console.log(e.message) }'
node -e 'throw new TypeError("thrown")' 2>&1 | grep TypeError; echo "code ${PIPESTATUS[0]}"
