// difference.ts: two runs compared, call stack by call stack. The other views are of the second run.

import { culprit, matcher, raw } from './data';
import { h, later, put } from './dom';
import { count, duration, noun, signed, size } from './format';
import { Column, rowsView } from './rows';
import { WHERE, whereCell } from './sites';
import { stackView } from './stack';
import { Step, waterfall } from './waterfall';
import { View } from './views';

interface Row { fate: number; before: number; beforeBlocks: number; after: number; afterBlocks: number; node: number }

const diff = raw.diff;

function read(): Row[] {
    return diff!.rows.map(([fate, before, beforeBlocks, after, afterBlocks, node]) =>
        ({ fate: fate!, before: before!, beforeBlocks: beforeBlocks!, after: after!, afterBlocks: afterBlocks!, node: node! }));
}

// Appeared and grew may also lose bytes where blocks became more: each fate's bytes are summed with their sign.
function sumOfFates(rows: Row[]): HTMLElement {
    const tones = ['red', 'red2', 'green', 'green2'], listed = rows.length === diff!.changed;
    const steps: Step[] = [{ sign: '+', label: 'in use before', bytes: diff!.before.bytes, tone: 'faded', hint: `${diff!.before.command}, after ${duration(diff!.before.elapsed_ms)}` }];
    diff!.fates.forEach((fate, i) => {
        const of = rows.filter((r) => r.fate === i), bytes = of.reduce((n, r) => n + r.after - r.before, 0);
        if (of.length) steps.push({ sign: bytes < 0 ? '−' : '+', label: fate, bytes: Math.abs(bytes), tone: tones[i]!, hint: noun(of.length, 'site') });
    });
    if (listed) steps.push({ sign: '=', label: 'in use after', bytes: diff!.after.bytes, tone: 'total', hint: `${diff!.after.command}, after ${duration(diff!.after.elapsed_ms)}` });
    return h('section.box', {}, h('h3', {}, 'From before to after'), waterfall('From before to after', steps));
}

function columns(rows: Row[]): Column<Row>[] {
    const most = Math.max(1, ...rows.slice(0, 1).map((r) => Math.abs(r.after - r.before)));
    return [
        { id: 'where', title: 'Where', hint: 'the innermost frame that is not a library', sort: (r) => culprit(r.node)?.name ?? '', cell: (r) => whereCell(r.node), left: true, width: WHERE },
        { id: 'change', title: 'Change', hint: 'bytes after less bytes before', sort: (r) => Math.abs(r.after - r.before), share: (r) => Math.abs(r.after - r.before) / most, cell: (r) => signed(r.after - r.before, size) },
        { id: 'blocks', title: 'Blocks', hint: 'blocks after less blocks before', sort: (r) => Math.abs(r.afterBlocks - r.beforeBlocks), cell: (r) => signed(r.afterBlocks - r.beforeBlocks, count).replace('-', '−') },
        { id: 'before', title: 'Before', hint: 'bytes in use at the end of the first run', sort: (r) => r.before, cell: (r) => r.beforeBlocks ? size(r.before) : '·' },
        { id: 'after', title: 'After', hint: 'bytes in use at the end of the second run', sort: (r) => r.after, cell: (r) => r.afterBlocks ? size(r.after) : '·' },
        { id: 'fate', title: 'Fate', hint: 'what became of the site', sort: (r) => -r.fate, cell: (r) => h(`span.kind.${diff!.fates[r.fate]}`, {}, diff!.fates[r.fate]!) },
    ];
}

function detail(row: Row): HTMLElement[] {
    return [h('h3', {}, culprit(row.node)?.name ?? '(no call stack)'),
        h('dl.facts', {}, h('dt', {}, 'before'), h('dd', {}, `${size(row.before)} in ${noun(row.beforeBlocks, 'block')}`),
            h('dt', {}, 'after'), h('dd', {}, `${size(row.after)} in ${noun(row.afterBlocks, 'block')}`)),
        stackView(row.node)];
}

let printed: (on: boolean) => void = () => undefined;

function make(): HTMLElement {
    const rows = read(), on = new Set(diff!.fates.map((_, i) => i)), pane = h('aside.detail', { tabindex: 0, 'aria-label': 'The chosen site' }, h('p.faint', {}, 'Choose a site to see its call stack.'));
    const table = rowsView<Row>('Differences', columns(rows), 'change', (row) => put(pane, ...detail(row)));
    const filter = () => {
        const matches = matcher(input.value);
        table.show(rows.filter((r) => on.has(r.fate) && (!matches || matches[r.node])));
    };
    const input = h('input', { type: 'search', placeholder: 'Function, file or module', 'aria-label': 'Filter by function, file or module', oninput: later(filter, 150) });
    const boxes = diff!.fates.map((fate, i) => h('label', {}, h('input', { type: 'checkbox', checked: true, onchange: (e: Event) => {
        (e.target as HTMLInputElement).checked ? on.add(i) : on.delete(i);
        filter();
    } }), fate, ' ', h('span.faint', {}, count(rows.filter((r) => r.fate === i).length))));
    filter();
    printed = table.printing;
    const change = diff!.after.bytes - diff!.before.bytes;
    return h('div', {},
        h(`p.verdict.${change > 0 ? 'warn' : 'good'}`, {}, change ? `${size(Math.abs(change))} ${change > 0 ? 'more' : 'less'} in use than before; ` : 'as much in use as before; ', noun(diff!.changed, 'site'), ' changed'),
        sumOfFates(rows), h('div.bar', {}, input, h('span.boxes', { role: 'group', 'aria-label': 'Fates' }, ...boxes)), h('div.split', {}, table.element, pane));
}

export const difference = (): View | null => diff ? { id: 'difference', title: 'Differences', make, printing: (on) => printed(on) } : null;
