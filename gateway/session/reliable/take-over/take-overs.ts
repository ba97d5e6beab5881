/**
 * Reliable connections that change their node: this node as the one that has them, as the one to
 * which their clients came, and as one of those that must know where they are.
 */
import { z } from 'zod';
import type { Clock } from '../../../clock.ts';
import { GatewayError } from '../../../errors.ts';
import { closeCodes } from '../../../protocol/close-codes.ts';
import type {
  Handovers,
  Hold,
  LocalSubscribers,
  Moves,
  NodeCalls,
  StreamCut,
} from '../../../router/ports.ts';
import type { Attachment } from '../attachment.ts';
import type { ReliableSession } from '../reliable-session.ts';
import { Claim, type ClaimServices } from './claim.ts';
import type { ConnectionState } from './connection-state.ts';
import { Evacuation } from './evacuation.ts';
import { HandedOver } from './handed-over.ts';
import { Introduction } from './introduction.ts';
import { Locator } from './locator.ts';
import {
  doneAnswer,
  questions,
  takeOverCalls,
  type DoneAnswer,
  type Invitation,
} from './messages.ts';
import { News, type Adopted } from './news.ts';
import { Owner } from './owner.ts';
import { PersistentCalls } from './persistent-calls.ts';

/** What take-overs need of the node's reliable connections. */
export interface Holder {
  find(connectionId: string): ReliableSession | undefined;
  sessions(): Iterable<ReliableSession>;
  onClaimed(session: ReliableSession, how: 'claimed' | 'sealed'): void;
  onFree(session: ReliableSession): void;
  /** A connection that another node has served; its client is not attached yet. */
  install(state: ConnectionState, hold: Hold): ReliableSession;
  refuse: ClaimServices['refuse'];
}

export interface TakeOversOptions {
  readonly handovers: Handovers;
  readonly moves: Moves;
  readonly calls: NodeCalls;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after' | 'every'>;
  readonly subscribers: Pick<LocalSubscribers, 'join' | 'leave'>;
  /** Unique in the cluster, now and later. */
  readonly newNonce: () => string;
  readonly onError: (error: unknown) => void;
  /** False: the node goes away, and takes nothing that another one wants to give it. */
  readonly takesMore: () => boolean;
}

export interface TakeOverCounters {
  /** Connections of other nodes that this one serves now, since the start. */
  takenOver: number;
  /** Connections of this node that another one serves now. */
  handedOver: number;
  /** Of those, connections that were ended because a stream of theirs had lost something. */
  incomplete: number;
}

/** Claims that were won, of which this node knows. */
const rememberedMax = 100_000;
const doneMs = 3000;
/** Part of the time for leaving that is kept for the good-bye. */
const goodbyeMs = 500;

export class TakeOvers {
  readonly counters: TakeOverCounters = { takenOver: 0, handedOver: 0, incomplete: 0 };
  readonly #options: TakeOversOptions;
  readonly #holder: Holder;
  readonly #persistent: PersistentCalls;
  readonly #owner: Owner;
  readonly #news: News;
  readonly #claims = new Map<string, Claim>();
  readonly #installed = new Set<string>();
  readonly #handedOver: HandedOver;
  readonly #locator: Locator;
  readonly introduction: Introduction;

  /** @param holder the reliable connections of this node. */
  constructor(holder: Holder, options: TakeOversOptions) {
    const { calls, clock, handovers, moves } = options;
    this.#options = options;
    this.#holder = holder;
    this.#persistent = new PersistentCalls({ calls, clock });
    this.#news = new News(calls, clock);
    this.#handedOver = new HandedOver({ calls, clock, handovers });
    const termOf = (connectionId: string): number | undefined => holder.find(connectionId)?.term;
    this.#locator = new Locator({ calls, moves, clock, termOf });
    this.introduction = new Introduction({ calls, clock, adopted: () => this.#adopted() });
    this.#owner = new Owner({
      find: (connectionId) => holder.find(connectionId),
      onClaimed: (session, how) => holder.onClaimed(session, how),
      onFree: (session) => holder.onFree(session),
      onHandedOver: (connectionId, nodeId) => {
        this.counters.handedOver += 1;
        const { term = 0 } = moves.moveOf(connectionId) ?? {};
        this.#handedOver.add(connectionId, { nodeId, term });
      },
      handovers,
      moves,
      calls,
      persistent: this.#persistent,
      clock,
    });
    handovers.sendOn({
      nodeOf: (connectionId) => this.#servingNode(connectionId),
      claimantOf: (connectionId) => this.#owner.claimantOf(connectionId),
    });
  }

  /** Whether a call of the node bus is for this object. */
  static executes(call: string): boolean {
    return call.startsWith('takeOver.');
  }

  /**
   * A client of a connection that this node does not have.
   * @param attachment undefined: the client is away; another node wants to be rid of the connection.
   */
  claim(
    request: { readonly connectionId: string; readonly hub: string; readonly subprotocol: string },
    attachment: Attachment | undefined,
  ): void {
    const { connectionId } = request;
    const running = this.#claims.get(connectionId);
    if (running?.isOver === false) {
      if (attachment !== undefined) running.replace(attachment);
      return;
    }
    const nonce = this.#options.newNonce();
    const services = {
      ...this.#options,
      persistent: this.#persistent,
      locator: this.#locator,
    };
    const claim = new Claim({ ...request, nonce }, attachment, {
      ...services,
      install: (winner, state, hold) => this.#install(winner, state, hold),
      refuse: this.#holder.refuse,
    });
    this.#claims.set(connectionId, claim);
    claim
      .run()
      .catch((error: unknown) => this.#options.onError(error))
      .finally(() => {
        if (this.#claims.get(connectionId) === claim) this.#claims.delete(connectionId);
      });
  }

  /** A socket that waited for a claim has closed. */
  abandon(connectionId: string, attachment: Attachment): void {
    this.#claims.get(connectionId)?.abandon(attachment);
  }

  /**
   * This node goes away: every connection that it has goes to another one, and all nodes are told.
   * Resolves when that is done, or cannot be.
   * @param reason told to clients that are still here.
   */
  async leave(withinMs: number, reason: string, signal: AbortSignal): Promise<void> {
    const { calls, clock, onError } = this.#options;
    const evacuation = new Evacuation({
      calls,
      clock,
      sessions: () => this.#holder.sessions(),
      isClaimed: (session) => this.#owner.isClaimed(session),
      claims: () => this.#claims.size,
      onError,
    });
    for (const claim of this.#claims.values()) claim.leave(reason);
    await evacuation.run(Math.max(0, withinMs - goodbyeMs), reason, signal);
    if (!signal.aborted) await this.#handedOver.sayGoodbye();
  }

  get owner(): Pick<Owner, 'claimantOf' | 'isFree' | 'settle' | 'settled' | 'takeBack'> {
    return this.#owner;
  }

  /** A connection of this node is over. */
  onOver(session: ReliableSession): void {
    this.#owner.onOver(session);
    const { connectionId } = session.identity;
    const { calls, moves } = this.#options;
    const servesIt = moves.nodeOf(connectionId) === calls.nodeId;
    if (session.term > 1 && servesIt && this.#owner.isFree(session)) this.#news.ended(connectionId);
  }

  /**
   * Does what another node asks.
   * @throws GatewayError `bad-request`: no such call, or not of this version.
   */
  async execute(call: string, args: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#execute(call, args);
    } catch (cause) {
      if (!(cause instanceof z.ZodError || cause instanceof RangeError)) throw cause;
      const message = `The call '${call}' cannot be executed; run the same version on all nodes`;
      throw new GatewayError('bad-request', message, { cause });
    }
  }

  async #execute(call: string, args: readonly unknown[]): Promise<unknown> {
    switch (call) {
      case takeOverCalls.prepare:
        return this.#owner.prepare(questions.prepare.parse(args)[0]);
      case takeOverCalls.seal:
        return this.#owner.seal(...questions.claim.parse(args));
      case takeOverCalls.part:
        return this.#owner.part(...questions.part.parse(args));
      case takeOverCalls.done:
        return this.#owner.done(...questions.claim.parse(args));
      case takeOverCalls.void:
        return this.#void(...questions.claim.parse(args));
      case takeOverCalls.adopted:
        this.#onAdopted(...questions.adopted.parse(args));
        return undefined;
      case takeOverCalls.ended:
        for (const id of questions.ended.parse(args)[0]) {
          this.#options.moves.ended(id);
          this.#handedOver.delete(id);
        }
        return undefined;
      case takeOverCalls.where:
        return this.#locator.whereabouts(questions.where.parse(args)[0]);
      case takeOverCalls.tell:
        return this.introduction.tell(questions.node.parse(args)[0]);
      case takeOverCalls.invite:
        return this.#onInvited(questions.invite.parse(args)[0]);
      case takeOverCalls.leaving:
        this.#options.calls.leaves(questions.node.parse(args)[0]);
        return undefined;
      default:
        throw new RangeError(`There is no call '${call}'`);
    }
  }

  /** What was not installed by now is not installed any more. */
  #void(connectionId: string, nonce: string): 'installed' | 'void' {
    if (this.#installed.has(nonce)) return 'installed';
    const claim = this.#claims.get(connectionId);
    if (claim?.options.nonce === nonce) claim.void();
    return 'void';
  }

  /** False: this node goes away, too. */
  #onInvited(invitations: readonly Invitation[]): boolean {
    if (!this.#options.takesMore()) return false;
    for (const [connectionId, hub, subprotocol] of invitations) {
      if (this.#holder.find(connectionId) !== undefined) continue;
      this.claim({ connectionId, hub, subprotocol }, undefined);
    }
    return true;
  }

  *#adopted(): Iterable<Adopted> {
    for (const { identity, term } of this.#holder.sessions()) {
      if (term > 1) yield [identity.connectionId, this.#options.calls.nodeId, term];
    }
  }

  #onAdopted(adopted: readonly Adopted[]): void {
    for (const [connectionId, nodeId, term] of adopted) {
      this.#owner.onAdopted(connectionId, nodeId);
      this.#options.moves.moved(connectionId, nodeId, term);
    }
  }

  #install(claim: Claim, state: ConnectionState, hold: Hold): void {
    const { calls, moves } = this.#options;
    const { connectionId, nonce } = claim.options;
    this.counters.takenOver += 1;
    this.#remember(nonce);
    moves.moved(connectionId, calls.nodeId, state.term + 1);
    this.#handedOver.delete(connectionId);
    const session = this.#holder.install(state, hold);
    const { attachment } = claim;
    if (attachment?.socket !== undefined) session.resume(attachment);
    else this.#holder.onFree(session);
    this.#news.adopted(connectionId, state.term + 1);
    this.#follow(session, state, hold)
      .then(() => session.watchAgain(state.watched))
      .catch((error: unknown) => this.#options.onError(error));
    void this.#sayDone(claim, session);
  }

  /** Streams go on from the place where the owner left them. */
  async #follow(session: ReliableSession, state: ConnectionState, hold: Hold): Promise<void> {
    const { subscriber } = session;
    const streams = state.cuts.filter((cut): cut is StreamCut => cut.position !== undefined);
    if (subscriber === undefined || streams.length === 0) return;
    await session.settling(async () => {
      const outcomes = await Promise.allSettled(streams.map((cut) => hold.follow(subscriber, cut)));
      if (outcomes.every((one) => one.status === 'fulfilled' && one.value)) return;
      this.counters.incomplete += 1;
      session.close(closeCodes.policyViolation, 'Messages of a stream are lost; connect anew');
    });
  }

  async #sayDone(claim: Claim, session: ReliableSession): Promise<void> {
    const { clock } = this.#options;
    const { connectionId, nonce } = claim.options;
    const question = {
      nodeId: claim.owner,
      call: takeOverCalls.done,
      args: [connectionId, nonce],
      answer: doneAnswer,
      untilMs: clock.monotonicMs() + doneMs,
    };
    try {
      this.#catchUp(session, await this.#persistent.ask(question));
    } catch {
      // The owner hears of it by the news, or frees its copy when its time is over.
    }
  }

  /** What the server API did at the owner between the seal and now. */
  #catchUp(session: ReliableSession, late: DoneAnswer): void {
    const { onError, subscribers } = this.#options;
    const { subscriber } = session;
    if (late.closedBecause) return session.close(closeCodes.normal, late.closedBecause);
    if (late.roles) session.setRoles(late.roles);
    if (subscriber === undefined) return undefined;
    for (const group of late.left) subscribers.leave(subscriber, group);
    for (const group of late.joined) subscribers.join(subscriber, group).catch(onError);
    return undefined;
  }

  /** undefined: this one, or nobody knows. */
  #servingNode(connectionId: string): string | undefined {
    if (this.#holder.find(connectionId) !== undefined) return undefined;
    const { calls, moves } = this.#options;
    const next = this.#handedOver.nodeOf(connectionId);
    if (next !== undefined && !calls.isGone(next)) return next;
    const nodeId = moves.nodeOf(connectionId);
    return nodeId === calls.nodeId ? undefined : nodeId;
  }

  #remember(nonce: string): void {
    this.#installed.add(nonce);
    if (this.#installed.size <= rememberedMax) return;
    for (const oldest of this.#installed) {
      this.#installed.delete(oldest);
      break;
    }
  }
}
