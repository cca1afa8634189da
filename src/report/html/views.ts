// views.ts: what a view is, and who may ask for which.

export interface View {
    id: string;
    title: string;
    make: () => HTMLElement;
    shown?: () => void;                // each time it comes into sight
    printing?: (on: boolean) => void;
}

const listeners: ((view: string, argument: string) => void)[] = [];

export const onGo = (listener: (view: string, argument: string) => void): void => { listeners.push(listener); };
export const go = (view: string, argument = ''): void => listeners.forEach((l) => l(view, argument));

const redraws: (() => void)[] = [];

// What is drawn in colours that were read once is drawn again when they change.
export const onColours = (redraw: () => void): void => { redraws.push(redraw); };
export const coloursChanged = (): void => redraws.forEach((r) => r());
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
