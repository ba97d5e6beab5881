/** A WebSocket whose other end is in this process. What is on its way arrives in later microtasks. */
import type { SocketEvent, SocketLike } from '../environment.ts';
import { subprotocol } from '../wire.ts';

/** The gateway's end. */
export interface SocketPeer {
  onText(text: string): void;
  /** The client closed it, or `shut` and `cut` have run. */
  onClose(): void;
}

type Listener = (event: SocketEvent) => void;

export class TestSocket implements SocketLike {
  readonly #listeners = new Map<string, Set<Listener>>();
  #peer: SocketPeer | undefined;
  #isOver = false;

  /** `accept` answers a little later, as a server does; undefined: the connection is refused. */
  constructor(
    subprotocols: readonly string[],
    accept: (socket: TestSocket) => SocketPeer | undefined,
  ) {
    this.#later(() => {
      this.#peer = subprotocols.includes(subprotocol) ? accept(this) : undefined;
      if (this.#peer === undefined) this.cut();
    });
  }

  addEventListener(type: 'message' | 'close' | 'error', listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    listeners.add(listener);
  }

  send(data: string | Uint8Array): void {
    this.#later(() => this.#peer?.onText(String(data)));
  }

  close(): void {
    this.#end(undefined);
  }

  /** The gateway says something; nothing arrives once the socket is over. */
  say(frame: object): void {
    const data = JSON.stringify(frame);
    this.#later(() => this.#fire('message', { data }));
  }

  /** The gateway closes it, after what it has said. */
  shut(code: number, reason: string): void {
    this.#later(() => this.#end({ code, reason }));
  }

  /** The network is gone: what is on its way does not arrive. */
  cut(): void {
    this.#end({ code: 1006, reason: '' });
  }

  #end(event: SocketEvent | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#peer?.onClose();
    if (event !== undefined) this.#fire('close', event);
  }

  #later(act: () => void): void {
    queueMicrotask(() => {
      if (!this.#isOver) act();
    });
  }

  #fire(type: string, event: SocketEvent): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, ...event });
  }
}
