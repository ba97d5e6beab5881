/** Holds what clients have seen to what the streams have retained and to what was acknowledged. */
import type { FaultWindow } from './faults.ts';
import type { LossPublication } from './publication.ts';
import type { LossEvent, Place } from './recording.ts';
import type { StreamHistory } from './stream-history.ts';
import { shownPlace, VerdictBuilder } from './verdict-builder.ts';

export interface LossCounts {
  /** Deliveries that were due and never came, and nobody told the client. */
  lost: number;
  /** Those that never came and of which the client was told. */
  toldLost: number;
  /**
   * Acknowledged, and lost by the broker before any node had handed it out to somebody who stayed:
   * nothing tells.
   */
  lostUnseen: number;
  duplicates: number;
  outOfOrder: number;
  /** Messages that are in no history. */
  unknown: number;
  /** `recovered: false` and gaps. */
  told: number;
  /** Acknowledged, and not in the history. */
  ackedNotStored: number;
  /** One publication twice in a history. */
  storedTwice: number;
  /** The ack named another offset than the history. */
  wrongPosition: number;
  /** Publications that were refused for good, or never acknowledged. */
  unacknowledged: number;
  /** Followers that did not follow from the beginning to the end. */
  incomplete: number;
}

export interface LossVerdict {
  readonly counts: LossCounts;
  readonly deliveries: number;
  /** Followers: clients times streams. */
  readonly followers: number;
  readonly resumes: { recovered: number; unrecovered: number };
  /** Messages that did not fit, which the client asked for again. */
  holes: number;
  /** Messages that came to a client again and that it kept from its application. */
  ignored: number;
  readonly connects: number;
  /** Why connections ended, with counts. */
  readonly closes: ReadonlyMap<string, number>;
  /** Of all deliveries, sorted. */
  readonly delaysMs: Float64Array;
  /** By fault window: the longest delay of what was due in it or soon after. */
  readonly worstMs: readonly number[];
  /** The first things that were wrong, for a person. */
  readonly examples: readonly string[];
}

export interface LossInput {
  readonly publications: readonly LossPublication[];
  readonly histories: readonly StreamHistory[];
  readonly windows: readonly FaultWindow[];
}

interface Indexed extends StreamHistory {
  readonly indexOf: ReadonlyMap<number, number>;
}

const unseen = 0;
const isSeen = 1;
const isTold = 2;

/** One client in one stream. */
interface Follower {
  readonly history: Indexed;
  /** By entry of the history. */
  readonly states: Uint8Array;
  readonly start: number;
  next: number;
  end: Place | undefined;
}

export class LossChecker {
  readonly #input: LossInput;
  readonly #histories: ReadonlyMap<string, Indexed>;
  readonly #builder: VerdictBuilder;
  readonly #followers = new Map<string, Follower>();

  constructor(input: LossInput) {
    this.#input = input;
    this.#builder = new VerdictBuilder(input);
    this.#histories = new Map(
      input.histories.map((history) => {
        const offsets = history.entries.map(({ offset }, index) => [offset, index] as const);
        return [history.stream, { ...history, indexOf: new Map(offsets) }];
      }),
    );
  }

  /** In the order in which they happened to their client. */
  take(event: LossEvent): void {
    this.#builder.take(event);
    switch (event.is) {
      case 'start':
        return this.#start(event);
      case 'message':
        return this.#message(event);
      case 'told':
        return this.#told(event);
      case 'end': {
        const follower = this.#followers.get(`${event.client} ${event.stream}`);
        if (follower !== undefined) follower.end = event.place;
        return;
      }
      default:
    }
  }

  /** @param expected clients times streams. */
  finish(expected: number): LossVerdict {
    this.#builder.checkAcks();
    for (const { isComplete, stream } of this.#input.histories) {
      if (!isComplete) this.#wrong('incomplete', `the history of ${stream} is incomplete`);
    }
    for (const [name, follower] of this.#followers) this.#checkFollower(name, follower);
    this.#builder.miss(Math.max(0, expected - this.#followers.size));
    return this.#builder.finish(this.#followers.size);
  }

  #start({ client, place, stream }: Extract<LossEvent, { is: 'start' }>): void {
    const history = this.#histories.get(stream);
    if (history === undefined) return;
    const start = this.#indexAfter(history, place);
    this.#followers.set(`${client} ${stream}`, {
      history,
      states: new Uint8Array(history.entries.length),
      start,
      next: start,
      end: undefined,
    });
  }

  #message(event: Extract<LossEvent, { is: 'message' }>): void {
    const { client, id, offset, stream } = event;
    const follower = this.#followers.get(`${client} ${stream}`);
    const index = follower?.history.indexOf.get(offset);
    if (follower === undefined || index === undefined) {
      return this.#wrong('unknown', `${client} got ${id} at ${stream}:${offset}`);
    }
    if (follower.history.entries[index]?.id !== id) {
      this.#wrong('unknown', `${client} got ${id} at ${stream}:${offset}, where another one is`);
    } else if (follower.states[index] === isSeen) {
      this.#wrong('duplicates', `${client} got ${id} at ${stream}:${offset} again`);
    } else if (index < follower.next) {
      this.#wrong('outOfOrder', `${client} got ${id} at ${stream}:${offset} too late`);
    }
    follower.states[index] = isSeen;
    follower.next = Math.max(follower.next, index + 1);
  }

  #told(event: Extract<LossEvent, { is: 'told' }>): void {
    const { client, stream, to } = event;
    const follower = this.#followers.get(`${client} ${stream}`);
    if (follower === undefined || to === undefined) return;
    const next = this.#indexAfter(follower.history, to);
    for (let index = follower.next; index < next; index += 1) {
      if (follower.states[index] === unseen) follower.states[index] = isTold;
    }
    follower.next = next;
  }

  #checkFollower(name: string, { end, history, start, states }: Follower): void {
    if (end === undefined) this.#wrong('incomplete', `${name} has no end`);
    for (let index = start; index < states.length; index += 1) {
      if (states[index] === isTold) this.#builder.counts.toldLost += 1;
      if (states[index] !== unseen) continue;
      const { id = '', offset = 0 } = history.entries[index] ?? {};
      const { ackedAt, dueAt } = this.#builder.publication(id) ?? {};
      const where = `${name}:${offset} ended at ${shownPlace(end)}`;
      this.#wrong('lost', `${id} due at ${dueAt}, acknowledged at ${ackedAt}, for ${where}`);
    }
  }

  /** Of the first entry after a place. */
  #indexAfter({ entries, epoch, stream }: StreamHistory, place: Place): number {
    if (place.epoch !== epoch) {
      this.#wrong('incomplete', `${stream} was of epoch ${place.epoch}, and is of ${epoch}`);
    }
    const index = entries.findIndex(({ offset }) => offset > place.offset);
    return index === -1 ? entries.length : index;
  }

  #wrong(count: keyof LossCounts, example: string): void {
    this.#builder.wrong(count, example);
  }
}
