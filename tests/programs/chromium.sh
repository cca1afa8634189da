# needs: chromium
# limit: 120
cat >page.html <<'END'
<!doctype html><meta charset=utf-8><title>t</title><ul id=list></ul><canvas id=c width=300 height=300></canvas>
<script>
const list = document.getElementById('list');
for (let i = 0; i < 3000; i++) { const li = document.createElement('li'); li.textContent = 'item ' + i * 7 % 1000; list.append(li); }
[...list.children].sort((a, b) => a.textContent < b.textContent ? -1 : 1).slice(0, 2900).forEach(e => e.remove());
const g = document.getElementById('c').getContext('2d');
for (let i = 0; i < 200; i++) { g.fillStyle = `rgb(${i},0,${255 - i})`; g.fillRect(i, i, 50, 50); }
const p = document.createElement('p');
p.textContent = g.getImageData(120, 120, 1, 1).data.join() + ' ' + JSON.stringify(Array.from({ length: 50000 }, (_, i) => i)).length;
document.body.append(p);
</script>
END
# Its messages name process ids and what the machine lacks: only the page is compared.
chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir="$PWD/profile" \
    --virtual-time-budget=3000 --dump-dom "file://$PWD/page.html" 2>messages
echo "code $?"
grep -ciE 'received signal|crashed|Trace/breakpoint' messages || true
