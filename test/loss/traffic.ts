/** Publications at a steady rate, due at their times whatever becomes of the ones before. */
import type { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait.ts';
import type { LossPublication, LossPublisher } from './publication.ts';

export interface TrafficOptions {
  /** They publish to groups only. */
  readonly sockets: readonly LossPublisher[];
  readonly rest: readonly LossPublisher[];
  readonly groups: readonly string[];
  readonly users: readonly string[];
  /** Publications in a second, of all together. */
  readonly rate: number;
  readonly random: SeededRandom;
}

const tickMs = 10;
/** Of the publications by REST, those to users. */
const usersShare = 5;

export class Traffic {
  readonly publications: LossPublication[] = [];
  readonly #options: TrafficOptions;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #next = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  get pending(): number {
    const { rest, sockets } = this.#options;
    return [...rest, ...sockets].reduce((sum, { pending }) => sum + pending, 0);
  }

  start(): void {
    this.#startedAt = Date.now();
    this.#timer = setInterval(() => this.#publishDue(), tickMs);
  }

  /** No more are due. Resolves when all are acknowledged. @throws Error at the deadline. */
  async finish(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer);
    const what = 'every publication is acknowledged';
    try {
      await waitFor(() => this.pending === 0, { what, deadlineMs });
    } catch (cause) {
      const first = this.publications.find(({ ackedAt }) => ackedAt === undefined);
      throw new Error(`${this.pending} are pending, the first: ${JSON.stringify(first)}`, {
        cause,
      });
    }
  }

  /** Gives up what is pending. */
  stop(): void {
    clearInterval(this.#timer);
    for (const publisher of [...this.#options.rest, ...this.#options.sockets]) publisher.stop();
  }

  #publishDue(): void {
    const periodMs = 1000 / this.#options.rate;
    const now = Date.now();
    for (;;) {
      const dueAt = this.#startedAt + this.#next * periodMs;
      if (dueAt > now) return;
      this.#publish(Math.round(dueAt));
    }
  }

  #publish(dueAt: number): void {
    const { groups, random, rest, sockets, users } = this.#options;
    const isRest = this.#next % 2 === 0;
    const publisher = random.pick(isRest ? rest : sockets);
    const isToUser = isRest && random.below(usersShare) < 2;
    const stream = isToUser ? `user:${random.pick(users)}` : `group:${random.pick(groups)}`;
    const publication: LossPublication = {
      id: `${publisher.name}-${this.#next}`,
      stream,
      dueAt,
      attempts: 0,
    };
    this.#next += 1;
    this.publications.push(publication);
    publisher.publish(publication);
  }
}
