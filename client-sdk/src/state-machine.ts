/** A machine whose transitions are data: from a state, for a reason, to a state. */

export type Transitions<S extends string, R extends string> = Readonly<
  Record<S, Readonly<Partial<Record<R, S>>>>
>;

export interface Change<S extends string, R extends string> {
  readonly state: S;
  readonly previous: S;
  readonly reason: R;
}

export class StateMachine<S extends string, R extends string> {
  readonly #transitions: Transitions<S, R>;
  #state: S;

  constructor(transitions: Transitions<S, R>, initial: S) {
    this.#transitions = transitions;
    this.#state = initial;
  }

  get state(): S {
    return this.#state;
  }

  /** Goes on, or returns undefined and stays where the table has no way for this reason. */
  go(reason: R): Change<S, R> | undefined {
    const previous = this.#state;
    const state = this.#transitions[previous][reason];
    if (state === undefined) return undefined;
    this.#state = state;
    return { state, previous, reason };
  }
}
