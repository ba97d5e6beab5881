/**
 * The members of one destination on this node, as somebody watches them. This node alone says who
 * they are. It is there while a node watches; a destination that nobody watches has none.
 */
import type { PresenceMember } from '../../protocol/presence-model.ts';
import type { LeaveKind } from '../../protocol/presence-model.ts';
import type { Membership, Target, TargetRoll } from '../target.ts';
import { memberBytes, memberOf, toRecord } from './member-record.ts';
import type { AllItem, PresenceItem } from './messages.ts';
import { keyHash, type KeyHash } from './sums.ts';

export interface RollOptions {
  readonly key: string;
  readonly target: () => Target | undefined;
  /** Members of which it is told who they are. */
  readonly membersMax: number;
  /** Bytes that those may have together, and one item of a message. */
  readonly bytesMax: number;
  readonly itemBytesMax: number;
  /** How long a lost member counts as there, in ms. */
  readonly graceMs: number;
  readonly nowMs: () => number;
  /** Something changed; `flush` is due at the end of the turn. */
  readonly onChanged: (roll: Roll) => void;
}

interface Lingering {
  readonly member: PresenceMember;
  readonly untilMs: number;
}

/** Counting ends when so much room is left, so that it does not begin and end all the time. */
const roomShare = 0.9;

export class Roll implements TargetRoll {
  readonly key: string;
  readonly hash: KeyHash;
  /** Nodes that watch it. */
  readonly watchers = new Set<string>();
  /** 0: nothing was told yet. */
  ver = 0;
  /** When it was told last, monotonic ms. */
  toldAtMs = Number.NEGATIVE_INFINITY;
  readonly #options: RollOptions;
  /** What changed since the last flush; undefined: it left. */
  #changed = new Map<string, Membership | undefined>();
  readonly #lingering = new Map<string, Lingering>();
  #isCounting = false;

  constructor(options: RollOptions) {
    this.key = options.key;
    this.hash = keyHash(options.key);
    this.#options = options;
  }

  /** Members of this node, those included that are waited for. */
  get total(): number {
    return (this.#options.target()?.members.length ?? 0) + this.#lingering.size;
  }

  /** True: there are too many to tell who. */
  get isCounting(): boolean {
    return this.#isCounting;
  }

  get isLingering(): boolean {
    return this.#lingering.size > 0;
  }

  set(membership: Membership): void {
    const { connectionId, userId } = membership.subscriber;
    this.#lingering.delete(connectionId);
    this.#change(connectionId, membership);
    if (userId === undefined) return;
    // It came back as another connection: both are told at once.
    for (const [lostId, { member }] of this.#lingering) {
      if (member.userId === userId) this.#end(lostId);
    }
  }

  remove(membership: Membership, how: LeaveKind): void {
    const { graceMs, membersMax, nowMs } = this.#options;
    const member = memberOf(membership);
    const { connectionId } = member;
    const mayComeBack = how === 'moved' || (how === 'lost' && member.userId !== undefined);
    const isWaitedFor = mayComeBack && graceMs > 0 && this.#lingering.size < membersMax;
    if (isWaitedFor) this.#lingering.set(connectionId, { member, untilMs: nowMs() + graceMs });
    // Who is waited for is told already, or its copy is with this flush.
    if (!isWaitedFor || this.#changed.has(connectionId)) this.#change(connectionId, undefined);
  }

  /** Ends what was waited for long enough. */
  sweep(): void {
    const now = this.#options.nowMs();
    for (const [connectionId, { untilMs }] of this.#lingering) {
      if (untilMs <= now) this.#end(connectionId);
    }
  }

  /** What to tell to nodes that know the version before; undefined: nothing changed. */
  flush(nextVer: () => number): readonly PresenceItem[] | undefined {
    if (this.#changed.size === 0) return undefined;
    const changed = this.#changed;
    this.#changed = new Map();
    const wasCounting = this.#isCounting;
    const prev = this.ver;
    this.ver = nextVer();
    this.toldAtMs = this.#options.nowMs();
    this.#count();
    if (this.#isCounting || wasCounting) return this.all();
    const set: PresenceMember[] = [];
    const left: string[] = [];
    let bytes = 0;
    for (const [connectionId, membership] of changed) {
      const member = membership && memberOf(membership);
      const lingering = this.#lingering.get(connectionId)?.member;
      const there = member ?? lingering;
      if (there === undefined) left.push(connectionId);
      else set.push(there);
      bytes += there === undefined ? connectionId.length : memberBytes(there);
    }
    if (bytes > this.#options.itemBytesMax) return this.all();
    const { key, total, ver } = this;
    return [{ kind: 'change', key, prev, ver, total, set: set.map(toRecord), left }];
  }

  /** Everything, as of the last flush. The caller has flushed. */
  all(): readonly PresenceItem[] {
    const { key, total, ver } = this;
    if (this.#isCounting) return [{ kind: 'count', key, ver, total }];
    const items: AllItem[] = [];
    let members: AllItem['members'] = [];
    let bytes = 0;
    const push = (isLast: boolean): void => {
      items.push({ kind: 'all', key, ver, total, members, part: items.length, isLast });
      members = [];
      bytes = 0;
    };
    for (const member of this.members()) {
      const more = memberBytes(member);
      if (members.length > 0 && bytes + more > this.#options.itemBytesMax) push(false);
      members.push(toRecord(member));
      bytes += more;
    }
    push(true);
    return items;
  }

  /** The first flush: from here on changes are told. */
  begin(nextVer: () => number): void {
    this.ver = nextVer();
    this.#count();
  }

  /** Those included that are waited for. */
  *members(): Iterable<PresenceMember> {
    for (const membership of this.#options.target()?.members ?? []) yield memberOf(membership);
    for (const { member } of this.#lingering.values()) yield member;
  }

  /** Decides whether there are too many to tell who. */
  #count(): void {
    const { bytesMax, membersMax } = this.#options;
    const share = this.#isCounting ? roomShare : 1;
    if (this.total > membersMax * share) {
      this.#isCounting = true;
      return;
    }
    let bytes = 0;
    for (const member of this.members()) bytes += memberBytes(member);
    this.#isCounting = bytes > bytesMax * share;
  }

  #end(connectionId: string): void {
    this.#lingering.delete(connectionId);
    this.#change(connectionId, undefined);
  }

  #change(connectionId: string, membership: Membership | undefined): void {
    this.#changed.set(connectionId, membership);
    if (this.#changed.size === 1) this.#options.onChanged(this);
  }
}
