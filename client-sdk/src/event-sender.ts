/** Events to the application's backend. They are never sent twice: nobody would notice a repeat. */
import type { Outbox, RequestOptions } from './outbox.ts';
import { dataOf, payloadOf } from './payload.ts';

export interface EventOptions extends RequestOptions {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export class EventSender {
  readonly #outbox: Outbox;
  readonly #randomId: () => string;

  constructor(outbox: Outbox, randomId: () => string) {
    this.#outbox = outbox;
    this.#randomId = randomId;
  }

  /** Resolves when the backend has taken the event. @throws TrunklineError. */
  async send(event: string, data: unknown, options: EventOptions = {}): Promise<void> {
    const { metadata, signal, timeoutMs } = options;
    const frame = { type: 'event', event, ...payloadOf(data), metadata };
    await this.#outbox.request({ frame, isRepeatable: false, signal, timeoutMs });
  }

  /** Resolves with the backend's reply. @throws TrunklineError. */
  async invoke(event: string, data: unknown, options: RequestOptions = {}): Promise<unknown> {
    const { signal, timeoutMs } = options;
    const invocationId = this.#randomId();
    const answer = await this.#outbox.request({
      frame: { type: 'invoke', invocationId, event, ...payloadOf(data) },
      isRepeatable: false,
      signal,
      timeoutMs,
      onGivenUp: (link) => link.tell({ type: 'cancelInvocation', invocationId }),
    });
    return dataOf(answer);
  }
}
