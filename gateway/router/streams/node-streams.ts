/** The streams of one node put together: store, order, checks, catch-up, history. */
import type { Backplane } from '../../../backplanes/backplane.ts';
import type { StreamEntry, StreamStore } from '../../../backplanes/stream-store.ts';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Limits } from '../../limits.ts';
import { unavailable } from '../backplane-failure.ts';
import { RingBudget } from '../backlog.ts';
import type { Congestion } from '../congestion.ts';
import type { Deliveries } from '../deliveries.ts';
import type { DestinationRules } from '../destination-rules.ts';
import type { Fanout } from '../fanout.ts';
import type { Target } from '../target.ts';
import { CatchUp } from './catch-up.ts';
import { StreamHistory } from './history.ts';
import { LossMarks } from './loss-marks.ts';
import { StreamChecks } from './stream-checks.ts';
import type { StreamCounters } from './stream-counters.ts';
import { StreamKeeper } from './stream-keeper.ts';
import { StreamPublisher } from './stream-publisher.ts';

export interface NodeStreamsOptions {
  readonly store: StreamStore;
  readonly backplane: Pick<Backplane, 'publish'>;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly rules: DestinationRules;
  readonly fanout: Fanout;
  readonly congestion: Congestion;
  readonly deliveries: Deliveries;
  readonly counters: StreamCounters;
  /** 0 to 1; spreads the checks. */
  readonly random: () => number;
  readonly onError: (error: unknown) => void;
}

export class NodeStreams {
  readonly publisher: StreamPublisher;
  readonly history: StreamHistory;
  readonly catchUp: CatchUp;
  readonly keeper: StreamKeeper;
  /** What all streams keep of their newest entries. */
  readonly recentBudget: RingBudget;
  readonly #store: StreamStore;
  readonly #checks: StreamChecks;
  readonly #losses: LossMarks;

  constructor(options: NodeStreamsOptions) {
    const { clock, counters, limits, random, store } = options;
    this.#store = store;
    this.recentBudget = new RingBudget(limits.streamCacheBytesPerNodeMax);
    this.publisher = new StreamPublisher(options);
    this.history = new StreamHistory(options);
    this.#losses = new LossMarks({ ...options, publisher: this.publisher });
    this.keeper = new StreamKeeper({
      ...options,
      losses: this.#losses,
      bounds: {
        recentBytesMax: limits.streamCacheBytesPerDestinationMax,
        recentBudget: this.recentBudget,
      },
    });
    this.catchUp = new CatchUp({ ...options, keeper: this.keeper, unavailable: cannotRead });
    this.#checks = new StreamChecks({
      keeper: this.keeper,
      store,
      clock,
      periodMs: limits.streamCheckMs,
      random,
      onFailed: () => {
        counters.failedReads += 1;
      },
    });
  }

  /** Connects the store. @throws GatewayError `backplane-unavailable`. */
  async start(): Promise<void> {
    try {
      await this.#store.start({ onDoubt: () => this.doubt('all') });
    } catch (cause) {
      throw unavailable(cause);
    }
    this.#checks.start();
  }

  async close(): Promise<void> {
    this.#checks.stop();
    this.keeper.closeAll();
    this.#losses.stop();
    await this.#store.close();
  }

  /** Why streams cannot be used now; undefined: they can. */
  unavailableReason(): string | undefined {
    return this.#store.isUp() ? undefined : 'the store of the streams is down';
  }

  /** An entry came on the live path. */
  onLive(target: Target, entry: StreamEntry): void {
    this.keeper.onLive(target, entry);
  }

  /** Messages may have been lost on their way to this node. */
  doubt(keys: readonly string[] | 'all'): void {
    this.#checks.doubt(keys);
  }

  /** The link to the broker is lost; `doubt` follows when it is back. */
  distrust(): void {
    this.#checks.distrust();
  }

  /** The interest in a target ends. */
  forget(target: Target): void {
    this.keeper.close(target);
  }
}

function cannotRead(): GatewayError {
  return new GatewayError(
    'backplane-unavailable',
    'The store of the streams does not answer now; try again later',
  );
}
