/** What has just come and goes by itself; errors stay until they are dismissed. */
import type { Clock } from './sdk.ts';
import type { Toast } from './ui.ts';

const shownMs = 8000;
/** The oldest one makes room. */
const toastsMax = 4;

interface Shown {
  readonly toast: Toast;
  readonly cancel: () => void;
}

export class Toasts {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #shown: readonly Shown[] = [];

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get shown(): readonly Toast[] {
    return this.#shown.map(({ toast }) => toast);
  }

  /** Takes the place of one with the same key. */
  add(toast: Toast): void {
    this.drop(toast.key);
    const [oldest] = this.#shown;
    if (this.#shown.length >= toastsMax && oldest !== undefined) this.drop(oldest.toast.key);
    const cancel =
      toast.severity === 'error'
        ? () => undefined
        : this.#clock.after(shownMs, () => this.drop(toast.key));
    this.#shown = [...this.#shown, { toast, cancel }];
    this.#onChange();
  }

  drop(key: string): void {
    const found = this.#shown.find(({ toast }) => toast.key === key);
    if (found === undefined) return;
    found.cancel();
    this.#shown = this.#shown.filter((each) => each !== found);
    this.#onChange();
  }

  clear(): void {
    for (const { cancel } of this.#shown) cancel();
    this.#shown = [];
  }
}
