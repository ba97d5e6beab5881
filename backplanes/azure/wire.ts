/**
 * One WebSocket to the service: requests and their acks, messages that arrive, and the pings that
 * show whether anybody is there. When it ends nothing is carried over to the next one.
 */
import type { RawData, WebSocket } from 'ws';
import { parseFrame, joinFrame, leaveFrame, pingFrame, sendFrame } from './frames.ts';

/** What became of a request. */
export type Answer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly name: string; readonly message: string }
  /** The connection ended first: nobody knows. */
  | { readonly kind: 'lost'; readonly reason: string };

/** Why a connection is over. */
export interface WireEnd {
  readonly reason: string;
  /** True: the service cut it off because this node read too slowly. */
  readonly isOverflow: boolean;
}

export interface WireOptions {
  readonly socket: WebSocket;
  readonly pingIntervalMs: number;
  /** A message to a group. Must not throw. */
  readonly onData: (group: string, bytes: Buffer) => void;
}

export class Wire {
  /** Resolves when the service has greeted; never when it does not. */
  readonly greeted: Promise<void>;
  /** Resolves once, when the connection is over. Never rejects. */
  readonly ended: Promise<WireEnd>;
  readonly #options: WireOptions;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #pingTimer: NodeJS.Timeout;
  #silenceTimer: NodeJS.Timeout | undefined;
  #ackId = 0;
  #frames = 0;
  #isOver = false;
  #lastWords: string | undefined;
  #greet: () => void = () => undefined;
  #resolveEnded: (end: WireEnd) => void = () => undefined;

  /** @param options with a socket whose handshake is over or under way. */
  constructor(options: WireOptions) {
    this.#options = options;
    this.greeted = new Promise((resolve) => {
      this.#greet = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const { pingIntervalMs, socket } = options;
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
    socket.on('error', (error) => this.end(`the connection failed: ${error.message}`));
    socket.on('close', (code, reason) => {
      const words = this.#lastWords ?? reason.toString();
      this.#end({
        reason: `the service closed the connection (${code}${words === '' ? '' : `: ${words}`})`,
        isOverflow: code === slowConsumerCode,
      });
    });
    this.#pingTimer = setInterval(() => this.#ping(), pingIntervalMs);
  }

  /** False: it takes nothing more. */
  get isUsable(): boolean {
    return !this.#isOver && this.#options.socket.readyState === this.#options.socket.OPEN;
  }

  join(group: string): Promise<Answer> {
    return this.#ask((ackId) => joinFrame(group, ackId));
  }

  leave(group: string): Promise<Answer> {
    return this.#ask((ackId) => leaveFrame(group, ackId));
  }

  /** Sends to everyone in the group, this connection included where it joined. */
  send(group: string, payload: Buffer): Promise<Answer> {
    return this.#ask((ackId) => sendFrame(group, payload, ackId));
  }

  /** Ends it now: whoever waits for an answer is told that there will be none. Idempotent. */
  end(reason: string): void {
    this.#end({ reason, isOverflow: false });
  }

  #ask(frame: (ackId: number) => string): Promise<Answer> {
    if (!this.isUsable) return Promise.resolve({ kind: 'lost', reason: 'it is over' });
    this.#ackId += 1;
    const ackId = this.#ackId;
    return new Promise((resolve) => {
      this.#waiting.set(ackId, resolve);
      this.#options.socket.send(frame(ackId));
    });
  }

  #take(data: RawData, isBinary: boolean): void {
    if (this.#isOver) return;
    this.#frames += 1;
    // The socket's binaryType is that of Node.js unless somebody changes it.
    const frame = isBinary ? undefined : parseFrame((data as Buffer).toString());
    switch (frame?.kind) {
      case undefined:
        this.end('what arrived is not the Web PubSub protocol; is this the right endpoint?');
        return;
      case 'connected':
        this.#greet();
        return;
      case 'disconnected':
        this.#lastWords = frame.reason;
        return;
      case 'ack':
        this.#waiting.get(frame.ackId)?.(
          frame.error === undefined ? accepted : { kind: 'refused', ...frame.error },
        );
        this.#waiting.delete(frame.ackId);
        return;
      case 'data':
        this.#options.onData(frame.group, frame.bytes);
        return;
      case 'other':
    }
  }

  /** Any frame shows that somebody is there; the ping only makes sure that there is one. */
  #ping(): void {
    if (!this.isUsable || this.#silenceTimer !== undefined) return;
    const before = this.#frames;
    this.#options.socket.send(pingFrame);
    this.#silenceTimer = setTimeout(() => {
      // Where this process itself was busy the pong is there, but has not been read yet.
      setImmediate(() => {
        this.#silenceTimer = undefined;
        if (this.#frames === before) this.end('the service does not answer pings');
      });
    }, this.#options.pingIntervalMs - 1);
  }

  #end(end: WireEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#silenceTimer);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const resolve of waiting) resolve({ kind: 'lost', reason: end.reason });
    const { socket } = this.#options;
    // A close frame lets the service forget the connection; nobody waits for its answer.
    if (socket.readyState === socket.OPEN) socket.close(1000);
    setTimeout(() => socket.terminate(), goodbyeMs).unref();
    this.#resolveEnded(end);
  }
}

const accepted: Answer = { kind: 'accepted' };
/** With this code a Trunkline cuts off who reads too slowly; other services have none for it. */
const slowConsumerCode = 4008;
const goodbyeMs = 500;
