/** A receiving VU: holds many sockets, times every message and ticks it off. */
import { setTimeout } from 'k6/timers';
import { WebSocket, type MessageEvent } from 'k6/websockets';
import type { MessageData, Plan, ReceiverSocket } from '../../plan.ts';
import { nowMs, vuNumber } from './run.ts';
import { Tally, Totals } from './tally.ts';

/** What a VU does with each of its sockets. */
export interface VuSocket {
  readonly isReady: boolean;
  close(): void;
}

/** Runs until the end of the schedule. Returns the receivers of this VU by target. */
export function receiveMessages(plan: Plan): ReadonlyMap<number, Receiver> {
  const receivers = new Map<number, Receiver>();
  receiveWith(plan, (socket, totals) => {
    const receiver = new Receiver(plan, socket, totals);
    receivers.set(socket.target, receiver);
    return receiver;
  });
  return receivers;
}

/** The same with sockets of another kind. */
export function receiveWith(
  plan: Plan,
  open: (socket: ReceiverSocket, totals: Totals, index: number) => VuSocket,
): void {
  const totals = new Totals();
  const sockets = (plan.receivers[vuNumber()] ?? []).map((socket, index) =>
    open(socket, totals, index),
  );
  let unready = 0;
  setTimeout(() => {
    unready = sockets.filter(({ isReady }) => !isReady).length;
  }, plan.schedule.publishFromMs - nowMs());
  setTimeout(() => {
    for (const socket of sockets) socket.close();
    totals.report(unready);
  }, plan.schedule.endMs - nowMs());
}

export class Receiver implements VuSocket {
  isReady = false;
  readonly #tally: Tally;
  readonly #socket: WebSocket;
  #isClosing = false;

  constructor(plan: Plan, { urls, target }: ReceiverSocket, totals: Totals) {
    this.#tally = new Tally(plan, target, totals);
    this.#socket = openSocket(urls[0] ?? '', plan.subprotocol);
    this.#socket.onmessage = (event) => {
      if (event !== undefined) this.#onMessage(event);
    };
    this.#socket.onclose = () => {
      if (!this.#isClosing) totals.lost++;
      this.isReady = false;
    };
  }

  send(frame: string): void {
    this.#socket.send(frame);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.close();
  }

  #onMessage(event: MessageEvent): void {
    const atMs = nowMs();
    const frame = JSON.parse(event.data as string) as { type: string; data: MessageData };
    if (frame.type === 'system') this.isReady = true;
    if (frame.type === 'message') this.#tally.take(frame.data, atMs);
  }
}

/** A socket that hands out bytes as an ArrayBuffer and never as a Blob, which is read later. */
export function openSocket(url: string, subprotocol: string): WebSocket {
  // k6 takes a string or an array here since 0.55; its types still say null.
  const socket = new WebSocket(url, subprotocol as unknown as null);
  socket.binaryType = 'arraybuffer' as unknown as WebSocket['binaryType'];
  // A failure ends in "close"; without a handler k6 would print each of them.
  socket.onerror = () => undefined;
  return socket;
}
