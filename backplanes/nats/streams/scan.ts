/**
 * Reads many messages of one subject at once, by a consumer that lives as long as the read. In a
 * cluster it may work on a copy that lags behind; so the caller names the last message that must
 * come, which it has from the leader.
 */
import type { Msg } from '@nats-io/transport-node';
import { BackplaneUnavailableError } from '../../backplane.ts';
import type { Session } from '../session.ts';
import { checkedSequence, unavailable, type JetStreamApi, type StoredMessage } from './api.ts';
import { headerBlock, headerOf } from './headers.ts';
import { publicationId } from './message-id.ts';
import { subjectBytes } from './requests.ts';

export interface ScanOptions {
  readonly api: JetStreamApi;
  readonly session: Session;
  /** A subject that nobody else listens on. */
  readonly inbox: string;
  readonly stream: string;
  readonly subject: string;
  /** The first sequence that is of interest. */
  readonly from: number;
  /** Ends with the first message at or beyond it. */
  readonly target: number;
  readonly timeoutMs: number;
  /** False: no more is wanted. Its bytes are its own. */
  readonly onMessage: (message: StoredMessage) => boolean;
}

/** Messages that are asked for at once. */
const batchMax = 256;
const askPauseMs = 10;

/**
 * Resolves when the target was reached or no more was wanted.
 * @throws BackplaneUnavailableError when that did not happen in time.
 */
export async function scan(options: ScanOptions): Promise<void> {
  const { api, from, inbox, session, stream, subject, timeoutMs } = options;
  const outcome = await api.consumer(stream, subject, from);
  if ('fault' in outcome) throw unavailable(`read the stream ${stream}`, outcome.fault);
  const consumer = outcome.value;
  let timer: NodeJS.Timeout | undefined;
  let puller: Puller | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = (): void => {
        reject(new BackplaneUnavailableError(`NATS did not read ${stream} in ${timeoutMs} ms`));
      };
      timer = setTimeout(late, timeoutMs);
      void session.ended.then(({ reason }) => {
        reject(new BackplaneUnavailableError(`The connection to NATS ended: ${reason}`));
      });
      puller = new Puller(options, consumer, () => timer?.refresh());
      session
        .subscribe(inbox, (bytes, message) => {
          try {
            if (puller?.take(bytes, message) === true) resolve();
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        })
        .catch(reject);
      puller.ask();
    });
  } finally {
    clearTimeout(timer);
    puller?.stop();
    void session.unsubscribe(inbox);
    // It would end by itself a little later.
    void api.dropConsumer(stream, consumer).catch(() => undefined);
  }
}

class Puller {
  readonly #options: ScanOptions;
  readonly #subject: string;
  readonly #request: Buffer;
  readonly #onProgress: () => void;
  /** What the consumer has handed out so far; it counts, too. */
  #count = 0;
  #awaited = 0;
  #isOver = false;
  #pause: NodeJS.Timeout | undefined;

  constructor(options: ScanOptions, consumer: string, onProgress: () => void) {
    this.#options = options;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${consumer}`;
    const request = { batch: batchMax, expires: options.timeoutMs * 1e6 };
    this.#request = Buffer.from(JSON.stringify(request));
    this.#onProgress = onProgress;
  }

  ask(): void {
    const { inbox: reply, session } = this.#options;
    this.#awaited = batchMax;
    session.write((connection) => connection.publish(this.#subject, this.#request, { reply }));
  }

  /** True: it is over. @throws BackplaneUnavailableError when a message was lost on the way. */
  take(bytes: Uint8Array, message: Msg): boolean {
    if (this.#isOver) return true;
    const origin = originOf(message);
    if (origin === undefined) {
      // About the request, for instance: our server has not heard of the new consumer yet.
      clearTimeout(this.#pause);
      this.#pause = setTimeout(() => this.ask(), askPauseMs);
      return false;
    }
    this.#count += 1;
    if (origin.count !== this.#count) {
      throw new BackplaneUnavailableError(`NATS lost a message of ${this.#options.stream}`);
    }
    this.#onProgress();
    const { onMessage, target } = this.#options;
    const isLast = origin.sequence >= target;
    this.#isOver = !onMessage(storedMessage(origin, bytes, message)) || isLast;
    this.#awaited -= 1;
    if (!this.#isOver && this.#awaited === 0) this.ask();
    return this.#isOver;
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#pause);
  }
}

/** What the reply subject of a consumer's message tells. */
interface Origin {
  readonly sequence: number;
  readonly count: number;
  readonly storedAtMs: number;
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<count>.<ns>.<pending>` */
function originOf({ reply = '' }: Msg): Origin | undefined {
  const parts = reply.split('.');
  if (parts[0] !== '$JS' || parts[1] !== 'ACK') return undefined;
  // Servers may put the domain and the account before the stream.
  const [sequence, count, ns = ''] = parts.slice(parts.length >= 11 ? 7 : 5);
  return {
    sequence: checkedSequence(Number(sequence)),
    count: Number(count),
    // Nanoseconds are beyond what a number holds exactly.
    storedAtMs: Number(ns.slice(0, -6)),
  };
}

function storedMessage(origin: Origin, bytes: Uint8Array, message: Msg): StoredMessage {
  const block = headerBlock(message, bytes, subjectBytes(message));
  return {
    subject: message.subject,
    sequence: origin.sequence,
    id: publicationId(headerOf(block, 'Nats-Msg-Id') ?? ''),
    storedAtMs: origin.storedAtMs,
    bytes: Buffer.from(bytes),
  };
}
