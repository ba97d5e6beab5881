/** Counts what every checker of the loss test counts, and collects what a person wants to read. */
import type { LossCounts, LossInput, LossVerdict } from './loss-checker.ts';
import type { LossPublication } from './publication.ts';
import type { LossEvent, Place } from './recording.ts';

/** What is due so long after a fault still shows what the fault has done. */
const afterMs = 3000;
/** Of each kind. */
const examplesMax = 10;

export class VerdictBuilder {
  readonly counts: LossCounts = {
    lost: 0,
    toldLost: 0,
    lostUnseen: 0,
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
  readonly #input: LossInput;
  readonly #publications: ReadonlyMap<string, LossPublication>;
  readonly #delays: number[] = [];
  readonly #worstMs: number[];
  readonly #closes = new Map<string, number>();
  readonly #examples: string[] = [];
  readonly #resumes = { recovered: 0, unrecovered: 0 };
  #holes = 0;
  #ignored = 0;
  #connects = 0;

  constructor(input: LossInput) {
    this.#input = input;
    this.#worstMs = input.windows.map(() => 0);
    this.#publications = new Map(input.publications.map((each) => [each.id, each]));
  }

  publication(id: string): LossPublication | undefined {
    return this.#publications.get(id);
  }

  /** Counts what needs no history. */
  take(event: LossEvent): void {
    switch (event.is) {
      case 'connection':
        return this.#connection(event);
      case 'message':
        return this.#delay(event);
      case 'told': {
        const { at, client, from, stream, to, why } = event;
        const way = `${shownPlace(from)} to ${shownPlace(to)}`;
        return this.wrong('told', `${at}: ${client} was told ${why} at ${stream}, ${way}`);
      }
      case 'hole':
        this.#holes += 1;
        return;
      case 'resumed':
        this.#resumes[event.recovered ? 'recovered' : 'unrecovered'] += 1;
        return;
      case 'end':
        this.#ignored += event.ignored;
        return;
      case 'start':
    }
  }

  /** Holds the acks to the histories. */
  checkAcks(): void {
    const offsets = new Map<string, number>();
    for (const { entries, stream } of this.#input.histories) {
      for (const { id, offset } of entries) {
        if (offsets.has(id)) this.wrong('storedTwice', `${id} is twice in ${stream}`);
        else offsets.set(id, offset);
      }
    }
    for (const { ackedAt, id, position, refusal, stream } of this.#input.publications) {
      const offset = offsets.get(id);
      if (ackedAt === undefined) {
        this.wrong('unacknowledged', `${id} to ${stream}: ${refusal ?? 'no ack'}`);
      } else if (offset === undefined) {
        this.wrong('ackedNotStored', `${id} to ${stream}, ${shownPlace(position)} at ${ackedAt}`);
      } else if (position?.offset !== offset) {
        this.wrong('wrongPosition', `${id} to ${stream}: ${shownPlace(position)}, is at ${offset}`);
      }
    }
  }

  /** So many followers have never begun. */
  miss(count: number): void {
    this.counts.incomplete += count;
  }

  wrong(count: keyof LossCounts, example: string): void {
    this.counts[count] += 1;
    if (this.counts[count] <= examplesMax) this.#examples.push(`${count}: ${example}`);
  }

  finish(followers: number): LossVerdict {
    return {
      counts: this.counts,
      deliveries: this.#delays.length,
      followers,
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

  #delay({ at, id }: Extract<LossEvent, { is: 'message' }>): void {
    const dueAt = this.#publications.get(id)?.dueAt;
    if (dueAt === undefined) return;
    const delayMs = at - dueAt;
    this.#delays.push(delayMs);
    for (const [index, { from, until }] of this.#input.windows.entries()) {
      if (dueAt < from - afterMs || dueAt > until + afterMs) continue;
      // A message is a victim of the fault when it was on its way while the fault was there.
      if (dueAt + delayMs < from) continue;
      this.#worstMs[index] = Math.max(this.#worstMs[index] ?? 0, delayMs);
    }
  }
}

/** A place as a person reads it. */
export function shownPlace(place: Place | undefined): string {
  return place === undefined ? 'nowhere' : `${place.epoch}:${place.offset}:${place.tag}`;
}
