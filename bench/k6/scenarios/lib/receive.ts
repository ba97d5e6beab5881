/** A receiving VU: holds many sockets, times every message and ticks it off. */
import { Counter, Trend } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import { WebSocket, type MessageEvent } from 'k6/websockets';
import type { MessageData, Plan, ReceiverSocket } from '../../plan.ts';
import { nowMs, report, reportSamples, vuNumber } from './run.ts';

const delivered = new Counter('delivered');
const duplicate = new Counter('duplicate');
const misdelivered = new Counter('misdelivered');
const deliveryMs = new Trend('delivery_ms', true);

interface Totals {
  delivered: number;
  duplicate: number;
  misdelivered: number;
  outOfOrder: number;
  lost: number;
  readonly samplesUs: number[];
}

/** Runs until the end of the schedule. */
export function receiveMessages(plan: Plan): void {
  const totals: Totals = {
    delivered: 0,
    duplicate: 0,
    misdelivered: 0,
    outOfOrder: 0,
    lost: 0,
    samplesUs: [],
  };
  const receivers = (plan.receivers[vuNumber()] ?? []).map(
    (socket) => new Receiver(plan, socket, totals),
  );
  let unready = 0;
  setTimeout(() => {
    unready = receivers.filter((receiver) => !receiver.isReady).length;
  }, plan.schedule.publishFromMs - nowMs());
  setTimeout(() => {
    for (const receiver of receivers) receiver.close();
    const { samplesUs, ...counts } = totals;
    delivered.add(counts.delivered);
    duplicate.add(counts.duplicate);
    misdelivered.add(counts.misdelivered);
    for (const us of samplesUs) deliveryMs.add(us / 1000);
    report({ kind: 'receiver', ...counts, unready });
    reportSamples('delivery', samplesUs);
  }, plan.schedule.endMs - nowMs());
}

class Receiver {
  isReady = false;
  readonly #plan: Plan;
  readonly #target: number;
  readonly #totals: Totals;
  readonly #socket: WebSocket;
  readonly #seen = new Set<number>();
  /** Number of the newest message by publisher. */
  readonly #newest: number[];
  #isClosing = false;

  constructor(plan: Plan, { url, target }: ReceiverSocket, totals: Totals) {
    this.#plan = plan;
    this.#target = target;
    this.#totals = totals;
    this.#newest = plan.publishers.map(() => -1);
    this.#socket = openSocket(url, plan.subprotocol);
    this.#socket.onmessage = (event) => {
      if (event !== undefined) this.#onMessage(event);
    };
    this.#socket.onclose = () => {
      if (!this.#isClosing) totals.lost++;
      this.isReady = false;
    };
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.close();
  }

  #onMessage(event: MessageEvent): void {
    const atMs = nowMs();
    const frame = JSON.parse(event.data as string) as { type: string; data: MessageData };
    if (frame.type === 'system') this.isReady = true;
    if (frame.type !== 'message') return;
    const { n, dueMs, target } = frame.data;
    const totals = this.#totals;
    if (target !== this.#target) {
      totals.misdelivered++;
      return;
    }
    if (this.#seen.has(n)) {
      totals.duplicate++;
      return;
    }
    this.#seen.add(n);
    totals.delivered++;
    const publisher = n % this.#newest.length;
    if (n < (this.#newest[publisher] ?? -1)) totals.outOfOrder++;
    else this.#newest[publisher] = n;
    const { windowFromMs, windowUntilMs } = this.#plan.schedule;
    if (dueMs < windowFromMs || dueMs >= windowUntilMs) return;
    totals.samplesUs.push(Math.max(0, Math.round((atMs - dueMs) * 1000)));
  }
}

/** A socket that hands out bytes as an ArrayBuffer and never as a Blob, which is read later. */
export function openSocket(url: string, subprotocol: string): WebSocket {
  // k6 takes a string or an array here since 0.55; its types still say null.
  const socket = new WebSocket(url, subprotocol as unknown as null);
  socket.binaryType = 'arraybuffer' as unknown as WebSocket['binaryType'];
  return socket;
}
