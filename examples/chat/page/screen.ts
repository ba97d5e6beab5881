/** Puts views on the page, and keeps what a browser would lose: scroll positions, drafts, focus. */
import { morph } from './dom.ts';

/** Within this many pixels of its end, a list counts as read to the end. */
const endPixels = 40;
/** Within this many of its beginning, older ones are wanted. */
const beginningPixels = 120;

export class Screen {
  readonly #root: HTMLElement;
  readonly #drafts = new Map<string, string>();
  #shownLog: HTMLElement | undefined;
  /** What had the focus before a dialog or the notification centre took it: keys of elements. */
  #before: HTMLElement | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** `view` is used up. */
  show(view: HTMLElement): void {
    const log = this.#log();
    const wasAtEnd = this.isAtEnd();
    const anchor = log === undefined || wasAtEnd ? undefined : anchorOf(log);
    const text = this.#text();
    if (text !== undefined) this.#drafts.set(text.dataset['conversation'] ?? '', text.value);
    morph(this.#root, view);
    this.#showDialog();
    const shownLog = this.#log();
    if (shownLog !== this.#shownLog || wasAtEnd) shownLog?.scrollTo({ top: shownLog.scrollHeight });
    else if (shownLog !== undefined && anchor !== undefined) restore(shownLog, anchor);
    this.#shownLog = shownLog;
    const shownText = this.#text();
    if (shownText !== undefined && shownText !== text) {
      shownText.value = this.#drafts.get(shownText.dataset['conversation'] ?? '') ?? '';
    }
  }

  /** True when the last message is in sight. */
  isAtEnd(): boolean {
    const log = this.#log();
    if (log === undefined || log.clientHeight === 0) return false;
    return log.scrollHeight - log.scrollTop - log.clientHeight < endPixels;
  }

  /** True when the first message that is here is nearly in sight. */
  isAtBeginning(): boolean {
    const log = this.#log();
    return log !== undefined && log.clientHeight > 0 && log.scrollTop < beginningPixels;
  }

  scrollToEnd(): void {
    const log = this.#log();
    log?.scrollTo({ top: log.scrollHeight });
  }

  clearDraft(): void {
    const text = this.#text();
    if (text !== undefined) text.value = '';
  }

  /** Gives the first of these that is there and can be seen the focus. */
  focus(...selectors: readonly string[]): void {
    for (const selector of selectors) {
      const found = this.#root.querySelector<HTMLElement>(selector);
      if (found === null || found.offsetParent === null) continue;
      found.focus();
      return;
    }
  }

  rememberFocus(): void {
    const { activeElement } = document;
    this.#before = activeElement instanceof HTMLElement ? activeElement : undefined;
  }

  returnFocus(): void {
    if (this.#before?.isConnected === true) this.#before.focus();
    this.#before = undefined;
  }

  /** Moves the focus among the rows of the conversations. */
  moveAmongRows(from: Element, key: string): boolean {
    const rows = [...this.#root.querySelectorAll<HTMLElement>('.sidebar .row')];
    const index = rows.findIndex((row) => row === from);
    if (index === -1) return false;
    const targets: Readonly<Record<string, number>> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      Home: 0,
      End: rows.length - 1,
    };
    const target = targets[key];
    if (target === undefined) return false;
    rows[Math.min(Math.max(target, 0), rows.length - 1)]?.focus();
    return true;
  }

  #showDialog(): void {
    const dialog = this.#root.querySelector('dialog');
    if (dialog !== null && !dialog.open) dialog.showModal();
  }

  #log(): HTMLElement | undefined {
    return this.#root.querySelector<HTMLElement>('.log') ?? undefined;
  }

  #text(): HTMLTextAreaElement | undefined {
    return this.#root.querySelector<HTMLTextAreaElement>('.composer textarea') ?? undefined;
  }
}

interface Anchor {
  readonly key: string;
  readonly top: number;
}

/** The first message in sight and where it is, so that it stays there when older ones come. */
function anchorOf(log: HTMLElement): Anchor | undefined {
  const top = log.getBoundingClientRect().top;
  for (const item of log.querySelectorAll<HTMLElement>('.message')) {
    const box = item.getBoundingClientRect();
    if (box.bottom > top) return { key: item.dataset['key'] ?? '', top: box.top - top };
  }
  return undefined;
}

function restore(log: HTMLElement, { key, top }: Anchor): void {
  const item = log.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  if (item === null) return;
  const moved = item.getBoundingClientRect().top - log.getBoundingClientRect().top - top;
  if (moved !== 0) log.scrollTop += moved;
}
