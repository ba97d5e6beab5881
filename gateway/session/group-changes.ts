/**
 * The joins and leaves of one connection that wait for the broker. Each group's changes happen in
 * the order in which they were asked for, also when the client did not wait for the acks.
 */
export class GroupChanges {
  readonly #last = new Map<string, Promise<void>>();

  /** Settles when the last change of the group so far did; undefined: none is under way. */
  pending(group: string): Promise<void> | undefined {
    return this.#last.get(group);
  }

  /** Runs `change` after those of the same group before it, whatever became of them. */
  run(group: string, change: () => Promise<void>): Promise<void> {
    const before = this.#last.get(group);
    const running = before === undefined ? change() : before.then(change, change);
    this.#last.set(group, running);
    const forget = (): void => {
      if (this.#last.get(group) === running) this.#last.delete(group);
    };
    running.then(forget, forget);
    return running;
  }
}
