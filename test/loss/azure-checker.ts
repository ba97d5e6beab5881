/** Holds what clients of the Azure SDK have seen to what was acknowledged while they were members. */
import type { FaultWindow } from './faults.ts';

/** Sent once: nobody may see it twice. */
export interface AzurePublication {
  readonly id: string;
  readonly sender: string;
  /** Grows by one with each message of its sender. */
  readonly number: number;
  readonly group: string;
  readonly sentAt: number;
  /** undefined: nobody knows what became of it, and nobody need have got it. */
  ackedAt?: number;
  trouble?: string;
}

export interface AzureReceived {
  readonly id: string;
  readonly at: number;
}

/** The client gave a connection up, and came back by a new one. */
export interface AzureBreak {
  readonly at: number;
  /** With which the gateway closed. */
  readonly code: number;
  readonly reason: string;
  /** When it was a member of its groups again. */
  backAt?: number;
}

/** A client that was a member of its groups from before the first message to the end. */
export interface AzureFollowed {
  readonly name: string;
  readonly groups: readonly string[];
  readonly received: readonly AzureReceived[];
  readonly breaks: readonly AzureBreak[];
  readonly failedRejoins: number;
}

export interface AzureInput {
  readonly publications: readonly AzurePublication[];
  readonly followers: readonly AzureFollowed[];
  readonly windows: readonly FaultWindow[];
}

export interface AzureCounts {
  lost: number;
  duplicates: number;
  outOfOrder: number;
  /** Messages that nobody has sent to one of the client's groups. */
  unknown: number;
  /** New connections while no node was killed. */
  unexpectedBreaks: number;
  /** New connections after a kill without a close by 1008, or none. */
  uncleanBreaks: number;
  failedRejoins: number;
}

export interface AzureVerdict {
  readonly counts: AzureCounts;
  readonly deliveries: number;
  /** Deliveries that a break excuses. */
  readonly excused: number;
  readonly breaks: number;
  /** From the kill of a node until the last of its clients was in its groups again, in ms. */
  readonly backMsMax: number;
  /** Of all deliveries, sorted. */
  readonly delaysMs: Float64Array;
  /** By fault window. */
  readonly worstMs: readonly number[];
  readonly examples: readonly string[];
}

/** The fault by which a connection may be lost for good. */
export const fatalFault = 'kill-node';
const policyViolation = 1008;
/** So long before a kill an acknowledged message may still wait in the node. */
const beforeMs = 2000;
/** So long after it a client may still find out. */
const noticedMsMax = 30_000;
/** What is due so long after a fault still shows what the fault has done. */
const afterMs = 3000;
/** Of each kind. */
const examplesMax = 10;

interface Excuse {
  readonly from: number;
  readonly until: number;
}

/** Judges a run; also half-way, where `lost` is what has not come yet. */
export function azureVerdictOf(input: AzureInput): AzureVerdict {
  return new AzureChecker(input).run();
}

class AzureChecker {
  readonly #input: AzureInput;
  readonly #byId: ReadonlyMap<string, AzurePublication>;
  readonly #byGroup = new Map<string, AzurePublication[]>();
  readonly #delays: number[] = [];
  readonly #worstMs: number[];
  readonly #examples: string[] = [];
  readonly #counts: AzureCounts = {
    lost: 0,
    duplicates: 0,
    outOfOrder: 0,
    unknown: 0,
    unexpectedBreaks: 0,
    uncleanBreaks: 0,
    failedRejoins: 0,
  };
  #excused = 0;
  #breaks = 0;
  #backMsMax = 0;

  constructor(input: AzureInput) {
    this.#input = input;
    this.#byId = new Map(input.publications.map((each) => [each.id, each]));
    for (const publication of input.publications) {
      const known = this.#byGroup.get(publication.group);
      if (known === undefined) this.#byGroup.set(publication.group, [publication]);
      else known.push(publication);
    }
    this.#worstMs = input.windows.map(() => 0);
  }

  run(): AzureVerdict {
    for (const follower of this.#input.followers) {
      const seen = this.#checkReceived(follower);
      this.#checkMissing(follower, seen, this.#excusesOf(follower));
      if (follower.failedRejoins === 0) continue;
      this.#counts.failedRejoins += follower.failedRejoins - 1;
      this.#wrong('failedRejoins', follower.name);
    }
    return {
      counts: this.#counts,
      deliveries: this.#delays.length,
      excused: this.#excused,
      breaks: this.#breaks,
      backMsMax: this.#backMsMax,
      delaysMs: Float64Array.from(this.#delays).sort(),
      worstMs: this.#worstMs,
      examples: this.#examples,
    };
  }

  #checkReceived({ groups, name, received }: AzureFollowed): ReadonlySet<string> {
    const seen = new Set<string>();
    const newest = new Map<string, number>();
    for (const { at, id } of received) {
      const publication = this.#byId.get(id);
      if (publication === undefined || !groups.includes(publication.group)) {
        this.#wrong('unknown', `${name} got ${id} at ${at}`);
        continue;
      }
      if (seen.has(id)) {
        this.#wrong('duplicates', `${name} got ${id} again at ${at}`);
        continue;
      }
      seen.add(id);
      this.#delay(publication, at);
      // What nobody acknowledged has no place in the order.
      if (publication.ackedAt === undefined) continue;
      const { group, number, sender } = publication;
      const order = `${sender} ${group}`;
      const last = newest.get(order) ?? -1;
      if (number < last) {
        this.#wrong('outOfOrder', `${name} got ${id} of ${group} after ${last} at ${at}`);
      }
      newest.set(order, Math.max(last, number));
    }
    return seen;
  }

  #checkMissing(
    { groups, name }: AzureFollowed,
    seen: ReadonlySet<string>,
    excuses: readonly Excuse[],
  ): void {
    for (const publication of groups.flatMap((group) => this.#byGroup.get(group) ?? [])) {
      const { ackedAt, group, id, sentAt } = publication;
      if (ackedAt === undefined || seen.has(id)) continue;
      if (excuses.some(({ from, until }) => sentAt <= until && ackedAt >= from)) {
        this.#excused += 1;
      } else {
        this.#wrong('lost', `${id} of ${group}, sent ${sentAt}, acked ${ackedAt}, for ${name}`);
      }
    }
  }

  /** The times in which a client need not have got everything, because its node was killed. */
  #excusesOf({ breaks, name }: AzureFollowed): readonly Excuse[] {
    return breaks.flatMap(({ at, backAt, code, reason }) => {
      this.#breaks += 1;
      const shown = `${name} at ${at}: ${code} ${reason}, back at ${backAt ?? 'no time'}`;
      const kill = this.#input.windows.findLast(
        (window) => window.name === fatalFault && window.from <= at,
      );
      if (kill === undefined || at > kill.until + noticedMsMax) {
        this.#wrong('unexpectedBreaks', shown);
        return [];
      }
      if (code !== policyViolation || backAt === undefined) this.#wrong('uncleanBreaks', shown);
      const until = backAt ?? Infinity;
      if (backAt !== undefined) this.#backMsMax = Math.max(this.#backMsMax, backAt - kill.from);
      return [{ from: kill.from - beforeMs, until }];
    });
  }

  #delay({ sentAt }: AzurePublication, at: number): void {
    this.#delays.push(at - sentAt);
    for (const [index, { from, until }] of this.#input.windows.entries()) {
      if (at < from || sentAt > until + afterMs) continue;
      this.#worstMs[index] = Math.max(this.#worstMs[index] ?? 0, at - sentAt);
    }
  }

  #wrong(count: keyof AzureCounts, example: string): void {
    this.#counts[count] += 1;
    if (this.#counts[count] <= examplesMax) this.#examples.push(`${count}: ${example}`);
  }
}
