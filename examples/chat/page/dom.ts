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
      target.insertBefore(wanted, at);
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

function update(kept: Node, wanted: Node): void {
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

function keyOf(node: Node): string | undefined {
  return node instanceof Element ? (node.getAttribute('data-key') ?? undefined) : undefined;
}
