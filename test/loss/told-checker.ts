/**
 * Holds what clients have seen to the truth where the broker has lost acknowledged data: who has seen
 * what is gone must have been told, and behind the last notice nothing may miss. Of what a node has
 * told somebody live that it is gone, it must have told everybody; what no node noticed is counted
 * apart.
 */
import type { LossCounts, LossInput, LossVerdict } from './loss-checker.ts';
import type { LossPublication } from './publication.ts';
import type { LossEvent, Place } from './recording.ts';
import type { StreamHistory } from './stream-history.ts';
import { VerdictBuilder } from './verdict-builder.ts';

type MessageEvent = Extract<LossEvent, { is: 'message' }>;

/** What a client followed from one place on, until it was told of another. */
interface Stretch {
  readonly from: Place;
  readonly messages: MessageEvent[];
  /** When the client was told that something is missing behind it. */
  toldAt: number | undefined;
}

/** One client in one stream. */
interface Follower {
  readonly stream: string;
  readonly startedAt: number;
  readonly stretches: Stretch[];
}

export class ToldChecker {
  readonly #input: LossInput;
  readonly #builder: VerdictBuilder;
  readonly #followers = new Map<string, Follower>();
  /** Publications of which a node has noticed that they are gone. */
  readonly #noticed = new Set<string>();

  constructor(input: LossInput) {
    this.#input = input;
    this.#builder = new VerdictBuilder(input);
  }

  /** In the order in which they happened to their client. */
  take(event: LossEvent): void {
    this.#builder.take(event);
    if (event.is === 'start') {
      const { at, client, place, stream } = event;
      const stretches = [{ from: place, messages: [], toldAt: undefined }];
      this.#followers.set(`${client} ${stream}`, { stream, startedAt: at, stretches });
      return;
    }
    if (event.is !== 'message' && event.is !== 'told') return;
    const follower = this.#followers.get(`${event.client} ${event.stream}`);
    const stretch = follower?.stretches.at(-1);
    if (follower === undefined || stretch === undefined) return;
    if (event.is === 'message') {
      stretch.messages.push(event);
      return;
    }
    stretch.toldAt = event.at;
    if (event.why === 'diverged') this.#notice(stretch, event.to);
    const from = event.to ?? event.from;
    follower.stretches.push({ from, messages: [], toldAt: undefined });
  }

  /** @param expected clients times streams. */
  finish(expected: number): LossVerdict {
    const histories = new Map(this.#input.histories.map((each) => [each.stream, each]));
    const byStream = new Map<string, LossPublication[]>();
    for (const publication of this.#input.publications) {
      const list = byStream.get(publication.stream);
      if (list === undefined) byStream.set(publication.stream, [publication]);
      else list.push(publication);
    }
    this.#builder.checkAcks();
    for (const [name, follower] of this.#followers) {
      const { stream } = follower;
      const history = histories.get(stream);
      if (history !== undefined) this.#check(name, follower, history, byStream.get(stream) ?? []);
    }
    this.#builder.miss(Math.max(0, expected - this.#followers.size));
    return this.#builder.finish(this.#followers.size);
  }

  #check(
    name: string,
    { startedAt, stretches }: Follower,
    history: StreamHistory,
    publications: readonly LossPublication[],
  ): void {
    const got = new Set<string>();
    for (const { messages } of stretches) {
      const here = new Set<string>();
      for (const { id, offset } of messages) {
        if (here.has(id)) this.#wrong('duplicates', `${name} got ${id} at ${offset} again`);
        here.add(id);
        got.add(id);
      }
    }
    const due = this.#checkLast(name, stretches.at(-1), history);
    const lastToldAt = stretches.findLast(({ toldAt }) => toldAt !== undefined)?.toldAt ?? 0;
    for (const { ackedAt, id } of publications) {
      if (ackedAt === undefined || ackedAt < startedAt || got.has(id) || due.has(id)) continue;
      if (ackedAt <= lastToldAt) this.#builder.counts.toldLost += 1;
      else if (this.#noticed.has(id))
        this.#wrong('lost', `${id} was lost and ${name} was not told`);
      else this.#builder.counts.lostUnseen += 1;
    }
  }

  /** Behind the last notice all is as ever; returns the ids that were due there. */
  #checkLast(name: string, stretch: Stretch | undefined, history: StreamHistory): Set<string> {
    const due = new Set<string>();
    if (stretch === undefined) return due;
    const { from, messages } = stretch;
    if (from.epoch !== history.epoch) {
      this.#wrong('lost', `${name} follows epoch ${from.epoch}, the stream is of ${history.epoch}`);
      return due;
    }
    const entries = history.entries.filter(({ offset }) => offset > from.offset);
    for (const { id } of entries) due.add(id);
    const gotAt = new Map(messages.map(({ id }, index) => [id, index]));
    let last = -1;
    for (const { id, offset } of entries) {
      const index = gotAt.get(id);
      if (index === undefined) {
        this.#wrong('lost', `${id} at ${offset} is behind the last notice of ${name}`);
      } else if (index < last) {
        this.#wrong('outOfOrder', `${name} got ${id} at ${offset} too late`);
      }
      last = Math.max(last, index ?? -1);
    }
    for (const { id, offset } of messages) {
      if (!due.has(id)) this.#wrong('unknown', `${name} got ${id} at ${offset}, which is gone`);
    }
    return due;
  }

  /** A node has told a member, whose connection stays, that the broker lost what it had. */
  #notice({ from, messages }: Stretch, to: Place | undefined): void {
    // Another epoch shows to everybody by itself.
    if (to === undefined || to.epoch !== from.epoch) return;
    for (const { id, offset } of messages) if (offset > to.offset) this.#noticed.add(id);
  }

  #wrong(count: keyof LossCounts, example: string): void {
    this.#builder.wrong(count, example);
  }
}
