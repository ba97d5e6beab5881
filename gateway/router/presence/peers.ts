/**
 * The other nodes as this one watches them: makes sure that each knows what is watched here, and
 * asks again for what got lost.
 */
import type { PresenceMessage } from './messages.ts';
import type { PresenceCounters } from './presence-counters.ts';
import { isSameSum, PairSum, type KeyHash, type SumText } from './sums.ts';

/** A destination that is watched here, and the version of it that is known of one node. */
export interface WatchedPart {
  readonly key: string;
  readonly hash: KeyHash;
  readonly ver: number;
}

export interface PeersOptions {
  readonly send: (nodeId: string, message: PresenceMessage) => void;
  /** What is watched here, with the version that is known of a node. */
  readonly watched: (nodeId: string) => Iterable<WatchedPart>;
  /** Bytes that one message may have. */
  readonly bytesMax: number;
  readonly nowMs: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly counters: Pick<PresenceCounters, 'mismatches'>;
}

interface Peer {
  readonly nodeId: string;
  readonly versions: PairSum;
  /** True: its digest has shown that it knows what is watched here. */
  isConfirmed: boolean;
  sentAtMs: number;
  renewAtMs: number;
  /** Keys of which everything is asked for at the end of the turn. */
  readonly wanted: Set<string>;
  /** Keys that are not watched any more, told at the end of the turn. */
  readonly unwatched: Set<string>;
}

/** How often a node is asked whether both still mean the same, in ms, give or take a quarter. */
const renewMs = 4000;
const jitterShare = 0.25;
/** After so many ms without an answer it is told again. */
const answerMs = 500;
/** Of an element of a list beside its key. */
const elementBytes = 16;

export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #watched = new PairSum();
  #count = 0;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  get nodeIds(): Iterable<string> {
    return this.#peers.keys();
  }

  has(nodeId: string): boolean {
    return this.#peers.has(nodeId);
  }

  /** A node that this one has not known. */
  add(nodeId: string): void {
    const peer: Peer = {
      nodeId,
      versions: new PairSum(),
      isConfirmed: this.#count === 0,
      sentAtMs: 0,
      renewAtMs: this.#nextRenewal(),
      wanted: new Set(),
      unwatched: new Set(),
    };
    for (const { hash, ver } of this.#options.watched(nodeId)) peer.versions.add(hash, ver);
    this.#peers.set(nodeId, peer);
    if (this.#count > 0) this.#sendWhole(peer);
  }

  drop(nodeId: string): void {
    this.#peers.delete(nodeId);
  }

  /** Something more is watched here. All nodes are told at the end of the turn. */
  watch(key: string, hash: KeyHash): void {
    this.#watched.add(hash, 0);
    this.#count += 1;
    for (const peer of this.#peers.values()) {
      peer.versions.add(hash, 0);
      peer.isConfirmed = false;
      // A digest that is on its way now does not know of it.
      peer.sentAtMs = this.#options.nowMs();
      peer.unwatched.delete(key);
      peer.wanted.add(key);
    }
  }

  unwatch(key: string, hash: KeyHash, verOf: (nodeId: string) => number): void {
    this.#watched.remove(hash, 0);
    this.#count -= 1;
    for (const peer of this.#peers.values()) {
      peer.versions.remove(hash, verOf(peer.nodeId));
      peer.sentAtMs = this.#options.nowMs();
      peer.wanted.delete(key);
      peer.unwatched.add(key);
    }
  }

  /** What is known of a node's members has another version. */
  moved(nodeId: string, hash: KeyHash, from: number, to: number): void {
    const versions = this.#peers.get(nodeId)?.versions;
    versions?.remove(hash, from);
    versions?.add(hash, to);
  }

  /** Everything of this is asked for at the end of the turn. */
  want(nodeId: string, key: string): void {
    this.#peers.get(nodeId)?.wanted.add(key);
  }

  /** Sends what has come together in this turn. */
  flush(): void {
    for (const peer of this.#peers.values()) {
      const { nodeId, unwatched, wanted } = peer;
      for (const keys of partsOf([...unwatched], (key) => key, this.#options.bytesMax)) {
        if (keys.length > 0) this.#options.send(nodeId, { kind: 'unwatch', keys });
      }
      unwatched.clear();
      if (wanted.size === 0) continue;
      const pairs = Array.from(wanted, (key): [string, number] => [key, 0]);
      wanted.clear();
      this.#sendPairs(peer, pairs, false);
    }
  }

  /** A node has said what it believes is watched here, and with which versions. */
  onDigest(nodeId: string, digest: { watched: SumText; versions: SumText }): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return;
    const knows = isSameSum(digest.watched, this.#watched.text());
    peer.isConfirmed = knows && isSameSum(digest.versions, peer.versions.text());
    if (peer.isConfirmed || this.#isWaiting(peer)) return;
    this.#options.counters.mismatches += 1;
    this.#sendWhole(peer);
  }

  /** The node may have lost something, or this one: look at once. */
  doubt(nodeId: string): void {
    const peer = this.#peers.get(nodeId);
    if (peer !== undefined && this.#count > 0) this.#sendWhole(peer);
  }

  /** Asks and tells again where it is time. Call it several times a second. */
  round(): void {
    if (this.#count === 0) return;
    const now = this.#options.nowMs();
    for (const peer of this.#peers.values()) {
      if (!peer.isConfirmed) {
        if (!this.#isWaiting(peer)) this.#sendWhole(peer);
      } else if (now >= peer.renewAtMs) {
        peer.renewAtMs = this.#nextRenewal();
        // Without an answer it counts as one that does not know.
        peer.isConfirmed = false;
        peer.sentAtMs = now;
        this.#options.send(peer.nodeId, { kind: 'renew', watched: tuple(this.#watched.text()) });
      }
    }
  }

  #isWaiting(peer: Peer): boolean {
    return this.#options.nowMs() - peer.sentAtMs < answerMs;
  }

  #sendWhole(peer: Peer): void {
    peer.wanted.clear();
    const watched = this.#options.watched(peer.nodeId);
    const pairs = Array.from(watched, ({ key, ver }): [string, number] => [key, ver]);
    this.#sendPairs(peer, pairs, true);
  }

  #sendPairs(peer: Peer, all: readonly [string, number][], isWhole: boolean): void {
    const { bytesMax, nowMs, send } = this.#options;
    peer.sentAtMs = nowMs();
    const parts = partsOf(all, ([key]) => key, bytesMax);
    parts.forEach((pairs, part) => {
      const isLast = part === parts.length - 1;
      send(peer.nodeId, { kind: 'watch', pairs, isWhole, part, isLast });
    });
  }

  #nextRenewal(): number {
    const { nowMs, random } = this.#options;
    return nowMs() + renewMs * (1 - jitterShare + 2 * jitterShare * random());
  }
}

/** As many lists as it takes for each to fit into a message; one at least. */
function partsOf<T>(all: readonly T[], keyOf: (one: T) => string, bytesMax: number): T[][] {
  let part: T[] = [];
  const parts = [part];
  let bytes = 0;
  for (const one of all) {
    const more = elementBytes + 3 * keyOf(one).length;
    if (bytes + more > bytesMax) {
      part = [];
      parts.push(part);
      bytes = 0;
    }
    bytes += more;
    part.push(one);
  }
  return parts;
}

function tuple([high, low]: SumText): [number, number] {
  return [high, low];
}
