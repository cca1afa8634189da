// flame.ts: the flame graph, and turned over the icicle. Only frames that are wide enough to see exist as elements.

import { hierarchy, HierarchyRectangularNode, partition } from 'd3-hierarchy';
import { place, predicate, sites, traced, raw } from './data';
import { choice, h, later, put, styled } from './dom';
import { count, share, size } from './format';
import { allWeights, Weights } from './costs';
import { addUp, childrenOf, fromCallers, fromFunctions, Totals, Tree } from './tree';
import { go, View } from './views';

const ROW = 20, NARROWEST = 1.5, LABELLED = 28, HUES = 8;

// The same module has the same colour in every page.
function hue(module: string): number {
    let hash = 0;
    for (let i = 0; i < module.length; i++) hash = (hash * 31 + module.charCodeAt(i)) >>> 0;
    return hash % HUES;
}

class Flame {
    private weights = allWeights();
    private weight: Weights = this.weights[0]!;
    private unit = 'bytes';
    private shape: 'flame' | 'icicle' = 'flame';
    private from: 'callers' | 'functions' = 'callers';
    private trees: { callers?: Tree; functions?: Tree } = {};
    private tree!: Tree;
    private totals!: Totals;
    private root = 0;
    private focus = 0;
    private search = '';
    private drawn = new Map<number, HTMLElement>();
    private rows: number[][] = [];

    private graph = h('div.flame', { role: 'tree', 'aria-label': 'Flame graph' });
    private scroller = h('div.flame-scroll', {}, this.graph);
    private status = h('p.status', { role: 'status' });
    private found = h('span.faint', { role: 'status' });
    private out = h('button', { type: 'button', onclick: () => this.zoom(0) }, 'Show all');

    element = h('div', {}, this.toolbar(), this.status, this.scroller,
        h('p.hint', {}, 'Click or Enter zooms in, Escape out. Arrows walk along the frames, / searches. A search between slashes is a regular expression.'));

    constructor() {
        this.graph.addEventListener('click', (event) => this.at(event, (id) => this.zoom(id)));
        this.graph.addEventListener('mouseover', (event) => this.at(event, (id) => this.tell(id)));
        this.graph.addEventListener('focusin', (event) => this.at(event, (id) => this.tell(id)));
        this.graph.addEventListener('keydown', (event) => this.key(event));
        let width = 0;
        new ResizeObserver(() => {
            if (this.graph.clientWidth === width) return;
            width = this.graph.clientWidth;
            this.draw();
        }).observe(this.graph);
        this.rebuild();
    }

    private toolbar(): HTMLElement {
        const input = h('input', { type: 'search', placeholder: 'Search functions', 'aria-label': 'Search functions', oninput: later(() => {
            this.search = input.value;
            this.mark();
        }, 120) });
        addEventListener('keydown', (event) => {
            const typing = /^(INPUT|SELECT|TEXTAREA)$/.test((event.target as HTMLElement).tagName ?? '');
            if (event.key !== '/' || typing || !this.graph.offsetParent) return;
            event.preventDefault();
            input.focus();
        });
        return h('div.bar', {},
            choice('What frames weigh', this.weights.map((w): [string, string] => [w.id, w.title]), this.weight.id, (id) => {
                this.weight = this.weights.find((w) => w.id === id)!;
                this.rebuild();
            }),
            choice('Unit', [['bytes', 'Bytes'], ['counts', 'Counts']], 'bytes', (unit) => { this.unit = unit; this.rebuild(); }),
            choice('Shape', [['flame', 'Flame'], ['icicle', 'Icicle']], 'flame', (shape) => { this.shape = shape; this.draw(); }),
            choice('Begin with', [['callers', 'From main'], ['functions', 'From the allocation']], 'callers', (from) => { this.from = from; this.rebuild(); }),
            input, this.found, this.out);
    }

    private rebuild(): void {
        const weights = this.weight.of(this.unit);
        this.tree = this.from === 'callers' ? this.trees.callers ??= fromCallers()
            : this.trees.functions ??= fromFunctions([...sites.map((s) => s.node), ...(raw.diff?.rows.map((r) => r[5]!) ?? [])]);
        this.totals = addUp(this.tree, weights);
        this.root = this.focus = 0;
        this.draw();
        this.tell(0);
    }

    /* --- drawing ------------------------------------------------------------------------------------------------- */

    private layout(width: number): HierarchyRectangularNode<number>[] {
        const least = this.totals.total[this.root]! * NARROWEST / width;
        const wide = (id: number) => childrenOf(this.tree, id).filter((c) => this.totals.total[c]! >= least && this.totals.total[c]! > 0)
            .sort((a, b) => this.totals.total[b]! - this.totals.total[a]!);
        const root = hierarchy(this.root, wide).each((n) => { (n as any).value = this.totals.total[n.data]; });
        return partition<number>().size([width, root.height + 1])(root).descendants();
    }

    private draw(): void {
        const width = this.graph.clientWidth;
        this.drawn.clear();
        this.rows = [];
        if (!width) return;
        const above: number[] = [];
        for (let id = this.root; id; id = this.tree.parent[id]!) above.unshift(this.tree.parent[id]!);
        const nodes = this.layout(width), depth = Math.max(...nodes.map((n) => n.depth)) + above.length + 1;
        const frames = document.createDocumentFragment();
        above.forEach((id, i) => frames.append(this.frame(id, i, 0, width, true)));
        nodes.forEach((n) => frames.append(this.frame(n.data, n.depth + above.length, n.x0, n.x1 - n.x0, false)));
        styled(this.graph, { height: `${depth * ROW}px` });
        this.graph.className = `flame ${this.shape} ${this.weight.tone}`;
        this.graph.replaceChildren(frames);
        if (!this.drawn.has(this.focus)) this.focus = this.root;
        this.drawn.get(this.focus)!.tabIndex = 0;
        this.out.hidden = this.root === 0;
        this.mark();
        this.scroller.scrollTop = this.shape === 'flame' ? this.scroller.scrollHeight : 0;
    }

    private frame(id: number, depth: number, left: number, width: number, passed: boolean): HTMLElement {
        const frame = this.tree.frame[id], name = this.name(id);
        const tone = !frame ? 'base' : frame.library || frame.mark ? 'library' : `hue${hue(frame.module)}`;
        const element = h('div', {
            role: 'treeitem', 'aria-level': depth + 1, 'aria-label': `${name}, ${this.figure(id)}`, tabindex: -1, 'data-id': id,
            class: passed ? `block ${tone} passed` : `block ${tone}`,
        }, width >= LABELLED ? name : '');
        const at = `${depth * ROW}px`;
        styled(element, { left: `${left}px`, width: `${Math.max(1, width - 1)}px`, [this.shape === 'flame' ? 'bottom' : 'top']: at });
        this.drawn.set(id, element);
        (this.rows[depth] ??= []).push(id);
        return element;
    }

    private name = (id: number): string => this.tree.frame[id]?.name ?? 'all';
    private write = (n: number): string => this.unit === 'bytes' ? size(Math.round(n)) : count(n);
    private figure = (id: number): string => `${this.write(this.totals.total[id]!)}, ${share(this.totals.total[id]!, this.totals.total[0]!)}`;

    private tell(id: number): void {
        const frame = this.tree.frame[id], self = this.totals.self[id]!;
        put(this.status, h('b', {}, this.name(id)), ` ${this.write(this.totals.total[id]!)} `,
            h('span.faint', {}, `${share(this.totals.total[id]!, this.totals.total[0]!)} of what is shown (${this.weight.hint})`),
            self > 0 && this.from === 'callers' && id ? ` · itself ${this.write(self)}` : '',
            frame ? h('span.where', {}, place(frame)) : '',
            frame ? h('button', { type: 'button', onclick: () => go('sites', `=${frame.name}`) }, 'Its sites') : '');
    }

    /* --- moving ----------------------------------------------------------------------------------------------------- */

    private at(event: Event, then: (id: number) => void): void {
        const id = (event.target as HTMLElement).dataset?.id;
        if (id !== undefined) then(Number(id));
    }

    private zoom(id: number): void {
        this.root = this.focus = id;
        this.draw();
        this.tell(id);
        if (this.graph.offsetParent) this.drawn.get(id)!.focus({ preventScroll: true });
    }

    private move(id: number | undefined): void {
        const next = id === undefined ? undefined : this.drawn.get(id);
        if (!next) return;
        this.drawn.get(this.focus)!.tabIndex = -1;
        this.focus = id!;
        next.tabIndex = 0;
        next.focus();
    }

    private sideways(step: number): number | undefined {
        const row = this.rows.find((r) => r.includes(this.focus)) ?? [];
        return row[row.indexOf(this.focus) + step];
    }

    private key(event: KeyboardEvent): void {
        const inward = () => this.move(childrenOf(this.tree, this.focus).filter((c) => this.drawn.has(c))
            .sort((a, b) => this.totals.total[b]! - this.totals.total[a]!)[0]);
        const outward = () => this.move(this.focus ? this.tree.parent[this.focus] : undefined);
        const up = this.shape === 'flame';
        const keys: Record<string, () => void> = {
            ArrowUp: up ? inward : outward, ArrowDown: up ? outward : inward,
            ArrowLeft: () => this.move(this.sideways(-1)), ArrowRight: () => this.move(this.sideways(1)),
            Enter: () => this.zoom(this.focus), ' ': () => this.zoom(this.focus), Home: () => this.move(this.root),
            Escape: () => this.zoom(this.tree.parent[this.root]!), Backspace: () => this.zoom(this.tree.parent[this.root]!),
        };
        if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        keys[event.key]!();
    }

    /* --- searching ---------------------------------------------------------------------------------------------------- */

    private mark(): void {
        const test = predicate(this.search);
        this.graph.classList.toggle('searched', !!test);
        for (const [id, element] of this.drawn) element.classList.toggle('hit', !!test && test(this.name(id)));
        this.found.textContent = test ? this.sumOfHits(test) : '';
    }

    // What is under a hit is counted once, however many hits are above it.
    private sumOfHits(test: (name: string) => boolean): string {
        const { parent, frame } = this.tree, under = new Uint8Array(parent.length);
        let sum = 0, functions = new Set<string>();
        for (let i = 1; i < parent.length; i++) {
            const hit = this.totals.total[i]! > 0 && test(frame[i]!.name);
            if (hit) functions.add(frame[i]!.name);
            if (hit && !under[parent[i]!]) sum += this.totals.total[i]!;
            under[i] = under[parent[i]!]! | (hit ? 1 : 0);
        }
        return `${share(sum, this.totals.total[0]!)} in ${count(functions.size)} function${functions.size === 1 ? '' : 's'}`;
    }
}

export function flame(): View | null {
    if (!(traced || raw.diff) || !allWeights().length) return null;
    return { id: 'flame', title: 'Flame graph', make: () => new Flame().element };
}
