/** What waits for one message to one group, on its way out or for the service's ack. */
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
  type Accepted,
} from '../backplane.ts';
import { batchHeadBytes, packBatch, packedBytes, type KeyedEnvelope } from './batch.ts';
import { batchBytesMax, type AzureCounters } from './settings.ts';

export interface PendingBatchOptions {
  readonly timeoutMs: number;
  readonly counters: AzureCounters;
  /** It was not sent in time; whoever waited has been told. */
  readonly onStale: (batch: PendingBatch) => void;
}

const accepted: Accepted = { receivers: undefined };

export class PendingBatch {
  readonly group: string;
  /** Settles for all of its envelopes at once. */
  readonly answered: Promise<Accepted>;
  envelopes = 0;
  envelopeBytes = 0;
  readonly #options: PendingBatchOptions;
  readonly #timer: NodeJS.Timeout;
  #items: KeyedEnvelope[] = [];
  #packedBytes = batchHeadBytes;
  #isSent = false;
  #isSettled = false;
  #resolve: (accepted: Accepted) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(group: string, options: PendingBatchOptions) {
    this.group = group;
    this.#options = options;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who published holds the same promise and hears of the failure there.
    this.answered.catch(() => undefined);
    this.#timer = setTimeout(() => {
      // Where this process was busy the ack may be there, but has not been read yet.
      setImmediate(() => this.#expire());
    }, options.timeoutMs);
  }

  /** False: it is full, and has not taken the envelope. */
  add(key: string, bytes: Uint8Array): boolean {
    const size = packedBytes(Buffer.byteLength(key), bytes.length);
    if (this.#packedBytes + size > batchBytesMax) return false;
    this.#packedBytes += size;
    this.#items.push({ key, bytes });
    this.envelopes += 1;
    this.envelopeBytes += bytes.length;
    return true;
  }

  /** The payload to send now; afterwards it takes nothing more. */
  pack(): Buffer {
    const packed = packBatch(this.#items);
    this.#items = [];
    this.#isSent = true;
    return packed;
  }

  accept(): void {
    if (!this.#settle()) return;
    this.#options.counters.published += this.envelopes;
    this.#resolve(accepted);
  }

  /** The service has not got it, or has said no. */
  refuse(why: string): void {
    if (!this.#settle()) return;
    this.#options.counters.refused += this.envelopes;
    this.#reject(new BackplaneUnavailableError(why));
  }

  /** Nobody knows what the service did with it. */
  lose(why: string): void {
    if (!this.#settle()) return;
    this.#options.counters.unknown += this.envelopes;
    this.#reject(new PublishOutcomeUnknownError(why));
  }

  #expire(): void {
    const { onStale, timeoutMs } = this.#options;
    if (this.#isSent) {
      this.lose(`Azure Web PubSub did not acknowledge it within ${timeoutMs} ms`);
    } else if (!this.#isSettled) {
      this.refuse(`Azure Web PubSub is slow: it could not be sent within ${timeoutMs} ms`);
      onStale(this);
    }
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    return true;
  }
}
