// rows.ts: a table of any length of which only the rows in sight exist. Rows have one height.
//
// One stop for the keyboard: arrows, Page Up and Down, Home and End move the chosen row, Enter opens it.

import { h, put, styled } from './dom';

const ROW = 30, BEYOND = 8, PRINTED = 40;

export interface Column<T> {
    id: string; title: string; hint: string;
    cell: (row: T) => string | Node;
    sort?: (row: T) => number | string; // numbers: largest first
    left?: boolean;                     // text; figures stand at the right
    width?: string | undefined;
    share?: (row: T) => number;         // of the largest there is, 0 to 1: drawn behind the figure
}

export interface Rows<T> {
    element: HTMLElement;
    show(rows: T[]): void;
    choose(index: number): void;
    rows(): T[];
    printing(on: boolean): void;
}

let tables = 0;

export function rowsView<T>(label: string, columns: Column<T>[], sorted: string, opened: (row: T) => void): Rows<T> {
    const id = `rows${tables++}`;
    let all: T[] = [], chosen = -1, by = sorted, descending = true, printing = false;
    const body = h('div.rows-body', { role: 'rowgroup' });
    const head = h('div.row.head', { role: 'row', 'aria-rowindex': 1 });
    const grid = h('div.rows', { role: 'grid', 'aria-label': label, tabindex: 0 }, h('div.rows-head', { role: 'rowgroup' }, head), body);
    const template = columns.map((c) => c.width ?? '5.3rem').join(' ');
    styled(grid, { '--columns': template });

    for (const column of columns) {
        const button = h('button', { type: 'button', title: column.hint, tabindex: -1, onclick: () => sortBy(column.id) }, column.title);
        head.append(h(column.left ? 'div.cell.left' : 'div.cell', { role: 'columnheader', 'data-column': column.id }, column.sort ? button : column.title));
    }

    function sortBy(column: string): void {
        descending = column === by ? !descending : true;
        by = column;
        sort();
        chosen = all.length ? 0 : -1;
        grid.scrollTop = 0;
        draw();
    }

    function sort(): void {
        const value = columns.find((c) => c.id === by)?.sort;
        if (value) {
            const keyed = all.map((row, i) => ({ row, i, key: value(row) }));
            const way = descending ? 1 : -1;
            keyed.sort((a, b) => (typeof a.key === 'string'
                ? way * a.key.localeCompare(b.key as string) : way * ((b.key as number) - a.key)) || a.i - b.i);
            all = keyed.map((k) => k.row);
        }
        for (const cell of head.children)
            cell.setAttribute('aria-sort', (cell as HTMLElement).dataset.column !== by ? 'none' : descending ? 'descending' : 'ascending');
    }

    function cell(column: Column<T>, row: T): HTMLElement {
        const element = h(column.left ? 'div.cell.left' : 'div.cell', { role: 'gridcell' }, column.cell(row));
        return column.share ? styled(element, { '--share': `${(100 * Math.min(1, column.share(row))).toFixed(1)}%` }) : element;
    }

    function line(index: number): HTMLElement {
        const element = h(index === chosen ? 'div.row.chosen' : 'div.row', {
            role: 'row', id: `${id}-${index}`, 'aria-rowindex': index + 2, 'aria-selected': index === chosen ? 'true' : 'false',
            onclick: () => choose(index),
        }, ...columns.map((c) => cell(c, all[index]!)));
        return styled(element, { top: `${index * ROW}px` });
    }

    function draw(): void {
        const from = printing ? 0 : Math.max(0, Math.floor((grid.scrollTop - ROW) / ROW) - BEYOND);
        const to = printing ? Math.min(PRINTED, all.length) : Math.min(all.length, from + Math.ceil(grid.clientHeight / ROW) + 2 * BEYOND);
        styled(body, { height: `${(printing ? to : all.length) * ROW}px` });
        grid.setAttribute('aria-rowcount', String(all.length + 1));
        put(body, ...Array.from({ length: Math.max(0, to - from) }, (_, i) => line(from + i)));
        if (chosen >= from && chosen < to) grid.setAttribute('aria-activedescendant', `${id}-${chosen}`);
        else grid.removeAttribute('aria-activedescendant');
    }

    function reveal(): void {
        const top = chosen * ROW, room = grid.clientHeight - ROW;
        if (top < grid.scrollTop) grid.scrollTop = top;
        else if (top + ROW > grid.scrollTop + room) grid.scrollTop = top + ROW - room;
    }

    function choose(index: number): void {
        if (!all.length) return;
        chosen = Math.max(0, Math.min(all.length - 1, index));
        reveal();
        draw();
        opened(all[chosen]!);
    }

    let waiting = false;
    grid.addEventListener('scroll', () => {
        if (waiting) return;
        waiting = true;
        requestAnimationFrame(() => {
            waiting = false;
            draw();
        });
    });
    new ResizeObserver(draw).observe(grid);
    grid.addEventListener('keydown', (event) => {
        const page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 2);
        const steps: Record<string, number> = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + page, PageUp: chosen - page,
            Home: 0, End: all.length - 1, Enter: chosen };
        if (!(event.key in steps) || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        choose(steps[event.key]!);
    });

    return {
        element: grid,
        rows: () => all,
        choose,
        show(rows) {
            all = rows.slice();
            sort();
            grid.scrollTop = 0;
            chosen = -1;
            if (all.length) choose(0);
            else draw();
        },
        printing(on) {
            printing = on;
            draw();
        },
    };
}
