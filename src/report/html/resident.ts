// resident.ts: why more is resident than is in use, as a sum.

import { raw } from './data';
import { h } from './dom';
import { share, size } from './format';
import { View } from './views';
import { Step, waterfall } from './waterfall';

const t = raw.totals, heap = t.resident_bytes ?? 0, process = raw.process_resident_bytes;

// As asked for, where every request was recorded; 0: unknown.
function requested(): number {
    if (raw.trace !== 'full' || raw.filtered.bytes) return 0;
    const { checked: _checked, in_use: _inUse, ...kinds } = raw.leaks;
    const sum = Object.values(kinds).reduce((n, kind) => n + ((kind as { bytes?: number }).bytes ?? 0), 0);
    return sum > 0 && sum <= t.in_use_bytes! ? sum : 0;
}

function inUse(): Step[] {
    const asked = requested(), whole = t.in_use_bytes!;
    if (!asked) return [{ sign: '+', label: 'in use', bytes: whole, tone: 'blue', hint: 'the blocks the program holds' }];
    return [
        { sign: '+', label: 'in use, as asked for', bytes: asked, tone: 'blue', hint: 'what the program holds' },
        { sign: '+', label: 'slack within blocks', bytes: whole - asked, tone: 'blue2', hint: 'rounding up to block sizes' },
    ];
}

// in use + free in slabs + free spans + tables - never touched = resident, of the heap; the rest is not ours.
function steps(): Step[] {
    const held = t.in_use_bytes! + t.slack_bytes! + t.dirty_bytes! + t.metadata_bytes!;
    const list: Step[] = [...inUse(),
        { sign: '+', label: 'free in slabs', bytes: t.slack_bytes!, tone: 'orange', hint: 'free blocks between blocks in use; the next requests of their size take them' },
        { sign: '+', label: 'free spans, kept', bytes: t.dirty_bytes!, tone: 'orange2', hint: 'given back to the system after the purge delay (MEMOIR_PURGE_DELAY)' },
        { sign: '+', label: 'memoir’s own tables', bytes: t.metadata_bytes!, tone: 'purple', hint: 'descriptors and thread heaps' }];
    if (held >= heap) list.push({ sign: '−', label: 'never touched', bytes: held - heap, tone: 'hollow', hint: 'set aside, but nobody wrote to it: the kernel has not provided it' });
    else list.push({ sign: '+', label: 'not accounted for', bytes: heap - held, tone: 'faded', hint: 'OS pages between what is counted' });
    list.push({ sign: '=', label: 'resident in the heap', bytes: heap, tone: 'total', hint: '' });
    if (!process) return list;
    if (process >= heap) list.push({ sign: '+', label: 'not the heap', bytes: process - heap, tone: 'faded', hint: 'code, libraries, stacks, mappings of the program’s own, and the ledger' });
    else list.push({ sign: '−', label: 'not yet counted by the kernel', bytes: heap - process, tone: 'hollow', hint: 'its count lags behind by some OS pages per thread' });
    list.push({ sign: '=', label: 'resident in the process', bytes: process, tone: 'total', hint: 'what ps and top show' });
    return list.filter((s) => s.sign === '=' || s.bytes > 0);
}

function sentence(): string {
    const whole = process || heap, over = whole - t.in_use_bytes!;
    if (over <= 0) return `All that is resident is in use: ${size(whole)}.`;
    const parts: [number, string][] = [[t.slack_bytes!, 'free blocks in slabs'], [t.dirty_bytes!, 'free spans that are kept for a while'],
        [process - heap, 'memory that is not the heap’s'], [t.metadata_bytes!, 'memoir’s own tables']];
    const largest = parts.sort((a, b) => b[0] - a[0])[0]!;
    return `${size(whole)} are resident and ${size(t.in_use_bytes!)} in use. The largest part of the difference is ${size(largest[0])} of ${largest[1]} (${share(largest[0], whole)}).`;
}

function beside(): HTMLElement {
    const rows: [string, number, string][] = [
        ['given back so far', t.purged_bytes!, 'to the system, over the whole run'],
        ['free spans that cost nothing', t.clean_bytes!, 'address space alone'],
        ['address space made writable', t.committed_bytes!, ''],
        ['address space set aside', t.reserved_bytes!, 'counts as virtual size, not as memory'],
    ];
    return h('section.box', {}, h('h3', {}, 'Not part of the sum'), h('table', {}, h('tbody', {}, ...rows.filter((r) => r[1]).map(([label, n, hint]) =>
        h('tr', {}, h('th', { scope: 'row' }, label), h('td', {}, size(n)), h('td.left.faint', {}, hint))))));
}

function make(): HTMLElement {
    return h('div', {}, h('p.lead', {}, sentence()), h('section.box', {}, h('h3', {}, 'Why is more resident than in use?'),
        h('div.scroll', { tabindex: 0, role: 'region', 'aria-label': 'The sum' }, waterfall('From what is in use to what is resident', steps()))), beside());
}

export function resident(): View | null {
    return heap ? { id: 'resident', title: 'Resident', make } : null;
}
