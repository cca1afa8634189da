// dom.ts: elements in one expression.

export type Child = Node | string | number | false | null | undefined;
type Attributes = Record<string, string | number | boolean | ((event: any) => void) | undefined>;

// h('button.wide', { onclick, 'aria-label': 'x' }, 'text'). Attributes that are false or undefined are left out.
export function h<K extends string>(spec: K, attributes: Attributes = {}, ...children: Child[]):
    K extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[K] : HTMLElement {
    const [tag, ...classes] = spec.split('.');
    const element = document.createElement(tag!);
    if (classes.length) element.className = classes.join(' ');
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === 'function') element.addEventListener(name.slice(2), value);
        else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? '' : String(value));
    }
    element.append(...children.filter((c): c is Node | string | number => c !== false && c != null).map((c) =>
        typeof c === 'number' ? String(c) : c));
    return element as any;
}

export function put(parent: Element, ...children: Child[]): void {
    parent.replaceChildren(...children.filter((c): c is Node | string => c !== false && c != null));
}

// The style sheet names no sizes that come from data: those are set one by one, which the page's policy allows.
export function styled<E extends HTMLElement>(element: E, style: Record<string, string>): E {
    for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
    return element;
}

// A group of buttons of which one is pressed.
export function choice<T extends string>(label: string, options: [T, string][], chosen: T, choose: (value: T) => void): HTMLElement {
    const buttons = options.map(([value, text]) => h('button', {
        type: 'button', 'data-value': value, 'aria-pressed': value === chosen ? 'true' : 'false',
        onclick: () => {
            for (const b of buttons) b.setAttribute('aria-pressed', b.dataset.value === value ? 'true' : 'false');
            choose(value);
        },
    }, text));
    return h('div.choice', { role: 'group', 'aria-label': label }, ...buttons);
}

export function later(work: () => void, ms: number): () => void {
    let timer = 0;
    return () => {
        clearTimeout(timer);
        timer = window.setTimeout(work, ms);
    };
}
