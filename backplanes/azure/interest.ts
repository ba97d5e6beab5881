/**
 * Which keys this node wants, over the lives of connections, and which groups it is in for them:
 * joined with the first key that goes through a group, left after the last.
 */
import { BackplaneUnavailableError } from '../backplane.ts';
import { groupOf } from './group.ts';
import type { Answer, Wire } from './wire.ts';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

interface Group {
  readonly name: string;
  /** Each with who waits for it to be confirmed, if anybody still does. */
  readonly keys: Map<string, Waiter | undefined>;
  /** On the connection of now. */
  isJoined: boolean;
  /** A join or leave is on its way; it looks again when it is answered. */
  change: Promise<void> | undefined;
}

type JoiningWire = Pick<Wire, 'isUsable' | 'join' | 'leave' | 'end'>;

export interface InterestOptions {
  readonly shards: number;
  readonly timeoutMs: number;
  /** Why there is no connection. */
  readonly detail: () => string;
}

export class InterestTable {
  readonly #options: InterestOptions;
  readonly #groups = new Map<string, Group>();
  /** The newest one, from the moment that interest is being restored on it. */
  #wire: JoiningWire | undefined;

  constructor(options: InterestOptions) {
    this.#options = options;
  }

  /** True: envelopes of this key are wanted. Others of the same group arrive as well. */
  has(key: string): boolean {
    return this.#groups.get(this.#nameOf(key))?.keys.has(key) === true;
  }

  /**
   * Resolves when the service confirmed that this node is in the key's group. While there is no
   * connection it waits for the next one.
   * @throws BackplaneUnavailableError after the time allowed; then it is not wanted any more.
   */
  add(key: string): Promise<void> {
    const group = this.#groupFor(this.#nameOf(key));
    if (group.isJoined && group.change === undefined && this.#wire?.isUsable === true) {
      group.keys.set(key, undefined);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const { detail, timeoutMs } = this.#options;
      const timer = setTimeout(() => {
        this.#give(group, key, `no group was joined within ${timeoutMs} ms: ${detail()}`);
      }, timeoutMs);
      group.keys.set(key, { resolve, reject, timer });
      this.#adjust(group);
    });
  }

  /** Forgets the key at once; the group is left in the background. */
  remove(key: string): void {
    const group = this.#groups.get(this.#nameOf(key));
    if (group === undefined) return;
    this.#give(group, key, 'it was unsubscribed meanwhile');
  }

  /** Joins every group on a new connection. @throws when the service does not let it. */
  async restore(wire: JoiningWire): Promise<void> {
    this.#wire = wire;
    for (const group of this.#groups.values()) {
      group.isJoined = false;
      group.change = undefined;
      this.#adjust(group);
    }
    await Promise.all([...this.#groups.values()].map(async ({ change }) => change));
  }

  /** Forgets everything; who waits is told why. */
  clear(why: string): void {
    this.#wire = undefined;
    for (const group of this.#groups.values()) {
      for (const key of [...group.keys.keys()]) this.#give(group, key, why);
    }
    this.#groups.clear();
  }

  #nameOf(key: string): string {
    return groupOf(key, this.#options.shards);
  }

  #groupFor(name: string): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group: Group = { name, keys: new Map(), isJoined: false, change: undefined };
    this.#groups.set(name, group);
    return group;
  }

  /** Gives a key up. */
  #give(group: Group, key: string, why: string): void {
    const waiter = group.keys.get(key);
    if (!group.keys.delete(key)) return;
    if (waiter !== undefined) {
      clearTimeout(waiter.timer);
      waiter.reject(new BackplaneUnavailableError(`Interest in Azure Web PubSub: ${why}`));
    }
    this.#adjust(group);
  }

  /** One change at a time: joins and leaves of a group must not overtake each other. */
  #adjust(group: Group): void {
    const wire = this.#wire;
    if (group.change !== undefined || wire?.isUsable !== true) return;
    const isWanted = group.keys.size > 0;
    if (isWanted === group.isJoined) {
      if (!isWanted) this.#groups.delete(group.name);
      return;
    }
    const change = this.#ask(group, isWanted, wire);
    // Who restores hears of it; everybody else is told through waiters.
    change.catch(() => undefined);
    group.change = change;
  }

  async #ask(group: Group, isJoin: boolean, wire: JoiningWire): Promise<void> {
    const answer = await (isJoin ? wire.join(group.name) : wire.leave(group.name));
    // Another connection has begun meanwhile, and asks for itself.
    if (wire !== this.#wire) return;
    if (!isJoin) {
      // Should it be refused, what still arrives is not wanted and goes no further.
      group.isJoined = false;
    } else if (answer.kind === 'accepted') {
      group.isJoined = true;
      confirm(group);
    } else if (answer.kind === 'refused') {
      this.#refused(group, wire, answer);
    }
    group.change = undefined;
    this.#adjust(group);
    if (isJoin && answer.kind !== 'accepted') throw new Error(textOf(answer));
  }

  #refused(group: Group, wire: JoiningWire, answer: Answer): void {
    const why = textOf(answer);
    const isConfirmed = [...group.keys.values()].includes(undefined);
    // Deafness must not go unnoticed: what was confirmed once is not taken back in silence.
    if (isConfirmed) wire.end(why);
    for (const [key, waiter] of [...group.keys]) {
      if (waiter !== undefined) this.#give(group, key, why);
    }
  }
}

/** Everybody who waits for the group has it now. */
function confirm(group: Group): void {
  for (const [key, waiter] of group.keys) {
    if (waiter === undefined) continue;
    clearTimeout(waiter.timer);
    group.keys.set(key, undefined);
    waiter.resolve();
  }
}

function textOf(answer: Answer): string {
  if (answer.kind === 'lost') return `the connection ended before a group was joined`;
  if (answer.kind === 'accepted') return '';
  return `the service refused a group (${answer.name}: ${answer.message})`;
}
