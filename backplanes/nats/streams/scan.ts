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
  try {
    await new Promise<void>((resolve, reject) => {
      const late = (): void => {
        reject(new BackplaneUnavailableError(`NATS did not read ${stream} in ${timeoutMs} ms`));
      };
      timer = setTimeout(late, timeoutMs);
      void session.ended.then(({ reason }) => {
        reject(new BackplaneUnavailableError(`The connection to NATS ended: ${reason}`));
      });
      const pull = puller(options, consumer, () => timer?.refresh());
      session
        .subscribe(inbox, (bytes, message) => {
          if (pull.isOver(bytes, message)) resolve();
        })
        .catch(reject);
      pull.ask();
    });
  } finally {
    clearTimeout(timer);
    void session.unsubscribe(inbox);
    // It would end by itself a little later.
    void api.dropConsumer(stream, consumer).catch(() => undefined);
  }
}

interface Puller {
  ask(): void;
  isOver(bytes: Uint8Array, message: Msg): boolean;
}

function puller(options: ScanOptions, consumer: string, onProgress: () => void): Puller {
  const { inbox, onMessage, session, stream, target, timeoutMs } = options;
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  const request = Buffer.from(JSON.stringify({ batch: batchMax, expires: timeoutMs * 1e6 }));
  let awaited = 0;
  let isOver = false;
  const ask = (): void => {
    awaited = batchMax;
    session.write((connection) => connection.publish(subject, request, { reply: inbox }));
  };
  return {
    ask,
    isOver(bytes, message) {
      const sequence = sequenceOf(message);
      // Something about the request, for instance that its time is over: the timer decides.
      if (isOver || sequence === undefined) return isOver;
      onProgress();
      const isLast = sequence >= target;
      isOver = !onMessage(storedMessage(sequence, bytes, message)) || isLast;
      awaited -= 1;
      if (!isOver && awaited === 0) ask();
      return isOver;
    },
  };
}

/** The reply subject of a consumer's message tells where it comes from. */
function sequenceOf(message: Msg): number | undefined {
  const parts = message.reply?.split('.') ?? [];
  if (parts[0] !== '$JS' || parts[1] !== 'ACK') return undefined;
  // Newer servers may put the domain and the account in front.
  return checkedSequence(Number(parts[parts.length >= 11 ? 7 : 5]));
}

function timestampOf(message: Msg): number {
  const parts = message.reply?.split('.') ?? [];
  // In ns, beyond what a number holds exactly: the last six digits are less than a millisecond.
  return Number(parts[parts.length >= 11 ? 9 : 7]?.slice(0, -6));
}

function storedMessage(sequence: number, bytes: Uint8Array, message: Msg): StoredMessage {
  const block = headerBlock(message, bytes, subjectBytes(message));
  return {
    subject: message.subject,
    sequence,
    id: publicationId(headerOf(block, 'Nats-Msg-Id') ?? ''),
    storedAtMs: timestampOf(message),
    bytes: Buffer.from(bytes),
  };
}
