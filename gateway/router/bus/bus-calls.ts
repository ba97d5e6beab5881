/** The node bus as sessions use it, and which node serves a connection. */
import type { BackplaneTraits } from '../../../backplanes/backplane.ts';
import { nodeOfConnection } from '../keys.ts';
import type { AllAnswers, NodeCalls } from '../ports.ts';
import type { MovedConnections } from './moved-connections.ts';
import type { NodeBus } from './node-bus.ts';

export interface BusCallsOptions {
  readonly nodeId: string;
  readonly bus: () => NodeBus;
  readonly moved: MovedConnections;
  readonly traits: Pick<BackplaneTraits, 'envelopeBytesMax'>;
}

/** Part of an envelope that the payload of a call may take. */
const payloadShare = 0.75;
/** Nodes that leave and are remembered; their ids never come back. */
const leavingMax = 1000;

/** Largest argument or answer in bytes that is carried for sure. */
export function largestCall({ envelopeBytesMax }: BusCallsOptions['traits']): number {
  return Math.floor(envelopeBytesMax * payloadShare);
}

export class BusCalls implements NodeCalls {
  readonly nodeId: string;
  readonly bytesMax: number;
  readonly #options: BusCallsOptions;
  readonly #leaving = new Set<string>();
  /** Messages to all that did not get an answer from everybody. */
  untold = 0;

  constructor(options: BusCallsOptions) {
    this.#options = options;
    this.nodeId = options.nodeId;
    this.bytesMax = largestCall(options.traits);
  }

  call(nodeId: string, call: string, args: readonly unknown[]): Promise<unknown> {
    return this.#options.bus().call(nodeId, call, args);
  }

  tellAll(call: string, args: readonly unknown[]): void {
    this.#options
      .bus()
      .survey({ call, args })
      .then(
        ({ isComplete }) => {
          if (!isComplete) this.untold += 1;
        },
        () => {
          this.untold += 1;
        },
      );
  }

  async askAll(call: string, args: readonly unknown[]): Promise<AllAnswers> {
    return this.#options.bus().survey({ call, args });
  }

  isGone(nodeId: string): boolean {
    const bus = this.#options.bus();
    if (this.#leaving.has(nodeId) || bus.roster.hasLeft(nodeId)) return true;
    return bus.roster.state(nodeId) === undefined && !bus.isInDoubt();
  }

  isAlive(nodeId: string): boolean {
    return !this.#leaving.has(nodeId) && this.#options.bus().roster.state(nodeId) === 'alive';
  }

  others(): readonly string[] {
    const nodes = this.#options.bus().roster.nodes();
    return nodes.filter((nodeId) => nodeId !== this.nodeId && this.isAlive(nodeId));
  }

  leaves(nodeId: string): void {
    this.#leaving.add(nodeId);
    if (this.#leaving.size <= leavingMax) return;
    for (const oldest of this.#leaving) {
      this.#leaving.delete(oldest);
      break;
    }
  }

  nodeOf(connectionId: string): string | undefined {
    return nodeOfConnection(connectionId);
  }

  /**
   * Where messages to a connection are published: to the node of its id as long as that is there,
   * which sends them on. So they take one way and keep their order.
   */
  messagesTo(connectionId: string): string | undefined {
    const home = nodeOfConnection(connectionId);
    if (home === undefined || !this.isGone(home)) return home;
    return this.#options.moved.nodeOf(connectionId) ?? home;
  }
}
