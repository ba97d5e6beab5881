/** Which primary has which slots, as a node of a cluster tells it. */
import type { RedisAddress } from './redis-url.ts';

interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly primary: RedisAddress;
}

export class SlotMap {
  readonly #ranges: readonly SlotRange[];
  /** Primaries and replicas: whom one can ask for the next map. */
  readonly nodes: readonly RedisAddress[];

  constructor(ranges: readonly SlotRange[], nodes: readonly RedisAddress[]) {
    this.#ranges = ranges;
    this.nodes = nodes;
  }

  /** Undefined: nobody has the slot. */
  primaryOf(slot: number): RedisAddress | undefined {
    return this.#ranges.find(({ from, to }) => from <= slot && slot <= to)?.primary;
  }
}

/**
 * Reads the reply to CLUSTER SLOTS.
 * @param asked who answered: a node that does not know its own address means this one.
 */
export function readSlotMap(reply: unknown, asked: RedisAddress): SlotMap {
  const ranges: SlotRange[] = [];
  const nodes: RedisAddress[] = [];
  for (const row of arrayOf(reply)) {
    const [from, to, ...entries] = arrayOf(row);
    const addresses = entries.map((entry) => nodeOf(entry, asked));
    nodes.push(...addresses);
    const [primary] = addresses;
    if (primary !== undefined) ranges.push({ from: Number(from), to: Number(to), primary });
  }
  return new SlotMap(ranges, nodes);
}

export interface Redirection {
  readonly slot: number;
  readonly primary: RedisAddress;
}

/** The slot and its new primary from an error reply; undefined when the reply does not say. */
export function readMoved(message: string): Redirection | undefined {
  return redirectionOf(/^MOVED (\d+) (\S+):(\d+)$/.exec(message));
}

/** The slot and the primary that it is moving to, from an error reply; undefined for another. */
export function readAsk(message: string): Redirection | undefined {
  return redirectionOf(/^ASK (\d+) (\S+):(\d+)$/.exec(message));
}

function redirectionOf(match: RegExpExecArray | null): Redirection | undefined {
  const host = match?.[2];
  if (host === undefined) return undefined;
  return { slot: Number(match?.[1]), primary: { host, port: Number(match?.[3]) } };
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function nodeOf(entry: unknown, asked: RedisAddress): RedisAddress {
  const [host, port] = arrayOf(entry);
  const isKnown = typeof host === 'string' && host !== '' && host !== '?';
  return { host: isKnown ? host : asked.host, port: Number(port) };
}
