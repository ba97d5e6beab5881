/**
 * The connection to the gateway over any number of links: it never stops trying unless told to, and
 * makes the next link before it leaves one whose node goes away.
 */
import { Backoff } from './backoff.ts';
import type { Codec } from './codec.ts';
import { comebackOf, tokenExpired } from './close-codes.ts';
import {
  connectionTransitions,
  type ConnectionReason,
  type ConnectionState,
} from './connection-states.ts';
import type { Environment } from './environment.ts';
import { TrunklineError, UnauthorizedError } from './errors.ts';
import { Link, type LinkEnd, type LinkOwner } from './link.ts';
import { StateMachine, type Change } from './state-machine.ts';
import { TokenRefresher, type TokenReason, type TokenSource } from './tokens.ts';
import type { GatewayFrame } from './wire.ts';

export interface ConnectionChange extends Change<ConnectionState, ConnectionReason> {
  /** When `state` is `waiting`: until the next attempt. */
  readonly retryInMs?: number;
  /** Of the WebSocket's close, where that is the reason. */
  readonly code?: number;
  /** For a person. */
  readonly message?: string;
}

export interface ConnectionOwner {
  /** A link serves. `isNext`: another one still does, until `promote`. */
  onServed(link: Link, greeting: GatewayFrame, isNext: boolean): void;
  /** What was the next link is the only one now. */
  onMoved(link: Link): void;
  onFrame(link: Link, frame: GatewayFrame): void;
  /** The link will bring nothing any more. */
  onLost(link: Link): void;
  onChange(change: ConnectionChange): void;
  onError(error: unknown): void;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly codec: Codec;
  readonly environment: Environment;
  readonly tokens: TokenSource;
  readonly owner: ConnectionOwner;
  readonly openingMsMax: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
}

/** As long as a connection must have lasted until the delays begin anew. */
const stableMs = 10_000;
/** Of the time that a node gives; the rest is for the way. */
const leavingShare = 0.8;

export class Connection implements LinkOwner {
  readonly #options: ConnectionOptions;
  readonly #machine = new StateMachine(connectionTransitions, 'idle');
  readonly #backoff: Backoff;
  readonly #refreshers = new Map<Link, TokenRefresher>();
  #current: Link | undefined;
  /** Made before `#current` is left. */
  #next: Link | undefined;
  /** A token is on its way; a later dial or the end makes it void. */
  #dial: object | undefined;
  #tokenReason: TokenReason = 'connect';
  #isLeaving = false;
  #cancelRetry: () => void = () => undefined;
  #cancelStable: () => void = () => undefined;
  #endWake: () => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#backoff = this.#newBackoff();
  }

  get state(): ConnectionState {
    return this.#machine.state;
  }

  /** The link that serves requests. */
  get current(): Link | undefined {
    return this.#current?.isReady === true ? this.#current : undefined;
  }

  /** The link that is to take the place of `current`, once it serves. */
  get next(): Link | undefined {
    return this.#next?.isReady === true ? this.#next : undefined;
  }

  /** Begins, or tries at once. */
  connect(): void {
    if (!this.#go('connect')) return;
    this.#endWake();
    this.#endWake = this.#options.environment.onWake((reason) => {
      if (this.#go(reason)) this.#redial();
      else this.#current?.checkSilence();
    });
    this.#redial();
  }

  /** Ends for good, unless `connect` is called again. */
  close(): void {
    this.#finish('close');
  }

  /** Everything is on the next link: the old one is left. */
  promote(): void {
    if (this.#next === undefined) return;
    const left = this.#current;
    this.#current = this.#next;
    this.#next = undefined;
    this.#isLeaving = false;
    if (left !== undefined) this.#drop(left);
    this.#go('moved');
    this.#options.owner.onMoved(this.#current);
  }

  onGreeted(link: Link, greeting: GatewayFrame): void {
    const { environment, owner, tokens } = this.#options;
    this.#tokenReason = 'connect';
    if (greeting.tokenExpiresInMs !== undefined) {
      const refresher = new TokenRefresher(link, greeting.tokenExpiresInMs, {
        source: tokens,
        environment,
        backoff: this.#newBackoff(),
        onError: (error) => this.#tokenFailed(error),
      });
      this.#refreshers.set(link, refresher);
    }
    this.#cancelStable();
    this.#cancelStable = environment.clock.after(stableMs, () => this.#backoff.reset());
    const isNext = link === this.#next;
    if (!isNext) this.#go('greeted');
    // A listener may have closed the connection in the meantime.
    if (link.isReady) owner.onServed(link, greeting, isNext);
  }

  onFrame(link: Link, frame: GatewayFrame): void {
    if (frame.type === 'goaway' && link === this.current) this.#leaveWithin(frame.withinMs ?? 0);
    else this.#options.owner.onFrame(link, frame);
  }

  onError(error: unknown): void {
    this.#options.owner.onError(error);
  }

  onEnd(link: Link, end: LinkEnd): void {
    this.#drop(link);
    if (!link.wasGreeted || end.code === tokenExpired) this.#tokenReason = 'refused';
    if (link === this.#next) {
      this.#next = undefined;
      this.#leaveAfter(this.#backoff.nextMs());
    } else this.#lost(end);
  }

  #lost({ code, isSilent, message }: LinkEnd): void {
    this.#current = undefined;
    this.#isLeaving = false;
    this.#cancelStable();
    const comeback = comebackOf(code);
    if (comeback === 'stop') return this.#finish('stopped', { code, message });
    const isDialing = this.#dial !== undefined || this.#next !== undefined;
    const retryInMs = isDialing ? 0 : this.#backoff.nextMs(comeback === 'now');
    this.#wait(isSilent ? 'silent' : 'lost', { code, message, retryInMs });
    if (isDialing) this.#takeOver();
  }

  /** The next link, or the token for it, is on its way already: it is the only one now. */
  #takeOver(): void {
    // A listener may have closed the connection in the meantime.
    if (!this.#go('retry')) return;
    this.#cancelRetry();
    this.#current = this.#next;
    this.#next = undefined;
    const link = this.#current;
    if (link?.isReady !== true) return;
    this.#go('greeted');
    if (link.isReady) this.#options.owner.onMoved(link);
  }

  #wait(reason: ConnectionReason, details: Partial<ConnectionChange>): void {
    this.#cancelRetry();
    this.#cancelRetry = this.#options.environment.clock.after(details.retryInMs ?? 0, () => {
      if (this.#go('retry')) this.#redial();
    });
    this.#go(reason, details);
  }

  #redial(): void {
    this.#cancelRetry();
    // A listener may have closed the connection in the meantime.
    if (this.state !== 'connecting') return;
    this.#open();
  }

  #open(): void {
    const dial = {};
    this.#dial = dial;
    this.#openWith(this.#options.tokens.get(this.#tokenReason), () => this.#dial === dial).catch(
      (error: unknown) => {
        if (this.#dial !== dial) return;
        this.#dial = undefined;
        this.#tokenFailed(error);
        const retryInMs = this.#backoff.nextMs();
        if (this.#current !== undefined) this.#leaveAfter(retryInMs);
        else if (this.state === 'connecting') this.#wait('token-failed', { retryInMs });
      },
    );
  }

  async #openWith(coming: Promise<string>, isWanted: () => boolean): Promise<void> {
    const { codec, environment, openingMsMax, url } = this.#options;
    const token = await coming;
    if (!isWanted()) return;
    const address = new URL(url);
    address.searchParams.set('access_token', token);
    const link = new Link({ url: address.href, codec, environment, owner: this, openingMsMax });
    this.#dial = undefined;
    if (this.#current === undefined) this.#current = link;
    else this.#next = link;
  }

  #tokenFailed(error: unknown): void {
    if (error instanceof UnauthorizedError) {
      return this.#finish('unauthorized', { message: error.message });
    }
    const isOurs = error instanceof TrunklineError;
    const failure = new TrunklineError('token-failed', `getToken failed: ${String(error)}`, {
      cause: error,
    });
    this.#options.owner.onError(isOurs ? error : failure);
  }

  #leaveWithin(withinMs: number): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#leaveAfter(this.#options.environment.random() * withinMs * leavingShare);
  }

  #leaveAfter(delayMs: number): void {
    this.#cancelRetry();
    this.#cancelRetry = this.#options.environment.clock.after(delayMs, () => {
      if (this.#isLeaving && this.#next === undefined) this.#open();
    });
  }

  #finish(reason: ConnectionReason, details: Partial<ConnectionChange> = {}): void {
    this.#endWake();
    this.#cancelRetry();
    this.#cancelStable();
    this.#options.tokens.stop();
    this.#dial = undefined;
    this.#isLeaving = false;
    const links = [this.#current, this.#next];
    this.#current = undefined;
    this.#next = undefined;
    for (const link of links) if (link !== undefined) this.#drop(link);
    this.#backoff.reset();
    this.#go(reason, details);
  }

  #drop(link: Link): void {
    this.#refreshers.get(link)?.stop();
    this.#refreshers.delete(link);
    link.close();
    this.#options.owner.onLost(link);
  }

  #go(reason: ConnectionReason, details: Partial<ConnectionChange> = {}): boolean {
    const change = this.#machine.go(reason);
    if (change !== undefined) this.#options.owner.onChange({ ...details, ...change });
    return change !== undefined;
  }

  #newBackoff(): Backoff {
    const { backoffBaseMs, backoffCapMs, environment } = this.#options;
    return new Backoff(environment.random, backoffBaseMs, backoffCapMs);
  }
}
