/** The backplane on core NATS: contract and guarantees in README.md of this folder. */
import type { ServerInfo } from '@nats-io/transport-node';
import {
  BackplaneUnavailableError,
  type Accepted,
  type Backplane,
  type BackplaneSink,
  type BackplaneTraits,
  type GapReason,
} from '../backplane.ts';
import { JetStreamApi } from './streams/api.ts';
import { Gate } from './streams/gate.ts';
import { hasHeaders } from './streams/headers.ts';
import { LiveCopies, copySourcesMax } from './streams/live-copies.ts';
import { Requests } from './streams/requests.ts';
import { InterestTable } from './interest.ts';
import { Link } from './link.ts';
import { parseNatsUrl } from './nats-url.ts';
import type { SessionEnd } from './session.ts';
import {
  defaultNatsSettings,
  defaultPayloadBytesMax,
  newNatsCounters,
  type NatsCounters,
  type NatsSettings,
} from './settings.ts';
import { subjectOf } from './subject.ts';

/** After that a cluster's servers know of new interest (measured: within 5 ms, mostly at once). */
const interestSpreadMs = 250;
/** What waits, per JetStream stream, until it is known which history it belongs to. */
const copyBounds = { waitingMax: 10_000, waitingBytesMax: 8 * 1024 * 1024, refreshMs: 1000 };

export class NatsBackplane implements Backplane {
  readonly counters: NatsCounters = newNatsCounters();
  readonly traits: BackplaneTraits;
  readonly #settings: NatsSettings;
  readonly #link: Link;
  readonly #interest: InterestTable;
  readonly #requests: Requests;
  readonly #copies: LiveCopies;
  #sink: BackplaneSink | undefined;
  #isClosed = false;
  #spreadTimer: NodeJS.Timeout | undefined;

  /** @throws BackplaneUnavailableError that says what is wrong in the URL. */
  constructor(url: string, settings: Partial<NatsSettings> = {}) {
    const parsed = parseNatsUrl(url);
    this.#settings = {
      ...defaultNatsSettings,
      ...(parsed.prefix === undefined ? {} : { prefix: parsed.prefix }),
      ...settings,
    };
    this.#interest = new InterestTable({
      timeoutMs: this.#settings.publishTimeoutMs,
      detail: () => this.#link.detail,
    });
    this.#link = new Link({
      url: parsed,
      settings: this.#settings,
      counters: this.counters,
      restore: (session) => this.#interest.restore(session),
      onUp: (info, previous) => this.#onUp(info, previous),
      onDown: (detail) => this.#tell((sink) => sink.onLink('down', detail)),
    });
    this.#requests = new Requests({
      prefix: this.#settings.prefix,
      timeoutMs: this.#settings.publishTimeoutMs,
      session: () => this.#link.session,
      detail: () => this.#link.detail,
    });
    this.#copies = new LiveCopies({
      api: new JetStreamApi(this.#requests, new Gate(1, copySourcesMax)),
      session: () => this.#link.session,
      ...copyBounds,
      deliver: (key, bytes) => this.#tell((sink) => sink.onEnvelope(key, bytes)),
      onGap: (keys) => this.#tell((sink) => sink.onGap(keys, 'unknown')),
    });
    this.traits = traitsOf(this.#link);
  }

  async start(sink: BackplaneSink): Promise<void> {
    if (this.#isClosed) throw this.#unavailable();
    this.#sink = sink;
    await this.#link.start();
  }

  async subscribe(key: string): Promise<void> {
    if (this.#isClosed || this.#sink === undefined) throw this.#unavailable();
    const sink = this.#sink;
    const subject = subjectOf(this.#settings.prefix, key);
    await this.#interest.add(subject, (bytes, message) => {
      this.counters.received += 1;
      // The server has stored what comes with headers, and says where.
      const isStored =
        hasHeaders(message, bytes, subject.length) &&
        this.#copies.take(key, bytes, message, subject.length);
      if (!isStored) sink.onEnvelope(key, bytes);
    });
  }

  unsubscribe(key: string): Promise<void> {
    return this.#interest.remove(subjectOf(this.#settings.prefix, key));
  }

  publish(key: string, bytes: Uint8Array): Promise<Accepted> {
    const session = this.#link.session;
    const { envelopeBytesMax } = this.traits;
    if (session === undefined) {
      this.counters.refused += 1;
      return Promise.reject(this.#unavailable());
    }
    if (bytes.length > envelopeBytesMax) {
      this.counters.refused += 1;
      return Promise.reject(
        new BackplaneUnavailableError(
          `An envelope of ${bytes.length} bytes is over the ${envelopeBytesMax} that the NATS ` +
            `server takes; raise its max_payload or send less`,
        ),
      );
    }
    return session.publish(subjectOf(this.#settings.prefix, key), bytes);
  }

  isUp(): boolean {
    return this.#link.session !== undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#spreadTimer);
    this.#interest.clear('The NATS backplane is closed');
    await this.#link.close();
    this.#requests.close();
  }

  #onUp(info: ServerInfo, previous: SessionEnd | undefined): void {
    this.#tell((sink) => {
      sink.onLink('up', `nats-server ${info.version} at ${info.host}:${info.port}`);
      if (previous !== undefined) sink.onGap('all', reasonOf(previous));
    });
    if (previous === undefined) return;
    if (this.traits.interest === 'immediate') return;
    // Until the other servers know of the interest, what their clients publish is still missed.
    clearTimeout(this.#spreadTimer);
    this.#spreadTimer = setTimeout(() => {
      this.#tell((sink) => sink.onGap('all', 'resubscribed'));
    }, interestSpreadMs);
    this.#spreadTimer.unref();
  }

  /** The sink must not throw; if it does, the link must not end by it. */
  #tell(say: (sink: BackplaneSink) => void): void {
    if (this.#sink === undefined) return;
    try {
      say(this.#sink);
    } catch {
      this.counters.receiverErrors += 1;
    }
  }

  #unavailable(): BackplaneUnavailableError {
    const why = this.#isClosed ? 'it is closed' : this.#link.detail;
    return new BackplaneUnavailableError(`The NATS backplane is not available: ${why}`);
  }
}

function reasonOf({ isOverflow }: SessionEnd): GapReason {
  return isOverflow ? 'overflow' : 'reconnected';
}

/** Follows the server that is connected now. */
function traitsOf(link: Link): BackplaneTraits {
  return {
    get interest() {
      const { cluster, connect_urls: others = [] } = link.info ?? {};
      if (link.info === undefined) return 'eventual';
      return cluster === undefined && others.length === 0 ? 'immediate' : 'eventual';
    },
    get envelopeBytesMax() {
      return link.info?.max_payload ?? defaultPayloadBytesMax;
    },
    countsReceivers: false,
    crossesProcesses: true,
  };
}
