// costs.ts: what a site can weigh, in bytes and in counts.

import { isLost, raw, Site, sites } from './data';

export interface Cost {
    id: string; title: string; hint: string;
    bytes: (site: Site) => number;
    counts: (site: Site) => number;
    perStack: boolean; // the figure is of the whole stack, in each of its rows
}

// The bytes of temporary blocks are not counted apart: as many times the mean request.
const temporaryBytes = (s: Site): number => s.allocations ? s.allocated_bytes / s.allocations * s.temporary : 0;

export const costs: Cost[] = [
    { id: 'in_use', title: 'In use', hint: 'in use at the end', bytes: (s) => s.bytes, counts: (s) => s.blocks, perStack: false },
    { id: 'peak', title: 'Peak', hint: 'in use when most was', bytes: (s) => s.peak_bytes, counts: (s) => s.peak_blocks, perStack: true },
    { id: 'leaked', title: 'Leaked', hint: 'lost, not suppressed', bytes: (s) => isLost(s) ? s.bytes : 0, counts: (s) => isLost(s) ? s.blocks : 0, perStack: false },
    { id: 'total', title: 'Total', hint: 'all that was ever asked for', bytes: (s) => s.allocated_bytes, counts: (s) => s.allocations, perStack: true },
    { id: 'temporary', title: 'Temporary', hint: 'freed as the next thing its thread did', bytes: temporaryBytes, counts: (s) => s.temporary, perStack: true },
];

export interface Weights { id: string; title: string; hint: string; tone: '' | 'grew' | 'shrank'; of: (unit: string) => [number, number][] }

function weigh(cost: Cost, unit: string): [number, number][] {
    const value = unit === 'bytes' ? cost.bytes : cost.counts;
    return sites.filter((s) => s.first || !cost.perStack).map((s): [number, number] => [s.node, value(s)]).filter(([, n]) => n > 0);
}

function change(sign: number, unit: string): [number, number][] {
    const at = unit === 'bytes' ? 1 : 2;
    return raw.diff!.rows.map((r): [number, number] => [r[5]!, sign * (r[at + 2]! - r[at]!)]).filter(([, n]) => n > 0);
}

// Pairs of a node and what it weighs, for the flame graph. Those that weigh nothing at all are left out.
export function allWeights(): Weights[] {
    const list: Weights[] = costs.map((c) => ({ id: c.id, title: c.title, hint: c.hint, tone: '', of: (unit) => weigh(c, unit) }));
    if (raw.diff) list.unshift(
        { id: 'grew', title: 'Grew', hint: 'more in use after than before', tone: 'grew', of: (unit) => change(1, unit) },
        { id: 'shrank', title: 'Shrank', hint: 'less in use after than before', tone: 'shrank', of: (unit) => change(-1, unit) });
    return list.filter((w) => w.of('counts').length > 0 || w.of('bytes').length > 0);
}

