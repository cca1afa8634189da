// time.ts: memory and requests over the run. Both charts show the same stretch of time.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { raw } from './data';
import { choice, h } from './dom';
import { count, duration, noun, round, size } from './format';
import { colour, onColours, View } from './views';

const moments = raw.timeline;
const MS = 0, IN_USE = 1, BLOCKS = 2, RESIDENT = 3, REQUESTS = 4, ALLOCATED = 5;
const column = (i: number): number[] => moments.map((m) => m[i]!);
const seconds = column(MS).map((ms) => ms / 1000);

// Between two moments; the first has none before it.
function perSecond(i: number): (number | null)[] {
    return moments.map((m, at) => {
        const before = moments[at - 1];
        return before && m[MS]! > before[MS]! ? 1000 * Math.max(0, m[i]! - before[i]!) / (m[MS]! - before[MS]!) : null;
    });
}

interface Line { label: string; values: (number | null)[]; stroke: string; fill?: string; write: (n: number) => string; scale?: string }
interface Chart { title: string; lines: Line[]; axis: (n: number) => string; steps?: number[] }

// Bytes are marked at powers of two.
const powers = Array.from({ length: 50 }, (_, i) => 2 ** i);

const memoryChart: Chart = {
    title: 'Memory', axis: round, steps: powers, lines: [
        { label: 'In use', values: column(IN_USE), stroke: 'blue', fill: 'blue-fill', write: size },
        { label: 'Resident', values: column(RESIDENT).map((n) => n || null), stroke: 'orange', write: size },
    ],
};
const blocksChart: Chart = { title: 'Blocks in use', axis: count, lines: [{ label: 'Blocks in use', values: column(BLOCKS), stroke: 'blue', fill: 'blue-fill', write: count }] };
const bytesRate: Chart = { title: 'Allocated per second', axis: round, steps: powers, lines: [{ label: 'Bytes per second', values: perSecond(ALLOCATED), stroke: 'green', fill: 'green-fill', write: (n) => `${size(n)}/s` }] };
const requestRate: Chart = { title: 'Requests per second', axis: count, lines: [{ label: 'Requests per second', values: perSecond(REQUESTS), stroke: 'purple', fill: 'purple-fill', write: (n) => `${count(n)}/s` }] };

const clock = (s: number): string => duration(Math.round(s * 1000));

/* --- marks: the peak, and findings ------------------------------------------------------------------------------------ */

function drawMarks(u: uPlot): void {
    const marks: [number, string, string][] = [];
    if (raw.totals.peak_ms) marks.push([raw.totals.peak_ms / 1000, 'peak', colour('faint')]);
    for (const f of raw.findings) marks.push([f.ms / 1000, 'finding', colour('red')]);
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    for (const [at, label, stroke] of marks) {
        const x = Math.round(u.valToPos(at, 'x', true));
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.strokeStyle = ctx.fillStyle = stroke;
        ctx.setLineDash([3 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        const right = x + 50 * ratio > bbox.left + bbox.width;
        ctx.textAlign = right ? 'right' : 'left';
        ctx.fillText(label, x + (right ? -4 : 4) * ratio, bbox.top + 11 * ratio);
    }
    ctx.restore();
}

/* --- one chart --------------------------------------------------------------------------------------------------------- */

interface Drawn { element: HTMLElement; redraw: () => void; zoom: (min: number, max: number) => void; destroy: () => void }

let zoomed: (min: number, max: number) => void = () => undefined;

function options(chart: Chart, width: number, height: number, readout: HTMLElement, small: boolean): uPlot.Options {
    const axis = { stroke: colour('faint'), font: '11px system-ui, sans-serif', grid: { stroke: colour('line'), width: 1 }, ticks: { stroke: colour('line'), width: 1 } };
    return {
        width, height, legend: { show: false }, scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, (max || 1) * 1.08] } },
        cursor: { show: !small, sync: { key: 'time' }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
        axes: [{ ...axis, values: (_u, ticks) => ticks.map(clock), space: 80, size: 34 },
            { ...axis, values: (_u, ticks) => ticks.map(chart.axis), size: 78, ...(chart.steps && { incrs: chart.steps }) }],
        series: [{}, ...chart.lines.map((line) => ({
            label: line.label, stroke: colour(line.stroke), width: 1.75, fill: line.fill && colour(line.fill), points: { show: moments.length < 3 },
        }))],
        hooks: {
            draw: [drawMarks],
            setCursor: [(u) => { readout.textContent = read(chart, u.cursor.idx ?? null); }],
            setSelect: [(u) => {
                if (u.select.width > 3) zoomed(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
                u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            }],
        },
    };
}

function read(chart: Chart, at: number | null): string {
    if (at === null) return '';
    const values = chart.lines.filter((l) => l.values[at] != null).map((l) => `${l.label} ${l.write(l.values[at]!)}`);
    return `after ${clock(seconds[at]!)}: ${values.join(' · ')}`;
}

function legend(chart: Chart, plot: () => uPlot | null): HTMLElement {
    return h('span.legend', {}, ...chart.lines.map((line, i) => chart.lines.length === 1 ? null : h('label', {},
        h('input', { type: 'checkbox', checked: true, onchange: (e: Event) => plot()?.setSeries(i + 1, { show: (e.target as HTMLInputElement).checked }) }),
        h(`i.dot.${line.stroke}`), line.label)));
}

function drawChart(chart: Chart, height: number, small = false): Drawn {
    const canvas = h('div.plot'), readout = h('span.readout', { 'aria-live': 'off' });
    let plot: uPlot | null = null, range: [number, number] | null = null;
    const most = Math.max(...chart.lines[0]!.values.map((v) => v ?? 0));
    const element = h('div.chart', small ? {} : { tabindex: 0, role: 'group', 'aria-label': `${chart.title} over time; at most ${chart.lines[0]!.write(most)}. Arrows move, plus and minus zoom, 0 shows all.` },
        h('div.caption', {}, h('b', {}, chart.title), !small && legend(chart, () => plot), readout), canvas);
    const redraw = () => {
        const width = canvas.clientWidth;
        plot?.destroy();
        plot = null;
        if (!width) return;
        plot = new uPlot(options(chart, width, height, readout, small), [seconds, ...chart.lines.map((l) => l.values)] as uPlot.AlignedData, canvas);
        if (range) plot.setScale('x', { min: range[0], max: range[1] });
    };
    let width = 0;
    const observer = new ResizeObserver(() => {
        if (canvas.clientWidth !== width) {
            width = canvas.clientWidth;
            redraw();
        }
    });
    observer.observe(canvas);
    return { element, redraw, zoom: (min, max) => { range = [min, max]; plot?.setScale('x', { min, max }); }, destroy: () => { observer.disconnect(); plot?.destroy(); } };
}

export function sparkline(open: () => void): HTMLElement | null {
    if (moments.length < 2) return null;
    const drawn = drawChart(memoryChart, 190, true);
    onColours(drawn.redraw);
    return h('section.box', {}, h('h3', {}, 'Over time'), drawn.element, h('p', {}, h('button', { type: 'button', onclick: open }, 'Look closer')));
}

/* --- the view ------------------------------------------------------------------------------------------------------------- */

function make(): HTMLElement {
    const all: [number, number] = [seconds[0]!, seconds[seconds.length - 1]!];
    let charts: Drawn[] = [], now: [number, number] = all;
    const place = h('div.charts'), stretch = h('span.faint.stretch', { role: 'status' });

    function zoom(min: number, max: number): void {
        const least = Math.max((all[1] - all[0]) / 1e4, 1e-3), width = Math.min(Math.max(max - min, least), all[1] - all[0]);
        const from = Math.min(Math.max(min, all[0]), all[1] - width);
        now = [from, from + width];
        charts.forEach((c) => c.zoom(...now));
        stretch.textContent = width < all[1] - all[0] ? `${clock(now[0])} to ${clock(now[1])}` : `all ${clock(all[1] - all[0])}, ${noun(moments.length, 'moment')}`;
    }
    const by = (factor: number) => zoom((now[0] + now[1]) / 2 - (now[1] - now[0]) * factor / 2, (now[0] + now[1]) / 2 + (now[1] - now[0]) * factor / 2);
    const move = (part: number) => zoom(now[0] + part * (now[1] - now[0]), now[1] + part * (now[1] - now[0]));
    zoomed = zoom;

    function draw(which: Chart[]): void {
        charts.forEach((c) => c.destroy());
        charts = which.map((c, i) => drawChart(c, i ? 200 : 300));
        place.replaceChildren(...charts.map((c) => c.element));
        zoom(...now);
    }
    const keys: Record<string, () => void> = { '+': () => by(0.5), '=': () => by(0.5), '-': () => by(2), '0': () => zoom(...all), Escape: () => zoom(...all),
        ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), Home: () => zoom(all[0], all[0] + now[1] - now[0]), End: () => zoom(all[1] - now[1] + now[0], all[1]) };
    place.addEventListener('keydown', (event) => {
        if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        keys[event.key]!();
    });
    place.addEventListener('dblclick', () => zoom(...all));
    place.addEventListener('wheel', (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        by(event.deltaY > 0 ? 1.25 : 0.8);
    }, { passive: false });
    onColours(() => charts.forEach((c) => c.redraw()));
    const button = (text: string, label: string, work: () => void) => h('button', { type: 'button', 'aria-label': label, title: label, onclick: work }, text);
    const sets = { bytes: [memoryChart, bytesRate], counts: [blocksChart, requestRate] };
    draw(sets.bytes);
    return h('div', {},
        h('div.bar', {}, choice('Unit', [['bytes', 'Bytes'], ['counts', 'Counts']], 'bytes', (which) => draw(sets[which])),
            button('+', 'Zoom in', () => by(0.5)), button('−', 'Zoom out', () => by(2)), button('All', 'Show the whole run', () => zoom(...all)), stretch),
        place, h('p.hint', {}, 'Drag over a stretch to zoom in; double click to see all.'));
}

export const time = (): View | null => moments.length < 2 ? null : { id: 'time', title: 'Over time', make };
