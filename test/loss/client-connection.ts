/** One WebSocket that speaks trunkline.v1.json; what it means is for its client. */
import { WebSocket } from 'ws';
import type { Place } from './recording.ts';
import type { Link } from './stream-cursor.ts';

/** Any object of the gateway; which fields there are depends on its type. */
export interface GatewayFrame extends Partial<Link> {
  readonly type: string;
  readonly event?: string;
  readonly group?: string;
  readonly to?: string;
  readonly data?: unknown;
  readonly message?: string;
  readonly reason?: string;
  readonly withinMs?: number;
  readonly heartbeatMs?: number;
  readonly streams?: readonly { readonly to: string; readonly position: Place }[];
  readonly position?: Place;
  readonly ackId?: number;
  readonly success?: boolean;
  readonly recovered?: boolean;
  readonly error?: { readonly name: string; readonly message: string };
}

export interface ConnectionOwner {
  /** In the order of the wire, each before the next is looked at. */
  onFrame(connection: ClientConnection, frame: GatewayFrame): void;
  /** Called once; nothing follows. */
  onClosed(connection: ClientConnection, code: number, reason: string): void;
}

export interface ConnectionOptions {
  readonly url: string;
  /** Address of this machine to connect from. */
  readonly localAddress?: string | undefined;
  readonly owner: ConnectionOwner;
}

type OnAck = (ack: GatewayFrame) => void;

const subprotocol = 'trunkline.v1.json';
/** A node that is stopped accepts connections and never answers. */
const handshakeMsMax = 4000;
/** Silence that is borne until the gateway has said how often it gives a sign of life. */
const silenceMsMax = 8000;
const silenceGraceMs = 2000;

export class ClientConnection {
  readonly #socket: WebSocket;
  readonly #owner: ConnectionOwner;
  readonly #acks = new Map<number, OnAck>();
  #ackId = 0;
  #heardAtMs = performance.now();
  #silenceMs = silenceMsMax;
  #isPaused = false;
  #why = '';

  constructor({ url, localAddress, owner }: ConnectionOptions) {
    this.#owner = owner;
    this.#socket = new WebSocket(url, subprotocol, {
      handshakeTimeout: handshakeMsMax,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    this.#socket.on('message', (data: Buffer) => this.#receive(data));
    // What went wrong is the reason of the close that follows.
    this.#socket.on('error', (error) => {
      this.#why ||= error.message;
    });
    this.#socket.on('close', (code, reason) => {
      this.#acks.clear();
      owner.onClosed(this, code, reason.toString() || this.#why);
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Requests without an answer so far. */
  get pending(): number {
    return this.#acks.size;
  }

  /** `onAck` is called while the ack is read: before what follows it. Never after the close. */
  ask(request: Readonly<Record<string, unknown>>, onAck: OnAck): void {
    if (!this.isOpen) return;
    this.#ackId += 1;
    this.#acks.set(this.#ackId, onAck);
    this.#socket.send(JSON.stringify({ ...request, ackId: this.#ackId }));
  }

  /** Reads nothing until `resume`, as a client that hangs. */
  pause(): void {
    if (!this.isOpen) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#heardAtMs = performance.now();
    if (this.isOpen) this.#socket.resume();
  }

  /** Gives up when the gateway was silent for too long. Called again and again. */
  checkSilence(): void {
    if (this.#isPaused || performance.now() - this.#heardAtMs < this.#silenceMs) return;
    this.abandon('no sign of life');
  }

  /** Cuts it, without a word to the gateway. */
  abandon(why: string): void {
    this.#why ||= why;
    this.#socket.terminate();
  }

  close(): void {
    this.#socket.close(1000);
  }

  #receive(data: Buffer): void {
    this.#heardAtMs = performance.now();
    for (const line of data.toString().split('\n')) {
      // What the gateway says is JSON with a type.
      const frame = JSON.parse(line) as GatewayFrame;
      if (frame.heartbeatMs !== undefined) {
        this.#silenceMs = 2 * frame.heartbeatMs + silenceGraceMs;
      }
      const onAck = frame.ackId === undefined ? undefined : this.#acks.get(frame.ackId);
      if (frame.ackId !== undefined) this.#acks.delete(frame.ackId);
      if (onAck === undefined) this.#owner.onFrame(this, frame);
      else onAck(frame);
    }
  }
}
