// waterfall.ts: figures that add up, drawn so that one sees it: each bar begins where the one above it ended.

import { h, styled } from './dom';
import { count, size } from './format';

export interface Step {
    sign: '+' | '−' | '='; // '=': the sum of all above
    label: string; bytes: number; // >= 0
    tone: string; hint: string;
}

// What the sum steps say must be what the others add up to: whoever makes the steps sees to that.
export function waterfall(label: string, steps: Step[], unit: 'bytes' | 'count' = 'bytes'): HTMLElement {
    let at = 0, most = 1;
    const spans = steps.map((step) => {
        const from = step.sign === '=' ? 0 : step.sign === '+' ? at : at - step.bytes;
        at = step.sign === '=' ? step.bytes : step.sign === '+' ? at + step.bytes : at - step.bytes;
        most = Math.max(most, from + step.bytes);
        return { step, from };
    });
    const write = unit === 'bytes' ? (n: number) => size(n) : count;
    return h('table.waterfall', { 'aria-label': label }, h('tbody', {}, ...spans.map(({ step, from }) => {
        const bar = styled(h(`span.fall.${step.tone}`), { left: `${100 * from / most}%`, width: `${Math.max(step.bytes ? 0.25 : 0, 100 * step.bytes / most)}%` });
        return h(step.sign === '=' ? 'tr.sum' : 'tr', { 'data-sign': step.sign, 'data-bytes': step.bytes },
            h('th', { scope: 'row' }, h('span.sign', {}, step.sign), step.label),
            h('td', { title: unit === 'bytes' ? `${count(step.bytes)} B` : '' }, write(step.bytes)),
            h('td.track', { 'aria-hidden': 'true' }, h('span.room', {}, bar)), h('td.left.faint', {}, step.hint));
    })));
}
