/** Holds what clients have seen to what the streams have retained and to what was acknowledged. */
import type { FaultWindow } from './faults.ts';
import type { LossPublication } from './publication.ts';
import type { LossEvent, Place } from './recording.ts';
import type { StreamHistory } from './stream-history.ts';

export interface LossCounts {
  /** Deliveries that were due and never came, and nobody told the client. */
  lost: number;
  /** Those that never came and of which the client was told. */
  toldLost: number;
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

/** What is due so long after a fault still shows what the fault has done. */
const afterMs = 3000;
const examplesMax = 40;

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
  readonly #publications: ReadonlyMap<string, LossPublication>;
  readonly #followers = new Map<string, Follower>();
  readonly #delays: number[] = [];
  readonly #worstMs: number[];
  readonly #closes = new Map<string, number>();
  readonly #examples: string[] = [];
  readonly #resumes = { recovered: 0, unrecovered: 0 };
  readonly #counts: LossCounts = {
    lost: 0,
    toldLost: 0,
    duplicates: 0,
    outOfOrder: 0,
    unknown: 0,
    told: 0,
    ackedNotStored: 0,
    storedTwice: 0,
    wrongPosition: 0,
    unacknowledged: 0,
    incomplete: 0,
  };
  #holes = 0;
  #ignored = 0;
  #connects = 0;

  constructor(input: LossInput) {
    this.#input = input;
    this.#worstMs = input.windows.map(() => 0);
    this.#publications = new Map(input.publications.map((each) => [each.id, each]));
    this.#histories = new Map(
      input.histories.map((history) => {
        const offsets = history.entries.map(({ offset }, index) => [offset, index] as const);
        return [history.stream, { ...history, indexOf: new Map(offsets) }];
      }),
    );
  }

  /** In the order in which they happened to their client. */
  take(event: LossEvent): void {
    switch (event.is) {
      case 'connection':
        return this.#connection(event);
      case 'start':
        return this.#start(event);
      case 'message':
        return this.#message(event);
      case 'told':
        return this.#told(event);
      case 'hole':
        this.#holes += 1;
        return;
      case 'resumed':
        this.#resumes[event.recovered ? 'recovered' : 'unrecovered'] += 1;
        return;
      case 'end': {
        const follower = this.#followers.get(`${event.client} ${event.stream}`);
        if (follower !== undefined) follower.end = event.place;
      }
    }
  }

  /** @param expected clients times streams. */
  finish(expected: number): LossVerdict {
    this.#checkAcks();
    for (const [name, follower] of this.#followers) this.#checkFollower(name, follower);
    this.#counts.incomplete += Math.max(0, expected - this.#followers.size);
    return {
      counts: this.#counts,
      deliveries: this.#delays.length,
      followers: this.#followers.size,
      resumes: this.#resumes,
      holes: this.#holes,
      ignored: this.#ignored,
      connects: this.#connects,
      closes: this.#closes,
      delaysMs: Float64Array.from(this.#delays).sort(),
      worstMs: this.#worstMs,
      examples: this.#examples,
    };
  }

  #connection({ detail, step }: Extract<LossEvent, { is: 'connection' }>): void {
    if (step === 'connected') this.#connects += 1;
    if (step !== 'closed' && step !== 'unexpected') return;
    const why = detail.slice(0, 80);
    this.#closes.set(why, (this.#closes.get(why) ?? 0) + 1);
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
    const { at, client, id, offset, stream } = event;
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
    const dueAt = this.#publications.get(id)?.dueAt;
    if (dueAt !== undefined) this.#delay(dueAt, at - dueAt);
  }

  #told(event: Extract<LossEvent, { is: 'told' }>): void {
    const { at, client, from, stream, to, why } = event;
    this.#wrong(
      'told',
      `${at}: ${client} was told ${why} at ${stream}, ${shown(from)} to ${shown(to)}`,
    );
    const follower = this.#followers.get(`${client} ${stream}`);
    if (follower === undefined || to === undefined) return;
    const next = this.#indexAfter(follower.history, to);
    for (let index = follower.next; index < next; index += 1) {
      if (follower.states[index] === unseen) follower.states[index] = isTold;
    }
    follower.next = next;
  }

  #checkAcks(): void {
    const offsets = new Map<string, number>();
    for (const { entries, isComplete, stream } of this.#input.histories) {
      if (!isComplete) this.#wrong('incomplete', `the history of ${stream} is incomplete`);
      for (const { id, offset } of entries) {
        if (offsets.has(id)) this.#wrong('storedTwice', `${id} is twice in ${stream}`);
        else offsets.set(id, offset);
      }
    }
    for (const { ackedAt, id, position, refusal, stream } of this.#input.publications) {
      const offset = offsets.get(id);
      if (ackedAt === undefined) {
        this.#wrong('unacknowledged', `${id} to ${stream}: ${refusal ?? 'no ack'}`);
      } else if (offset === undefined) {
        this.#wrong('ackedNotStored', `${id} to ${stream}, ${shown(position)} at ${ackedAt}`);
      } else if (position?.offset !== offset) {
        this.#wrong('wrongPosition', `${id} to ${stream}: ${shown(position)}, is at ${offset}`);
      }
    }
  }

  #checkFollower(name: string, { end, history, start, states }: Follower): void {
    if (end === undefined) this.#wrong('incomplete', `${name} has no end`);
    for (let index = start; index < states.length; index += 1) {
      if (states[index] === isTold) this.#counts.toldLost += 1;
      if (states[index] !== unseen) continue;
      const { id = '', offset = 0 } = history.entries[index] ?? {};
      const { ackedAt, dueAt } = this.#publications.get(id) ?? {};
      const where = `${name}:${offset} ended at ${shown(end)}`;
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

  #delay(dueAt: number, delayMs: number): void {
    this.#delays.push(delayMs);
    for (const [index, { from, until }] of this.#input.windows.entries()) {
      if (dueAt < from - afterMs || dueAt > until + afterMs) continue;
      // A message is a victim of the fault when it was on its way while the fault was there.
      if (dueAt + delayMs < from) continue;
      this.#worstMs[index] = Math.max(this.#worstMs[index] ?? 0, delayMs);
    }
  }

  #wrong(count: keyof LossCounts, example: string): void {
    this.#counts[count] += 1;
    if (this.#examples.length < examplesMax) this.#examples.push(`${count}: ${example}`);
  }
}

function shown(place: Place | undefined): string {
  return place === undefined ? 'nowhere' : `${place.epoch}:${place.offset}:${place.tag}`;
}
