/** Answers questions about retained messages from the store. */
import { EnvelopeView } from '../../../backplanes/envelope.ts';
import { isLossMark } from '../../../backplanes/loss-mark.ts';
import type {
  Position,
  StreamEntry,
  StreamRef,
  StreamStore,
  StreamTop,
} from '../../../backplanes/stream-store.ts';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Message } from '../../protocol/model.ts';
import { shown } from '../../protocol/shown.ts';
import { unavailable } from '../backplane-failure.ts';
import type { Deliveries } from '../deliveries.ts';
import type { DestinationRules } from '../destination-rules.ts';
import { destinationKey } from '../keys.ts';
import { nameOf, notAStream } from '../no-streams.ts';
import type { Destination, Streams } from '../ports.ts';
import type { History, HistoryQuery, StreamInfo } from '../stream-ports.ts';
import { ReceivedMessage } from '../received-message.ts';

type Addressed = Exclude<Destination, { kind: 'connection' }>;

export interface StreamHistoryOptions {
  readonly store: StreamStore;
  readonly rules: DestinationRules;
  readonly deliveries: Deliveries;
  readonly clock: Pick<Clock, 'wallSeconds'>;
  readonly onError: (error: unknown) => void;
}

export class StreamHistory implements Streams {
  readonly #options: StreamHistoryOptions;

  constructor(options: StreamHistoryOptions) {
    this.#options = options;
  }

  async history(hub: string, to: Addressed, query: HistoryQuery): Promise<History> {
    const stream = this.#streamOf(hub, to);
    try {
      const history = query.reverse
        ? await this.#backward(stream, query)
        : await this.#forward(stream, query);
      if (history === undefined) throw diverged(hub, to, query.after);
      return history;
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  async info(hub: string, to: Addressed): Promise<StreamInfo> {
    const stream = this.#streamOf(hub, to);
    const { newest, oldest } = await this.#top(stream);
    return { retention: stream.retention, newest, oldestOffset: oldest };
  }

  async purge(hub: string, to: Addressed): Promise<void> {
    try {
      await this.#options.store.purge(this.#streamOf(hub, to));
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  async #backward(stream: StreamRef, query: HistoryQuery): Promise<History> {
    const { before, limit } = query;
    const page = await this.#options.store.readBack(stream, { before, limit });
    return {
      messages: this.#messages(page.entries, query),
      isComplete: true,
      hasMore: page.hasMore,
      next: page.hasMore ? placeOf(page.entries.at(-1)) : undefined,
      position: page.top.end,
    };
  }

  /** undefined: the place to begin at lies in no history of the stream. */
  async #forward(stream: StreamRef, query: HistoryQuery): Promise<History | undefined> {
    const { before, limit } = query;
    const after = query.after ?? (await this.#beginning(stream));
    const result = await this.#options.store.read(stream, { after, upTo: before, limit });
    if (result.status === 'diverged') return undefined;
    const entries = result.entries.filter(({ offset }) => before === undefined || offset < before);
    const hasMore = result.hasMore && entries.length === result.entries.length;
    return {
      messages: this.#messages(entries, query),
      // Who did not say where to begin asks for what there is.
      isComplete: query.after === undefined || result.isComplete,
      hasMore,
      next: hasMore ? placeOf(entries.at(-1)) : undefined,
      position: result.top.end,
    };
  }

  /** The place before everything. */
  async #beginning(stream: StreamRef): Promise<Position> {
    const { end } = await this.#top(stream);
    return { epoch: end.epoch, offset: 0, tag: 0 };
  }

  async #top(stream: StreamRef): Promise<StreamTop> {
    try {
      const [top] = await this.#options.store.tops([stream]);
      if (top === undefined) throw new Error('the store did not answer for the stream asked for');
      return top;
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  #messages(entries: readonly StreamEntry[], { reader }: HistoryQuery): Message[] {
    const { clock, deliveries, onError } = this.#options;
    const nowSeconds = clock.wallSeconds();
    return entries.flatMap((entry) => {
      if (isLossMark(entry.bytes)) return [];
      try {
        const envelope = new EnvelopeView(entry.bytes);
        const delivery = deliveries.live(envelope, entry);
        if (delivery.hasExpired(nowSeconds)) return [];
        if (reader !== undefined && !delivery.isFor(reader)) return [];
        return [new ReceivedMessage(envelope, envelope.extension, entry)];
      } catch (error) {
        onError(error);
        return [];
      }
    });
  }

  #streamOf(hub: string, to: Addressed): StreamRef {
    const { retention } = this.#options.rules.for(hub, to);
    if (retention === undefined) throw notAStream(hub, to);
    return { key: destinationKey(hub, to), retention };
  }
}

function placeOf(entry: StreamEntry | undefined): Position | undefined {
  return entry && { epoch: entry.epoch, offset: entry.offset, tag: entry.tag };
}

function diverged(hub: string, to: Addressed, after: Position | undefined): GatewayError {
  const { epoch = '', offset = 0 } = after ?? {};
  return new GatewayError(
    'position-diverged',
    `The stream '${nameOf(to)}' of hub '${hub}' has no history in which offset ${offset} of epoch ${shown(epoch)} lies; load the state anew and begin at its present position`,
  );
}
