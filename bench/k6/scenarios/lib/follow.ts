/** A receiver that follows a stream over any number of connections, by any node. */
import { setTimeout } from 'k6/timers';
import type { WebSocket } from 'k6/websockets';
import type { MessageData, Plan, ReceiverSocket } from '../../plan.ts';
import { openSocket, type VuSocket } from './receive.ts';
import { nowMs } from './run.ts';
import { Tally, type Totals } from './tally.ts';

interface Position {
  readonly epoch: string;
  readonly offset: number;
  readonly tag?: number;
}

/** What of `trunkline.v1.json` matters here. */
interface Frame {
  readonly type: string;
  readonly event?: string;
  readonly success?: boolean;
  readonly recovered?: boolean;
  readonly position?: Position;
  readonly offset?: number;
  readonly prev?: number;
  readonly tag?: number;
  readonly data?: MessageData;
}

const backMs = { min: 100, max: 500 } as const;

export class Follower implements VuSocket {
  isReady = false;
  readonly #plan: Plan;
  readonly #urls: readonly string[];
  readonly #group: string;
  readonly #tally: Tally;
  readonly #totals: Totals;
  #socket: WebSocket | undefined;
  #cursor: Position | undefined;
  #next = 0;
  #isEnded = false;

  constructor(plan: Plan, { urls, target }: ReceiverSocket, totals: Totals) {
    this.#plan = plan;
    this.#urls = urls;
    this.#group = plan.targets[target]?.name ?? '';
    this.#tally = new Tally(plan, target, totals);
    this.#totals = totals;
    this.#open();
  }

  close(): void {
    this.#isEnded = true;
    this.#socket?.close();
  }

  /** Is away for so long, from now on. */
  leave(offlineMs: number): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    setTimeout(() => this.#open(), offlineMs);
  }

  #open(): void {
    if (this.#isEnded) return;
    const url = this.#urls[this.#next % this.#urls.length] ?? '';
    if (this.#next > 0) this.#totals.reconnects++;
    this.#next++;
    const socket = openSocket(url, this.#plan.subprotocol);
    this.#socket = socket;
    socket.onmessage = (event) => {
      // What an earlier socket still brings comes again by the present one.
      if (event === undefined || socket !== this.#socket) return;
      const atMs = nowMs();
      for (const line of (event.data as string).split('\n')) {
        if (line !== '') this.#onFrame(JSON.parse(line) as Frame, atMs);
      }
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.leave(backMs.min + Math.random() * (backMs.max - backMs.min));
    };
  }

  #onFrame(frame: Frame, atMs: number): void {
    if (frame.type === 'system' && frame.event === 'connected') this.#join();
    else if (frame.type === 'ack') this.#onAck(frame);
    else if (frame.type === 'message' || frame.type === 'skip') this.#onMessage(frame, atMs);
    else if (frame.type === 'goaway') this.leave(0);
    else if (frame.type === 'gap') this.#onGap(frame.position);
  }

  #join(): void {
    const since = this.#cursor === undefined ? {} : { since: this.#cursor };
    const join = { type: 'joinGroup', group: this.#group, ...since, ackId: 1 };
    this.#socket?.send(JSON.stringify(join));
  }

  #onAck({ success, recovered, position }: Frame): void {
    if (success !== true || position === undefined) return;
    if (this.#cursor === undefined) this.#cursor = position;
    else if (recovered !== true) this.#onGap(position);
    this.isReady = true;
  }

  #onGap(position: Position | undefined): void {
    this.#totals.gaps++;
    if (position !== undefined) this.#cursor = position;
  }

  #onMessage({ offset = 0, prev, tag, data }: Frame, atMs: number): void {
    const cursor = this.#cursor;
    if (cursor === undefined || offset <= cursor.offset) return;
    if (prev !== undefined && prev > cursor.offset) this.#totals.gaps++;
    this.#cursor = { epoch: cursor.epoch, offset, ...(tag === undefined ? {} : { tag }) };
    if (data !== undefined) this.#tally.take(data, atMs);
  }
}
