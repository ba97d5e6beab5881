/** The invocations of one connection that wait for the application's answer (Azure §3.6). */
import type { Payload, Reply, ReplyError } from '../protocol/model.ts';
import { replyErrorOf } from './reply-error.ts';

export class Invocations {
  readonly #max: number;
  readonly #reply: (reply: Reply) => void;
  readonly #waiting = new Set<string>();

  constructor(max: number, reply: (reply: Reply) => void) {
    this.#max = max;
    this.#reply = reply;
  }

  run(invocationId: string, call: () => Promise<Payload | undefined>): void {
    if (this.#waiting.has(invocationId) || this.#waiting.size >= this.#max) {
      this.#answer(invocationId, {
        name: 'BadRequest',
        message: `Invocation '${invocationId}' is refused: its id is in use, or ${this.#max} are waiting`,
      });
      return;
    }
    this.#waiting.add(invocationId);
    call().then(
      (payload) => this.#settle(invocationId, payload ?? emptyPayload()),
      (error: unknown) => this.#settle(invocationId, replyErrorOf(error)),
    );
  }

  cancel(invocationId: string): void {
    this.#waiting.delete(invocationId);
  }

  #settle(invocationId: string, result: Payload | ReplyError): void {
    // A cancelled invocation is not waited for any more.
    if (this.#waiting.delete(invocationId)) this.#answer(invocationId, result);
  }

  #answer(invocationId: string, result: Payload | ReplyError): void {
    this.#reply({ kind: 'invokeResponse', invocationId, result });
  }
}

function emptyPayload(): Payload {
  return { dataType: 'text', bytes: new Uint8Array(0) };
}
