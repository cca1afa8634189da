// data.ts: what memoir wrote into the page, and what follows from it. The keys are those of src/report/html.c.

import { base } from './format';

export interface Finding {
    kind: string; message: string; count: number; address: string; size: number; ms: number;
    nodes: [number, number, number]; // where it was found, allocated, freed
}
export interface Side { command: string; pid: number; elapsed_ms: number; bytes: number; blocks: number }
export interface Sum { bytes: number; blocks: number }
interface Raw {
    memoir: string; command: string; strategy: string; ledger: string; pid: number; elapsed_ms: number; start_wall: number;
    exit: { kind: string; code?: number; signal?: number };
    trace: string; sample_interval?: number; verdict: string; tone: string;
    stats: [string, string, string][]; totals: Record<string, number>; process_resident_bytes: number;
    leaks: Record<string, Sum> & { checked: boolean };
    classes: number[][]; timeline: number[][]; notes: string[];
    kinds: string[]; site_columns: string[]; sites: number[]; filtered: { sites: number; bytes: number; blocks: number };
    findings: Finding[]; diff?: { before: Side; after: Side; changed: number; fates: string[]; rows: number[][] };
    map?: { ms: number; cell_bytes: number; largest_gap: number; states: string[]; gaps: [number, number][]; cells: [string, ...number[]][] };
    sources: Record<string, [number, ...string[]][]>; strings: string[]; frames: number[][]; nodes: number[];
}

export interface Site {
    bytes: number; blocks: number; allocations: number; frees: number; allocated_bytes: number; temporary: number;
    peak_bytes: number; peak_blocks: number; growing: number; kind: number; node: number; held_by: number;
    suppressed_by: number; is_new: number;
    index: number;
    first: boolean; // of its stack's rows: the figures of the whole stack are counted here
}

export interface Frame {
    name: string; file: string; line: number; module: string;
    inlined: boolean; mark: boolean; library: boolean; fileId: number;
}

export const raw: Raw = JSON.parse(document.getElementById('data')!.textContent!);

const INLINED = 1, MARK = 2, LIBRARY = 4;

function readFrame(f: number[]): Frame {
    const text = (id: number) => raw.strings[id]!, flags = f[5]!, module = text(f[3]!), place = text(f[4]!);
    const name = text(f[0]!) || (module ? `${base(module)}+${place}` : place) || '(unknown)';
    return {
        name: flags & MARK ? `(${name})` : name, file: text(f[1]!), fileId: f[1]!, line: f[2]!, module,
        inlined: !!(flags & INLINED), mark: !!(flags & MARK), library: !!(flags & LIBRARY),
    };
}

export const frames: Frame[] = raw.frames.map(readFrame);

// Node i > 0 was called by node caller[i], and is frame frameOf[i]. caller[i] < i.
export const nodeCount = raw.nodes.length / 2 + 1;
export const caller = new Int32Array(nodeCount), frameOf = new Int32Array(nodeCount);
for (let i = 1; i < nodeCount; i++) {
    caller[i] = raw.nodes[2 * i - 2]!;
    frameOf[i] = raw.nodes[2 * i - 1]!;
}

function readSites(): Site[] {
    const width = raw.site_columns.length, seen = new Uint8Array(nodeCount), sites: Site[] = [];
    for (let i = 0; i * width < raw.sites.length; i++) {
        const site: any = { index: i };
        for (let c = 0; c < width; c++) site[raw.site_columns[c]!] = raw.sites[i * width + c];
        site.first = !seen[site.node];
        seen[site.node] = 1;
        sites.push(site);
    }
    return sites;
}
export const sites: Site[] = readSites();

const lostKinds = new Set(['definitely_lost', 'indirectly_lost', 'possibly_lost']);
export const kindName = (site: Site): string => raw.kinds[site.kind]!;
export const kindWords = (name: string): string => name === 'gone' ? 'freed' : name.replace(/_/g, ' ');
export const isLost = (site: Site): boolean => !site.suppressed_by && lostKinds.has(kindName(site));
export const isGone = (site: Site): boolean => kindName(site) === 'gone';

// Innermost first, as a stack is read.
export function stackOf(node: number): Frame[] {
    const stack: Frame[] = [];
    for (; node; node = caller[node]!) stack.push(frames[frameOf[node]!]!);
    return stack;
}

// The frame to name where there is room for one: the innermost that is not the C or C++ library's.
export function culprit(node: number): Frame | null {
    for (let n = node; n; n = caller[n]!) {
        const frame = frames[frameOf[n]!]!;
        if (!frame.library && !frame.mark) return frame;
    }
    return node ? frames[frameOf[node]!]! : null;
}

export const place = (frame: Frame): string =>
    frame.file ? `${base(frame.file)}${frame.line ? `:${frame.line}` : ''}` : base(frame.module);

// Which nodes have a frame, or a caller, that the text fits. Null: all.
export function matcher(text: string): Uint8Array | null {
    const test = predicate(text);
    if (!test) return null;
    const good = frames.map((f) => test(f.name) || test(f.file) || test(f.module));
    const matches = new Uint8Array(nodeCount);
    for (let i = 1; i < nodeCount; i++) matches[i] = matches[caller[i]!]! | (good[frameOf[i]!] ? 1 : 0);
    return matches;
}

// /text/ is a regular expression, anything else stands for itself; case does not matter. Null: no text, or no expression yet.
export function predicate(text: string): ((name: string) => boolean) | null {
    const pattern = /^\/(.+)\/$/.exec(text.trim());
    if (pattern) {
        try {
            const regexp = new RegExp(pattern[1]!, 'i');
            return (name) => regexp.test(name);
        } catch {
            return null;
        }
    }
    const wanted = text.trim().toLowerCase();
    return wanted ? (name) => name.toLowerCase().includes(wanted) : null;
}

export const traced = raw.trace !== 'off' && sites.length > 0;
export const running = raw.exit.kind === 'running';
export const program = base(raw.command.split(' ')[0] || 'the program');
