/**
 * Tells all nodes which connections have changed their node, many in one message: when a node is
 * emptied, thousands do within seconds.
 */
import type { Clock } from '../../../clock.ts';
import type { NodeCalls } from '../../../router/ports.ts';
import { takeOverCalls } from './messages.ts';

/** A connection and where it is. */
export type Adopted = readonly [connectionId: string, nodeId: string, term: number];

const periodMs = 50;
const perMessageMax = 500;

export class News {
  readonly #calls: NodeCalls;
  readonly #clock: Pick<Clock, 'after'>;
  #adopted: Adopted[] = [];
  #ended: string[] = [];
  #isWaiting = false;

  constructor(calls: NodeCalls, clock: Pick<Clock, 'after'>) {
    this.#calls = calls;
    this.#clock = clock;
  }

  /** This node serves it now. */
  adopted(connectionId: string, term: number): void {
    this.#adopted.push([connectionId, this.#calls.nodeId, term]);
    this.#wait();
  }

  /** It is over. */
  ended(connectionId: string): void {
    this.#ended.push(connectionId);
    this.#wait();
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#clock.after(periodMs, () => this.#tell());
  }

  #tell(): void {
    const adopted = this.#adopted;
    const ended = this.#ended;
    this.#adopted = [];
    this.#ended = [];
    this.#isWaiting = false;
    for (const some of inPieces(adopted)) this.#calls.tellAll(takeOverCalls.adopted, [some]);
    for (const some of inPieces(ended)) this.#calls.tellAll(takeOverCalls.ended, [some]);
  }
}

/** In pieces that a message takes. */
export function* inPieces<T>(items: readonly T[]): Iterable<T[]> {
  for (let at = 0; at < items.length; at += perMessageMax) {
    yield items.slice(at, at + perMessageMax);
  }
}
