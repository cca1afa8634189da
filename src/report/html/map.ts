// map.ts: the heap by address: what each piece of it is, and how large the gaps are.

import { raw } from './data';
import { h, styled } from './dom';
import { count, duration, noun, round, share, size } from './format';
import { View } from './views';

interface State { words: string; tone: string; hint: string }

const states: Record<string, State> = {
    slab_used: { words: 'blocks in use, in slabs', tone: 'blue', hint: 'small and medium blocks the program holds' },
    slab_free: { words: 'free in slabs', tone: 'blue2', hint: 'between blocks in use; the next requests of their size take them' },
    slab_fresh: { words: 'slabs, not yet handed out', tone: 'blue-fill', hint: 'mostly not in memory' },
    large: { words: 'large blocks', tone: 'purple', hint: 'each with a span of its own' },
    dirty: { words: 'free spans, kept', tone: 'orange', hint: 'still in memory' },
    clean: { words: 'free spans that cost nothing', tone: 'line', hint: 'purged, or never touched' },
    own: { words: 'memoir\u2019s own tables', tone: 'faded', hint: 'descriptors and thread heaps' },
};
const known = (name: string): State => states[name] ?? { words: name.replace(/_/g, ' '), tone: 'faded', hint: '' };

// The parts of a cell from the bottom up, as one gradient.
function paint(bytes: number[]): string {
    const all = bytes.reduce((n, b) => n + b, 0) || 1, stops: string[] = [];
    let at = 0;
    bytes.forEach((b, i) => {
        if (!b) return;
        const tone = `var(--${known(raw.map!.states[i]!).tone})`;
        stops.push(`${tone} ${100 * at / all}% ${100 * (at + b) / all}%`);
        at += b;
    });
    return `linear-gradient(to top, ${stops.join(', ')})`;
}

function cell(address: string, bytes: number[]): HTMLElement {
    const words = bytes.map((b, i) => b ? `${size(b)} ${known(raw.map!.states[i]!).words}` : '').filter(Boolean).join(', ');
    return styled(h('span.cell-of-map', { title: `${address}: ${words}` }), { background: paint(bytes) });
}

// A cell that does not begin where the one before it ends begins another region.
function regions(): HTMLElement[][] {
    const list: HTMLElement[][] = [];
    let end = -1n;
    for (const [address, ...bytes] of raw.map!.cells) {
        const start = BigInt(address);
        if (start !== end) list.push([]);
        list[list.length - 1]!.push(cell(address, bytes));
        end = start + BigInt(bytes.reduce((n, b) => n + b, 0));
    }
    return list;
}

function sums(): HTMLElement {
    const map = raw.map!, bytes = map.states.map((_, i) => map.cells.reduce((n, c) => n + (c[i + 1] as number), 0)), all = bytes.reduce((n, b) => n + b, 0);
    return h('section.box', {}, h('h3', {}, 'What it consists of'), h('table', {}, h('tbody', {}, ...map.states.map((name, i) => bytes[i] ? h('tr', {},
        h('th', { scope: 'row' }, h(`i.dot.${known(name).tone}`), known(name).words), h('td', {}, size(bytes[i]!)), h('td', {}, share(bytes[i]!, all)), h('td.left.faint', {}, known(name).hint)) : null))));
}

function gaps(): HTMLElement | null {
    const map = raw.map!, rows = map.gaps.map(([n, bytes], i) => ({ n, bytes, from: 2 ** i })).filter((g) => g.n > 0), most = Math.max(...rows.map((g) => g.bytes));
    if (!rows.length) return null;
    return h('section.box', {}, h('h3', {}, `Gaps: the largest is ${size(map.largest_gap)}`), h('table', {},
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Free spans of'), h('th', { scope: 'col' }, 'Number'), h('th', { scope: 'col' }, 'Bytes'))),
        h('tbody', {}, ...rows.map((g) => h('tr', {}, h('th', { scope: 'row' }, `${round(g.from)} to ${round(2 * g.from)}`), h('td', {}, count(g.n)),
            styled(h('td.barred', {}, size(g.bytes)), { '--share': `${100 * g.bytes / most}%` }))))));
}

function make(): HTMLElement {
    const map = raw.map!;
    return h('div', {},
        h('p.lead', {}, `Each cell is ${round(map.cell_bytes)} of the heap\u2019s address space, in order, after ${duration(map.ms)}: ${noun(map.cells.length, 'cell')}.`),
        ...regions().map((cells) => h('div.map', { role: 'img', 'aria-label': `${noun(cells.length, 'cell')} of the heap; the tables below have the sums` }, ...cells)),
        h('div.columns', {}, sums(), gaps()));
}

export const heapMap = (): View | null => raw.map && raw.map.cells.length ? { id: 'map', title: 'Heap map', make } : null;
