/** Watches a place on every link of the client, and tells on each what this client says of itself. */
import type { Backoff } from '../backoff.ts';
import { TrunklineError } from '../errors.ts';
import type { Host } from '../host.ts';
import type { Link } from '../link.ts';
import type { Follower } from '../roster.ts';
import { presenceKeyOf } from '../roster.ts';
import { keyOf, type Destination, type GatewayFrame } from '../wire.ts';
import type { PresenceState } from './members.ts';
import type { PresenceFrame } from './view.ts';

export interface WatchOptions<Holder> {
  readonly host: Host;
  readonly place: Destination;
  /** Whose it is; whoever finds the watch finds it there. */
  readonly holder: Holder;
  /** `isFirst`: of the link; it is a whole view, and no change of one. */
  readonly onPresence: (frame: PresenceFrame, isFirst: boolean) => void;
  /** What was told may be old now. */
  readonly onLost: () => void;
}

/** A watch that fails so fails again; all other errors pass. */
const finalRefusals: readonly string[] = ['Forbidden', 'BadRequest', 'NotFound'];

export class Watch<Holder> implements Follower {
  readonly holder: Holder;
  readonly #options: WatchOptions<Holder>;
  readonly #host: Host;
  readonly #place: Destination;
  readonly #backoff: Backoff;
  /** The link whose view counts. */
  #home: Link | undefined;
  /** The link that has been asked and has not answered. */
  #asked: Link | undefined;
  #isFirst = true;
  #isRefused = false;
  #cancelRetry: (() => void) | undefined;
  #state: PresenceState | undefined;
  /** What was told on each link last. */
  readonly #told = new WeakMap<Link, PresenceState | undefined>();
  /** Links that have been told and have not answered. */
  readonly #busy = new WeakSet<Link>();

  constructor(options: WatchOptions<Holder>) {
    const { holder, host, place } = options;
    this.holder = holder;
    this.#options = options;
    this.#host = host;
    this.#place = place;
    this.#backoff = host.newBackoff();
  }

  /** True: it is done for, and will never be told anything. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** True: what was told is what the gateway knows. */
  get isCurrent(): boolean {
    return this.#home !== undefined && !this.#isFirst;
  }

  start(): void {
    this.#host.roster.add(presenceKeyOf(this.#place), this);
    this.#onJoin((link) => {
      this.#told.set(link, this.#state);
      return this.#state;
    });
    this.#host.follow();
  }

  stop(): void {
    this.setState(undefined);
    this.#cancelRetry?.();
    const { roster } = this.#host;
    const key = presenceKeyOf(this.#place);
    if (roster.find(key) === this) {
      roster.remove(key);
      this.#onJoin(undefined);
    }
    for (const link of [this.#home, this.#asked]) {
      link?.tell({ type: 'unwatchPresence', ...this.#place });
    }
    this.#home = undefined;
    this.#asked = undefined;
    this.#host.follow();
  }

  /** The last state counts: while one is on its way, those in between are left out. */
  setState(state: PresenceState | undefined): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    for (const link of this.#host.links()) if (link !== undefined) this.#tell(link);
  }

  isSettledOn(link: Link): boolean {
    return this.#isRefused || this.#home === link;
  }

  follow(link: Link): void {
    if (!this.#isJoinedOn(link)) return;
    this.#tell(link);
    if (!this.isSettledOn(link) && this.#asked !== link) this.#ask(link);
  }

  lose(link: Link): void {
    if (this.#asked === link) {
      this.#asked = undefined;
      this.#cancelRetry?.();
    }
    if (this.#home !== link) return;
    this.#home = undefined;
    this.#options.onLost();
  }

  onFrame(link: Link, frame: GatewayFrame): void {
    if (link !== this.#home || frame.type !== 'presence') return;
    // The form of the gateway's frames of this type.
    const presence = frame as unknown as PresenceFrame;
    if (this.#isFirst && presence.kind === 'changes') return;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#options.onPresence(presence, isFirst);
  }

  #ask(link: Link): void {
    this.#asked = link;
    link.ask({ type: 'watchPresence', ...this.#place }, (answer) => {
      // It was asked on another link since, or ended.
      if (this.#asked !== link) return;
      if (answer?.success === false) return this.#refused(link, answer);
      this.#asked = undefined;
      if (answer === undefined) return;
      this.#backoff.reset();
      this.#home = link;
      this.#isFirst = true;
      this.#host.follow();
    });
  }

  #refused(link: Link, { error }: GatewayFrame): void {
    if (!finalRefusals.includes(error?.name ?? '')) {
      this.#cancelRetry = this.#host.clock.after(this.#backoff.nextMs(), () => this.#ask(link));
      return;
    }
    this.#asked = undefined;
    this.#isRefused = true;
    this.#report('watch', error);
    this.#options.onLost();
    this.#host.follow();
  }

  #tell(link: Link): void {
    const { group } = this.#place as { readonly group?: string }; // Undefined: it is no group.
    const state = this.#state;
    if (group === undefined || !this.#isJoinedOn(link) || this.#busy.has(link)) return;
    if (this.#told.get(link) === state) return;
    this.#told.set(link, state);
    this.#busy.add(link);
    link.ask({ type: 'setState', group, state }, (answer) => {
      this.#busy.delete(link);
      if (answer?.success === false) this.#report('change the state in', answer.error);
      if (answer !== undefined) this.#tell(link);
    });
  }

  /** A group can be watched by its members. */
  #isJoinedOn(link: Link): boolean {
    if ('to' in this.#place) return true;
    return this.#host.roster.get(keyOf(this.#place))?.isSettledOn(link) === true;
  }

  #onJoin(stateOn: ((link: Link) => PresenceState | undefined) | undefined): void {
    const subscription = this.#host.roster.get(keyOf(this.#place));
    if (subscription !== undefined) subscription.stateOn = stateOn;
  }

  #report(what: string, error: GatewayFrame['error']): void {
    const text = `The gateway refused to ${what} ${keyOf(this.#place)}: ${error?.message ?? ''}`;
    this.#host.report(new TrunklineError('refused', text, { refusal: error?.name }));
  }
}
