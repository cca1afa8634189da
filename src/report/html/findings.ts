// findings.ts: misuse that was met, with the stacks that belong to it.

import { Finding, raw } from './data';
import { h } from './dom';
import { count, duration } from './format';
import { stackView } from './stack';
import { View } from './views';

const titles = ['Found at', 'Allocated at', 'Freed at'];

function card(finding: Finding): HTMLElement {
    const stacks = finding.nodes.map((node, i) => node ? h('div', {}, h('h4', {}, titles[i]!), stackView(node)) : null);
    return h('article.box.finding', {},
        h('h3', {}, h('span.kind.definitely_lost', {}, finding.kind.replace(/_/g, ' ')), ' ', finding.message || `${finding.kind.replace(/_/g, ' ')} of ${finding.address}`),
        h('p.faint', {}, `${finding.count > 1 ? `${count(finding.count)} times, first ` : ''}after ${duration(finding.ms)}`),
        h('div.columns', {}, ...stacks));
}

function make(): HTMLElement {
    if (!raw.findings.length) return h('p.verdict.good', {}, 'No misuse of memory was found. MEMOIR_CHECK=1 looks for more of it, MEMOIR_GUARD=on for faulty instructions.');
    return h('div', {}, ...raw.findings.map(card));
}

export const findings = (): View => ({ id: 'findings', title: raw.findings.length ? `Findings (${raw.findings.length})` : 'Findings', make });
