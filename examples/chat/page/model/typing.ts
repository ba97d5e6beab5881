/** Who is writing: told seldom enough by the writer, forgotten soon enough by the others. */
import type { Clock } from '../sdk.ts';

/** While somebody goes on writing, it is said this often. */
const repeatMs = 3000;
/** Longer than the repetition and the way: then they have stopped, or lost their connection. */
const expiryMs = 6000;

/** Says that the user writes, at most every three seconds, and once when they have stopped. */
export class TypingTeller {
  readonly #clock: Clock;
  readonly #tell: (isTyping: boolean) => void;
  #toldAtMs: number | undefined;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, tell: (isTyping: boolean) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** A key was pressed. */
  onInput(): void {
    const nowMs = this.#clock.nowMs();
    this.#cancel();
    this.#cancel = this.#clock.after(repeatMs, () => this.stop());
    if (this.#toldAtMs !== undefined && nowMs - this.#toldAtMs < repeatMs) return;
    this.#toldAtMs = nowMs;
    this.#tell(true);
  }

  /** The message was sent, the text is gone, or nothing was written for a while. */
  stop(): void {
    this.drop();
    if (this.#toldAtMs === undefined) return;
    this.#toldAtMs = undefined;
    this.#tell(false);
  }

  /** Ends it without a word. */
  drop(): void {
    this.#cancel();
  }
}

/** Who writes, as far as this page has heard. */
export class TypingWatch {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #writers = new Map<string, () => void>();

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Ids, in the order in which they began. */
  get writers(): readonly string[] {
    return [...this.#writers.keys()];
  }

  hear(person: string, isTyping: boolean): void {
    const cancel = this.#writers.get(person);
    cancel?.();
    if (isTyping) {
      this.#writers.set(
        person,
        this.#clock.after(expiryMs, () => this.hear(person, false)),
      );
    } else this.#writers.delete(person);
    if (isTyping !== (cancel !== undefined)) this.#onChange();
  }

  /** Nobody writes: what was heard may be out of date. */
  clear(): void {
    for (const cancel of this.#writers.values()) cancel();
    this.#writers.clear();
  }
}
