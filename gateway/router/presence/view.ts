/**
 * Who is at one destination over all nodes, put together from what each node says, and what of that
 * was not told to watchers yet. The same connection may be in two parts while it changes its node.
 */
import type {
  PresenceDestination,
  PresenceMember,
  PresenceNotice,
} from '../../protocol/presence-model.ts';
import { isSameMember, memberBytes } from './member-record.ts';
import type { PresenceItem } from './messages.ts';
import { keyHash, type KeyHash } from './sums.ts';
import { ViewPart, type ItemOutcome } from './view-part.ts';

export interface ViewOptions {
  readonly key: string;
  readonly to: PresenceDestination;
  /** Members of which it is told who they are, and bytes that those may have together. */
  readonly membersMax: number;
  readonly bytesMax: number;
}

/** Counting ends when so much room is left, so that it does not begin and end all the time. */
const roomShare = 0.9;

export class View {
  readonly key: string;
  readonly to: PresenceDestination;
  readonly hash: KeyHash;
  readonly parts = new Map<string, ViewPart>();
  readonly #options: ViewOptions;
  readonly #members = new Map<string, PresenceMember>();
  /** Connections by user. */
  readonly #users = new Map<string, number>();
  /** Members as they were told last, of those that changed since; undefined: they were not there. */
  #before = new Map<string, PresenceMember | undefined>();
  #bytes = 0;
  /** undefined: members are told; else as many must be left at most for that to begin again. */
  #countsDownTo: number | undefined;
  #toldCount: number | undefined;
  #isNew = true;

  constructor(options: ViewOptions) {
    this.key = options.key;
    this.to = options.to;
    this.hash = keyHash(options.key);
    this.#options = options;
  }

  /** True: there are too many to tell who. */
  get isCounting(): boolean {
    return this.#countsDownTo !== undefined;
  }

  /** Members as they show. */
  get members(): ReadonlyMap<string, PresenceMember> {
    return this.#members;
  }

  get connections(): number {
    return this.isCounting ? this.#shown() : this.#members.size;
  }

  /** True: something is to be told. */
  get isChanged(): boolean {
    if (this.isCounting) return this.#toldCount !== this.#shown();
    return this.#isNew || this.#before.size > 0;
  }

  part(nodeId: string): ViewPart {
    const known = this.parts.get(nodeId);
    if (known !== undefined) return known;
    const part = new ViewPart(nodeId);
    this.parts.set(nodeId, part);
    return part;
  }

  /** Takes what a node says of its members. */
  take(nodeId: string, item: PresenceItem): ItemOutcome {
    const part = this.part(nodeId);
    const before = part.members;
    const outcome = part.take(item);
    if (outcome !== 'applied') return outcome;
    if (item.kind === 'change') {
      for (const connectionId of item.left) this.#update(connectionId);
      for (const [connectionId] of item.set) this.#update(connectionId);
    } else {
      for (const connectionId of before?.keys() ?? []) this.#update(connectionId);
      for (const connectionId of part.members?.keys() ?? []) this.#update(connectionId);
    }
    this.#decide();
    return outcome;
  }

  /** The node is silent: its members do not show until it is heard again. */
  hide(nodeId: string, isHidden: boolean): void {
    const part = this.parts.get(nodeId);
    if (part === undefined || part.isHidden === isHidden) return;
    part.isHidden = isHidden;
    for (const connectionId of part.members?.keys() ?? []) this.#update(connectionId);
    this.#decide();
  }

  /** The node is gone, and its members with it. */
  drop(nodeId: string): void {
    this.hide(nodeId, true);
    this.parts.delete(nodeId);
  }

  /** Nodes of which the members are not known although they are to be told. */
  unlisted(): readonly string[] {
    if (this.isCounting && !this.#mayList()) return [];
    return [...this.parts.values()]
      .filter(
        ({ isCounted, isHidden, members }) => !isHidden && !isCounted && members === undefined,
      )
      .map(({ nodeId }) => nodeId);
  }

  /** What to tell who knows what was told before; undefined: nothing. */
  notice(atMs: number): PresenceNotice | undefined {
    if (!this.isChanged) return undefined;
    const wasNew = this.#isNew;
    this.#isNew = false;
    if (this.isCounting || wasNew) return this.snapshot();
    const set: PresenceMember[] = [];
    const left: PresenceMember[] = [];
    for (const [connectionId, before] of this.#before) {
      const now = this.#members.get(connectionId);
      if (now === undefined) {
        if (before !== undefined) left.push(before);
      } else if (before === undefined || !isSameMember(before, now)) set.push(now);
    }
    this.#before = new Map();
    if (set.length === 0 && left.length === 0) return undefined;
    const counts = { connections: this.#members.size, users: this.#users.size };
    return { kind: 'presence', to: this.to, change: 'changes', set, left, atMs, ...counts };
  }

  /** What to tell who knows nothing. The caller has taken the notice before it. */
  snapshot(): PresenceNotice {
    const { connections, to } = this;
    if (this.isCounting) {
      this.#toldCount = connections;
      return { kind: 'presence', to, change: 'counts', connections };
    }
    this.#before = new Map();
    const members = [...this.#members.values()];
    return {
      kind: 'presence',
      to,
      change: 'snapshot',
      members,
      connections,
      users: this.#users.size,
    };
  }

  #shown(): number {
    let shown = 0;
    for (const part of this.parts.values()) shown += part.shown;
    return shown;
  }

  #mayList(): boolean {
    const countsDownTo = this.#countsDownTo ?? this.#options.membersMax;
    if (this.#shown() > countsDownTo) return false;
    return ![...this.parts.values()].some(({ isCounted, isHidden }) => isCounted && !isHidden);
  }

  /** Begins or ends to tell only how many there are. */
  #decide(): void {
    if (!this.isCounting) {
      if (!this.#mayList() || this.#bytes > this.#options.bytesMax) this.#beginToCount();
    } else if (this.#mayList() && this.unlisted().length === 0) {
      this.#countsDownTo = undefined;
      this.#isNew = true;
      for (const { members } of this.parts.values()) {
        for (const connectionId of members?.keys() ?? []) this.#update(connectionId);
      }
      if (this.#bytes > this.#options.bytesMax) this.#beginToCount();
    }
  }

  #beginToCount(): void {
    const most = Math.min(this.#shown(), this.#options.membersMax);
    this.#countsDownTo = Math.floor(most * roomShare);
    this.#toldCount = undefined;
    this.#members.clear();
    this.#users.clear();
    this.#before.clear();
    this.#bytes = 0;
    for (const part of this.parts.values()) part.members = undefined;
  }

  /** A connection as the parts have it now. */
  #update(connectionId: string): void {
    if (this.isCounting) return;
    const now = this.#newest(connectionId);
    const before = this.#members.get(connectionId);
    if (now === before) return;
    if (!this.#before.has(connectionId)) this.#before.set(connectionId, before);
    if (before !== undefined) this.#count(before, -1);
    if (now === undefined) {
      this.#members.delete(connectionId);
    } else {
      this.#members.set(connectionId, now);
      this.#count(now, 1);
    }
  }

  #count(member: PresenceMember, by: 1 | -1): void {
    this.#bytes += by * memberBytes(member);
    const { userId } = member;
    if (userId === undefined) return;
    const count = (this.#users.get(userId) ?? 0) + by;
    if (count === 0) this.#users.delete(userId);
    else this.#users.set(userId, count);
  }

  /** Of several parts the one whose member changed last, so that all nodes agree on it. */
  #newest(connectionId: string): PresenceMember | undefined {
    let newest: PresenceMember | undefined;
    for (const { isHidden, members } of this.parts.values()) {
      const member = isHidden ? undefined : members?.get(connectionId);
      if (member !== undefined && isNewer(member, newest)) newest = member;
    }
    return newest;
  }
}

function isNewer(member: PresenceMember, other: PresenceMember | undefined): boolean {
  if (other === undefined) return true;
  const [at, otherAt] = [member.stateAtMs ?? 0, other.stateAtMs ?? 0];
  return at === otherAt ? member.sinceMs > other.sinceMs : at > otherAt;
}
