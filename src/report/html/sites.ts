// sites.ts: every call stack that asked for memory: sorted, filtered, with its stack and source.

import { culprit, Frame, isGone, kindName, kindWords, matcher, place, raw, Site, sites, stackOf, traced, caller, frameOf, frames, nodeCount } from './data';
import { h, later, put } from './dom';
import { count, noun, rate, size } from './format';
import { Column, rowsView } from './rows';
import { stackView } from './stack';
import { onGo, View } from './views';

const most = (value: (s: Site) => number): number => sites.reduce((n, s) => Math.max(n, value(s)), 0) || 1;

function figure(id: string, title: string, hint: string, value: (s: Site) => number, write: (n: number) => string, width?: string): Column<Site> {
    const largest = most(value);
    return { id, title, hint, width, sort: value, share: (s) => value(s) / largest, cell: (s) => value(s) ? write(value(s)) : '·' };
}

export const WHERE = 'minmax(12rem, 1fr)';

// "← read_file ← main": who called it, as far as there is room.
function callersOf(node: number, frame: Frame | null): string {
    const stack = stackOf(node), at = frame ? stack.indexOf(frame) : -1;
    return stack.slice(at + 1, at + 4).filter((f) => at >= 0 && !f.library && !f.mark).map((f) => `← ${f.name}`).join(' ');
}

export function whereCell(node: number): HTMLElement {
    const frame = culprit(node);
    const name = h('span.name', {}, frame ? frame.name : '(no call stack)');
    return h('span.site', {}, name, h('span.callers', {}, callersOf(node, frame)), h('span.where', {}, frame ? place(frame) : ''));
}

function columns(): Column<Site>[] {
    const list = [
        { id: 'where', title: 'Where', hint: 'the innermost frame that is not a library', sort: (s: Site) => culprit(s.node)?.name ?? '', cell: (s: Site) => whereCell(s.node), left: true, width: WHERE },
        figure('bytes', 'In use', 'bytes in use at the end', (s) => s.bytes, size),
        figure('blocks', 'Blocks', 'blocks in use at the end', (s) => s.blocks, count),
        { id: 'kind', title: 'Kind', hint: 'what the leak check says of the blocks', sort: (s: Site) => -s.kind, cell: kindCell, width: '8.4rem' },
        figure('growing', 'Grows', 'how fast what is in use grows, where it does so steadily', (s) => s.growing, rate, '6.4rem'),
        figure('peak', 'At peak', 'bytes in use when the program had most', (s) => s.peak_bytes, size),
        figure('allocations', 'Requests', 'how often memory was asked for here', (s) => s.allocations, count),
        figure('total', 'In all', 'bytes asked for over the whole run', (s) => s.allocated_bytes, size),
        figure('temporary', 'Temporary', 'freed as the next thing their thread did with the heap', (s) => s.temporary, count),
    ];
    return list.filter((c) => c.id !== 'growing' || sites.some((s) => s.growing));
}

function kindCell(site: Site): HTMLElement {
    const name = kindName(site);
    return h(`span.kind.${site.suppressed_by ? 'suppressed' : name}`, {}, site.suppressed_by ? 'suppressed' : kindWords(name));
}

/* --- filters ------------------------------------------------------------------------------------------------------------ */

interface Filter { id: string; title: string; fits: (site: Site) => boolean; on: boolean }

function kindFilters(): Filter[] {
    const filters: Filter[] = raw.kinds.map((name) => ({ id: name, title: kindWords(name), on: name !== 'gone', fits: (s: Site) => !s.suppressed_by && kindName(s) === name }));
    filters.push({ id: 'suppressed', title: 'suppressed', on: false, fits: (s) => !!s.suppressed_by });
    const used = filters.filter((f) => sites.some(f.fits));
    if (used.every((f) => !f.on)) used.forEach((f) => { f.on = true; });
    return used;
}

// Narrow what the kinds let pass.
function narrowing(): Filter[] {
    const filters: Filter[] = [
        { id: 'growing', title: 'only growing', on: false, fits: (s) => s.growing > 0 },
        { id: 'new', title: 'only new', on: false, fits: (s) => !!s.is_new },
    ];
    return filters.filter((f) => sites.some(f.fits) && !sites.every(f.fits));
}

function box(filter: Filter, changed: () => void): HTMLElement {
    return h('label', {}, h('input', { type: 'checkbox', checked: filter.on, 'data-filter': filter.id, onchange: (e: Event) => {
        filter.on = (e.target as HTMLInputElement).checked;
        changed();
    } }), filter.title, ' ', h('span.faint', {}, count(sites.filter(filter.fits).length)));
}

// The nodes with a frame of exactly that name.
function named(name: string): Uint8Array {
    const matches = new Uint8Array(nodeCount);
    for (let i = 1; i < nodeCount; i++) matches[i] = matches[caller[i]!]! | (frames[frameOf[i]!]!.name === name ? 1 : 0);
    return matches;
}

/* --- the chosen site ------------------------------------------------------------------------------------------------------ */

function facts(site: Site): [string, string][] {
    const list: [string, string, boolean][] = [
        ['in use', `${size(site.bytes)} in ${noun(site.blocks, 'block')}`, !isGone(site)],
        ['growing', rate(site.growing), site.growing > 0],
        ['at the peak', `${size(site.peak_bytes)} in ${noun(site.peak_blocks, 'block')}`, site.peak_bytes > 0],
        ['requests', `${count(site.allocations)}, ${count(site.frees)} freed`, true],
        ['in all', `${size(site.allocated_bytes)}, ${size(Math.round(site.allocated_bytes / Math.max(1, site.allocations)))} each`, true],
        ['temporary', count(site.temporary), site.temporary > 0],
        ['suppressed by', raw.strings[site.suppressed_by]!, !!site.suppressed_by],
    ];
    return list.filter(([, , there]) => there).map(([name, value]): [string, string] => [name, value]);
}

function detail(site: Site): HTMLElement[] {
    const frame = culprit(site.node), parts = [
        h('h3', {}, frame ? frame.name : '(no call stack)'), kindCell(site),
        h('dl.facts', {}, ...facts(site).flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
        stackView(site.node),
    ];
    if (site.held_by) parts.push(h('h4', {}, 'Hangs on a lost block from'), stackView(site.held_by));
    return parts;
}

/* --- the view -------------------------------------------------------------------------------------------------------------- */

class Sites {
    private kinds = kindFilters();
    private narrow = narrowing();
    private exact = '';
    private pane = h('aside.detail', { tabindex: 0, 'aria-label': 'The chosen site' }, h('p.faint', {}, 'Choose a site to see its call stack.'));
    private shown = h('span.faint', { role: 'status' });
    private input = h('input', { type: 'search', placeholder: 'Function, file or module', 'aria-label': 'Filter by function, file or module', oninput: later(() => {
        this.exact = '';
        this.filter();
    }, 150) });
    private table = rowsView<Site>('Sites', columns(), this.firstSort(), (site) => put(this.pane, ...detail(site)));

    element = h('div', {},
        h('div.bar', {}, this.input, h('span.boxes', { role: 'group', 'aria-label': 'Kinds' }, ...[...this.kinds, ...this.narrow].map((f) => box(f, () => this.filter()))), this.shown),
        h('div.split', {}, this.table.element, this.pane),
        h('p.print-only.faint', {}, 'Printed are the first rows; the page has them all.'));

    constructor() {
        this.filter();
    }

    private firstSort(): string {
        return sites.some((s) => s.bytes) ? 'bytes' : 'total';
    }

    // A site by its number, or "=NAME" for those with that function.
    open(argument: string): void {
        if (!argument) return;
        if (argument.startsWith('=')) {
            this.exact = argument.slice(1);
            this.input.value = this.exact;
        } else {
            const site = sites[Number(argument)]!;
            this.input.value = this.exact = '';
            for (const kind of this.kinds) if (kind.fits(site)) this.switchOn(kind);
            for (const filter of this.narrow) filter.on = false;
            this.element.querySelectorAll<HTMLInputElement>('[data-filter=growing], [data-filter=new]').forEach((i) => { i.checked = false; });
        }
        this.filter();
        const at = this.table.rows().findIndex((s) => String(s.index) === argument);
        this.table.choose(Math.max(0, at));
        this.table.element.focus();
    }

    private switchOn(kind: Filter): void {
        kind.on = true;
        this.element.querySelector<HTMLInputElement>(`[data-filter=${kind.id}]`)!.checked = true;
    }

    private filter(): void {
        const matches = this.exact ? named(this.exact) : matcher(this.input.value);
        const rows = sites.filter((s) => this.kinds.some((k) => k.on && k.fits(s)) && this.narrow.every((f) => !f.on || f.fits(s)) &&
            (!matches || matches[s.node]));
        this.table.show(rows);
        const sum = rows.reduce((n, s) => n + s.bytes, 0);
        this.shown.textContent = `${count(rows.length)} of ${noun(sites.length, 'row')}, ${size(sum)} in use`;
    }

    printing(on: boolean): void {
        this.table.printing(on);
    }
}

export function sitesView(): View | null {
    if (!traced) return null;
    let view: Sites | null = null, wanted = '';
    onGo((id, argument) => {
        if (id === 'sites') wanted = argument;
    });
    return {
        id: 'sites', title: 'Sites',
        make: () => (view = new Sites()).element,
        shown: () => {
            if (wanted) view!.open(wanted);
            wanted = '';
        },
        printing: (on) => view?.printing(on),
    };
}
