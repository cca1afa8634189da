// sizes.ts: the size classes: what is in use of each, how often it was asked for, and what it wastes.

import { raw } from './data';
import { choice, h, styled } from './dom';
import { count, round, share, size } from './format';
import { View } from './views';

interface Class {
    size: number; below: number; allocations: number; frees: number; blocks: number; bytes: number; slabs: number; free: number; large: boolean;
    rounding: number; // the most that blocks in use can hold beyond what was asked for
    idle: number;     // bytes of free blocks in slabs
}

function read(): Class[] {
    return raw.classes.map(([size, below, allocations, frees, blocks, bytes, slabs, free, large]) => ({
        size: size!, below: below!, allocations: allocations!, frees: frees!, blocks: blocks!, bytes: bytes!, slabs: slabs!, free: free!, large: !!large,
        rounding: large ? 0 : blocks! * Math.max(0, size! - below! - 1), idle: large ? 0 : free! * size!,
    }));
}

interface Measure { id: string; title: string; of: (c: Class) => number; write: (n: number) => string; hint: string }

const measures: Measure[] = [
    { id: 'bytes', title: 'Bytes in use', of: (c) => c.bytes, write: size, hint: 'blocks in use, each at its whole size' },
    { id: 'blocks', title: 'Blocks in use', of: (c) => c.blocks, write: count, hint: 'blocks the program holds' },
    { id: 'requests', title: 'Requests', of: (c) => c.allocations, write: count, hint: 'how often such a block was asked for over the run' },
    { id: 'waste', title: 'Waste', of: (c) => c.idle + c.rounding, write: size, hint: 'free blocks in slabs, and at most so much rounding within blocks in use' },
];

const labelOf = (c: Class): string => `${c.large ? '≤ ' : ''}${round(c.size)}`;

function histogram(classes: Class[], measure: Measure): HTMLElement {
    const most = Math.max(...classes.map(measure.of)) || 1;
    return h('div.histogram', { role: 'img', 'aria-label': `${measure.title} by size class; the table below has the figures` }, ...classes.map((c) =>
        h('div.column', { title: `${labelOf(c)}: ${measure.write(measure.of(c))}` },
            h('span.shaft', {}, styled(h('span.fill'), { height: `${measure.of(c) ? Math.max(0.7, 100 * measure.of(c) / most) : 0}%` })),
            h('span.label', {}, labelOf(c)))));
}

function table(classes: Class[]): HTMLElement {
    const sum = (of: (c: Class) => number) => classes.reduce((n, c) => n + of(c), 0), all = sum((c) => c.bytes), most = Math.max(...classes.map((c) => c.bytes));
    const head = ['Size', 'Blocks in use', 'Bytes in use', 'Share', 'Requests', 'Freed', 'Slabs', 'Free in slabs', 'Rounding at most'];
    return h('div.scroll', { tabindex: 0, role: 'region', 'aria-label': 'Size classes' }, h('table.figures', {},
        h('thead', {}, h('tr', {}, ...head.map((t) => h('th', { scope: 'col' }, t)))),
        h('tbody', {}, ...classes.map((c) => h('tr', {}, h('th', { scope: 'row' }, labelOf(c)), h('td', {}, count(c.blocks)),
            styled(h('td.barred', {}, size(c.bytes)), { '--share': `${most ? 100 * c.bytes / most : 0}%` }), h('td', {}, share(c.bytes, all)), h('td', {}, count(c.allocations)),
            h('td', {}, count(c.frees)), h('td', {}, c.large ? '·' : count(c.slabs)), h('td', {}, c.large ? '·' : size(c.idle)), h('td', {}, c.large ? '·' : size(c.rounding))))),
        h('tfoot', {}, h('tr', {}, h('th', { scope: 'row' }, 'all'), h('td', {}, count(sum((c) => c.blocks))), h('td', {}, size(all)), h('td'), h('td', {}, count(sum((c) => c.allocations))),
            h('td', {}, count(sum((c) => c.frees))), h('td', {}, count(sum((c) => c.slabs))), h('td', {}, size(sum((c) => c.idle))), h('td', {}, size(sum((c) => c.rounding)))))));
}

function make(): HTMLElement {
    const classes = read(), place = h('div'), hint = h('span.faint');
    const draw = (id: string) => {
        const measure = measures.find((m) => m.id === id)!;
        place.replaceChildren(histogram(classes, measure));
        hint.textContent = measure.hint;
    };
    draw('bytes');
    return h('div', {}, h('div.bar', {}, choice('What the columns show', measures.map((m): [string, string] => [m.id, m.title]), 'bytes', draw), hint), place, table(classes));
}

export const sizes = (): View | null => raw.classes.length ? { id: 'sizes', title: 'Sizes', make } : null;
