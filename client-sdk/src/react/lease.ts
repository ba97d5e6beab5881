/** Something that is held while it has users, and let go a moment after the last one. */

/**
 * React takes a component off and puts it on again: at once under StrictMode, and with another one
 * in its place when a route changes. Nothing is to be left and joined for that.
 */
const releaseDelayMs = 500;

export class Lease<Held> {
  readonly #acquire: () => Held;
  readonly #release: (held: Held) => void;
  #held: { readonly value: Held } | undefined;
  #users = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Neither is called before the first `use`. */
  constructor(acquire: () => Held, release: (held: Held) => void) {
    this.#acquire = acquire;
    this.#release = release;
  }

  /** Undefined while there is none. */
  get held(): Held | undefined {
    return this.#held?.value;
  }

  /** One user more; the returned function, called once or more often, is one fewer. */
  use(): () => void {
    clearTimeout(this.#timer);
    this.#held ??= { value: this.#acquire() };
    this.#users += 1;
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      this.#users -= 1;
      if (this.#users === 0) this.#timer = setTimeout(() => this.#end(), releaseDelayMs);
    };
  }

  #end(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#release(held.value);
  }
}
