/** Publishes to streams: stores a publication, and brings it to the nodes where the store does not. */
import type { Backplane } from '../../../backplanes/backplane.ts';
import { encodeStoredEnvelope } from '../../../backplanes/stored-envelope.ts';
import type { RetentionClass, StreamStore } from '../../../backplanes/stream-store.ts';
import type { Clock } from '../../clock.ts';
import { unavailable } from '../backplane-failure.ts';
import type { Published } from '../ports.ts';
import type { Outgoing } from '../publication-writer.ts';
import type { StreamCounters } from './stream-counters.ts';

export interface StreamPublisherOptions {
  readonly store: StreamStore;
  readonly backplane: Pick<Backplane, 'publish'>;
  readonly clock: Pick<Clock, 'wallSeconds'>;
  readonly counters: StreamCounters;
}

export class StreamPublisher {
  readonly #options: StreamPublisherOptions;

  constructor(options: StreamPublisherOptions) {
    this.#options = options;
  }

  /** Largest envelope in bytes. */
  get envelopeBytesMax(): number {
    return this.#options.store.traits.entryBytesMax;
  }

  /** @throws GatewayError `backplane-unavailable` or `publish-outcome-unknown`. */
  async publish({ bytes, id, key }: Outgoing, retention: RetentionClass): Promise<Published> {
    const { backplane, clock, counters, store } = this.#options;
    try {
      const { isDuplicate, position, prev } = await store.append({ key, retention }, bytes, id);
      counters.appends += 1;
      if (isDuplicate) counters.duplicates += 1;
      if (!store.traits.publishesLive && !isDuplicate) {
        const storedAtMs = Math.round(clock.wallSeconds() * 1000);
        const stored = encodeStoredEnvelope({ ...position, prev, storedAtMs, bytes });
        // It is stored: where the live copy is lost, the next check of the stream finds it.
        backplane.publish(key, stored).catch(() => undefined);
      }
      return { id, position, isDuplicate };
    } catch (cause) {
      counters.appendErrors += 1;
      throw unavailable(cause);
    }
  }
}
