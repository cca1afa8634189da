// summary.ts: the first view: the verdict, the figures that matter, what is left in use, the largest sites.

import { culprit, isLost, kindWords, place, raw, Site, sites, traced } from './data';
import { h, styled } from './dom';
import { count, duration, noun, rate, share, size } from './format';
import { go, View } from './views';
import { sparkline } from './time';

const t = raw.totals;

function card(label: string, value: string, detail: string, hint: string): HTMLElement {
    return h('div.card', { title: hint }, h('dt', {}, label), h('dd', {}, h('b', {}, value), h('span.faint', {}, detail)));
}

const sentence = (name: string): string => raw.stats.find((s) => s[0] === name)?.[2] ?? '';

function cards(): HTMLElement {
    const lost = ['definitely_lost', 'indirectly_lost', 'possibly_lost'].map((k) => raw.leaks[k] as { bytes: number; blocks: number });
    const lostBytes = lost.reduce((sum, l) => sum + l.bytes, 0), lostBlocks = lost.reduce((sum, l) => sum + l.blocks, 0);
    return h('dl.cards', {},
        card('In use', size(t.in_use_bytes!), noun(t.in_use_blocks!, 'block'), sentence('in_use_bytes')),
        card('Peak', size(t.peak_bytes!), t.peak_ms ? `after ${duration(t.peak_ms)}` : '', sentence('peak_bytes')),
        raw.leaks.checked
            ? card('Lost', size(lostBytes), noun(lostBlocks, 'block'), 'blocks that nothing in the program leads to any more')
            : card('Lost', '—', 'not checked', 'no leak check was made: --leaks=summary makes one'),
        raw.process_resident_bytes > 0 && card('Resident', size(raw.process_resident_bytes), 'the whole process', 'what the kernel counts as in memory'),
        card('Requests', count(t.allocations!), `${size(t.allocated_bytes!)} in all`, sentence('allocations')),
        card('Freed', t.allocations ? share(t.frees!, t.allocations) : '—', count(t.frees!), sentence('frees')));
}

/* --- what is in use, by what the leak check says of it ------------------------------------------------------------ */

interface Part { name: string; bytes: number; blocks: number; tone: string; note: string }

const notes: Record<string, string> = {
    definitely_lost: 'nothing points to it',
    indirectly_lost: 'only lost blocks point to it',
    possibly_lost: 'only pointers into its middle were found',
    still_reachable: 'something points to its start',
    unclassified: 'no leak check, or allocated after it',
    suppressed: 'passed over by a suppression',
};
const tones: Record<string, string> = {
    definitely_lost: 'lost1', indirectly_lost: 'lost2', possibly_lost: 'lost3', still_reachable: 'fine', unclassified: 'plain', suppressed: 'faded',
};

function parts(): Part[] {
    return Object.keys(notes).map((name) => ({ name: name === 'unclassified' ? 'in use' : kindWords(name), ...(raw.leaks[name] as any), tone: tones[name], note: notes[name] }))
        .filter((p) => p.bytes > 0 || p.blocks > 0);
}

function leaks(): HTMLElement | null {
    const all = parts(), sum = all.reduce((n, p) => n + p.bytes, 0);
    if (!all.length) return null;
    return h('section.box', {},
        h('h3', {}, raw.leaks.checked ? 'What is still in use, and who holds it' : 'What is still in use'),
        h('div.stacked', { 'aria-hidden': 'true' }, ...all.map((p) => styled(h(`span.${p.tone}`, {}), { 'flex-grow': String(p.bytes) }))),
        h('table', {}, h('thead', {}, h('tr', {}, ...['', 'Blocks', 'Bytes', 'Share', ''].map((title) => title ? h('th', { scope: 'col' }, title) : h('td')))),
            h('tbody', {}, ...all.map((p) => h('tr', {},
                h('th', { scope: 'row' }, h(`i.dot.${p.tone}`), p.name), h('td', {}, count(p.blocks)), h('td', {}, size(p.bytes)),
                h('td', {}, share(p.bytes, sum)), h('td.left.faint', {}, p.note))))));
}

/* --- the largest sites --------------------------------------------------------------------------------------------- */

function ranking(title: string, of: (site: Site) => number, write: (n: number) => string, perStack: boolean): HTMLElement | null {
    const rows = sites.filter((s) => of(s) > 0 && (!perStack || s.first)).sort((a, b) => of(b) - of(a)).slice(0, 5);
    if (!rows.length) return null;
    const most = of(rows[0]!);
    return h('section.box', {}, h('h3', {}, title), h('ol.ranking', {}, ...rows.map((site) => {
        const frame = culprit(site.node);
        return h('li', {}, styled(h('button', { type: 'button', onclick: () => go('sites', String(site.index)) },
            h('span.figure', {}, write(of(site))),
            h('span.name', {}, frame ? frame.name : '(no call stack)'),
            h('span.where', {}, frame ? place(frame) : '')), { '--share': `${100 * of(site) / most}%` }));
    })));
}

function rankings(): (HTMLElement | null)[] {
    return [
        ranking('Most lost', (s) => isLost(s) ? s.bytes : 0, size, false),
        ranking('Growing', (s) => s.growing, rate, true),
        ranking('Most in use at the end', (s) => s.bytes, size, false),
        ranking('Most in use at the peak', (s) => s.peak_bytes, size, true),
        ranking('Most requests', (s) => s.allocations, count, true),
        ranking('Most temporary (freed as the next thing their thread did)', (s) => s.temporary, count, true),
    ];
}

function everyFigure(): HTMLElement {
    const write: Record<string, (n: number) => string> = { bytes: (n) => `${count(n)} B`, count, millis: duration };
    return h('details.box', {}, h('summary', {}, h('h3', {}, 'Every figure')),
        h('table', {}, h('tbody', {}, ...raw.stats.map(([name, unit, what]) =>
            h('tr', {}, h('th', { scope: 'row' }, name!.replace(/_/g, ' ')), h('td', {}, write[unit!]!(t[name!] ?? 0)), h('td.left.faint', {}, what!))))));
}

function make(): HTMLElement {
    const all = raw.trace === 'sample' ? [...raw.notes, `figures of call stacks are estimates, from one sample every ${size(raw.sample_interval ?? 0)}`] : raw.notes;
    return h('div', {},
        h(`p.verdict.${raw.tone}`, {}, raw.verdict),
        cards(),
        h('div.columns', {}, sparkline(() => go('time')), leaks()),
        h('div.columns', {}, ...rankings()),
        !traced && h('p.note', {}, 'Call stacks were not recorded: memoir run does, and with LD_PRELOAD MEMOIR_TRACE=full.'),
        all.length > 0 && h('section.box', {}, h('h3', {}, 'Notes'), h('ul.notes', {}, ...all.map((n) => h('li', {}, n)))),
        everyFigure());
}

export const summary = (): View => ({ id: 'summary', title: 'Summary', make });
