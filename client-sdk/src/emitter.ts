/** Events by name. What a listener throws never reaches who emits: it is reported. */

/** May be async; its rejection is reported like a throw. */
export type Listener<T> = (event: T) => unknown;

export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** Returns a function that takes the listener off. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    // A listener of its own for each call: the same function may be there twice.
    const own: Listener<Events[Name]> = (event) => listener(event);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  has(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        // `on` takes listeners of this event only under this name.
        const outcome = (listener as Listener<Events[Name]>)(event);
        if (outcome instanceof Promise) outcome.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
