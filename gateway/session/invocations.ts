/** The invocations of one connection that wait for the application's answer (Azure §3.6). */
import type { Payload, Reply, ReplyError } from '../protocol/model.ts';
import { replyErrorOf } from './reply-error.ts';

type Call = () => Promise<Payload | undefined>;

export class Invocations {
  readonly #max: number;
  readonly #reply: (reply: Reply) => void;
  /** Calls whose answer is wanted. */
  readonly #waiting = new Map<string, Call>();
  /** Calls not answered yet, the cancelled ones included: those cost the backend just as much. */
  #running = 0;

  constructor(max: number, reply: (reply: Reply) => void) {
    this.#max = max;
    this.#reply = reply;
  }

  run(invocationId: string, call: Call): void {
    if (this.#waiting.has(invocationId)) {
      this.#refuse(invocationId, 'its id is in use; choose another');
      return;
    }
    if (this.#running >= this.#max) {
      this.#refuse(
        invocationId,
        `${this.#max} of this connection are waiting, the most that pendingAcksMax allows`,
      );
      return;
    }
    this.#waiting.set(invocationId, call);
    this.#running += 1;
    call().then(
      (payload) => this.#settle(invocationId, call, payload ?? emptyPayload()),
      (error: unknown) => this.#settle(invocationId, call, replyErrorOf(error)),
    );
  }

  cancel(invocationId: string): void {
    this.#waiting.delete(invocationId);
  }

  #settle(invocationId: string, call: Call, result: Payload | ReplyError): void {
    this.#running -= 1;
    // A cancelled invocation is not waited for any more, and its id may be in use again.
    if (this.#waiting.get(invocationId) !== call) return;
    this.#waiting.delete(invocationId);
    this.#answer(invocationId, result);
  }

  #refuse(invocationId: string, why: string): void {
    const message = `Invocation '${invocationId}' is refused: ${why}`;
    this.#answer(invocationId, { name: 'BadRequest', message });
  }

  #answer(invocationId: string, result: Payload | ReplyError): void {
    this.#reply({ kind: 'invokeResponse', invocationId, result });
  }
}

function emptyPayload(): Payload {
  return { dataType: 'text', bytes: new Uint8Array(0) };
}
