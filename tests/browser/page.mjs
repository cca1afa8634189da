// page.mjs DIR: the tests of the page. DIR has the pages (rich, plain, many, diff) and node_modules.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const dir = process.argv[2], require = createRequire(join(dir, 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const FIRST_PICTURE_MS = 2000, TABS = ['summary', 'time', 'flame', 'sites', 'sizes', 'map', 'resident', 'findings'];

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
});

/* --- helpers ------------------------------------------------------------------------------------------------------- */

// What a page says on its console, or asks the network for, fails the test it was opened in.
async function open(name, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
    const page = await context.newPage();
    page.troubles = [];
    page.on('console', (m) => ['error', 'warning'].includes(m.type()) && page.troubles.push(m.text()));
    page.on('pageerror', (e) => page.troubles.push(e.stack));
    page.on('request', (r) => r.url().startsWith('file:') || page.troubles.push(`asked for ${r.url()}`));
    await page.goto(`file://${dir}/${name}.html`);
    await page.waitForSelector('html[data-ready]', { state: 'attached' });
    return page;
}

const plain = (text) => text.replaceAll('\u00a0', ' ').trim();
const textOf = async (page, selector) => plain(await page.textContent(selector));
const textsOf = async (page, selector) => (await page.locator(selector).allTextContents()).map(plain);
const tab = (page, id) => page.click(`#tab-${id}`);
const frames = (page) => textsOf(page, '.flame .block');
const cells = (page, column) => textsOf(page, `.rows-body .row > :nth-child(${column})`);
const settled = (page) => page.waitForTimeout(250); // longer than any search waits for the next key

const tests = [];
const test = (name, page, run, options) => tests.push({ name, page, run, options });

/* --- what is drawn --------------------------------------------------------------------------------------------------- */

test('every view is drawn', 'rich', async (page) => {
    for (const id of TABS) {
        await tab(page, id);
        await settled(page);
        const panel = page.locator(`#panel-${id}`);
        assert.ok(await panel.isVisible(), id);
        assert.ok((await panel.innerText()).length > 20, `${id} says something`);
        await page.screenshot({ path: join(dir, `${id}.png`) });
    }
    assert.deepEqual(await page.locator('[role=tab]').count(), TABS.length);
});

test('the summary has the verdict and the figures', 'rich', async (page) => {
    assert.match(await textOf(page, '.verdict'), /^44\.9 MiB lost in 3 sites: the largest is session_new at .*ledgers\.c:\d+; growing .*; 1 finding$/);
    const cards = await textsOf(page, '.card');
    assert.ok(cards.includes('In use96.0 MiB41,280 blocks'), cards.join('|'));
    assert.ok(cards.includes('Lost44.9 MiB8,280 blocks'), cards.join('|'));
    assert.ok(await page.locator('#panel-summary canvas').isVisible(), 'memory over time');
});

test('a run without call stacks has no views of them', 'plain', async (page) => {
    const tabs = await textsOf(page, '[role=tab]');
    assert.deepEqual(tabs, ['Summary', 'Sizes', 'Resident', 'Findings']);
    assert.match(await textOf(page, '.note'), /^Call stacks were not recorded/);
    assert.match(await textOf(page, '.facts'), /killed by signal 9/);
});

test('what the program says stays text', 'rich', async (page) => {
    await tab(page, 'findings');
    assert.match(await textOf(page, '.finding h3'), /<\/script> & "more"/);
    assert.equal(await page.locator('.finding .stack').count(), 2);
});

test('the sum of what is resident adds up', 'rich', async (page) => {
    await tab(page, 'resident');
    const steps = await page.$$eval('.waterfall tr', (rows) => rows.map((r) => [r.dataset.sign, Number(r.dataset.bytes)]));
    let sum = 0, checked = 0;
    for (const [sign, bytes] of steps) {
        if (sign === '=') assert.equal(sum, bytes, 'a sum'), checked++;
        else sum += sign === '+' ? bytes : -bytes;
    }
    assert.equal(checked, 2);
    assert.equal(sum, 160 * 1048576);
});

test('sizes and the map of the heap', 'rich', async (page) => {
    await tab(page, 'sizes');
    const heights = () => page.$$eval('.histogram .fill', (bars) => bars.map((b) => b.getBoundingClientRect().height));
    const before = await heights();
    await page.click('[data-value=requests]');
    assert.notDeepEqual(await heights(), before);
    await tab(page, 'map');
    assert.equal(await page.locator('.map').count(), 2, 'two regions');
    assert.equal(await page.locator('.cell-of-map').count(), 900);
});

/* --- time --------------------------------------------------------------------------------------------------------------- */

test('time is zoomed by mouse and by keys', 'rich', async (page) => {
    await tab(page, 'time');
    await settled(page);
    const stretch = () => textOf(page, '.stretch'), all = await stretch();
    assert.match(all, /^all /);
    const box = await page.locator('.charts .u-over').first().boundingBox();
    await page.mouse.move(box.x + 200, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 400, box.y + 60, { steps: 4 });
    await page.mouse.up();
    const dragged = await stretch();
    assert.match(dragged, / to /);
    await page.focus('.charts .chart');
    await page.keyboard.press('+');
    const closer = await stretch();
    assert.notEqual(closer, dragged);
    await page.keyboard.press('ArrowRight');
    assert.notEqual(await stretch(), closer);
    await page.keyboard.press('0');
    assert.equal(await stretch(), all);
});

/* --- the flame graph ------------------------------------------------------------------------------------------------------ */

test('flame graph: costs, shapes, zoom, search', 'rich', async (page) => {
    await tab(page, 'flame');
    assert.deepEqual(await textsOf(page, '.choice[aria-label="What frames weigh"] button'), ['In use', 'Peak', 'Leaked', 'Total', 'Temporary']);
    const inUse = await frames(page);
    assert.ok(inUse.includes('session_new') && inUse.includes('cache_insert'), inUse.join());
    await page.click('[data-value=leaked]');
    assert.ok(!(await frames(page)).includes('cache_insert'));
    await page.click('[data-value=in_use]');
    const bottom = (shape) => page.click(`[data-value=${shape}]`).then(() => page.$eval('.block.base', (b) => b.getBoundingClientRect().bottom - b.parentElement.getBoundingClientRect().top));
    assert.ok(await bottom('flame') > await bottom('icicle'), 'the root moves from below to above');
    await page.click('[data-value=functions]');
    assert.deepEqual((await frames(page)).slice(0, 2), ['all', 'cache_insert']);
    await page.click('[data-value=callers]');
    await page.click('.block:text-is("accept_one")');
    assert.ok(!(await frames(page)).includes('cache_insert'), 'zoomed');
    await page.keyboard.press('Escape');
    await page.click('text=Show all');
    assert.ok((await frames(page)).includes('cache_insert'), 'zoomed out');
    await page.keyboard.press('/');
    await page.keyboard.type('session');
    await settled(page);
    assert.deepEqual(await textsOf(page, '.block.hit'), ['session_new']);
    assert.match(await textOf(page, '#panel-flame .bar .faint'), /^39\.0 % in 1 function$/);
});

test('flame graph: walked by keys, and on to the sites', 'rich', async (page) => {
    await tab(page, 'flame');
    await page.focus('.block[tabindex="0"]');
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    for (const [key, name] of [['ArrowUp', 'libc.so.6+0x27249'], ['ArrowUp', 'event_loop'], ['ArrowRight', 'load_config'], ['ArrowUp', 'table_grow'], ['ArrowDown', 'load_config']]) {
        await page.keyboard.press(key);
        assert.equal(await focused(), name);
    }
    await page.keyboard.press('Enter');
    assert.ok(!(await frames(page)).includes('event_loop'));
    assert.match(await textOf(page, '.status'), /^load_config 17\.5 MiB 21\.8 %/);
    await page.click('text=Its sites');
    assert.deepEqual(await textsOf(page, '.rows-body .site .name'), ['table_grow']);
});

/* --- sites ---------------------------------------------------------------------------------------------------------------- */

test('sites: sorted, filtered, with their source', 'rich', async (page) => {
    await tab(page, 'sites');
    assert.deepEqual((await cells(page, 2)).slice(0, 2), ['31.3 MiB', '27.3 MiB']);
    await page.click('[data-column=allocations] button');
    assert.equal((await cells(page, 1))[0].slice(0, 12), 'parse_header');
    await page.click('[data-column=allocations] button');
    assert.equal((await cells(page, 1))[0].slice(0, 10), 'table_grow', 'the other way round');
    await page.click('[data-filter=gone]');
    assert.equal((await cells(page, 1)).length, 6);
    await page.click('[data-filter=growing]');
    assert.deepEqual((await cells(page, 4)).sort(), ['definitely lost', 'still reachable']);
    await page.click('[data-filter=growing]');
    await page.fill('#panel-sites input[type=search]', '/CACHE_|accept/');
    await settled(page);
    assert.deepEqual((await textsOf(page, '.rows-body .site .name')).sort(), ['cache_insert', 'session_new', 'session_new']);
    await page.click('.row:has-text("cache_insert")');
    assert.match(await textOf(page, '.detail .source .own'), /^\d+ .*cache_insert\(size_t n\)/);
    await page.fill('#panel-sites input[type=search]', 'no such thing');
    await settled(page);
    assert.equal((await cells(page, 1)).length, 0);
});

test('50,000 sites: the first picture, scrolling, searching', 'many', async (page) => {
    // By the clock, or by the time the page's thread ran: other processes may have had the processors meanwhile.
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    const worked = async () => 1000 * (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
    const before = await worked();
    await page.reload();
    await page.waitForSelector('html[data-ready]', { state: 'attached' });
    const own = await worked() - before, ready = Number(await page.getAttribute('html', 'data-ready'));
    console.log(`     first picture of 50,000 sites after ${ready} ms, ${Math.round(own)} ms of work`);
    assert.ok(own > 10 && Math.min(ready, own) < FIRST_PICTURE_MS, `${ready} ms, ${own} ms of work`);
    await tab(page, 'sites');
    const rows = () => page.locator('.rows-body .row').count();
    assert.ok(await rows() < 60, 'only rows in sight exist');
    await page.focus('.rows');
    await page.keyboard.press('End');
    await settled(page);
    assert.equal(await page.getAttribute('.row.chosen', 'aria-rowindex'), await page.getAttribute('.rows', 'aria-rowcount'));
    assert.ok(await rows() < 60, 'at the end, too');
    const took = await page.evaluate(() => {
        const begin = performance.now(), grid = document.querySelector('.rows');
        return new Promise((done) => {
            let leaps = 0;
            const leap = () => {
                grid.scrollTop = leaps * 40_000;
                leaps++ < 20 ? requestAnimationFrame(leap) : done(performance.now() - begin);
            };
            leap();
        });
    });
    console.log(`     20 leaps through the table in ${Math.round(took)} ms`);
    assert.ok(took < 4000, `${took} ms`);
    await page.fill('#panel-sites input[type=search]', 'server+0x1000');
    await settled(page);
    await page.click('[data-column=blocks] button');
    await tab(page, 'flame');
    await settled(page);
    assert.ok(await page.locator('.block').count() > 100);
    await page.click('[data-value=functions]');
    assert.ok(await page.locator('.block').count() > 100);
});

/* --- keys, contrast, printing, differences ---------------------------------------------------------------------------------- */

test('everything is reached by the keyboard', 'rich', async (page) => {
    await page.focus('#tab-summary');
    for (const id of TABS.slice(1)) {
        await page.keyboard.press('ArrowRight');
        assert.equal(await page.evaluate(() => document.activeElement.id), `tab-${id}`);
    }
    await page.keyboard.press('Home');
    await tab(page, 'sites');
    await page.focus('#tab-sites');
    const met = new Set();
    for (let i = 0; i < 20; i++) {
        await page.keyboard.press('Tab');
        met.add(await page.evaluate(() => document.activeElement.className || document.activeElement.type));
    }
    assert.ok(met.has('search') && met.has('checkbox') && met.has('rows') && met.has('detail'), [...met].join());
    await page.focus('.rows');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.equal(await textOf(page, '.detail h3'), 'table_grow');
});

for (const theme of ['light', 'dark'])
    test(`nothing for axe to say, ${theme}`, 'rich', async (page) => {
        await page.evaluate(axe);
        for (const id of TABS) {
            await tab(page, id);
            await settled(page);
            const rules = theme === 'light' ? ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] : ['color-contrast'];
            const found = await page.evaluate((runOnly) => axe.run({ runOnly }), rules);
            const words = found.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].any[0]?.message ?? ''}`);
            assert.deepEqual(words, [], `${theme} ${id}`);
            if (theme === 'dark') await page.screenshot({ path: join(dir, `${id}-dark.png`) });
        }
    }, { colorScheme: theme });

test('the button changes the colours', 'rich', async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor), before = await ground();
    await page.click('.theme');
    assert.notEqual(await ground(), before);
    await page.click('.theme');
    assert.equal(await ground(), before);
});

test('printed are all views, dark on light', 'rich', async (page) => {
    const pdf = await page.pdf({ format: 'A4', printBackground: true, path: join(dir, 'print.pdf') });
    assert.ok(pdf.length > 30000);
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    await settled(page);
    for (const id of TABS) assert.ok(await page.locator(`#panel-${id}`).isVisible(), id);
    assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
    await page.screenshot({ path: join(dir, 'print.png'), fullPage: true });
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    assert.ok(!await page.locator('#panel-sites').isVisible());
    assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
}, { colorScheme: 'dark' });

test('a narrow window has no sideways scrolling', 'rich', async (page) => {
    for (const id of TABS) {
        await tab(page, id);
        await settled(page);
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= room, `${id}: ${wide} in ${room}`);
        await page.screenshot({ path: join(dir, `${id}-narrow.png`) });
    }
}, { viewport: { width: 400, height: 800 } });

test('two runs compared', 'diff', async (page) => {
    assert.match(await textOf(page, '.verdict'), /^27\.1 MiB more in use than before; 3 sites changed$/);
    const fates = await textsOf(page, '.rows-body .kind');
    assert.deepEqual(new Set(fates), new Set(['grew', 'appeared', 'vanished']), fates.join());
    const steps = await page.$$eval('.waterfall tr', (rows) => rows.map((r) => [r.dataset.sign, Number(r.dataset.bytes)]));
    const sum = steps.slice(0, -1).reduce((n, [sign, bytes]) => n + (sign === '+' ? bytes : -bytes), 0);
    assert.equal(sum, steps.at(-1)[1]);
    await page.screenshot({ path: join(dir, 'difference.png') });
    await tab(page, 'flame');
    assert.deepEqual((await textsOf(page, '.choice[aria-label="What frames weigh"] button')).slice(0, 2), ['Grew', 'Shrank']);
    assert.ok((await frames(page)).includes('session_new') && !(await frames(page)).includes('cache_insert'));
});

/* --- running ------------------------------------------------------------------------------------------------------------------ */

let failed = 0;
assert.ok(statSync(join(dir, 'plain.html')).size < 300_000, 'the page without data stays under 300 kB');
for (const { name, page: file, run, options } of tests) {
    const begin = performance.now();
    let page;
    try {
        page = await open(file, options);
        await run(page);
        assert.deepEqual(page.troubles, [], 'the console, the network');
        console.log(`ok   ${name} (${Math.round(performance.now() - begin)} ms)`);
    } catch (error) {
        failed++;
        console.log(`FAIL ${name}: ${error.message}\n${error.stack.split('\n').find((l) => l.includes('page.mjs')) ?? ''}`);
        await page?.screenshot({ path: join(dir, 'failed.png') });
    }
    await page?.context().close();
}
await browser.close();
console.log(`${tests.length - failed} of ${tests.length} browser tests passed`);
process.exit(failed ? 1 : 0);
