// main.ts: the page: its head, its tabs, light and dark, and printing. Each view is made when it is first wanted.

import './style.css';
import { raw, program, running } from './data';
import { h, put } from './dom';
import { duration } from './format';
import { coloursChanged, go, onGo, View } from './views';
import { summary } from './summary';
import { time } from './time';
import { flame } from './flame';
import { sitesView } from './sites';
import { sizes } from './sizes';
import { resident } from './resident';
import { heapMap } from './map';
import { findings } from './findings';
import { difference } from './difference';

const views: View[] = [difference(), summary(), time(), flame(), sitesView(), sizes(), heapMap(), resident(), findings()]
    .filter((v): v is View => v !== null);
const panels = new Map<string, HTMLElement>();
let shown = '';

/* --- tabs ------------------------------------------------------------------------------------------------------- */

const tabs = views.map((view) => h('button', {
    type: 'button', role: 'tab', id: `tab-${view.id}`, 'aria-controls': `panel-${view.id}`, 'aria-selected': 'false', tabindex: -1,
    onclick: () => go(view.id),
}, view.title));
const bar = h('div.tabs', { role: 'tablist', 'aria-label': 'Views' }, ...tabs);
const main = h('main', {}, ...views.map((view) => {
    const panel = h('section.panel', { role: 'tabpanel', id: `panel-${view.id}`, 'aria-labelledby': `tab-${view.id}`, hidden: true });
    panels.set(view.id, panel);
    return panel;
}));

function fill(view: View): void {
    const panel = panels.get(view.id)!;
    if (!panel.firstChild) panel.append(h('h2.view-title', {}, view.title), view.make());
}

function show(id: string): void {
    const view = views.find((v) => v.id === id) ?? views[0]!;
    if (shown === view.id) return;
    shown = view.id;
    views.forEach((v, i) => {
        tabs[i]!.setAttribute('aria-selected', String(v === view));
        tabs[i]!.tabIndex = v === view ? 0 : -1;
        panels.get(v.id)!.hidden = v !== view;
    });
    fill(view);
    view.shown?.();
    tabs[views.indexOf(view)]!.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    history.replaceState(null, '', `#${view.id}`);
}

bar.addEventListener('keydown', (event) => {
    const at = views.findIndex((v) => v.id === shown), n = views.length;
    const next: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1 + n, Home: 0, End: n - 1 };
    if (!(event.key in next)) return;
    event.preventDefault();
    const to = next[event.key]! % n;
    go(views[to]!.id);
    tabs[to]!.focus();
});

/* --- light and dark --------------------------------------------------------------------------------------------- */

const prefers = matchMedia('(prefers-color-scheme: dark)');
let chosen: string | null = null; // by the button; else what the system prefers
const theme = (): string => document.documentElement.dataset.theme!;
const themeButton = h('button.theme', { type: 'button', onclick: () => setTheme(chosen = theme() === 'dark' ? 'light' : 'dark') });

function setTheme(name: string): void {
    const other = name === 'dark' ? 'Light' : 'Dark';
    document.documentElement.dataset.theme = name;
    themeButton.textContent = other;
    themeButton.setAttribute('aria-label', `${other} colours`);
    coloursChanged();
}
const preferred = () => chosen ?? (prefers.matches ? 'dark' : 'light');
prefers.addEventListener('change', () => setTheme(preferred()));
setTheme(preferred());

/* --- printing: all views, one behind the other, dark on light ------------------------------------------------------ */

addEventListener('beforeprint', () => {
    document.body.classList.add('printing');
    views.forEach((view) => {
        panels.get(view.id)!.hidden = false;
        fill(view);
        view.shown?.();
        view.printing?.(true);
    });
    setTheme('light');
});
addEventListener('afterprint', () => {
    document.body.classList.remove('printing');
    views.forEach((view) => {
        panels.get(view.id)!.hidden = view.id !== shown;
        view.printing?.(false);
    });
    setTheme(preferred());
});

/* --- the head --------------------------------------------------------------------------------------------------- */

function ending(): string {
    const after = duration(raw.elapsed_ms);
    if (running) return `running for ${after}`;
    if (raw.exit.kind === 'exited') return `exit code ${raw.exit.code} after ${after}`;
    return raw.exit.kind === 'signalled' ? `killed by signal ${raw.exit.signal} after ${after}` : `ended after ${after}`;
}

const facts = [
    raw.pid ? `pid ${raw.pid}` : '', ending(),
    raw.start_wall ? `started ${new Date(raw.start_wall * 1000).toLocaleString()}` : '',
].filter(Boolean).join(' · ');

document.title = `${program}: memoir`;
put(document.getElementById('app')!,
    h('header', {},
        h('div.title', {},
            h('h1', {}, h('span.brand', {}, 'memoir'), ' ', program),
            h('p.command', { title: raw.command }, raw.command),
            h('p.facts', {}, facts)),
        themeButton),
    h('nav', { 'aria-label': 'Views of the report' }, bar),
    main,
    h('footer', {}, `memoir ${raw.memoir}`, raw.strategy && ` · strategy ${raw.strategy}`,
        raw.ledger && ` · ledger ${raw.ledger}`, ' · this page needs no network'));
onGo((view) => show(view));
show(location.hash.slice(1));
addEventListener('hashchange', () => show(location.hash.slice(1)));
document.documentElement.dataset.ready = String(Math.round(performance.now()));
