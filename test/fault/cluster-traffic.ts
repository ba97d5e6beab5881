/** Traffic of several clients in one group, with the outcome of every message. */
import assert from 'node:assert/strict';
import type { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';

export const group = 'room';
/** Until a publish has an answer, whatever the broker does: `publishTimeoutMs` and some. */
export const answerMsMax = 5000;

/** Each of these clients sends to the group again and again; every message has an outcome. */
export class Traffic {
  readonly #clients: readonly RawClient[];
  readonly #outcomes = new Map<string, string>();
  readonly #pending: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #stamp = performance.now();
  sent = 0;

  constructor(clients: readonly RawClient[], periodMs = 25) {
    this.#clients = clients;
    this.#timer = setInterval(() => {
      for (const [index, client] of clients.entries()) {
        this.sent += 1;
        this.#pending.push(this.#send(client, `${this.#stamp}:${index}:${this.sent}`));
      }
    }, periodMs);
  }

  /** `ok`, or the name of the error in the ack, by text in the order of sending. */
  async stop(): Promise<ReadonlyMap<string, string>> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    return this.#outcomes;
  }

  /** All of these reach every client, each sender's in their order, and none of them twice. */
  async arrives(texts: readonly string[]): Promise<void> {
    for (const client of this.#clients) {
      const got = (): string[] => client.data.filter((text) => this.#outcomes.has(text));
      const what = `${texts.length} acknowledged messages arrived`;
      await waitFor(() => got().length >= texts.length, { what });
      const bySender = (list: readonly string[], index: number): string[] =>
        list.filter((text) => text.split(':')[1] === String(index));
      for (const index of this.#clients.keys()) {
        assert.deepEqual(bySender(got(), index), bySender(texts, index));
      }
    }
  }

  async #send(client: RawClient, text: string): Promise<void> {
    this.#outcomes.set(text, 'none');
    const request = { type: 'sendToGroup', group, data: text, dataType: 'text' };
    const { error, success } = await client.ask(request, answerMsMax);
    this.#outcomes.set(text, success ? 'ok' : (error?.name ?? ''));
  }
}
