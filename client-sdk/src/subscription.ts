/**
 * One destination that this client follows, over any number of links: it has a cursor, takes every
 * message once and in order, and says when some are missing.
 */
import type { Backoff } from './backoff.ts';
import { advanced, judge, lifted } from './cursor.ts';
import type { Clock } from './environment.ts';
import { TrunklineError } from './errors.ts';
import type { Link } from './link.ts';
import { messageOf, type Gap, type GapReason, type Message } from './messages.ts';
import { OwnEchoes } from './own-echoes.ts';
import { StateMachine, type Change } from './state-machine.ts';
import {
  subscriptionTransitions,
  type SubscriptionReason,
  type SubscriptionState,
} from './subscription-states.ts';
import { keyOf, type ClientFrame, type Destination, type GatewayFrame } from './wire.ts';
import type { Position } from './wire.ts';

export type SubscriptionChange = Change<SubscriptionState, SubscriptionReason>;

export interface SubscriptionOwner {
  onMessage(message: Message): void;
  onGap(gap: Gap): void;
  onChange(change: SubscriptionChange): void;
  onError(error: TrunklineError): void;
  /** It follows on another link now, or never will. */
  onSettled(): void;
}

export interface SubscriptionOptions {
  readonly destination: Destination;
  readonly since: Position | undefined;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly owner: SubscriptionOwner;
}

/** A join that fails so fails again; all other errors pass. */
const finalRefusals: readonly string[] = ['Forbidden', 'BadRequest', 'NotFound'];

export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #machine = new StateMachine(subscriptionTransitions, 'joining');
  readonly #echoes = new OwnEchoes();
  #cursor: Position | undefined;
  /** The one link whose messages are taken. */
  #home: Link | undefined;
  /** The link that has been asked and has not answered; what it brings comes again. */
  #asked: Link | undefined;
  #cancelRetry: (() => void) | undefined;
  #isKnown = false;
  /** What this client says of itself when it joins on that link; see presence. */
  stateOn: ((link: Link) => unknown) | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#cursor = options.since;
    this.#isKnown = options.since !== undefined;
  }

  get state(): SubscriptionState {
    return this.#machine.state;
  }

  /** Everything up to this place was given to the application; undefined: no stream, or too early. */
  get cursor(): Position | undefined {
    return this.#cursor;
  }

  /** True when nothing is to be waited for on this link. */
  isSettledOn(link: Link): boolean {
    return this.#home === link || this.state === 'left';
  }

  /** Sees to it that it follows on this link. May be called again and again. */
  follow(link: Link, greeting: GatewayFrame | undefined): void {
    if (this.isSettledOn(link) || this.#asked === link) return;
    const { destination } = this.#options;
    if ('group' in destination || this.#cursor !== undefined) return this.#ask(link);
    const key = keyOf(destination);
    // A connection is a member of its user and its hub by itself.
    this.#joined(link, greeting?.streams?.find((each) => keyOf(each) === key)?.position);
  }

  /** The link will bring nothing any more. */
  lose(link: Link): void {
    if (this.#asked === link) {
      this.#asked = undefined;
      this.#cancel();
    }
    if (this.#home !== link) return;
    this.#home = undefined;
    this.#go('lost');
  }

  /** A publish with `noEcho` has this place: should it come, it is the client's own. */
  noteOwn(id: string, position: Position): void {
    this.#echoes.add(id, position, this.#cursor);
  }

  leave(): void {
    this.#cancel();
    this.#home = undefined;
    this.#asked = undefined;
    this.#go('leave');
  }

  onFrame(link: Link, frame: GatewayFrame): void {
    if (link !== this.#home) return;
    switch (frame.type) {
      case 'message':
      case 'skip':
        return this.#take(link, frame);
      case 'bookmark':
        if (this.#cursor !== undefined && frame.position !== undefined) {
          this.#cursor = lifted(this.#cursor, frame.position);
        }
        return;
      case 'gap':
        return this.#onGap(frame);
      default:
    }
  }

  #take(link: Link, frame: GatewayFrame): void {
    const { offset, prev, tag } = frame;
    const cursor = this.#cursor;
    if (cursor === undefined || offset === undefined || tag === undefined) {
      if (frame.type === 'message') this.#options.owner.onMessage(messageOf(frame, undefined));
      return;
    }
    const step = { offset, prev, tag };
    const verdict = judge(cursor, step);
    if (verdict === 'old') return;
    if (verdict === 'hole') {
      this.#home = undefined;
      this.#go('hole');
      if (this.state !== 'left') this.#ask(link);
      return;
    }
    this.#cursor = advanced(cursor, step);
    const isOwn = this.#echoes.take(frame.id, this.#cursor);
    if (frame.type === 'message' && !isOwn) {
      this.#options.owner.onMessage(messageOf(frame, cursor.epoch));
    }
  }

  #onGap(frame: GatewayFrame): void {
    const { dropped, from, position, reason } = frame;
    const isForAllLive = frame.group === undefined && frame.to === undefined;
    if (isForAllLive && this.#cursor !== undefined) return;
    if (position !== undefined) this.#cursor = position;
    this.#tell({
      // The reasons of the gateway; one that is new is passed on as it is.
      reason: (reason ?? 'backplane') as GapReason,
      dropped,
      // In a gap it is a position, in a message something else.
      from: from as Position | undefined,
      position,
    });
  }

  #ask(link: Link): void {
    const { destination } = this.#options;
    const since = this.#cursor;
    const request: ClientFrame =
      'group' in destination
        ? { type: 'joinGroup', ...destination, since, state: this.stateOn?.(link) }
        : { type: 'resume', ...destination, since };
    this.#cancel();
    this.#asked = link;
    link.ask(request, (answer) => {
      // It was asked on another link since, or left.
      if (this.#asked !== link) return;
      if (answer === undefined) this.#asked = undefined;
      else if (answer.success === true) this.#answered(link, answer, since);
      else this.#refused(link, answer, since);
    });
  }

  #answered(link: Link, answer: GatewayFrame, since: Position | undefined): void {
    if (since === undefined) return this.#joined(link, answer.position);
    if (answer.recovered === true) {
      // Over the old link the cursor may have gone on; what comes again is ignored.
      this.#settle(link);
      if (this.state !== 'live') this.#go('recovered');
    } else this.#restart(link, since, answer.position);
    this.#options.owner.onSettled();
  }

  /** The client follows from here; it had no cursor. */
  #joined(link: Link, position: Position | undefined): void {
    const gapReason = this.#home === undefined ? 'offline' : 'moved';
    this.#settle(link);
    this.#cursor = position;
    if (this.#isKnown) {
      this.#tell({ reason: gapReason, dropped: undefined, from: undefined, position });
    } else {
      this.#isKnown = true;
      this.#go('joined');
    }
    this.#options.owner.onSettled();
  }

  #restart(link: Link, from: Position, position: Position | undefined): void {
    this.#settle(link);
    this.#cursor = position;
    this.#tell({ reason: 'unrecovered', dropped: undefined, from, position });
  }

  #settle(link: Link): void {
    this.#cancel();
    this.#asked = undefined;
    this.#home = link;
    this.#options.backoff.reset();
  }

  #refused(link: Link, answer: GatewayFrame, since: Position | undefined): void {
    const { clock, backoff, destination, owner } = this.#options;
    const { message = '', name = '' } = answer.error ?? {};
    if (!finalRefusals.includes(name)) {
      // It stays asked: what comes on the link meanwhile comes again.
      this.#cancelRetry = clock.after(backoff.nextMs(), () => {
        this.#cancelRetry = undefined;
        if (this.#asked === link) this.#ask(link);
      });
      return;
    }
    if ('to' in destination && since !== undefined) {
      // It is no stream any more, and the connection is a member all the same.
      this.#restart(link, since, undefined);
    } else {
      this.#asked = undefined;
      this.#home = undefined;
      this.#go('refused');
      const what = keyOf(destination);
      const text = `The gateway refused to join ${what}: ${message}`;
      owner.onError(new TrunklineError('refused', text, { refusal: name }));
    }
    owner.onSettled();
  }

  #tell(gap: Gap): void {
    this.#go('missed');
    this.#options.owner.onGap(gap);
    this.#go('told');
  }

  #cancel(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  #go(reason: SubscriptionReason): void {
    const change = this.#machine.go(reason);
    if (change !== undefined) this.#options.owner.onChange(change);
  }
}
