// tree.ts: stacks merged by function, from the outermost caller or from the function that asked.
//
// Node 0 is the root; parent[i] < i, so one pass from the back adds everything up.

import { caller, Frame, frameOf, frames, nodeCount } from './data';

export interface Tree {
    parent: number[];
    frame: (Frame | null)[]; // one of those that were merged
    first: number[];         // first child, next sibling; 0: none
    next: number[];
    leaf: (node: number) => number; // where a stack ends in this tree
}

const ids = new Map<string, number>();
const nameOf = frames.map((f) => {
    if (!ids.has(f.name)) ids.set(f.name, ids.size);
    return ids.get(f.name)!;
});

// Stacks deeper than this are cut where the tree begins with the innermost frame: they share little there.
const INVERTED_MOST = 40;

class Growing implements Tree {
    parent = [0];
    frame: (Frame | null)[] = [null];
    first = [0];
    next = [0];
    private known = new Map<number, number>();
    leaf: (node: number) => number = () => 0;

    child(of: number, frame: number): number {
        const key = of * ids.size + nameOf[frame]!, known = this.known.get(key);
        if (known !== undefined) return known;
        const id = this.parent.length;
        this.known.set(key, id);
        this.parent.push(of);
        this.frame.push(frames[frame]!);
        this.next.push(this.first[of]!);
        this.first.push(0);
        this.first[of] = id;
        return id;
    }

    done(): Tree {
        this.known.clear();
        return this;
    }
}

export function fromCallers(): Tree {
    const tree = new Growing(), merged = new Int32Array(nodeCount);
    for (let i = 1; i < nodeCount; i++) merged[i] = tree.child(merged[caller[i]!]!, frameOf[i]!);
    tree.leaf = (node) => merged[node]!;
    return tree.done();
}

export function fromFunctions(stacks: Iterable<number>): Tree {
    const tree = new Growing(), leaves = new Map<number, number>();
    for (const node of new Set(stacks)) {
        let at = 0;
        for (let n = node, depth = 0; n && depth < INVERTED_MOST; n = caller[n]!, depth++) at = tree.child(at, frameOf[n]!);
        leaves.set(node, at);
    }
    tree.leaf = (node) => leaves.get(node) ?? 0;
    return tree.done();
}

export interface Totals { total: Float64Array; self: Float64Array }

export function addUp(tree: Tree, weights: [number, number][]): Totals {
    const self = new Float64Array(tree.parent.length);
    for (const [node, weight] of weights) self[tree.leaf(node)]! += weight;
    const total = self.slice();
    for (let i = total.length - 1; i > 0; i--) total[tree.parent[i]!]! += total[i]!;
    return { total, self };
}

export function childrenOf(tree: Tree, node: number): number[] {
    const children: number[] = [];
    for (let c = tree.first[node]!; c; c = tree.next[c]!) children.push(c);
    return children;
}
