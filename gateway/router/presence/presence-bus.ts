/** The node bus as presence sees it. */
import type { NodeBus } from '../bus/node-bus.ts';
import { presenceCall, type PresenceMessage } from './messages.ts';
import type { Neighbour, NeighbourBus } from './neighbours.ts';
import { newPresenceCounters } from './presence-counters.ts';

export class PresenceBus implements NeighbourBus {
  readonly counters = newPresenceCounters();
  readonly #bus: () => Pick<NodeBus, 'incarnation' | 'roster' | 'tell'>;

  constructor(bus: () => Pick<NodeBus, 'incarnation' | 'roster' | 'tell'>) {
    this.#bus = bus;
  }

  get incarnation(): number {
    return this.#bus().incarnation;
  }

  *others(): Iterable<Neighbour> {
    for (const { incarnation, node, silentMs } of this.#bus().roster.others()) {
      yield { nodeId: node, silentMs, incarnation };
    }
  }

  tell(nodeId: string, message: PresenceMessage): void {
    this.counters.sent += 1;
    this.#bus()
      .tell(nodeId, presenceCall, [message])
      // The sums find out what got lost.
      .catch(() => {
        this.counters.unsent += 1;
      });
  }
}
