// format.ts: figures for people, as the text report writes them.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function size(bytes: number): string {
    let unit = 0, n = Math.abs(bytes);
    while (n >= 1024 && unit + 1 < units.length) {
        n /= 1024;
        unit++;
    }
    const sign = bytes < 0 ? '−' : '';
    return unit === 0 ? `${sign}${n}\u00a0B` : `${sign}${n.toFixed(1)}\u00a0${units[unit]}`;
}

// As a label: without a decimal that says nothing.
export const round = (bytes: number): string => size(bytes).replace('.0\u00a0', '\u00a0');

export const count = (n: number): string => Math.round(n).toLocaleString('en-US');

export const signed = (n: number, write: (n: number) => string): string => (n > 0 ? '+' : '') + write(n);

// "1 block", "1,204 blocks".
export const noun = (n: number, word: string): string => `${count(n)}\u00a0${word}${n === 1 ? '' : 's'}`;

// "98.7 %"; what is there at all is never 0.
export function share(part: number, whole: number): string {
    if (!(whole > 0)) return '0\u00a0%';
    const percent = 100 * part / whole;
    return percent > 0 && percent < 0.1 ? '<\u00a00.1\u00a0%' : `${percent.toFixed(percent >= 99.95 ? 0 : 1)}\u00a0%`;
}

export function duration(ms: number): string {
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
    const seconds = Math.floor(ms / 1000), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
    if (hours < 48) return `${hours} h ${minutes % 60} min`;
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const rate = (perSecond: number): string =>
    perSecond < 1 << 20 ? `${size(perSecond * 60)}/min` : `${size(perSecond)}/s`;

export const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1) || path;
