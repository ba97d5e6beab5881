/**
 * A node that has just come hears which connections were taken over before: the ids of those name
 * nodes that may have gone, and what is published to them would go nowhere.
 */
import type { Clock } from '../../../clock.ts';
import type { NodeCalls } from '../../../router/ports.ts';
import { takeOverCalls } from './messages.ts';
import { inPieces, type Adopted } from './news.ts';

export interface IntroductionOptions {
  readonly calls: Pick<NodeCalls, 'nodeId' | 'askAll' | 'call'>;
  readonly clock: Pick<Clock, 'after'>;
  /** Connections that this node has taken over and serves. */
  readonly adopted: () => Iterable<Adopted>;
}

/** All tell all that they know each time, so it is asked more and more rarely. */
const againMs = 200;
const againMsMax = 3200;

export class Introduction {
  readonly #options: IntroductionOptions;
  #isDone = false;
  #isClosed = false;
  #cancel: () => void = () => undefined;
  /** Counts the calls of `begin`: the answers to an earlier one lead to nothing. */
  #round = 0;

  constructor(options: IntroductionOptions) {
    this.#options = options;
  }

  /** True: every node has told this one what it has taken over. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Asks all nodes, again and again until every one has answered. */
  begin(): void {
    this.#cancel();
    this.#round += 1;
    this.#ask(this.#round, againMs);
  }

  #ask(round: number, waitMs: number): void {
    const { calls, clock } = this.#options;
    const again = (): void => {
      if (this.#isClosed || round !== this.#round) return;
      const nextMs = Math.min(againMsMax, waitMs * 2);
      this.#cancel = clock.after(waitMs, () => this.#ask(round, nextMs));
    };
    calls.askAll(takeOverCalls.tell, [calls.nodeId]).then(({ isComplete }) => {
      if (isComplete) this.#isDone = true;
      else again();
    }, again);
  }

  /** Resolves when the other node has what this one has to tell. */
  async tell(nodeId: string): Promise<void> {
    const { adopted, calls } = this.#options;
    if (nodeId === calls.nodeId) return;
    for (const piece of inPieces([...adopted()])) {
      await calls.call(nodeId, takeOverCalls.adopted, [piece]);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }
}
