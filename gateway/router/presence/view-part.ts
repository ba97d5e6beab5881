/** What one node has said about one destination: its members, as of a version. */
import type { PresenceMember } from '../../protocol/presence-model.ts';
import { fromRecord } from './member-record.ts';
import type { AllItem, ChangeItem, PresenceItem } from './messages.ts';

/**
 * What an item did: `applied`; `old`: it was known; `more`: other parts of it are to come; `hole`:
 * something before it is missing, so everything is to be asked for.
 */
export type ItemOutcome = 'applied' | 'old' | 'more' | 'hole';

export class ViewPart {
  readonly nodeId: string;
  /** 0: the node has said nothing yet. */
  ver = 0;
  total = 0;
  /** undefined: the node, or this one, only counts them. */
  members: Map<string, PresenceMember> | undefined;
  /** True: the node only counts them. */
  isCounted = false;
  /** True: the node is silent, so its members do not show. */
  isHidden = false;
  /** When everything was asked for last, monotonic ms; undefined: it is not waited for. */
  askedAtMs: number | undefined;
  #incoming:
    { readonly ver: number; parts: number; members: Map<string, PresenceMember> } | undefined;

  constructor(nodeId: string) {
    this.nodeId = nodeId;
  }

  /** Members that show. */
  get shown(): number {
    return this.isHidden ? 0 : this.total;
  }

  /** Takes what the node tells. */
  take(item: PresenceItem): ItemOutcome {
    switch (item.kind) {
      case 'change':
        return this.#change(item);
      case 'all':
        return this.#all(item);
      case 'count':
        if (item.ver < this.ver) return 'old';
        this.#settle(item, undefined);
        return 'applied';
    }
  }

  #change(item: ChangeItem): ItemOutcome {
    // Of a node that has not told all yet, all is on its way.
    if (this.ver === 0 || item.ver <= this.ver) return 'old';
    if (item.prev !== this.ver) return 'hole';
    this.ver = item.ver;
    this.total = item.total;
    for (const connectionId of item.left) this.members?.delete(connectionId);
    for (const record of item.set) {
      const member = fromRecord(record);
      this.members?.set(member.connectionId, member);
    }
    return 'applied';
  }

  #all(item: AllItem): ItemOutcome {
    // The same version is taken again: it may have been asked for because the members were dropped.
    if (item.ver < this.ver) return 'old';
    if (item.part === 0) this.#incoming = { ver: item.ver, parts: 0, members: new Map() };
    const incoming = this.#incoming;
    if (incoming?.ver !== item.ver || incoming.parts !== item.part) {
      this.#incoming = undefined;
      return 'hole';
    }
    incoming.parts += 1;
    for (const record of item.members) {
      const member = fromRecord(record);
      incoming.members.set(member.connectionId, member);
    }
    if (!item.isLast) return 'more';
    this.#settle(item, incoming.members);
    return 'applied';
  }

  #settle({ total, ver }: PresenceItem, members: Map<string, PresenceMember> | undefined): void {
    this.ver = ver;
    this.total = total;
    this.members = members;
    this.isCounted = members === undefined;
    this.askedAtMs = undefined;
    this.#incoming = undefined;
  }
}
