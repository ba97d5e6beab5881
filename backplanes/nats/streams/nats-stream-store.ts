/** Streams in JetStream, one JetStream stream per retention class: README.md of this folder. */
import { setTimeout as sleep } from 'node:timers/promises';
import { headers } from '@nats-io/transport-node';
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../../backplane.ts';
import { publicationTag } from '../../stored-envelope.ts';
import type {
  Appended,
  HistoryPage,
  HistoryRequest,
  ReadRequest,
  ReadResult,
  RetentionClass,
  StreamRef,
  StreamStore,
  StreamStoreSink,
  StreamStoreTraits,
  StreamTop,
} from '../../stream-store.ts';
import { Link } from '../link.ts';
import { parseNatsUrl } from '../nats-url.ts';
import type { Session } from '../session.ts';
import { defaultPayloadBytesMax, newNatsCounters } from '../settings.ts';
import { tokenOf } from '../subject.ts';
import { readAck, type Ack } from './ack.ts';
import { JetStreamApi, unavailable } from './api.ts';
import { ClassStream } from './class-stream.ts';
import { Gate } from './gate.ts';
import { messageId } from './message-id.ts';
import { purgeSubject, storedSubject } from './names.ts';
import { Reader } from './reader.ts';
import { Requests, type Question } from './requests.ts';
import { scan } from './scan.ts';
import {
  defaultNatsStreamSettings,
  newNatsStreamCounters,
  type NatsStreamCounters,
  type NatsStreamSettings,
} from './settings.ts';

/** Room for the headers of a message, which count as its payload. */
const headerBytesMax = 4096;
/** Pause before the server is asked again for an id that it has on its way. */
const inProcessPauseMs = 10;
/** Oldest server whose republishing and reads by subject we can use. */
const oldestServer = [2, 9] as const;

export class NatsStreamStore implements StreamStore {
  readonly counters: NatsStreamCounters = newNatsStreamCounters();
  readonly traits: StreamStoreTraits;
  readonly #settings: NatsStreamSettings;
  readonly #link: Link;
  readonly #requests: Requests;
  readonly #api: JetStreamApi;
  readonly #reader: Reader;
  readonly #classes = new Map<string, ClassStream>();
  #sink: StreamStoreSink | undefined;
  #isClosed = false;
  #appends = 0;
  #appendBytes = 0;
  /** Appends were not taken or not answered; true until one is taken again. */
  #wasSilent = false;

  /** @throws BackplaneUnavailableError that says what is wrong in the URL. */
  constructor(url: string, settings: Partial<NatsStreamSettings> = {}) {
    const parsed = parseNatsUrl(url);
    this.#settings = {
      ...defaultNatsStreamSettings,
      ...(parsed.prefix === undefined ? {} : { prefix: parsed.prefix }),
      ...(parsed.replicas === undefined ? {} : { replicas: parsed.replicas }),
      ...settings,
    };
    const { prefix, publishTimeoutMs, requestsMax, waitingRequestsMax, walkMax } = this.#settings;
    this.#requests = new Requests({
      prefix,
      timeoutMs: publishTimeoutMs,
      session: () => this.#link.session,
      detail: () => this.#link.detail,
    });
    this.#api = new JetStreamApi(this.#requests, new Gate(requestsMax, waitingRequestsMax));
    this.#reader = new Reader({
      api: this.#api,
      walkMax,
      scan: (range, onMessage) => {
        const session = this.#link.session;
        if (session === undefined) throw this.#unavailable();
        this.counters.consumers += 1;
        const inbox = this.#requests.streamInbox;
        const { api, timeoutMs } = { api: this.#api, timeoutMs: publishTimeoutMs };
        return scan({ ...range, api, session, inbox, timeoutMs, onMessage });
      },
    });
    this.#link = new Link({
      url: parsed,
      settings: this.#settings,
      counters: newNatsCounters(),
      restore: async (session) => {
        for (const each of this.#classes.values()) this.#watchLeader(session, each);
        await this.#requests.attach(session);
      },
      onUp: (_info, previous) => {
        if (previous !== undefined) this.#doubt(`NATS was away: ${previous.reason}`);
      },
      onDown: () => undefined,
    });
    this.traits = traitsOf(this.#link, this.#settings);
  }

  async start(sink: StreamStoreSink): Promise<void> {
    if (this.#isClosed) throw this.#unavailable();
    this.#sink = sink;
    await this.#link.start();
    const version = this.#link.info?.version ?? '';
    try {
      if (!isNewEnough(version)) {
        throw new BackplaneUnavailableError(
          `nats-server ${version} is too old for streams: 2.9 or later is needed`,
        );
      }
      await Promise.all(this.#settings.classes.map((each) => this.#classOf(each).made()));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async append(stream: StreamRef, bytes: Uint8Array, id: string): Promise<Appended> {
    this.#reserve(bytes.length);
    try {
      const appended = await this.#append(stream, bytes, id);
      if (appended.isDuplicate) this.counters.duplicates += 1;
      else this.counters.appended += 1;
      return appended;
    } catch (error) {
      if (error instanceof PublishOutcomeUnknownError) this.counters.unknown += 1;
      else this.counters.refused += 1;
      throw error;
    } finally {
      this.#appends -= 1;
      this.#appendBytes -= bytes.length;
    }
  }

  async read({ key, retention }: StreamRef, request: ReadRequest): Promise<ReadResult> {
    const result = await this.#reader.forward(this.#classOf(retention), key, request);
    if (result.status === 'read') this.counters.read += result.entries.length;
    return result;
  }

  async readBack({ key, retention }: StreamRef, request: HistoryRequest): Promise<HistoryPage> {
    const page = await this.#reader.backward(this.#classOf(retention), key, request);
    this.counters.read += page.entries.length;
    return page;
  }

  async tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]> {
    const byClass = new Map<ClassStream, number[]>();
    for (const [index, { retention }] of streams.entries()) {
      const classStream = this.#classOf(retention);
      const indexes = byClass.get(classStream) ?? [];
      indexes.push(index);
      byClass.set(classStream, indexes);
    }
    const tops = new Map<number, StreamTop>();
    await Promise.all(
      [...byClass].map(async ([classStream, indexes]) => {
        const keys = indexes.map((index) => streams[index]?.key ?? '');
        const found = await this.#reader.tops(classStream, keys);
        for (const [at, top] of found.entries()) tops.set(indexes[at] ?? 0, top);
      }),
    );
    return [...tops].sort(([one], [other]) => one - other).map(([, top]) => top);
  }

  async purge({ key, retention }: StreamRef): Promise<void> {
    const classStream = this.#classOf(retention);
    await classStream.made();
    const { names } = classStream;
    // Noted before it is done: a purge leaves no trace, and readers must be told of the hole.
    const question = { subject: purgeSubject(names, key), bytes: new Uint8Array() };
    const publishing = this.#publishUntilStored(classStream, question, performance.now());
    const { sequence } = await publishing.catch(asUnavailable);
    const outcome = await this.#api.purge(names.stream, storedSubject(names, key), sequence);
    if ('fault' in outcome) throw unavailable(`purge a subject of ${names.stream}`, outcome.fault);
  }

  isUp(): boolean {
    return this.#link.session !== undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#link.close();
    this.#requests.close();
  }

  async #append({ key, retention }: StreamRef, bytes: Uint8Array, id: string): Promise<Appended> {
    const begunAt = performance.now();
    const classStream = this.#classOf(retention);
    const { names } = classStream;
    await classStream.made();
    const withId = headers();
    withId.set('Nats-Msg-Id', messageId(id, tokenOf(key)));
    const question = { subject: storedSubject(names, key), bytes, headers: withId };
    const { isDuplicate, sequence } = await this.#publishUntilStored(
      classStream,
      question,
      begunAt,
    );
    const epoch = await classStream.epochAt(sequence, !isDuplicate).catch((cause: unknown) => {
      throw new PublishOutcomeUnknownError('NATS stored it, but does not say in which history', {
        cause,
      });
    });
    const position = { epoch, offset: sequence, tag: publicationTag(id) };
    return { position, prev: undefined, isDuplicate };
  }

  /** Asks again while the server has the id on its way and cannot say yet where it will be. */
  async #publishUntilStored(
    classStream: ClassStream,
    question: Question,
    begunAt: number,
  ): Promise<Ack> {
    for (;;) {
      const ack = await this.#publish(classStream, question, begunAt);
      if (ack !== undefined) return ack;
      if (performance.now() - begunAt > this.#settings.publishTimeoutMs / 2) {
        throw new PublishOutcomeUnknownError(
          'NATS has the id on its way, and has not stored it yet',
        );
      }
      await sleep(inProcessPauseMs);
    }
  }

  /** Publishes to JetStream and reads its answer. */
  async #publish(
    classStream: ClassStream,
    question: Question,
    begunAt: number,
  ): Promise<Ack | undefined> {
    const leftMs = this.#settings.publishTimeoutMs - (performance.now() - begunAt);
    const answer = await this.#requests.ask(question, leftMs).catch((error: unknown) => {
      if (error instanceof PublishOutcomeUnknownError) this.#fellSilent(classStream);
      throw error;
    });
    if (answer.status === 503) {
      this.#fellSilent(classStream);
    } else if (this.#wasSilent) {
      this.#wasSilent = false;
      this.#doubt('JetStream did not take messages for a while');
    }
    return readAck(answer);
  }

  /** The stream has no leader now, or it is gone: who appends next finds out. */
  #fellSilent(classStream: ClassStream): void {
    this.#wasSilent = true;
    classStream.forget();
  }

  /** A new leader has not published what the one before it had stored and not published. */
  #watchLeader(session: Session, classStream: ClassStream): void {
    const { stream } = classStream.names;
    const subject = `$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${stream}`;
    session
      .subscribe(subject, (bytes) => {
        const leader = /"leader": ?"([^"]*)"/.exec(Buffer.from(bytes).toString())?.[1] ?? '';
        if (classStream.elected(leader)) this.#doubt(`the stream ${stream} has a new leader`);
      })
      // Without the permission it is the chain, and looking from time to time, that tells.
      .catch(() => undefined);
  }

  #reserve(byteCount: number): void {
    const { appendBytesMax, appendsMax } = this.#settings;
    const { entryBytesMax } = this.traits;
    let why: string | undefined;
    if (!this.isUp()) {
      why = this.#unavailable().message;
    } else if (byteCount > entryBytesMax) {
      why =
        `An envelope of ${byteCount} bytes is over the ${entryBytesMax} that the NATS server ` +
        `takes; raise its max_payload or send less`;
    } else if (this.#appends >= appendsMax || this.#appendBytes + byteCount > appendBytesMax) {
      why =
        `NATS is slow: ${this.#appends} appends with ${this.#appendBytes} bytes wait for its ` +
        `answer, and at most ${appendsMax} with ${appendBytesMax} may`;
    }
    if (why !== undefined) {
      this.counters.refused += 1;
      throw new BackplaneUnavailableError(why);
    }
    this.#appends += 1;
    this.#appendBytes += byteCount;
  }

  #classOf(retention: RetentionClass): ClassStream {
    const known = this.#classes.get(retention.name);
    if (known !== undefined) return known;
    const classStream = new ClassStream({
      api: this.#api,
      retention,
      settings: this.#settings,
      onOtherHistory: (detail) => this.#doubt(detail),
    });
    this.#classes.set(retention.name, classStream);
    const { session } = this.#link;
    if (session !== undefined) this.#watchLeader(session, classStream);
    return classStream;
  }

  #doubt(reason: string): void {
    this.counters.doubts += 1;
    this.#sink?.onDoubt(reason);
  }

  #unavailable(): BackplaneUnavailableError {
    const why = this.#isClosed ? 'it is closed' : this.#link.detail;
    return new BackplaneUnavailableError(`The NATS store of streams is not available: ${why}`);
  }
}

function asUnavailable(error: unknown): never {
  if (!(error instanceof PublishOutcomeUnknownError)) throw error;
  throw new BackplaneUnavailableError(error.message, { cause: error });
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestServer;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** Follows the server that is connected now. */
function traitsOf(link: Link, settings: NatsStreamSettings): StreamStoreTraits {
  return {
    publishesLive: settings.publishesLive,
    crossesProcesses: true,
    get entryBytesMax() {
      return (link.info?.max_payload ?? defaultPayloadBytesMax) - headerBytesMax;
    },
    sharesEpoch: true,
    boundsBytes: 'class',
    dedupeMs: settings.dedupeMs,
  };
}
