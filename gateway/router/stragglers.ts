/**
 * Messages that a connection was given by its node before, and that come to this one only now. They
 * are left out for the connection until its publishing node is past the cut.
 */
import { counterBegins, type EnvelopeView } from '../../backplanes/envelope.ts';
import type { Clock } from '../clock.ts';
import type { Target } from './target.ts';

/** Per target: by publishing node, by connection, the last counter that it was given. */
export type TargetStragglers = Map<string, Map<string, number>>;

/** What is late by more than this in ms does not come any more. */
const waitMs = 30_000;

export class Stragglers {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Targets that wait, with the time of the last connection that came; oldest first. */
  readonly #targets = new Map<Target, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The connection is a member from now on, and was given everything up to these counters. */
  expect(
    target: Target,
    connectionId: string,
    counters: readonly (readonly [nodeId: string, counter: number])[],
  ): void {
    const heard = new Map(target.heard?.last());
    // It may have been here before: what was waited for then has come to it elsewhere.
    for (const ofNode of target.stragglers?.values() ?? []) ofNode.delete(connectionId);
    for (const [nodeId, counter] of counters) {
      if ((heard.get(nodeId) ?? 0) >= counter) continue;
      const stragglers: TargetStragglers = (target.stragglers ??= new Map());
      const ofNode = stragglers.get(nodeId) ?? new Map<string, number>();
      ofNode.set(connectionId, counter);
      stragglers.set(nodeId, ofNode);
      this.#targets.delete(target);
      this.#targets.set(target, this.#clock.monotonicMs());
    }
  }

  /** Forgets what does not come any more. Call it every now and then. */
  sweep(): void {
    const before = this.#clock.monotonicMs() - waitMs;
    for (const [target, sinceMs] of this.#targets) {
      // Insertion order is age order.
      if (sinceMs > before) break;
      this.#targets.delete(target);
      target.stragglers = undefined;
    }
  }
}

/**
 * The connections that have it already; undefined: none.
 * @param onHole told of connections that miss something before it: it went neither way.
 */
export function whoHasIt(
  target: Target,
  envelope: EnvelopeView,
  onHole: (connectionId: string) => void,
): ReadonlySet<string> | undefined {
  const { counter, nodeId } = envelope;
  const ofNode = target.stragglers?.get(nodeId);
  if (ofNode === undefined) return undefined;
  const having = new Set<string>();
  for (const [connectionId, last] of ofNode) {
    if (counter <= last) having.add(connectionId);
    else if (counter > last + 1 && !counterBegins(counter)) onHole(connectionId);
    // The order of a node is kept: what follows is new.
    if (counter >= last) ofNode.delete(connectionId);
  }
  if (ofNode.size === 0) target.stragglers?.delete(nodeId);
  if (target.stragglers?.size === 0) target.stragglers = undefined;
  return having.size === 0 ? undefined : having;
}
