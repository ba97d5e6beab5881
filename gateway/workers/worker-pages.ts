/** Gets the metrics of all workers from the parent, and answers with those of this one. */
import type { Clock } from '../clock.ts';
import type { MetricsPage } from '../telemetry/metrics.ts';
import type { WorkerChannel } from './channel.ts';

export interface WorkerPagesOptions {
  readonly channel: Pick<WorkerChannel, 'say'>;
  readonly clock: Pick<Clock, 'after'>;
  /** How long the parent has to answer, in ms. */
  readonly answerMsMax: number;
}

export class WorkerPages {
  readonly #options: WorkerPagesOptions;
  readonly #waiting = new Map<number, (pages: readonly MetricsPage[] | undefined) => void>();
  #lastId = 0;

  constructor(options: WorkerPagesOptions) {
    this.#options = options;
  }

  /** The pages of all workers and of the parent; undefined: it does not answer. */
  async ask(): Promise<readonly MetricsPage[] | undefined> {
    const { answerMsMax, channel, clock } = this.#options;
    this.#lastId += 1;
    const id = this.#lastId;
    const pages = await new Promise<readonly MetricsPage[] | undefined>((resolve) => {
      const cancel = clock.after(answerMsMax, () => resolve(undefined));
      this.#waiting.set(id, (answer) => {
        cancel();
        resolve(answer);
      });
      channel.say({ kind: 'pages', id });
    });
    this.#waiting.delete(id);
    return pages;
  }

  /** The parent has answered. */
  receive(id: number, pages: readonly MetricsPage[]): void {
    this.#waiting.get(id)?.(pages);
  }
}
