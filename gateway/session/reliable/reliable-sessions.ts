/**
 * The reliable connections of this node: makes them, lets their clients come back, and gives up
 * those who stay away.
 */
import type { Clock } from '../../clock.ts';
import { closeCodes } from '../../protocol/close-codes.ts';
import type { ReconnectionTokens } from '../../tokens/reconnection-tokens.ts';
import type { SocketHandler } from '../../transport/transport.ts';
import type { SessionIdentity, SessionServices } from '../session-services.ts';
import { Attachment } from './attachment.ts';
import { KeptFrames } from './kept-frames.ts';
import { newReliableCounters, type ResumeRefusal } from './reliable-counters.ts';
import { ReliableSession, type ReliableHost } from './reliable-session.ts';

export interface ReliableSessionsOptions {
  readonly services: SessionServices;
  readonly tokens: ReconnectionTokens;
  readonly clock: Pick<Clock, 'monotonicMs' | 'every'>;
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

export class ReliableSessions {
  readonly counters = newReliableCounters();
  readonly frames: KeptFrames;
  readonly #options: ReliableSessionsOptions;
  readonly #host: ReliableHost;
  readonly #sessions = new Map<string, ReliableSession>();
  /** Connections whose clients are away, with the time since when; oldest first. */
  readonly #detached = new Map<ReliableSession, number>();
  #stopSweeping: (() => void) | undefined;

  constructor(options: ReliableSessionsOptions) {
    const { services, tokens } = options;
    this.#options = options;
    this.frames = new KeptFrames(services.limits.reliableBytesPerNodeMax);
    this.#host = {
      services,
      frames: this.frames,
      counters: this.counters,
      tokenFor: (connectionId) => tokens.sign(connectionId),
      onDetached: (session) => this.#onDetached(session),
      onOver: (session) => this.#onOver(session),
    };
  }

  /** Reliable connections of this node. */
  get size(): number {
    return this.#sessions.size;
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
    });
  }

  #resume(request: ResumeRequest, attachment: Attachment): void {
    const { connectionId, hub, subprotocol, token } = request;
    if (!this.#options.tokens.isFor(connectionId, token)) return this.#refuse(attachment, 'token');
    const session = this.#sessions.get(connectionId);
    if (session === undefined) return this.#refuse(attachment, 'unknown');
    const { codec, hub: ownHub } = session.identity;
    if (hub !== ownHub || subprotocol !== codec.subprotocol) {
      return this.#refuse(attachment, 'mismatch');
    }
    this.#detached.delete(session);
    return session.resume(attachment);
  }

  #refuse(attachment: Attachment, why: ResumeRefusal): void {
    this.counters.refused[why] += 1;
    attachment.end(closeCodes.policyViolation, refusalTexts[why]);
  }

  #onDetached(session: ReliableSession): void {
    const { clock, services } = this.#options;
    if (this.#detached.size >= services.limits.reliableDetachedMax) {
      this.counters.crowdedOut += 1;
      session.finish();
      return;
    }
    this.#detached.set(session, clock.monotonicMs());
    this.#stopSweeping ??= clock.every(sweepPeriodMs, () => this.#sweep());
  }

  #onOver(session: ReliableSession): void {
    const { connectionId } = session.identity;
    if (this.#sessions.get(connectionId) === session) this.#sessions.delete(connectionId);
    this.#detached.delete(session);
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
