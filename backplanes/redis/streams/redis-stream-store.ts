/**
 * The stream store on Redis: every way to run Redis that the backplane knows. README.md of the
 * adapter says what it promises and what it does when servers fail.
 */
import { randomBytes } from 'node:crypto';
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../../backplane.ts';
import type {
  Appended,
  HistoryPage,
  HistoryRequest,
  ReadRequest,
  ReadResult,
  StreamRef,
  StreamStore,
  StreamStoreSink,
  StreamStoreTraits,
  StreamTop,
} from '../../stream-store.ts';
import { publicationTag } from '../../stored-envelope.ts';
import { openTopology } from '../open-topology.ts';
import type { CallArguments } from '../publisher.ts';
import type { RedisUrl } from '../redis-url.ts';
import { defaultRedisSettings } from '../settings.ts';
import type { Topology } from '../topology.ts';
import { StoreLink, type StoreLinkEvents } from './store-link.ts';
import {
  AppendBounds,
  appendCall,
  dedupeMs,
  liveWays,
  purgeCall,
  readBackCall,
  readCall,
  topsCall,
} from './stream-calls.ts';
import { StreamKeys, type StreamPlace } from './stream-keys.ts';
import { readAppended, readHistoryPage, readReadResult, readTops } from './stream-replies.ts';
import {
  entryBytesMax,
  newStreamCounters,
  topsPerCallMax,
  type RedisStreamSettings,
  type StreamCounters,
} from './stream-settings.ts';

const nonceBytes = 9;
const noBytes = new Uint8Array();
const closedMessage = 'The Redis stream store is closed';

interface Wanted {
  readonly stream: StreamRef;
  readonly place: StreamPlace;
  /** Where in the answer. */
  readonly at: number;
}

export class RedisStreamStore implements StreamStore {
  readonly traits: StreamStoreTraits;
  /** Grow for the life of the store. */
  readonly counters: Readonly<StreamCounters>;
  readonly #settings: RedisStreamSettings;
  readonly #count: StreamCounters = newStreamCounters();
  readonly #topology: Topology<StoreLink>;
  readonly #keys: StreamKeys;
  readonly #bounds: AppendBounds;
  #sink: StreamStoreSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #doubt: NodeJS.Immediate | undefined;
  #isStarted = false;
  #closed: Promise<void> | undefined;

  /** @throws BackplaneUnavailableError when the URL names a file that cannot be read. */
  constructor(url: RedisUrl, settings: Partial<RedisStreamSettings> = {}) {
    const defaults = { publishesLive: true, onWarning: (): void => undefined };
    const merged = { ...defaultRedisSettings, ...defaults, ...settings };
    this.#settings = merged;
    this.counters = this.#count;
    const { publishesLive } = merged;
    const way = url.mode === 'cluster' ? liveWays.spublish : liveWays.publish;
    const live = publishesLive ? way : liveWays.none;
    const events: StoreLinkEvents = {
      onReady: (server) => this.#raiseDoubt(`Redis at ${server} was away`),
      onAdopted: (server) => this.#raiseDoubt(`streams have moved to Redis at ${server}`),
      onWarning: merged.onWarning,
    };
    this.#topology = openTopology(url, {
      settings: merged,
      nonce: randomBytes(nonceBytes).toString('base64url'),
      makeLink: (parts) =>
        new StoreLink({ ...parts, live, settings: merged, counters: this.#count, events }),
    });
    this.#keys = new StreamKeys(this.#topology.channels);
    this.#bounds = new AppendBounds(live);
    this.traits = {
      publishesLive,
      crossesProcesses: true,
      entryBytesMax,
      sharesEpoch: false,
      boundsBytes: 'stream',
      dedupeMs,
    };
  }

  async start(sink: StreamStoreSink): Promise<void> {
    if (this.#closed !== undefined) throw new BackplaneUnavailableError(closedMessage);
    this.#sink = sink;
    this.#timer = setInterval(() => this.#topology.tick(), this.#settings.probeIntervalMs);
    try {
      await this.#topology.start();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#isStarted = true;
  }

  async append(stream: StreamRef, bytes: Uint8Array, id: string): Promise<Appended> {
    const place = this.#placeOf(stream);
    if (bytes.length > entryBytesMax) {
      throw new BackplaneUnavailableError(
        `An envelope of ${bytes.length} bytes is over the ${entryBytesMax} that Redis is given`,
      );
    }
    const bounds = this.#bounds.of(stream.retention);
    const call = appendCall({ place, bounds, key: stream.key, id, envelope: bytes });
    const reply = await this.#linkOf(place).call(call, bytes);
    const appended = readAppended(reply, publicationTag(id));
    if (appended.isDuplicate) this.#count.duplicates += 1;
    return appended;
  }

  async read(stream: StreamRef, request: ReadRequest): Promise<ReadResult> {
    const place = this.#placeOf(stream);
    const result = readReadResult(
      await this.#ask(place, readCall(place, stream, request)),
      request.after,
    );
    return result ?? { status: 'diverged', top: await this.#topOf(stream) };
  }

  async readBack(stream: StreamRef, request: HistoryRequest): Promise<HistoryPage> {
    const place = this.#placeOf(stream);
    const page = readHistoryPage(
      await this.#ask(place, readBackCall(place, stream, request)),
      request.before,
    );
    return page ?? { entries: [], hasMore: false, top: await this.#topOf(stream) };
  }

  async tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]> {
    const byPartition = new Map<number, Wanted[]>();
    for (const [at, stream] of streams.entries()) {
      const place = this.#placeOf(stream);
      const wanted = byPartition.get(place.partition) ?? [];
      wanted.push({ stream, place, at });
      byPartition.set(place.partition, wanted);
    }
    const found = new Map<number, StreamTop>();
    await Promise.all(
      [...byPartition.values()].flatMap(inChunks).map(async (chunk) => {
        const [first] = chunk;
        if (first === undefined) return;
        const tops = readTops(await this.#ask(first.place, topsCall(chunk)));
        for (const [index, top] of tops.entries()) found.set(chunk[index]?.at ?? -1, top);
      }),
    );
    return streams.map(({ key }, at) => {
      const top = found.get(at);
      if (top !== undefined) return top;
      throw new BackplaneUnavailableError(`Redis did not answer where the stream ${key} ends`);
    });
  }

  async purge(stream: StreamRef): Promise<void> {
    const place = this.#placeOf(stream);
    await this.#ask(place, purgeCall(place));
  }

  isUp(): boolean {
    return this.#isStarted && this.#topology.links().some((link) => link.isUp);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isStarted = false;
    await this.#topology.close();
    clearInterval(this.#timer);
    clearImmediate(this.#doubt);
    this.#sink = undefined;
  }

  async #topOf(stream: StreamRef): Promise<StreamTop> {
    const [top] = await this.tops([stream]);
    if (top !== undefined) return top;
    throw new BackplaneUnavailableError(`Redis did not answer where ${stream.key} ends`);
  }

  /** A call that can be made again: that its outcome is unknown does not matter. */
  async #ask(place: StreamPlace, call: CallArguments): Promise<unknown> {
    try {
      return await this.#linkOf(place).call(call, noBytes);
    } catch (cause) {
      if (!(cause instanceof PublishOutcomeUnknownError)) throw cause;
      throw new BackplaneUnavailableError(cause.message, { cause });
    }
  }

  #placeOf({ key }: StreamRef): StreamPlace {
    return this.#keys.of(key, this.#topology.partitionOf(key));
  }

  #linkOf({ partition }: StreamPlace): StoreLink {
    if (this.#closed !== undefined) throw new BackplaneUnavailableError(closedMessage);
    if (!this.#isStarted) {
      throw new BackplaneUnavailableError('The Redis stream store is not started yet');
    }
    const link = this.#topology.linkOf(partition);
    if (link !== undefined) return link;
    throw new BackplaneUnavailableError('No server of the Redis cluster has this stream now');
  }

  /** Many partitions move at once: one turn of the event loop raises one doubt. */
  #raiseDoubt(reason: string): void {
    if (!this.#isStarted) return;
    this.#doubt ??= setImmediate(() => {
      this.#doubt = undefined;
      this.#sink?.onDoubt(reason);
    });
  }
}

function inChunks(wanted: readonly Wanted[]): Wanted[][] {
  const chunks: Wanted[][] = [];
  for (let from = 0; from < wanted.length; from += topsPerCallMax) {
    chunks.push(wanted.slice(from, from + topsPerCallMax));
  }
  return chunks;
}
