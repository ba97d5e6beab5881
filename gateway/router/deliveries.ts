/** Makes deliveries of envelopes that arrived at this node, live or from a store. */
import { EnvelopeView } from '../../backplanes/envelope.ts';
import type { StreamEntry } from '../../backplanes/stream-store.ts';
import type { FilterCache } from '../protocol/filter/filter-cache.ts';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import type { HubTable } from './hub-table.ts';

export class Deliveries {
  readonly #filters: FilterCache;
  readonly #isLocal: DeliveryOptions['isLocal'];

  constructor(hubs: HubTable, filters: FilterCache) {
    this.#isLocal = (hub, id) => hubs.connection(hub, id) !== undefined;
    this.#filters = filters;
  }

  /** @throws EnvelopeError, FilterError: the envelope was not made by a node of this version. */
  live(envelope: EnvelopeView, entry: StreamEntry | undefined): Delivery {
    return this.#make(envelope, { entry, isRetained: false });
  }

  /** The same, for all but these connections. @throws EnvelopeError, FilterError */
  liveWithout(envelope: EnvelopeView, without: ReadonlySet<string> | undefined): Delivery {
    return this.#make(envelope, { without, isRetained: false });
  }

  /** Of an entry that owns its bytes; may be kept. @throws EnvelopeError, FilterError */
  kept(entry: StreamEntry): Delivery {
    return this.#make(new EnvelopeView(entry.bytes), { entry, isRetained: true });
  }

  #make(envelope: EnvelopeView, options: Omit<DeliveryOptions, 'filters' | 'isLocal'>): Delivery {
    const { entry, isRetained, without } = options;
    const filters = this.#filters;
    // Named one by one: copying an unknown object costs more than all else here.
    return new Delivery(envelope, { entry, isRetained, without, filters, isLocal: this.#isLocal });
  }
}
