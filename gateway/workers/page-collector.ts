/** Asks all workers for their metrics, for one of them that was asked for the page of all. */
import type { Clock } from '../clock.ts';
import type { MetricsPage } from '../telemetry/metrics.ts';
import type { ParentChannel } from './channel.ts';

export interface PageCollectorOptions {
  /** The workers that listen now. */
  readonly workers: () => readonly ParentChannel[];
  /** The parent's own page. */
  readonly ownPage: () => Promise<MetricsPage>;
  readonly clock: Pick<Clock, 'after'>;
  /** How long workers have to answer; the page is without those that do not. */
  readonly answerMsMax: number;
}

interface Collection {
  readonly pages: MetricsPage[];
  missing: number;
  readonly finish: () => void;
}

export class PageCollector {
  readonly #options: PageCollectorOptions;
  readonly #collections = new Map<number, Collection>();
  #running: Promise<readonly MetricsPage[]> | undefined;
  #lastId = 0;

  constructor(options: PageCollectorOptions) {
    this.#options = options;
  }

  /** Calls while a collection is under way share it. */
  collect(): Promise<readonly MetricsPage[]> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** A worker has answered. */
  receive(id: number, page: MetricsPage): void {
    const collection = this.#collections.get(id);
    if (collection === undefined) return;
    collection.pages.push(page);
    collection.missing -= 1;
    if (collection.missing === 0) collection.finish();
  }

  async #collect(): Promise<readonly MetricsPage[]> {
    const { answerMsMax, clock, ownPage } = this.#options;
    const own = await ownPage();
    const workers = this.#options.workers();
    this.#lastId += 1;
    const id = this.#lastId;
    const pages: MetricsPage[] = [own];
    if (workers.length === 0) return pages;
    await new Promise<void>((finish) => {
      const cancel = clock.after(answerMsMax, finish);
      const done = (): void => {
        cancel();
        finish();
      };
      this.#collections.set(id, { pages, missing: workers.length, finish: done });
      for (const channel of workers) channel.say({ kind: 'page', id });
    });
    this.#collections.delete(id);
    return pages;
  }
}
