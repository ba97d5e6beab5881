/**
 * Publishes over one connection. The service counts messages, so what comes within a short window,
 * or while enough messages are on their way, is packed together: one message per group.
 */
import { BackplaneUnavailableError, type Accepted } from '../backplane.ts';
import { PendingBatch } from './pending-batch.ts';
import type { AzureCounters, AzureSettings } from './settings.ts';
import type { Answer, Wire } from './wire.ts';

export interface PublisherOptions {
  readonly wire: Pick<Wire, 'isUsable' | 'send'>;
  readonly settings: AzureSettings;
  readonly counters: AzureCounters;
}

/** With these the service has not done what was asked; with any other nobody knows. */
const refusals: readonly string[] = ['Forbidden', 'BadRequest', 'NotFound'];

export class Publisher {
  readonly #options: PublisherOptions;
  /** What waits, by group, in the order in which groups have their turn. */
  readonly #queues = new Map<string, PendingBatch[]>();
  #messagesInflight = 0;
  #inflight = 0;
  #inflightBytes = 0;
  #flushedAt = 0;
  #cancelFlush: (() => void) | undefined;
  #onIdle: (() => void) | undefined;
  #closedBecause: string | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Settles as `Backplane.publish` does. The envelope and its key fit into one batch. */
  publish(group: string, key: string, bytes: Uint8Array): Promise<Accepted> {
    const refusal = this.#refusalOf(bytes.length);
    if (refusal !== undefined) {
      this.#options.counters.refused += 1;
      return Promise.reject(new BackplaneUnavailableError(refusal));
    }
    this.#inflight += 1;
    this.#inflightBytes += bytes.length;
    const batch = this.#batchWith(group, key, bytes);
    this.#schedule();
    return batch.answered;
  }

  /** Takes nothing more; resolves when everything was answered, or the time is over. */
  async drain(timeoutMs: number): Promise<void> {
    this.#closedBecause ??= 'this node is closing it';
    if (this.#inflight === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
  }

  /** The connection is over: what waits was never sent. */
  end(reason: string): void {
    this.#closedBecause = reason;
    this.#cancelFlush?.();
    for (const batch of [...this.#queues.values()].flat()) {
      batch.refuse(`Not sent, because the connection to Azure Web PubSub ended: ${reason}`);
    }
    this.#queues.clear();
    this.#onIdle?.();
  }

  #refusalOf(bytes: number): string | undefined {
    const { inflightBytesMax, inflightMax } = this.#options.settings;
    if (this.#closedBecause !== undefined) {
      return `The connection to Azure Web PubSub is down: ${this.#closedBecause}`;
    }
    if (this.#inflight < inflightMax && this.#inflightBytes + bytes <= inflightBytesMax) {
      return undefined;
    }
    return (
      `Azure Web PubSub is slow: ${this.#inflight} publishes with ${this.#inflightBytes} bytes ` +
      `wait for its answer, and at most ${inflightMax} with ${inflightBytesMax} may`
    );
  }

  #batchWith(group: string, key: string, bytes: Uint8Array): PendingBatch {
    const queue = this.#queues.get(group) ?? [];
    if (queue.length === 0) this.#queues.set(group, queue);
    const last = queue.at(-1);
    if (last?.add(key, bytes) === true) return last;
    const { counters, settings } = this.#options;
    const batch = new PendingBatch(group, {
      timeoutMs: settings.publishTimeoutMs,
      counters,
      onStale: (stale) => this.#forget(stale),
    });
    batch.add(key, bytes);
    queue.push(batch);
    return batch;
  }

  /** At once after a pause; under load in windows that grow with what is on its way. */
  #schedule(): void {
    if (this.#cancelFlush !== undefined) return;
    const { messagesInflightMax, windowMaxMs, windowMinMs } = this.#options.settings;
    // The next ack sends what waits.
    if (this.#messagesInflight >= messagesInflightMax) return;
    const load = this.#messagesInflight / messagesInflightMax;
    const windowMs = windowMinMs + (windowMaxMs - windowMinMs) * load;
    const leftMs = this.#flushedAt + windowMs - performance.now();
    if (leftMs <= 0) {
      const immediate = setImmediate(() => this.#flush());
      this.#cancelFlush = () => clearImmediate(immediate);
    } else {
      const timer = setTimeout(() => this.#flush(), leftMs);
      this.#cancelFlush = () => clearTimeout(timer);
    }
  }

  #flush(): void {
    this.#cancelFlush = undefined;
    this.#flushedAt = performance.now();
    while (this.#messagesInflight < this.#options.settings.messagesInflightMax) {
      const batch = this.#next();
      if (batch === undefined) return;
      this.#send(batch);
    }
  }

  /** The first batch of the group whose turn it is; the group then goes to the end. */
  #next(): PendingBatch | undefined {
    for (const [group, queue] of this.#queues) {
      const batch = queue.shift();
      this.#queues.delete(group);
      if (queue.length > 0) this.#queues.set(group, queue);
      return batch;
    }
    return undefined;
  }

  #send(batch: PendingBatch): void {
    const { counters, wire } = this.#options;
    if (!wire.isUsable) {
      batch.refuse('Not sent, because the connection to Azure Web PubSub is ending');
      this.#release(batch);
      return;
    }
    this.#messagesInflight += 1;
    counters.messages += 1;
    void wire.send(batch.group, batch.pack()).then((answer) => {
      this.#messagesInflight -= 1;
      this.#release(batch);
      settle(batch, answer);
      if (this.#queues.size > 0) this.#schedule();
    });
  }

  #forget(batch: PendingBatch): void {
    const left = this.#queues.get(batch.group)?.filter((each) => each !== batch) ?? [];
    if (left.length === 0) this.#queues.delete(batch.group);
    else this.#queues.set(batch.group, left);
    this.#release(batch);
  }

  /** From now on it counts no more: until then it holds memory, whoever still waits. */
  #release(batch: PendingBatch): void {
    this.#inflight -= batch.envelopes;
    this.#inflightBytes -= batch.envelopeBytes;
    if (this.#inflight === 0) this.#onIdle?.();
  }
}

function settle(batch: PendingBatch, answer: Answer): void {
  switch (answer.kind) {
    case 'accepted':
      batch.accept();
      return;
    case 'refused': {
      const said = `${answer.name}${answer.message === '' ? '' : `: ${answer.message}`}`;
      if (refusals.includes(answer.name)) batch.refuse(`Azure Web PubSub refused it (${said})`);
      else batch.lose(`Azure Web PubSub failed and may or may not have sent it (${said})`);
      return;
    }
    case 'lost':
      batch.lose(`The connection to Azure Web PubSub ended before its ack: ${answer.reason}`);
  }
}
