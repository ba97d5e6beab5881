/**
 * Tabs without a SharedWorker: one of them, which holds a Web Lock, leads and keeps the connection
 * for all. When it dies the browser gives the lock to the next.
 */
import type { SocketConstructor } from '../environment.ts';
import { StateMachine } from '../state-machine.ts';
import { send, type Locks, type NoteChannel, type TabsEnvironment } from './environment.ts';
import { LeaderRoute } from './leader-route.ts';
import { leadershipTransitions, type LeadershipState } from './leadership-states.ts';
import { holdLock } from './locks.ts';
import { scoped, type LeaderNote, type TabNote } from './notes.ts';
import { Switchboard } from './switchboard.ts';
import type { Route, RouteEvents } from './tab-socket.ts';

export interface LeadershipOptions {
  /** Tabs of the same name choose one leader. */
  readonly name: string;
  readonly environment: TabsEnvironment;
  readonly locks: Locks;
  readonly openChannel: (name: string) => NoteChannel;
  /** For the one connection. */
  readonly WebSocket: SocketConstructor;
}

/** What a tab has while it leads. */
interface Office {
  readonly id: string;
  readonly electedAt: number;
  readonly channel: NoteChannel;
  readonly switchboard: Switchboard;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #machine = new StateMachine(leadershipTransitions, 'idle');
  readonly #routes = new Set<LeaderRoute>();
  /** Where all tabs hear who leads. */
  #forum: NoteChannel | undefined;
  /** As far as this tab has heard. */
  #leaderId: string | undefined;
  #electedAt = 0;
  #office: Office | undefined;
  #release: () => void = () => undefined;
  #endSleep: () => void = () => undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get state(): LeadershipState {
    return this.#machine.state;
  }

  /** A way to whoever leads. */
  open(opening: TabNote, events: RouteEvents): Route {
    const { environment, openChannel } = this.#options;
    const route = new LeaderRoute({
      opening,
      events,
      environment,
      openChannel: (...parts) => openChannel(this.#channelName(...parts)),
      onUnanswered: () => this.#challenge(),
      onClosed: () => {
        this.#routes.delete(route);
        this.#resignIfUnused();
      },
    });
    this.#routes.add(route);
    this.#begin();
    if (this.#leaderId === undefined) this.#tellForum({ kind: 'who' });
    route.follow(this.#leaderId);
    return route;
  }

  #begin(): void {
    if (this.#machine.go('wanted') === undefined) return;
    const { environment, openChannel } = this.#options;
    this.#endSleep = environment.onSleep(() => this.#resign());
    const forum = openChannel(this.#channelName('forum'));
    this.#forum = forum;
    forum.addEventListener('message', ({ data }) => {
      // Tabs of this origin and of this version of the package.
      if (this.#forum === forum) this.#onForum(data as LeaderNote);
    });
    this.#stand();
  }

  /** Waits for the lock; `isForced`: takes it from who holds it. */
  #stand(isForced = false): void {
    const { locks, name } = this.#options;
    this.#release();
    const events = {
      onHeld: () => this.#lead(),
      onLost: () => this.#onLockLost(),
    };
    this.#release = holdLock(locks, scoped(name, 'leader'), events, isForced);
  }

  #lead(): void {
    if (this.#machine.go('elected') === undefined) return;
    const { environment, locks, openChannel, WebSocket } = this.#options;
    const id = environment.randomId();
    // Later than whoever was there before, whatever the clock says.
    const electedAt = Math.max(environment.wallMs(), this.#electedAt + 1);
    const channel = openChannel(this.#channelName('leader', id));
    const switchboard = new Switchboard({
      clock: environment.clock,
      WebSocket,
      watch: (socketId, onDead) =>
        holdLock(locks, scoped('tab', socketId), { onHeld: onDead, onLost: () => undefined }),
      onEmpty: () => this.#resignIfUnused(),
    });
    this.#office = { id, electedAt, channel, switchboard };
    channel.addEventListener('message', ({ data }) => {
      // Tabs of this origin and of this version of the package.
      if (this.#office?.id === id) this.#onTab(this.#office, data as TabNote);
    });
    this.#tellForum({ kind: 'leader', id, electedAt });
    this.#setLeader(id, electedAt);
  }

  #onTab({ id, switchboard }: Office, note: TabNote): void {
    const { openChannel } = this.#options;
    let channel: NoteChannel | undefined;
    switchboard.receive(note, {
      post: (answer) => {
        channel ??= openChannel(this.#channelName('tab', note.id, id));
        send(channel, answer);
      },
      close: () => channel?.close(),
    });
  }

  #onForum(note: LeaderNote): void {
    if (note.kind === 'who') {
      if (this.#office === undefined) return;
      const { electedAt, id } = this.#office;
      this.#tellForum({ kind: 'leader', id, electedAt });
    } else if (note.kind === 'leader') this.#setLeader(note.id, note.electedAt);
    else if (note.id === this.#leaderId) this.#leaderId = undefined;
  }

  #setLeader(id: string, electedAt: number): void {
    if (this.#leaderId === id || electedAt < this.#electedAt) return;
    this.#leaderId = id;
    this.#electedAt = electedAt;
    for (const route of this.#routes) route.follow(id);
  }

  /** The leader is silent: it may be frozen and hold its lock. */
  #challenge(): void {
    if (this.state === 'candidate') this.#stand(true);
  }

  #onLockLost(): void {
    if (this.#machine.go('deposed') !== undefined) {
      this.#leaveOffice();
      this.#stand();
      return;
    }
    // The browser does not give locks to this page.
    for (const route of this.#routes) route.refuse();
  }

  #resignIfUnused(): void {
    const isUsed = this.#routes.size > 0 || this.#office?.switchboard.isEmpty === false;
    if (!isUsed) this.#resign();
  }

  #resign(): void {
    if (this.#machine.go('resigned') === undefined) return;
    this.#leaveOffice();
    this.#endSleep();
    this.#release();
    this.#forum?.close();
    this.#forum = undefined;
    this.#leaderId = undefined;
  }

  #leaveOffice(): void {
    if (this.#office === undefined) return;
    const { channel, id, switchboard } = this.#office;
    this.#office = undefined;
    this.#tellForum({ kind: 'gone', id });
    if (this.#leaderId === id) this.#leaderId = undefined;
    switchboard.stop('Another tab keeps the connection now');
    channel.close();
  }

  #tellForum(note: LeaderNote): void {
    if (this.#forum !== undefined) send(this.#forum, note);
  }

  #channelName(...parts: readonly string[]): string {
    return scoped(this.#options.name, ...parts);
  }
}
