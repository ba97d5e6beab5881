/** Holds what clients are given against the broker's history, and writes down what is wrong. */
import type { StreamPosition } from '../../gateway/protocol/model.ts';
import type { Histories } from './history.ts';
import { Losses } from './losses.ts';
import type { SimClient } from './sim-client.ts';

export interface Received {
  readonly cursor: StreamPosition;
  readonly place: StreamPosition;
  readonly prev: number | undefined;
  readonly isSkip: boolean;
  readonly data: unknown;
}

export class Truth {
  readonly failures: string[] = [];
  /** Messages that clients were given. */
  messages = 0;
  /** Gaps that clients were told of, and joins that did not recover. */
  gaps = 0;
  recoveries = 0;
  readonly #histories: Histories;
  /** Publications per client and stream, to see what comes twice. */
  readonly #seen = new Map<string, Set<unknown>>();
  /** Where clients were told of a gap whose end nobody knows before the next message. */
  readonly #told = new Map<string, number>();
  /** Times that the broker lost data: what clients had of it may differ from the present history. */
  lossesOfData = 0;
  readonly #losses: Losses;
  #lostAtMs = Number.NEGATIVE_INFINITY;
  readonly #nowMs: () => number;

  constructor(histories: Histories, nowMs: () => number) {
    this.#histories = histories;
    this.#losses = new Losses(histories);
    this.#nowMs = nowMs;
  }

  /** The broker comes back with less than it had acknowledged. */
  onLossOfData(clients: readonly SimClient[]): void {
    this.lossesOfData += 1;
    this.#losses.onLoss(clients);
    this.#lostAtMs = this.#nowMs();
  }

  onMessage(client: SimClient, key: string, received: Received): void {
    const { cursor, data, isSkip, place, prev } = received;
    this.messages += 1;
    const at = `${place.offset} behind ${cursor.offset}`;
    if (place.offset <= cursor.offset) {
      this.fail(client, key, `came again or too late: ${at}`);
      return;
    }
    if (prev !== undefined && prev > cursor.offset) {
      this.fail(client, key, `a hole in the chain: ${at}, its predecessor is ${prev}`);
    }
    // What is under way while the broker loses its data is of a history that is gone.
    if (this.#histories.has(key, place)) {
      const missing = this.#histories
        .between(key, cursor.offset, place.offset - 1)
        .map(({ offset }) => offset);
      const isTold = prev === undefined && this.#told.get(nameOf(client, key)) === cursor.offset;
      if (missing.length > 0 && !isTold && this.#histories.has(key, cursor)) {
        this.fail(client, key, `a hole: ${at}, missing ${missing.join(',')}`);
      }
    } else if (this.lossesOfData === 0) {
      this.fail(client, key, `a message of no history: ${at}`);
    }
    if (isSkip) return;
    const seen = this.#seenBy(client, key);
    // A publisher that tries again after a loss of data is right to do so.
    if (seen.has(data) && this.lossesOfData === 0)
      this.fail(client, key, `the same publication twice: ${String(data)}`);
    seen.add(data);
  }

  /** Told that messages are missing behind `cursor`: they must really be. */
  onGap(client: SimClient, key: string, cursor: StreamPosition | undefined, reason: string): void {
    this.gaps += 1;
    this.#losses.onTold(client, key);
    if (cursor !== undefined) this.#told.set(nameOf(client, key), cursor.offset);
    if (cursor === undefined || this.lossesOfData > 0) return;
    const later = this.#histories.between(key, cursor.offset, Number.POSITIVE_INFINITY);
    if (this.#histories.has(key, cursor) && later.every(({ isRetained }) => isRetained)) {
      this.fail(client, key, `told of a gap behind ${cursor.offset} that is none (${reason})`);
    }
  }

  onRecovered(client: SimClient, key: string, cursor: StreamPosition | undefined): void {
    this.recoveries += 1;
    // What was decided before a loss is read later by a slow client, and said later by a node that
    // slept; both are told of the loss next.
    const awakeSinceMs = Math.max(client.readingSinceMs, client.node?.clock.wokeAtMs ?? 0);
    const isLongAgo = this.#nowMs() - this.#lostAtMs > 500 && awakeSinceMs < this.#lostAtMs;
    if (cursor !== undefined && !this.#histories.has(key, cursor) && isLongAgo) {
      this.fail(client, key, `recovered from ${cursor.offset}, which is no place`);
    }
  }

  onLifted(
    client: SimClient,
    key: string,
    cursor: StreamPosition | undefined,
    to: StreamPosition,
  ): void {
    if (cursor === undefined || !this.#histories.has(key, to)) return;
    const missing = this.#histories.between(key, cursor.offset, to.offset);
    if (missing.length > 0 && this.#histories.has(key, cursor)) {
      this.fail(client, key, `lifted over ${missing.length} messages to ${to.offset}`);
    }
  }

  /** When everything has healed: everybody is where the streams end. */
  checkEnd(client: SimClient): void {
    if (!client.isConnected) this.fail(client, '', 'is not connected at the end');
    for (const [key, { cursor, isResuming }] of client.follows) {
      const { end, newest } = this.#histories.top(key);
      const isAtEnd =
        cursor !== undefined &&
        cursor.epoch === newest.epoch &&
        cursor.offset >= newest.offset &&
        cursor.offset <= end.offset;
      if (!isAtEnd || isResuming) {
        const where = `${cursor?.epoch}/${cursor?.offset}`;
        this.fail(client, key, `ends at ${where}, the stream at ${newest.epoch}/${newest.offset}`);
      }
    }
  }

  /** When everything has healed: what the broker has lost was told to all who had not got it. */
  checkLosses(): void {
    for (const { client, key, offset } of this.#losses.untold()) {
      this.fail(client, key, `was not told that the broker lost what came behind ${offset}`);
    }
  }

  fail(client: SimClient, key: string, what: string): void {
    this.failures.push(`${client.name} ${key}: ${what}`);
  }

  #seenBy(client: SimClient, key: string): Set<unknown> {
    const name = nameOf(client, key);
    const known = this.#seen.get(name) ?? new Set();
    this.#seen.set(name, known);
    return known;
  }
}

function nameOf(client: SimClient, key: string): string {
  return `${client.name} ${key}`;
}
