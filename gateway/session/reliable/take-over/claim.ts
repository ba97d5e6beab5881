/**
 * One attempt of this node to serve a connection that another node has: its client is here and has
 * been promised nothing. Everything that is published meanwhile is held here before the owner stops,
 * so that nothing falls between the two.
 */
import type { Clock } from '../../../clock.ts';
import { GatewayError } from '../../../errors.ts';
import { closeCodes } from '../../../protocol/close-codes.ts';
import type { Handovers, Hold, Moves, NodeCalls } from '../../../router/ports.ts';
import type { Attachment } from '../attachment.ts';
import type { Locator } from './locator.ts';
import { unpackDestinations, unpackState, type ConnectionState } from './connection-state.ts';
import {
  partAnswer,
  prepareAnswer,
  sealAnswer,
  takeOverCalls,
  type Blob,
  type No,
  type PrepareAnswer,
} from './messages.ts';
import { UnansweredError, type PersistentCalls } from './persistent-calls.ts';

export interface ClaimServices {
  readonly handovers: Handovers;
  readonly moves: Moves;
  readonly calls: NodeCalls;
  readonly persistent: PersistentCalls;
  readonly locator: Pick<Locator, 'find'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** The node serves the connection from this call on, which writes what is held. */
  readonly install: (claim: Claim, state: ConnectionState, hold: Hold) => void;
  /** The client gets nothing. */
  readonly refuse: (attachment: Attachment, why: 'unknown' | 'mismatch' | 'unanswered') => void;
}

export interface ClaimOptions {
  readonly connectionId: string;
  readonly hub: string;
  readonly subprotocol: string;
  readonly nonce: string;
}

/**
 * From the client's arrival to its greeting; then it is told to connect anew, or to come again where
 * the node that has the connection lives and is slow.
 */
const wholeMs = 3000;
const busyMs = 50;
const hopsMax = 8;
const locateAgainMs = 200;
const supersededText = 'The client came back by another connection';
const slowText = 'The node of the connection is slow; come again';

/** Why a claim ends without a connection. */
class ClaimError extends Error {
  override readonly name = 'ClaimError';
  readonly why: No | 'unanswered' | 'slow';

  constructor(why: No | 'unanswered' | 'slow') {
    super(`The claim failed: ${why}`);
    this.why = why;
  }
}

export class Claim {
  readonly options: ClaimOptions;
  readonly #services: ClaimServices;
  readonly #untilMs: number;
  #attachment: Attachment | undefined;
  #owner: string;
  #hold: Hold | undefined;
  /** The owner may have stopped: the connection is to be served here, with a client or without. */
  #isSealing = false;
  #isOver = false;
  readonly #abort = new AbortController();

  /** @param attachment undefined: the client is away, and may come while the claim goes on. */
  constructor(options: ClaimOptions, attachment: Attachment | undefined, services: ClaimServices) {
    const { calls, clock, moves } = services;
    this.options = options;
    this.#services = services;
    this.#attachment = attachment;
    this.#untilMs = clock.monotonicMs() + wholeMs;
    const { connectionId } = options;
    this.#owner = moves.nodeOf(connectionId) ?? calls.nodeOf(connectionId) ?? calls.nodeId;
  }

  /** The node that has, or had, the connection. */
  get owner(): string {
    return this.#owner;
  }

  /** The client's socket; undefined: it has gone. */
  get attachment(): Attachment | undefined {
    return this.#attachment;
  }

  /** True: nothing comes of it any more, or has come of it already. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The client is here with another socket: the claim goes on for that one. */
  replace(attachment: Attachment): void {
    this.#attachment?.end(closeCodes.goingAway, supersededText);
    this.#attachment = attachment;
  }

  /** The client's socket closed. */
  abandon(attachment: Attachment): void {
    if (attachment !== this.#attachment) return;
    this.#attachment = undefined;
    if (!this.#isSealing) this.#end();
  }

  /** The owner has a later claim: from now on this one serves nothing. */
  void(): void {
    this.#end();
    this.#attachment?.end(closeCodes.goingAway, supersededText);
  }

  /** This node goes away: unless the owner has stopped already, the client looks for another one. */
  leave(reason: string): void {
    if (this.#isSealing) return;
    this.#end();
    this.#attachment?.end(closeCodes.goingAway, reason);
  }

  /** Resolves when the connection is served here, or the claim has ended without it. */
  async run(): Promise<void> {
    try {
      const state = await this.#win();
      const hold = this.#hold;
      if (this.#isOver || hold === undefined) return;
      // The owner gets its connection back when the client comes again.
      if (!hold.isWhole(state.cuts)) throw new ClaimError('superseded');
      this.#isOver = true;
      this.#services.install(this, state, hold);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#end();
    }
  }

  /** Resolves with the connection's state, from which on nobody but this claim may serve it. */
  async #win(): Promise<ConnectionState> {
    const { handovers } = this.#services;
    const { connectionId, hub } = this.options;
    for (let round = 0; ; round += 1) {
      const destinations = unpackDestinations(await this.#whole(await this.#prepare(round)));
      this.#checkGoing();
      const hold = (this.#hold ??= handovers.hold(hub, connectionId));
      await this.#inTime(hold.add(destinations));
      await this.#sleep(handovers.settleMs);
      this.#checkGoing();
      this.#isSealing = true;
      const sealed = await this.#seal();
      if (sealed !== undefined) return unpackState(await this.#whole(sealed));
    }
  }

  /** Finds the owner, which lets go of the client's old socket. */
  async #prepare(round: number): Promise<Blob> {
    const { calls } = this.#services;
    const { connectionId, hub, nonce, subprotocol } = this.options;
    const question = { connectionId, nonce, claimant: calls.nodeId, hub, subprotocol, round };
    // Here it is not, or nobody would claim it.
    let isThere = this.#owner !== calls.nodeId && calls.isAlive(this.#owner);
    let hasHomeDenied = false;
    for (let hops = 0; hops < hopsMax; hops += 1) {
      if (!isThere) this.#owner = await this.#locate(hasHomeDenied);
      const answer: PrepareAnswer = await this.#ask(
        takeOverCalls.prepare,
        [question],
        prepareAnswer,
      );
      this.#checkGoing();
      if (answer.kind === 'prepared') return answer.destinations;
      if (answer.kind !== 'moved' && answer.kind !== 'unknown') throw new ClaimError(answer.kind);
      hasHomeDenied ||= answer.kind === 'unknown' && this.#owner === calls.nodeOf(connectionId);
      isThere = answer.kind === 'moved' && answer.to !== calls.nodeId && calls.isAlive(answer.to);
      if (isThere && answer.kind === 'moved') this.#owner = answer.to;
    }
    throw new ClaimError('unknown');
  }

  /**
   * Asks everybody for the connection, until somebody has it or all say that they have not.
   * @param isDenied its first node, which would know, knows nothing: nobody is waited for.
   */
  async #locate(isDenied: boolean): Promise<string> {
    const { calls, clock, locator } = this.#services;
    let why: 'unanswered' | 'slow' = 'slow';
    while (clock.monotonicMs() < this.#untilMs) {
      const { isSilent, isSure, nodeId } = await locator.find(this.options.connectionId);
      this.#checkGoing();
      if (nodeId !== undefined && nodeId !== calls.nodeId) return nodeId;
      if (isSure || isDenied) throw new ClaimError('unknown');
      why = isSilent ? 'unanswered' : 'slow';
      await this.#sleep(locateAgainMs);
    }
    throw new ClaimError(why);
  }

  /** undefined: the connection has more destinations than before. */
  async #seal(): Promise<Blob | undefined> {
    const { connectionId, nonce } = this.options;
    for (;;) {
      const answer = await this.#ask(takeOverCalls.seal, [connectionId, nonce], sealAnswer);
      this.#checkGoing();
      if (answer.kind === 'sealed') return answer.state;
      if (answer.kind === 'changed') return undefined;
      if (answer.kind !== 'busy') throw new ClaimError(answer.kind);
      await this.#sleep(busyMs);
    }
  }

  async #whole({ first, size }: Blob): Promise<Uint8Array> {
    const { connectionId, nonce } = this.options;
    const parts = [first];
    let length = first.length;
    while (length < size) {
      const args = [connectionId, nonce, length];
      const part = await this.#ask(takeOverCalls.part, args, partAnswer);
      this.#checkGoing();
      if (part.length === 0) throw new ClaimError('unanswered');
      parts.push(part);
      length += part.length;
    }
    return parts.length === 1 ? first : Buffer.concat(parts);
  }

  #ask<T>(
    call: string,
    args: readonly unknown[],
    answer: Parameters<PersistentCalls['ask']>[0]['answer'] & { readonly _output?: T },
  ): Promise<T> {
    const { persistent } = this.#services;
    const { signal } = this.#abort;
    const question = { nodeId: this.#owner, call, args, answer, untilMs: this.#untilMs, signal };
    // The schema is of this type: `ask` has checked the answer with it.
    return persistent.ask(question) as Promise<T>;
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    const { clock } = this.#services;
    return new Promise((resolve, reject) => {
      const leftMs = Math.max(0, this.#untilMs - clock.monotonicMs());
      const cancel = clock.after(leftMs, () => reject(new ClaimError('slow')));
      void work.then(resolve, reject).finally(cancel);
    });
  }

  #sleep(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve();
    if (this.#services.clock.monotonicMs() + ms > this.#untilMs) {
      return Promise.reject(new ClaimError('unanswered'));
    }
    return new Promise((resolve) => {
      this.#services.clock.after(ms, resolve);
    });
  }

  /** Call it after every await. */
  #checkGoing(): void {
    if (this.#isOver) throw new ClaimError('superseded');
  }

  #fail(error: unknown): void {
    const attachment = this.#attachment;
    const wasOver = this.#isOver;
    this.#end();
    if (wasOver || attachment === undefined) return;
    const why = this.#reasonOf(error);
    if (why === 'superseded') attachment.end(closeCodes.goingAway, supersededText);
    else if (why === 'slow') attachment.end(closeCodes.goingAway, slowText);
    else this.#services.refuse(attachment, why);
    if (!(error instanceof ClaimError || error instanceof UnansweredError)) throw error;
  }

  #reasonOf(error: unknown): ClaimError['why'] {
    if (error instanceof ClaimError) return error.why;
    const isLate = error instanceof UnansweredError || error instanceof GatewayError;
    return isLate && this.#services.calls.isAlive(this.#owner) ? 'slow' : 'unanswered';
  }

  #end(): void {
    this.#isOver = true;
    this.#abort.abort();
    this.#hold?.drop();
  }
}
