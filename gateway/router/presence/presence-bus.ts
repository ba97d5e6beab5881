/** The node bus as presence sees it. */
import type { NodeBus } from '../bus/node-bus.ts';
import { presenceCall, type PresenceMessage } from './messages.ts';
import type { Neighbour, NeighbourBus } from './neighbours.ts';

export class PresenceBus implements NeighbourBus {
  readonly #bus: () => Pick<NodeBus, 'incarnation' | 'roster' | 'tell'>;
  /** Messages that the backplane did not take. */
  unsent = 0;

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
    this.#bus()
      .tell(nodeId, presenceCall, [message])
      // The sums find out what got lost.
      .catch(() => {
        this.unsent += 1;
      });
  }
}
