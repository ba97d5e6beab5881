/**
 * The reliable connections of this node: makes them, lets their clients come back, and gives up
 * those who stay away.
 */
import type { Clock } from '../../clock.ts';
import { closeCodes } from '../../protocol/close-codes.ts';
import type { Codec } from '../../protocol/codec.ts';
import type { Hold } from '../../router/ports.ts';
import type { ReconnectionTokens } from '../../tokens/reconnection-tokens.ts';
import type { SocketHandler } from '../../transport/transport.ts';
import type { SessionIdentity, SessionServices } from '../session-services.ts';
import { Attachment } from './attachment.ts';
import { KeptFrames } from './kept-frames.ts';
import { newReliableCounters, type ResumeRefusal } from './reliable-counters.ts';
import { ReliableSession, type ReliableHost } from './reliable-session.ts';
import { Room } from './room.ts';
import type { ConnectionState } from './take-over/connection-state.ts';
import { TakeOvers, type Holder, type TakeOversOptions } from './take-over/take-overs.ts';

export interface ReliableSessionsOptions {
  readonly services: SessionServices;
  readonly tokens: ReconnectionTokens;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after' | 'every'>;
  readonly codecOf: (subprotocol: string) => Codec | undefined;
  /** How connections change their node; undefined: there is no other. */
  readonly takeOvers?:
    Pick<TakeOversOptions, 'calls' | 'handovers' | 'moves' | 'newNonce' | 'takesMore'> | undefined;
}

/** A client that wants its connection back. */
export interface ResumeRequest {
  readonly connectionId: string;
  readonly token: string;
  /** undefined: the URL names no hub. */
  readonly hub: string | undefined;
  /** The subprotocol that the client offers; undefined: none that the gateway speaks. */
  readonly subprotocol: string | undefined;
}

const sweepPeriodMs = 250;

/** Told to clients whose resume is refused; they connect anew (Azure §4). */
const refusalTexts: Readonly<Record<ResumeRefusal, string>> = {
  token: 'The reconnection token is not good for this connection; connect anew',
  mismatch: 'The connection has another hub or subprotocol; connect anew',
  unknown: 'There is no such connection any more; connect anew',
  unanswered: 'The node of the connection does not answer; connect anew',
};

export class ReliableSessions implements Holder {
  readonly counters = newReliableCounters();
  readonly frames: KeptFrames;
  readonly #options: ReliableSessionsOptions;
  readonly #host: ReliableHost;
  readonly #room: Room;
  readonly #sessions = new Map<string, ReliableSession>();
  /** Connections whose clients are away, with the time since when; oldest first. */
  readonly #detached = new Map<ReliableSession, number>();
  readonly takeOvers: TakeOvers | undefined;
  #stopSweeping: (() => void) | undefined;

  constructor(options: ReliableSessionsOptions) {
    const { clock, services, tokens } = options;
    this.#options = options;
    const { reliableBytesPerNodeMax } = services.limits;
    this.frames = new KeptFrames(reliableBytesPerNodeMax, () => this.#room.onFull());
    const holders = () => this.#sessions.values();
    this.#room = new Room({ frames: this.frames, clock, holders });
    this.#host = {
      services,
      frames: this.frames,
      counters: this.counters,
      tokenFor: (connectionId) => tokens.sign(connectionId),
      onDetached: (session) => this.onFree(session),
      onOver: (session) => this.#onOver(session),
    };
    this.takeOvers = this.#createTakeOvers();
  }

  /** Reliable connections of this node. */
  get size(): number {
    return this.#sessions.size;
  }

  find(connectionId: string): ReliableSession | undefined {
    return this.#sessions.get(connectionId);
  }

  sessions(): Iterable<ReliableSession> {
    return this.#sessions.values();
  }

  /** Those of them whose clients are away. */
  get detachedCount(): number {
    return this.#detached.size;
  }

  /** A new connection: hand its socket to the handler. */
  open(identity: SessionIdentity): SocketHandler {
    const session = new ReliableSession(identity, this.#host);
    return new Attachment({
      limits: this.#options.services.limits,
      onOpened: (attachment) => {
        this.#sessions.set(identity.connectionId, session);
        session.begin(attachment);
      },
    });
  }

  /** A client that wants its connection back; whatever comes of it, it is told on its socket. */
  resume(request: ResumeRequest): SocketHandler {
    return new Attachment({
      limits: this.#options.services.limits,
      onOpened: (attachment) => this.#resume(request, attachment),
      onAbandoned: (attachment) => this.takeOvers?.abandon(request.connectionId, attachment),
    });
  }

  /** Executes what another node asks about connections that change their node. */
  execute(call: string, args: readonly unknown[]): Promise<unknown> {
    return this.takeOvers?.execute(call, args) ?? Promise.resolve(undefined);
  }

  /** Asks all nodes for connections that were taken over before this one came. */
  introduce(): void {
    this.takeOvers?.introduction.begin();
  }

  /** True: every node has answered that. */
  get isIntroduced(): boolean {
    return this.takeOvers?.introduction.isDone ?? true;
  }

  /**
   * This node goes away: its connections go to others. Resolves when that is done, or cannot be.
   * @param reason told to clients that are still here.
   */
  async leave(withinMs: number, reason: string, signal: AbortSignal): Promise<void> {
    try {
      await this.takeOvers?.leave(withinMs, reason, signal);
    } catch (error) {
      this.#options.services.onError(error);
    }
    this.counters.leftBehind += this.size;
  }

  /** Nobody is asked any more. */
  close(): void {
    this.takeOvers?.introduction.close();
  }

  install(state: ConnectionState, hold: Hold): ReliableSession {
    const { codecOf, services } = this.#options;
    const { connectionId, hub, userId } = state;
    const codec = codecOf(state.subprotocol);
    if (codec === undefined) throw new Error(`No codec for '${state.subprotocol}'`);
    const permissions = services.permissionsFor(state.roles);
    const expiresAt = state.expiresAt ?? Number.POSITIVE_INFINITY;
    const session = new ReliableSession(
      { hub, connectionId, userId, groups: [], permissions, expiresAt, codec },
      this.#host,
      state,
    );
    this.#sessions.set(connectionId, session);
    session.goOn((options) => hold.release(options, state.cuts), state);
    return session;
  }

  readonly refuse = (attachment: Attachment, why: ResumeRefusal): void => {
    this.counters.refused[why] += 1;
    attachment.end(closeCodes.policyViolation, refusalTexts[why]);
  };

  onClaimed(session: ReliableSession, how: 'claimed' | 'sealed'): void {
    if (!this.#detached.delete(session)) return;
    // A sealed one has another end than this time.
    if (how === 'claimed') this.#detached.set(session, this.#options.clock.monotonicMs());
  }

  onFree(session: ReliableSession): void {
    const { clock, services } = this.#options;
    if (this.#detached.size >= services.limits.reliableDetachedMax) {
      this.counters.crowdedOut += 1;
      session.finish();
      return;
    }
    this.#detached.set(session, clock.monotonicMs());
    this.#stopSweeping ??= clock.every(sweepPeriodMs, () => this.#sweep());
  }

  #resume(request: ResumeRequest, attachment: Attachment): void {
    const { connectionId, hub, subprotocol, token } = request;
    if (!this.#options.tokens.isFor(connectionId, token)) return this.refuse(attachment, 'token');
    if (hub === undefined || subprotocol === undefined) return this.refuse(attachment, 'mismatch');
    const session = this.#sessions.get(connectionId);
    if (session === undefined) {
      if (this.takeOvers === undefined) return this.refuse(attachment, 'unknown');
      return this.takeOvers.claim({ connectionId, hub, subprotocol }, attachment);
    }
    const { codec, hub: ownHub } = session.identity;
    if (hub !== ownHub || subprotocol !== codec.subprotocol) {
      return this.refuse(attachment, 'mismatch');
    }
    if (this.takeOvers?.owner.isFree(session) === false) {
      return this.#resumeSealed(session, request, attachment);
    }
    this.takeOvers?.owner.takeBack(session);
    this.#detached.delete(session);
    return session.resume(attachment);
  }

  /** Another node may serve it already: when that is known, it is looked for again. */
  #resumeSealed(session: ReliableSession, request: ResumeRequest, attachment: Attachment): void {
    this.takeOvers?.owner.settle(session).then(
      (isKnown) => {
        if (attachment.socket === undefined) return;
        if (isKnown) this.#resume(request, attachment);
        else this.#refuseSealed(request.connectionId, attachment);
      },
      (error: unknown) => this.#options.services.onError(error),
    );
  }

  /** One that lives and is slow will say it when the client comes again. */
  #refuseSealed(connectionId: string, attachment: Attachment): void {
    const claimant = this.takeOvers?.owner.claimantOf(connectionId);
    const isAlive = claimant !== undefined && this.#options.takeOvers?.calls.isAlive(claimant);
    if (isAlive !== true) return this.refuse(attachment, 'unanswered');
    return attachment.end(closeCodes.goingAway, 'The node of the connection is slow; come again');
  }

  #createTakeOvers(): TakeOvers | undefined {
    const { clock, services, takeOvers } = this.#options;
    const { onError, subscribers } = services;
    return takeOvers && new TakeOvers(this, { ...takeOvers, clock, subscribers, onError });
  }

  #onOver(session: ReliableSession): void {
    const { connectionId } = session.identity;
    if (this.#sessions.get(connectionId) === session) this.#sessions.delete(connectionId);
    this.#detached.delete(session);
    this.takeOvers?.onOver(session);
    if (this.#sessions.size === 0) this.#room.rest();
    this.#rest();
  }

  #sweep(): void {
    const { clock, services } = this.#options;
    const before = clock.monotonicMs() - services.limits.reliableWindowMs;
    for (const [session, sinceMs] of this.#detached) {
      // Insertion order is age order.
      if (sinceMs > before) break;
      this.counters.expired += 1;
      session.finish();
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#detached.size > 0) return;
    this.#stopSweeping?.();
    this.#stopSweeping = undefined;
  }
}
