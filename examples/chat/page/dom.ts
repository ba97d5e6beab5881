/**
 * Makes elements, and brings what is on the page to what should be there, keeping elements that stay:
 * their focus, their scroll position and what was typed into them.
 */

export type Child = Node | string | undefined | false;

/** `true`: the attribute without a value; `undefined` and `false`: none. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** An element of HTML. An element with `data-key` is kept as long as its key stays. */
export function h(tag: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

const svgNamespace = 'http://www.w3.org/2000/svg';

/** An icon of one path; it says nothing to who does not see it. */
export function icon(path: string): SVGElement {
  const svg = document.createElementNS(svgNamespace, 'svg');
  fill(svg, { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' }, []);
  const shape = document.createElementNS(svgNamespace, 'path');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}

function fill(element: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) {
    if (child !== undefined && child !== false) element.append(child);
  }
}

const makers = new WeakMap<Node, () => Element>();

/**
 * An element that is made when it is needed: not while what is on the page has the same key and the
 * same version. `make` must give the same for the same version.
 */
export function lazy(tag: string, key: string, version: string, make: () => Element): Element {
  const placeholder = h(tag, { 'data-key': key, 'data-version': version });
  makers.set(placeholder, () => {
    const element = make();
    element.setAttribute('data-key', key);
    element.setAttribute('data-version', version);
    return element;
  });
  return placeholder;
}

/** The element itself, and in it whatever was to be made when needed. */
function made(node: ChildNode): ChildNode {
  const maker = makers.get(node);
  if (maker !== undefined) return maker();
  if (node instanceof Element) {
    for (const inner of node.querySelectorAll('[data-version]')) {
      const innerMaker = makers.get(inner);
      if (innerMaker !== undefined) inner.replaceWith(innerMaker());
    }
  }
  return node;
}

/** Makes the children of `target` what those of `source` are; `source` is empty afterwards. */
export function morph(target: Element, source: Element): void {
  const keyed = new Map<string, Element>();
  for (const child of target.children) {
    const key = keyOf(child);
    if (key !== undefined) keyed.set(key, child);
  }
  let at = target.firstChild;
  for (const wanted of [...source.childNodes]) {
    const kept = matchOf(wanted, at, keyed);
    if (kept === undefined) {
      target.insertBefore(made(wanted), at);
      continue;
    }
    if (kept === at) at = at.nextSibling;
    else target.insertBefore(kept, at);
    update(kept, wanted);
  }
  while (at !== null) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** The node of the page that is to become `wanted`. */
function matchOf(
  wanted: Node,
  at: ChildNode | null,
  keyed: ReadonlyMap<string, Element>,
): ChildNode | undefined {
  const key = keyOf(wanted);
  if (key !== undefined) {
    const found = keyed.get(key);
    return found !== undefined && found.nodeName === wanted.nodeName ? found : undefined;
  }
  if (at === null || keyOf(at) !== undefined) return undefined;
  return at.nodeName === wanted.nodeName ? at : undefined;
}

function update(kept: Node, given: ChildNode): void {
  if (isSameVersion(kept, given)) return;
  const wanted = makers.has(given) ? made(given) : given;
  if (kept instanceof Element && wanted instanceof Element) {
    // What the browser says of an open dialog is not part of the picture.
    const isOwn = (name: string): boolean => name === 'open' && kept.nodeName === 'DIALOG';
    for (const { name } of [...kept.attributes]) {
      if (!wanted.hasAttribute(name) && !isOwn(name)) kept.removeAttribute(name);
    }
    for (const { name, value } of wanted.attributes) {
      if (kept.getAttribute(name) !== value) kept.setAttribute(name, value);
    }
    morph(kept, wanted);
  } else if (kept.textContent !== wanted.textContent) kept.textContent = wanted.textContent;
}

function isSameVersion(kept: Node, given: Node): boolean {
  if (!makers.has(given) || !(kept instanceof Element) || !(given instanceof Element)) return false;
  return kept.getAttribute('data-version') === given.getAttribute('data-version');
}

function keyOf(node: Node): string | undefined {
  return node instanceof Element ? (node.getAttribute('data-key') ?? undefined) : undefined;
}
