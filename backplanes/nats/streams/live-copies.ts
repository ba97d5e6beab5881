/**
 * What the server publishes of its own accord after it has stored it: such a copy has its place in
 * its headers, all but the epoch. That is read from the server once, and again when the copies show
 * or the time suggests that the stream may be another one; copies wait for it, in order.
 */
import type { Msg } from '@nats-io/transport-node';
import { encodeStoredEnvelope, publicationTag } from '../../stored-envelope.ts';
import type { Session } from '../session.ts';
import type { JetStreamApi, StreamInfo } from './api.ts';
import { headerBlock, headerOf } from './headers.ts';
import { publicationId } from './message-id.ts';
import { epochOf } from './names.ts';

export interface LiveCopiesOptions {
  readonly api: JetStreamApi;
  readonly session: () => Session | undefined;
  /** Copies that may wait for an epoch, per stream. */
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  readonly refreshMs: number;
  readonly deliver: (key: string, bytes: Uint8Array) => void;
  /** Copies are lost, or have been handed out with the epoch of a stream that is gone. */
  readonly onGap: (keys: readonly string[] | 'all') => void;
}

/** What the headers of a copy say. */
interface Origin {
  readonly stream: string;
  readonly sequence: number;
  /** 0: unknown. */
  readonly last: number;
  readonly storedAtMs: number;
  readonly id: string;
}

interface Copy {
  readonly key: string;
  readonly origin: Origin;
  readonly data: Uint8Array;
}

/** Names that the server takes: they become part of a subject. */
const streamName = /^[^\s.*>/\\\p{C}]{1,255}$/u;

interface Source {
  readonly name: string;
  /** undefined: not known yet. */
  epoch: string | undefined;
  session: Session | undefined;
  highest: number;
  readAt: number;
  isReading: boolean;
  mustReadAgain: boolean;
  waiting: Copy[];
  waitingBytes: number;
}

/** Streams whose epochs are remembered; there is one per retention class. */
export const copySourcesMax = 64;

export class LiveCopies {
  readonly #options: LiveCopiesOptions;
  readonly #sources = new Map<string, Source>();

  constructor(options: LiveCopiesOptions) {
    this.#options = options;
  }

  /** A message with headers. False: it is no copy of a stored one. */
  take(key: string, data: Uint8Array, message: Msg, subjectBytes: number): boolean {
    const origin = originOf(headerBlock(message, data, subjectBytes));
    if (origin === undefined) return false;
    const { sequence, stream } = origin;
    const source = this.#source(stream);
    const isKnown = source.epoch !== undefined && source.session === this.#options.session();
    const isSuspect = !isKnown || sequence <= source.highest;
    source.highest = Math.max(source.highest, sequence);
    const copy = { key, origin, data };
    if (isSuspect || source.waiting.length > 0) {
      this.#hold(source, copy, isSuspect);
      return true;
    }
    this.#deliver(source.epoch ?? '', copy);
    if (performance.now() - source.readAt > this.#options.refreshMs) void this.#read(source);
    return true;
  }

  #hold(source: Source, { data, key, origin }: Copy, isSuspect: boolean): void {
    const { onGap, waitingBytesMax, waitingMax } = this.#options;
    source.waiting.push({ key, origin, data: Buffer.from(data) });
    source.waitingBytes += data.length;
    if (source.waiting.length > waitingMax || source.waitingBytes > waitingBytesMax) {
      onGap(drained(source).map((copy) => copy.key));
    }
    if (!isSuspect) return;
    // An answer that is on its way may be from before.
    if (source.isReading) source.mustReadAgain = true;
    else void this.#read(source);
  }

  /** Reads the epoch, then hands out what waits for it. Never rejects. */
  async #read(source: Source): Promise<void> {
    if (source.isReading) return;
    source.isReading = true;
    do {
      source.mustReadAgain = false;
      const session = this.#options.session();
      const outcome = await this.#options.api.info(source.name).catch(() => undefined);
      if (outcome !== undefined && 'value' in outcome) {
        this.#learn(source, outcome.value, session);
      } else if (!source.mustReadAgain) {
        // Nothing can be said of their places: the streams must be looked at.
        const keys = drained(source).map(({ key }) => key);
        if (keys.length > 0) this.#options.onGap(keys);
      }
    } while (source.mustReadAgain);
    source.isReading = false;
    for (const copy of drained(source)) this.#deliver(source.epoch ?? '', copy);
  }

  #learn(source: Source, { created, state }: StreamInfo, session: Session | undefined): void {
    const epoch = epochOf(source.name, created);
    const isOther = source.epoch !== undefined && source.epoch !== epoch;
    source.epoch = epoch;
    source.session = session;
    source.readAt = performance.now();
    // Copies are from before the answer, but for those that nobody can have made yet.
    source.highest = Math.min(source.highest, state.last_seq);
    if (!isOther) return;
    source.highest = state.last_seq;
    this.#options.onGap('all');
  }

  #deliver(epoch: string, { data, key, origin }: Copy): void {
    const { id, last, sequence, storedAtMs } = origin;
    const stored = encodeStoredEnvelope({
      epoch,
      offset: sequence,
      // 0 is not only said of the first: also after a purge, and after what came before expired.
      prev: last > 0 ? last : undefined,
      tag: publicationTag(id),
      storedAtMs,
      bytes: data,
    });
    this.#options.deliver(key, stored);
  }

  #source(name: string): Source {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    if (this.#sources.size >= copySourcesMax) this.#sources.clear();
    const source: Source = {
      name,
      epoch: undefined,
      session: undefined,
      highest: 0,
      readAt: -Infinity,
      isReading: false,
      mustReadAgain: false,
      waiting: [],
      waitingBytes: 0,
    };
    this.#sources.set(name, source);
    return source;
  }
}

/** undefined: it is no copy, or says what no server says. */
function originOf(block: string): Origin | undefined {
  const stream = headerOf(block, 'Nats-Stream');
  const sequence = Number(headerOf(block, 'Nats-Sequence'));
  const last = Number(headerOf(block, 'Nats-Last-Sequence') ?? 0);
  if (stream === undefined || !streamName.test(stream)) return undefined;
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(last)) return undefined;
  if (last < 0 || last >= sequence) return undefined;
  const time = Date.parse(headerOf(block, 'Nats-Time-Stamp') ?? '');
  return {
    stream,
    sequence,
    last,
    // Servers before 2.11 do not say when.
    storedAtMs: time >= 0 ? time : Date.now(),
    id: publicationId(headerOf(block, 'Nats-Msg-Id') ?? ''),
  };
}

/** Takes all that wait. */
function drained(source: Source): readonly Copy[] {
  const { waiting } = source;
  source.waiting = [];
  source.waitingBytes = 0;
  return waiting;
}
