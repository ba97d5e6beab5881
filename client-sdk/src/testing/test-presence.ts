/** Who is where in the test gateway, for those who watch it. Nobody is waited for. */
import { whereOf } from './frames.ts';
import type { Member, Place } from './test-hub.ts';

export type ClientState = Readonly<Record<string, string>>;

/** A connection that can be told of others. */
export interface Watcher extends Member {
  /** True: it is in there, or its token allows it. */
  mayWatch(place: Place): boolean;
  say(frame: object): void;
}

interface Attendance {
  readonly since: number;
  state: ClientState | undefined;
}

const keyOf = ({ kind, name }: Place): string => `${kind} ${name}`;

export class TestPresence {
  readonly #nowMs: () => number;
  /** By place, who is there. */
  readonly #there = new Map<string, Map<Member, Attendance>>();
  readonly #watchers = new Map<string, Set<Watcher>>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** It came, or came again; `state` is what it says of itself, undefined: nothing new. */
  come(member: Member, place: Place, state?: ClientState): void {
    const there = this.#membersOf(place);
    const known = there.get(member);
    if (known !== undefined && state === undefined) return;
    there.set(member, { since: known?.since ?? this.#nowMs(), state });
    this.#there.set(keyOf(place), there);
    this.#tell(place, { set: [this.#memberOf(place, member)], left: [] });
  }

  /** What it says of itself; undefined: nothing any more. False: it is not there. */
  setState(member: Member, place: Place, state: ClientState | undefined): boolean {
    const attendance = this.#membersOf(place).get(member);
    if (attendance === undefined) return false;
    attendance.state = state;
    this.#tell(place, { set: [this.#memberOf(place, member)], left: [] });
    return true;
  }

  leave(member: Member, place: Place): void {
    const there = this.#membersOf(place);
    if (!there.delete(member)) return;
    if (there.size === 0) this.#there.delete(keyOf(place));
    this.#tell(place, { set: [], left: [member.connectionId] });
  }

  /** The place is told whole by `tellAll`, and what changes from now on. */
  watch(watcher: Watcher, place: Place): void {
    const watchers = this.#watchers.get(keyOf(place)) ?? new Set();
    this.#watchers.set(keyOf(place), watchers.add(watcher));
  }

  tellAll(watcher: Watcher, place: Place): void {
    const members = [...this.#membersOf(place).keys()].map((each) => this.#memberOf(place, each));
    watcher.say({ ...this.#head(place, 'snapshot'), members });
  }

  unwatch(watcher: Watcher, place: Place): void {
    this.#forget(keyOf(place), watcher);
  }

  /** The connection is over. */
  end(watcher: Watcher, places: readonly Place[]): void {
    for (const key of this.#watchers.keys()) this.#forget(key, watcher);
    for (const place of places) this.leave(watcher, place);
  }

  #forget(key: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(key);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(key);
  }

  #tell(place: Place, change: { readonly set: readonly object[]; readonly left: string[] }): void {
    for (const watcher of this.#watchers.get(keyOf(place)) ?? []) {
      // Who has left sees no more of it.
      if (watcher.mayWatch(place)) watcher.say({ ...this.#head(place, 'changes'), ...change });
      else this.unwatch(watcher, place);
    }
  }

  #head(place: Place, kind: string): object {
    const members = [...this.#membersOf(place).keys()];
    const users = new Set(members.flatMap(({ userId }) => userId ?? []));
    const counts = { connections: members.length, users: users.size };
    return { type: 'presence', ...whereOf(place), kind, ...counts };
  }

  #memberOf(place: Place, member: Member): object {
    const { connectionId, userId } = member;
    return { connectionId, userId, ...this.#membersOf(place).get(member) };
  }

  #membersOf(place: Place): Map<Member, Attendance> {
    return this.#there.get(keyOf(place)) ?? new Map<Member, Attendance>();
  }
}
