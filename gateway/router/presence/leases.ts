/**
 * What other nodes, and this one, watch of this node's members: keeps their rolls, and tells each
 * node what changed in those that it asked for, once per turn of the event loop.
 */
import type { Clock } from '../../clock.ts';
import type { HubTable } from '../hub-table.ts';
import { memberBytes, fromRecord } from './member-record.ts';
import type { PresenceItem, PresenceMessage, WatchMessage } from './messages.ts';
import { Roll, type RollOptions } from './roll.ts';
import { isSameSum, PairSum, type SumText } from './sums.ts';

export interface LeasesOptions {
  readonly nodeId: string;
  readonly clock: Pick<Clock, 'afterTurn' | 'monotonicMs'>;
  readonly hubs: HubTable;
  readonly bounds: Pick<RollOptions, 'membersMax' | 'bytesMax' | 'itemBytesMax' | 'graceMs'>;
  readonly send: (nodeId: string, message: PresenceMessage) => void;
}

interface Lease {
  readonly nodeId: string;
  readonly rolls: Map<string, Roll>;
  readonly watched: PairSum;
  readonly versions: PairSum;
  /** What is sent at the end of the turn. */
  outgoing: PresenceItem[];
  /** Keys of a whole list of which not all parts have come. */
  listing: Set<string> | undefined;
  /** How many digests are to be sent in the next rounds. */
  digestsDue: number;
  heardAtMs: number;
}

/** A change that is lost, and a digest after it, are found out by the one that follows. */
const digestsAfterChange = 3;
/** Silence in ms after which a node watches nothing any more; it renews much more often. */
const leaseMs = 60_000;
/** Mere numbers are told at most this often, in ms. */
const countPauseMs = 1000;
/** Bytes of an item beside its members. */
const itemOverheadBytes = 64;

export class Leases {
  readonly #options: LeasesOptions;
  readonly #leases = new Map<string, Lease>();
  readonly #changed = new Set<Roll>();
  #lastVer = 0;
  #isFlushDue = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Destinations of this node that somebody watches. */
  get rollCount(): number {
    return this.#options.hubs.rolls.size;
  }

  /** Nodes that watch some. */
  get size(): number {
    return this.#leases.size;
  }

  /** A node watches these. It is told at the end of the turn what it does not know. */
  watch(nodeId: string, message: Omit<WatchMessage, 'kind'>): void {
    const lease = this.#lease(nodeId);
    const { isLast, isWhole, pairs, part } = message;
    if (isWhole && part === 0) lease.listing = new Set();
    for (const [key, ver] of pairs) {
      lease.listing?.add(key);
      const roll = this.#open(lease, key);
      if (ver === 0 || ver !== roll.ver) this.#tellAll(lease, roll);
    }
    if (isWhole && isLast) this.#keepOnly(lease);
    lease.digestsDue = digestsAfterChange;
    this.#scheduleFlush();
  }

  unwatch(nodeId: string, keys: readonly string[]): void {
    const lease = this.#leases.get(nodeId);
    if (lease === undefined) return;
    for (const key of keys) this.#close(lease, key);
    this.#forgetIfEmpty(lease);
  }

  /** A node goes on watching. What it believes to watch shows whether this node believes the same. */
  renew(nodeId: string, watched: SumText): void {
    const lease = this.#lease(nodeId);
    this.#digest(lease);
    if (isSameSum(watched, lease.watched.text())) lease.digestsDue = 0;
    this.#forgetIfEmpty(lease);
  }

  /** The node is gone. */
  drop(nodeId: string): void {
    const lease = this.#leases.get(nodeId);
    if (lease === undefined) return;
    for (const key of [...lease.rolls.keys()]) this.#close(lease, key);
    this.#leases.delete(nodeId);
  }

  /** Sends the digests that are due. Call it about once a second. */
  round(): void {
    const before = this.#options.clock.monotonicMs() - leaseMs;
    for (const lease of [...this.#leases.values()]) {
      // What is watched here needs no renewal, and nothing gets lost on its way.
      if (lease.nodeId === this.#options.nodeId) continue;
      if (lease.heardAtMs < before) this.drop(lease.nodeId);
      else if (lease.digestsDue > 0) {
        lease.digestsDue -= 1;
        this.#digest(lease);
      }
    }
  }

  /** The time of who was waited for may be over, or that of a number has come. */
  sweep(): void {
    if (this.#changed.size > 0) this.flush();
    for (const roll of this.#options.hubs.rolls.values()) if (roll.isLingering) roll.sweep();
  }

  /** Tells what changed now instead of at the end of the turn. */
  flush(): void {
    this.#isFlushDue = false;
    const before = this.#options.clock.monotonicMs() - countPauseMs;
    for (const roll of [...this.#changed]) {
      if (roll.isCounting && roll.toldAtMs > before) continue;
      this.#changed.delete(roll);
      this.#flushRoll(roll);
    }
    for (const lease of this.#leases.values()) this.#sendOutgoing(lease);
  }

  #flushRoll(roll: Roll): void {
    const before = roll.ver;
    const items = roll.flush(() => this.#nextVer());
    if (items === undefined) return;
    for (const nodeId of roll.watchers) {
      const lease = this.#leases.get(nodeId);
      if (lease === undefined) continue;
      lease.versions.remove(roll.hash, before);
      lease.versions.add(roll.hash, roll.ver);
      lease.outgoing.push(...items);
      lease.digestsDue = digestsAfterChange;
    }
  }

  #sendOutgoing(lease: Lease): void {
    const { outgoing } = lease;
    lease.outgoing = [];
    let items: PresenceItem[] = [];
    let bytes = 0;
    const send = (): void => {
      if (items.length > 0) this.#options.send(lease.nodeId, { kind: 'items', items });
      items = [];
      bytes = 0;
    };
    for (const item of outgoing) {
      const more = itemBytes(item);
      if (bytes + more > this.#options.bounds.itemBytesMax) send();
      items.push(item);
      bytes += more;
    }
    send();
  }

  #tellAll(lease: Lease, roll: Roll): void {
    // Its changes of this turn go first, so that all that it tells is of one version.
    if (this.#changed.delete(roll)) this.#flushRoll(roll);
    lease.outgoing.push(...roll.all());
  }

  #digest(lease: Lease): void {
    this.#sendOutgoing(lease);
    const { nodeId, versions, watched } = lease;
    const message = {
      kind: 'digest',
      watched: [...watched.text()],
      versions: [...versions.text()],
    };
    // Tuples, which spreading forgets.
    this.#options.send(nodeId, message as PresenceMessage);
  }

  #open(lease: Lease, key: string): Roll {
    const known = lease.rolls.get(key);
    if (known !== undefined) return known;
    const roll = this.#options.hubs.rolls.get(key) ?? this.#begin(key);
    roll.watchers.add(lease.nodeId);
    lease.rolls.set(key, roll);
    lease.watched.add(roll.hash, 0);
    lease.versions.add(roll.hash, roll.ver);
    return roll;
  }

  #begin(key: string): Roll {
    const { bounds, clock, hubs } = this.#options;
    const roll = new Roll({
      ...bounds,
      key,
      target: () => hubs.byKey(key),
      nowMs: () => clock.monotonicMs(),
      onChanged: (changed) => {
        this.#changed.add(changed);
        this.#scheduleFlush();
      },
    });
    roll.begin(() => this.#nextVer());
    hubs.addRoll(roll);
    return roll;
  }

  #close(lease: Lease, key: string): void {
    const roll = lease.rolls.get(key);
    if (roll === undefined) return;
    lease.rolls.delete(key);
    lease.watched.remove(roll.hash, 0);
    lease.versions.remove(roll.hash, roll.ver);
    roll.watchers.delete(lease.nodeId);
    if (roll.watchers.size > 0) return;
    this.#changed.delete(roll);
    this.#options.hubs.removeRoll(roll);
  }

  #keepOnly(lease: Lease): void {
    const { listing } = lease;
    lease.listing = undefined;
    if (listing === undefined) return;
    for (const key of [...lease.rolls.keys()]) if (!listing.has(key)) this.#close(lease, key);
  }

  #lease(nodeId: string): Lease {
    const heardAtMs = this.#options.clock.monotonicMs();
    const known = this.#leases.get(nodeId);
    if (known !== undefined) {
      known.heardAtMs = heardAtMs;
      return known;
    }
    const lease: Lease = {
      nodeId,
      rolls: new Map(),
      watched: new PairSum(),
      versions: new PairSum(),
      outgoing: [],
      listing: undefined,
      digestsDue: 0,
      heardAtMs,
    };
    this.#leases.set(nodeId, lease);
    return lease;
  }

  #forgetIfEmpty(lease: Lease): void {
    if (lease.rolls.size === 0) this.#leases.delete(lease.nodeId);
  }

  #nextVer(): number {
    this.#lastVer += 1;
    return this.#lastVer;
  }

  #scheduleFlush(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#options.clock.afterTurn(() => {
      if (this.#isFlushDue) this.flush();
    });
  }
}

function itemBytes(item: PresenceItem): number {
  let bytes = itemOverheadBytes + 3 * item.key.length;
  if (item.kind === 'all') for (const record of item.members) bytes += recordBytes(record);
  if (item.kind !== 'change') return bytes;
  for (const record of item.set) bytes += recordBytes(record);
  for (const connectionId of item.left) bytes += connectionId.length;
  return bytes;
}

function recordBytes(record: Parameters<typeof fromRecord>[0]): number {
  return memberBytes(fromRecord(record));
}
