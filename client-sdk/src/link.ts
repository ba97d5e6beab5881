/** One WebSocket that speaks trunkline.v1, from its opening to its end. */
import type { Codec } from './codec.ts';
import type { Environment, SocketLike } from './environment.ts';
import type { ClientFrame, GatewayFrame } from './wire.ts';

/** How a link ended. */
export interface LinkEnd {
  /** The close code; 1006 where nobody sent one. */
  readonly code: number;
  readonly message: string;
  /** True: this side gave it up, because nothing was heard for too long. */
  readonly isSilent: boolean;
}

export interface LinkOwner {
  /** The gateway has said `connected`. */
  onGreeted(link: Link, greeting: GatewayFrame): void;
  /** In the order of the wire; what answers a question goes to who asked. */
  onFrame(link: Link, frame: GatewayFrame): void;
  /** Called once, and not after `close`; nothing follows. */
  onEnd(link: Link, end: LinkEnd): void;
  onError(error: unknown): void;
}

export interface LinkOptions {
  /** With the token in it. */
  readonly url: string;
  readonly codec: Codec;
  readonly environment: Environment;
  readonly owner: LinkOwner;
  /** Until the gateway must have said `connected`. */
  readonly openingMsMax: number;
}

/** Called while the answer is read, before what follows it; undefined: the link ended first. */
export type OnAnswer = (answer: GatewayFrame | undefined) => void;

/** The gateway may be late by this much, whatever its heartbeat. */
const silenceGraceMs = 2000;
/** The code of a close that nobody sent. */
const lostCode = 1006;

export class Link {
  readonly #options: LinkOptions;
  readonly #socket: SocketLike;
  /** By ackId, or by invocationId. */
  readonly #answers = new Map<number | string, OnAnswer>();
  #asked = 0;
  #silenceMs: number;
  #heardAtMs: number;
  #cancelTimer: () => void;
  #isGreeted = false;
  #connectionId: string | undefined;
  #isOver = false;
  #trouble = '';

  constructor(options: LinkOptions) {
    const { codec, environment, openingMsMax, url } = options;
    this.#options = options;
    this.#silenceMs = openingMsMax;
    this.#heardAtMs = environment.clock.nowMs();
    this.#socket = new environment.WebSocket(url, [codec.subprotocol]);
    this.#socket.binaryType = 'arraybuffer';
    this.#cancelTimer = environment.clock.after(openingMsMax, () => this.checkSilence());
    this.#listen();
  }

  /** True from the gateway's `connected` to the end. */
  get isReady(): boolean {
    return this.#isGreeted && !this.#isOver;
  }

  /** True once the gateway has said `connected`, for ever. */
  get wasGreeted(): boolean {
    return this.#isGreeted;
  }

  /** As the gateway said in `connected`. */
  get connectionId(): string | undefined {
    return this.#connectionId;
  }

  /** Sends without wanting an answer. Nothing happens unless the link is ready. */
  tell(request: ClientFrame): void {
    if (this.isReady) this.#socket.send(this.#options.codec.encode(request));
  }

  /** Sends, and calls `onAnswer` exactly once. */
  ask(request: ClientFrame, onAnswer: OnAnswer): void {
    if (!this.isReady) return onAnswer(undefined);
    const { invocationId } = request;
    this.#asked += 1;
    const key = typeof invocationId === 'string' ? invocationId : this.#asked;
    this.#answers.set(key, onAnswer);
    this.tell(key === invocationId ? request : { ...request, ackId: key });
  }

  /** Gives up when the gateway was silent for too long. */
  checkSilence(): void {
    if (this.#isOver) return;
    const { clock } = this.#options.environment;
    const leftMs = this.#heardAtMs + this.#silenceMs - clock.nowMs();
    this.#cancelTimer();
    if (leftMs > 0) {
      this.#cancelTimer = clock.after(leftMs, () => this.checkSilence());
    } else {
      const message = `nothing was heard for ${this.#silenceMs} ms`;
      this.#end({ code: lostCode, message, isSilent: true });
    }
  }

  /** Ends it without a word to the owner; who waits for an answer is told. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#socket.close(1000);
    const answers = [...this.#answers.values()];
    this.#answers.clear();
    for (const onAnswer of answers) onAnswer(undefined);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    // What went wrong is told by the close that follows.
    socket.addEventListener('error', ({ message = '' }) => {
      this.#trouble = message;
    });
    socket.addEventListener('close', ({ code = lostCode, reason = '' }) =>
      this.#end({ code, message: reason || this.#trouble, isSilent: false }),
    );
  }

  #end(end: LinkEnd): void {
    if (this.#isOver) return;
    this.close();
    this.#options.owner.onEnd(this, end);
  }

  #receive(data: unknown): void {
    const { codec, environment } = this.#options;
    this.#heardAtMs = environment.clock.nowMs();
    for (const frame of this.#attempt(() => codec.decode(data)) ?? []) {
      // A listener may have closed the link in the meantime.
      if (!this.#isOver) this.#attempt(() => this.#take(frame));
    }
  }

  #attempt<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.#options.owner.onError(error);
      return undefined;
    }
  }

  #take(frame: GatewayFrame): void {
    const key = frame.ackId ?? frame.invocationId;
    const onAnswer = key === undefined ? undefined : this.#answers.get(key);
    if (key !== undefined && onAnswer !== undefined) {
      this.#answers.delete(key);
      onAnswer(frame);
    } else if (frame.event === 'connected' && frame.type === 'system') this.#greet(frame);
    else this.#options.owner.onFrame(this, frame);
  }

  #greet(greeting: GatewayFrame): void {
    if (this.#isGreeted) return;
    this.#isGreeted = true;
    const { connectionId, heartbeatMs } = greeting;
    this.#connectionId = connectionId;
    if (heartbeatMs !== undefined) this.#silenceMs = 2 * heartbeatMs + silenceGraceMs;
    this.checkSilence();
    this.#options.owner.onGreeted(this, greeting);
  }
}
