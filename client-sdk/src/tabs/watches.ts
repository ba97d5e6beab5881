/** Presence that several tabs watch over one connection. */
import type { ClientFrame, GatewayFrame } from '../wire.ts';
import type { TabPort } from './tab-port.ts';

export interface WatchRequest {
  readonly port: TabPort;
  readonly request: ClientFrame;
  readonly answer: (frame: GatewayFrame) => void;
}

type Ask = (request: ClientFrame, onAnswer: (answer: GatewayFrame) => void) => void;

export class Watches {
  readonly #ask: Ask;
  /** By destination. */
  readonly #watchers = new Map<string, Set<TabPort>>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Asks each time: the snapshot that follows the answer is new for who came, and true for all. */
  watch(key: string, { answer, port, request }: WatchRequest): void {
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers);
    const isNew = !watchers.has(port);
    watchers.add(port);
    this.#ask(request, (frame) => {
      if (isNew && frame.success !== true) this.#remove(key, port);
      answer(frame);
    });
  }

  unwatch(key: string, { answer, port, request }: WatchRequest): void {
    if (this.#remove(key, port)) this.#ask(request, answer);
    else answer({ type: 'ack', success: true });
  }

  /** The tab is gone. */
  leave(port: TabPort): void {
    for (const [key, watchers] of this.#watchers) {
      if (!watchers.has(port) || !this.#remove(key, port)) continue;
      const destination = key.startsWith('group:') ? { group: key.slice(6) } : { to: key };
      this.#ask({ type: 'unwatchPresence', ...destination }, () => undefined);
    }
  }

  onFrame(key: string, line: string): void {
    for (const port of this.#watchers.get(key) ?? []) port.sayLine(line);
  }

  /** True: nobody watches any more. */
  #remove(key: string, port: TabPort): boolean {
    const watchers = this.#watchers.get(key);
    watchers?.delete(port);
    return watchers?.size === 0 && this.#watchers.delete(key);
  }
}
