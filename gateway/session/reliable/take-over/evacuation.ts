/**
 * Gives connections that nobody has claimed to other nodes, because this one goes away: others are
 * invited to claim them as if their clients had come.
 */
import type { Clock } from '../../../clock.ts';
import type { NodeCalls } from '../../../router/ports.ts';
import type { ReliableSession } from '../reliable-session.ts';
import { inviteAnswer, takeOverCalls, type Invitation } from './messages.ts';

export interface EvacuationOptions {
  readonly calls: Pick<NodeCalls, 'call' | 'others'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly sessions: () => Iterable<ReliableSession>;
  /** True: another node has just asked for it, or has it in part. */
  readonly isClaimed: (session: ReliableSession) => boolean;
  /** Claims of this node that are under way: what they bring has to go on. */
  readonly claims: () => number;
  readonly onError: (error: unknown) => void;
}

const stepMs = 50;
/** An invitation of which nothing has come after so many ms is made again, to another node. */
const againAfterMs = 1000;
const perMessageMax = 100;
/** Invitations of which nothing has come yet. */
const invitedMax = 1000;

export class Evacuation {
  readonly #options: EvacuationOptions;
  readonly #invitedAtMs = new Map<ReliableSession, number>();
  /** Nodes that take nothing. */
  readonly #refusing = new Set<string>();
  #turn = 0;

  constructor(options: EvacuationOptions) {
    this.#options = options;
  }

  /**
   * Resolves when no connection is left, nobody takes those that are, or the time is over.
   * @param reason told to clients that are still here.
   */
  async run(withinMs: number, reason: string, signal: AbortSignal): Promise<void> {
    const { claims, clock, sessions } = this.#options;
    const untilMs = clock.monotonicMs() + withinMs;
    while (!signal.aborted && clock.monotonicMs() < untilMs) {
      const left = [...sessions()];
      if (left.length === 0 && claims() === 0) return;
      if (left.length > 0 && this.#takers().length === 0) return;
      for (const session of left) if (session.isAttached) session.release(reason);
      this.#invite(left);
      await this.#pause(signal);
    }
  }

  #takers(): string[] {
    return this.#options.calls.others().filter((nodeId) => !this.#refusing.has(nodeId));
  }

  #invite(left: readonly ReliableSession[]): void {
    const { clock, isClaimed } = this.#options;
    const now = clock.monotonicMs();
    for (const [session, atMs] of this.#invitedAtMs) {
      if (session.isOver || now - atMs >= againAfterMs) this.#invitedAtMs.delete(session);
    }
    const takers = this.#takers();
    const free = left.filter((one) => !this.#invitedAtMs.has(one) && !isClaimed(one));
    const some = free.slice(0, invitedMax - this.#invitedAtMs.size);
    for (let at = 0; at < some.length; at += perMessageMax) {
      this.#turn += 1;
      const taker = takers[this.#turn % takers.length];
      if (taker === undefined) return;
      const piece = some.slice(at, at + perMessageMax);
      for (const session of piece) this.#invitedAtMs.set(session, now);
      void this.#ask(taker, piece);
    }
  }

  async #ask(taker: string, sessions: readonly ReliableSession[]): Promise<void> {
    const { calls, onError } = this.#options;
    const invitations = sessions.map(({ identity }): Invitation => [
      identity.connectionId,
      identity.hub,
      identity.codec.subprotocol ?? '',
    ]);
    try {
      const answer = await calls.call(taker, takeOverCalls.invite, [invitations]);
      if (inviteAnswer.safeParse(answer).data !== true) this.#refuse(taker, sessions);
    } catch (error) {
      // It is asked again with the next ones: the time is short, and others may be worse.
      for (const session of sessions) this.#invitedAtMs.delete(session);
      onError(error);
    }
  }

  #refuse(taker: string, sessions: readonly ReliableSession[]): void {
    this.#refusing.add(taker);
    for (const session of sessions) this.#invitedAtMs.delete(session);
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        cancel();
        signal.removeEventListener('abort', go);
        resolve();
      };
      const cancel = this.#options.clock.after(stepMs, go);
      signal.addEventListener('abort', go);
    });
  }
}
