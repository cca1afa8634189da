// stack.ts: a call stack, with the lines of source that memoir found.

import { Frame, place, raw, stackOf } from './data';
import { base } from './format';
import { h } from './dom';

const AROUND = 3;

// [number, text, is it the frame's own]; empty where the source is not in the page.
function linesOf(frame: Frame): [number, string, boolean][] {
    for (const [first, ...text] of raw.sources[frame.fileId] ?? []) {
        if (frame.line < first || frame.line >= first + text.length) continue;
        const from = Math.max(first, frame.line - AROUND), to = Math.min(first + text.length - 1, frame.line + AROUND);
        return Array.from({ length: to - from + 1 }, (_, i) => [from + i, text[from + i - first]!, from + i === frame.line]);
    }
    return [];
}

function source(frame: Frame): HTMLElement | null {
    const lines = linesOf(frame);
    if (!lines.length) return null;
    const digits = String(lines[lines.length - 1]![0]).length;
    return h('pre.source', { tabindex: 0, 'aria-label': `${base(frame.file)} around line ${frame.line}` }, ...lines.map(([n, text, own]) =>
        h(own ? 'span.own' : 'span', {}, `${String(n).padStart(digits)}  ${text}\n`)));
}

function frameLine(frame: Frame): HTMLElement {
    const where = place(frame);
    return h('span.frame', {},
        h(frame.library || frame.mark ? 'span.name.faint' : 'span.name', {}, frame.name),
        frame.inlined && h('span.tag', { title: 'inlined into its caller' }, 'inlined'),
        where && h('span.where', { title: frame.file ? `${frame.file}, in ${frame.module}` : frame.module }, where));
}

function item(frame: Frame, open: boolean): HTMLElement {
    const code = source(frame);
    if (!code) return h('li', {}, frameLine(frame));
    return h('li', {}, h('details', { open }, h('summary', {}, frameLine(frame)), code));
}

// Open at the frame that asked for the memory: the innermost with source.
export function stackView(node: number): HTMLElement {
    const stack = stackOf(node);
    if (!stack.length) return h('p.faint', {}, 'No call stack was recorded.');
    const own = stack.findIndex((f) => !f.library && linesOf(f).length > 0);
    return h('ol.stack', {}, ...stack.map((frame, i) => item(frame, i === own)));
}
