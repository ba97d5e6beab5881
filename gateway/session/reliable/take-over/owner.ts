/**
 * The connections of this node as other nodes claim them. The owner goes on receiving and numbering
 * until the claimant says that it serves the connection; from the seal on it gives nothing out by
 * itself, so that a connection is never numbered twice.
 */
import type { Clock } from '../../../clock.ts';
import type { Handovers, Moves, NodeCalls } from '../../../router/ports.ts';
import type { ReliableSession } from '../reliable-session.ts';
import { addressText, withEarlier } from './cuts.ts';
import { packDestinations, packState, type ConnectionState } from './connection-state.ts';
import {
  takeOverCalls,
  voidAnswer,
  type Blob,
  type DoneAnswer,
  type PrepareAnswer,
  type PrepareQuestion,
  type SealAnswer,
  type VoidAnswer,
} from './messages.ts';
import type { PersistentCalls } from './persistent-calls.ts';

export interface OwnerOptions {
  /** The connection, if this node has it. */
  readonly find: (connectionId: string) => ReliableSession | undefined;
  /** `claimed`: the time in which its client must come begins anew; `sealed`: it stands still. */
  readonly onClaimed: (session: ReliableSession, how: 'claimed' | 'sealed') => void;
  /** Nobody claims it any more: the time runs again. */
  readonly onFree: (session: ReliableSession) => void;
  /** Another node serves it now. */
  readonly onHandedOver: (connectionId: string, nodeId: string) => void;
  readonly handovers: Handovers;
  readonly moves: Moves;
  readonly calls: NodeCalls;
  readonly persistent: PersistentCalls;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
}

interface Claimed {
  readonly nonce: string;
  readonly claimant: string;
}

interface Prepared extends Claimed {
  readonly kind: 'prepared';
  readonly atMs: number;
  readonly round: number;
  /** What the claimant was told to hold. */
  readonly known: ReadonlySet<string>;
  readonly bytes: Buffer;
}

interface Sealed extends Claimed {
  readonly kind: 'sealed';
  readonly state: ConnectionState;
  readonly bytes: Buffer;
  /** Under way while another claim waits for the first one's fate. */
  settling: Promise<VoidAnswer | 'unanswered'> | undefined;
}

interface HandedOver extends Claimed {
  readonly kind: 'handedOver';
  readonly late: DoneAnswer;
}

interface Case {
  readonly session: ReliableSession;
  phase: Prepared | Sealed | HandedOver | undefined;
  /** Claims that a later one has beaten: their questions may still arrive. */
  readonly beaten: string[];
  /** Orders of the server API that wait while it is sealed. */
  readonly waiting: Set<() => void>;
  cancelTimer: () => void;
}

/** How long a sealed connection, or the memory of one handed over, is kept in ms. */
const keepMs = 60_000;
const settleMs = 1500;
/** Who asks waits for about so many ms for an answer. */
const orderMs = 800;
/** A claim that has not come to its seal after so many ms may be none any more. */
const claimedMs = 1000;
const beatenMax = 32;
const nothingLate: DoneAnswer = { joined: [], left: [] };

export class Owner {
  readonly #options: OwnerOptions;
  readonly #cases = new Map<string, Case>();

  constructor(options: OwnerOptions) {
    this.#options = options;
  }

  /** The node that has sealed a connection and may serve it already. */
  claimantOf(connectionId: string): string | undefined {
    const phase = this.#cases.get(connectionId)?.phase;
    return phase?.kind === 'sealed' ? phase.claimant : undefined;
  }

  async prepare(question: PrepareQuestion): Promise<PrepareAnswer> {
    const { connectionId, hub, nonce, subprotocol } = question;
    const { calls, find, moves } = this.#options;
    const session = find(connectionId);
    if (session === undefined) {
      const to = moves.nodeOf(connectionId);
      return to === undefined || to === calls.nodeId ? { kind: 'unknown' } : { kind: 'moved', to };
    }
    const { codec, hub: ownHub } = session.identity;
    if (hub !== ownHub || subprotocol !== codec.subprotocol) return { kind: 'mismatch' };
    const entry = this.#case(session);
    if (entry.beaten.includes(nonce)) return { kind: 'superseded' };
    const { phase } = entry;
    if (phase?.nonce === nonce) {
      // A question that was asked before it was sealed; nobody waits for its answer.
      if (phase.kind !== 'prepared') return { kind: 'superseded' };
      if (phase.round >= question.round)
        return { kind: 'prepared', destinations: this.#blob(phase) };
    } else if (phase?.kind === 'sealed') {
      const fate = await this.#settle(entry, phase);
      // One that lives will answer when the client comes again.
      if (fate === 'unanswered') {
        return { kind: calls.isAlive(phase.claimant) ? 'superseded' : 'unknown' };
      }
      // Its state may be any now.
      return this.prepare(question);
    }
    this.#beat(entry, nonce);
    return { kind: 'prepared', destinations: this.#blob(this.#prepare(entry, question)) };
  }

  async seal(connectionId: string, nonce: string): Promise<SealAnswer> {
    try {
      // What was published before the claimant held it may come another way than this question.
      await this.#options.handovers.caughtUp();
    } catch {
      return { kind: 'busy' };
    }
    return this.#seal(connectionId, nonce);
  }

  #seal(connectionId: string, nonce: string): SealAnswer {
    const entry = this.#cases.get(connectionId);
    const phase = entry?.phase;
    if (entry === undefined || phase?.nonce !== nonce) return this.#lostTo(connectionId);
    if (phase.kind === 'handedOver') return { kind: 'superseded' };
    if (phase.kind === 'sealed') return { kind: 'sealed', state: this.#blob(phase) };
    const { session } = entry;
    const { subscriber } = session;
    if (!session.isSettled || subscriber === undefined) return { kind: 'busy' };
    const heard = this.#options.handovers.cutsOf(subscriber);
    const cuts = withEarlier(heard, session.earlierCuts);
    // Writing what was collected may have ended it.
    if (this.#options.find(connectionId) !== session) return { kind: 'unknown' };
    if (!cuts.every(({ to }) => phase.known.has(addressText(to)))) return { kind: 'changed' };
    const state = session.state(cuts);
    const { claimant } = phase;
    const bytes = packState(state);
    const sealed: Sealed = { kind: 'sealed', nonce, claimant, state, bytes, settling: undefined };
    entry.phase = sealed;
    this.#options.onClaimed(session, 'sealed');
    this.#keepFor(entry, keepMs);
    return { kind: 'sealed', state: this.#blob(sealed) };
  }

  /** Bytes from an offset on. @throws when there is no such claim. */
  part(connectionId: string, nonce: string, offset: number): Uint8Array {
    const phase = this.#cases.get(connectionId)?.phase;
    if (phase === undefined || phase.nonce !== nonce || phase.kind === 'handedOver') {
      throw new RangeError(`Nothing is handed over of connection ${connectionId} by this claim`);
    }
    return phase.bytes.subarray(offset, offset + this.#options.calls.bytesMax);
  }

  /** The claimant serves it: it is freed here. Says what has happened to it meanwhile. */
  done(connectionId: string, nonce: string): DoneAnswer {
    const entry = this.#cases.get(connectionId);
    const phase = entry?.phase;
    if (entry === undefined || phase?.nonce !== nonce) return nothingLate;
    if (phase.kind === 'handedOver') return phase.late;
    if (phase.kind === 'prepared') return nothingLate;
    const late = lateChanges(entry.session, phase.state);
    entry.phase = { kind: 'handedOver', nonce, claimant: phase.claimant, late };
    this.#options.moves.moved(connectionId, phase.claimant, phase.state.term + 1);
    this.#options.onHandedOver(connectionId, phase.claimant);
    this.#keepFor(entry, keepMs);
    // It is on the other node already.
    entry.session.finish('moved');
    goOn(entry);
    return late;
  }

  /** News that a node serves a connection: so it is, whether it has told its owner or not. */
  onAdopted(connectionId: string, nodeId: string): void {
    const phase = this.#cases.get(connectionId)?.phase;
    if (phase?.kind === 'sealed' && phase.claimant === nodeId) this.done(connectionId, phase.nonce);
  }

  /** The client is here, and the connection is sealed. False: nobody knows who serves it. */
  async settle(session: ReliableSession): Promise<boolean> {
    const entry = this.#cases.get(session.identity.connectionId);
    const phase = entry?.phase;
    if (entry === undefined || phase?.kind !== 'sealed') return true;
    return (await this.#settle(entry, phase)) !== 'unanswered';
  }

  /**
   * Resolves when a hand-over that is under way has ended, or takes too long: what is done to the
   * connection until then is not done where it is served. undefined: there is none.
   */
  settled(connectionId: string): Promise<void> | undefined {
    const entry = this.#cases.get(connectionId);
    if (entry?.phase?.kind !== 'sealed') return undefined;
    return new Promise((resolve) => {
      const go = (): void => {
        cancel();
        entry.waiting.delete(go);
        resolve();
      };
      const cancel = this.#options.clock.after(orderMs, go);
      entry.waiting.add(go);
    });
  }

  /** The client is here, and nobody has sealed the connection: whoever has claimed it has lost. */
  takeBack(session: ReliableSession): void {
    const entry = this.#cases.get(session.identity.connectionId);
    if (entry === undefined || entry.phase?.kind === 'sealed') return;
    this.#beat(entry, '');
    entry.phase = undefined;
  }

  /** False: another node may serve it by now, so nobody is to be served here. */
  isFree(session: ReliableSession): boolean {
    return this.#cases.get(session.identity.connectionId)?.phase?.kind !== 'sealed';
  }

  /** True: another node is about to take it over, or may serve it by now. */
  isClaimed(session: ReliableSession): boolean {
    const phase = this.#cases.get(session.identity.connectionId)?.phase;
    if (phase?.kind !== 'prepared') return phase !== undefined;
    return this.#options.clock.monotonicMs() - phase.atMs < claimedMs;
  }

  /** The connection is over. */
  onOver(session: ReliableSession): void {
    const { connectionId } = session.identity;
    const entry = this.#cases.get(connectionId);
    // What became of a sealed one is told to its claimant, when that asks.
    if (entry?.session !== session || (entry.phase && entry.phase.kind !== 'prepared')) return;
    entry.cancelTimer();
    this.#cases.delete(connectionId);
  }

  /** A claim that is none any more. Where the connection is, its client is right to come again. */
  #lostTo(connectionId: string): { kind: 'superseded' | 'unknown' } {
    const { find, moves } = this.#options;
    const isSomewhere =
      find(connectionId) !== undefined || moves.nodeOf(connectionId) !== undefined;
    return { kind: isSomewhere ? 'superseded' : 'unknown' };
  }

  #case(session: ReliableSession): Case {
    const { connectionId } = session.identity;
    const known = this.#cases.get(connectionId);
    if (known?.session === session) return known;
    known?.cancelTimer();
    const entry: Case = {
      session,
      phase: undefined,
      beaten: [],
      waiting: new Set(),
      cancelTimer: () => undefined,
    };
    this.#cases.set(connectionId, entry);
    return entry;
  }

  #prepare(entry: Case, { claimant, nonce, round }: PrepareQuestion): Prepared {
    const { session } = entry;
    const destinations = session.destinations();
    const known = new Set(destinations.map(addressText));
    const bytes = packDestinations(destinations);
    const atMs = this.#options.clock.monotonicMs();
    const phase: Prepared = { kind: 'prepared', atMs, nonce, claimant, round, known, bytes };
    entry.phase = phase;
    session.release('The client came back by another node');
    this.#options.onClaimed(session, 'claimed');
    return phase;
  }

  /** The claims before this one have lost. */
  #beat({ beaten, phase }: Case, nonce: string): void {
    if (phase === undefined || phase.nonce === nonce) return;
    beaten.push(phase.nonce);
    if (beaten.length > beatenMax) beaten.shift();
  }

  /** Asks the claimant what became of its claim, and makes it so. */
  #settle(entry: Case, phase: Sealed): Promise<VoidAnswer | 'unanswered'> {
    phase.settling ??= this.#askFate(entry, phase).finally(() => {
      phase.settling = undefined;
    });
    return phase.settling;
  }

  async #askFate(entry: Case, phase: Sealed): Promise<VoidAnswer | 'unanswered'> {
    const { clock, onFree, persistent } = this.#options;
    const { connectionId } = entry.session.identity;
    const fate = await persistent
      .ask({
        nodeId: phase.claimant,
        call: takeOverCalls.void,
        args: [connectionId, phase.nonce],
        answer: voidAnswer,
        untilMs: clock.monotonicMs() + settleMs,
      })
      .catch(() => 'unanswered' as const);
    if (entry.phase !== phase || fate === 'unanswered') return fate;
    if (fate === 'installed') {
      this.done(connectionId, phase.nonce);
    } else {
      this.#beat(entry, '');
      entry.phase = undefined;
      entry.cancelTimer();
      if (this.#options.find(connectionId) === entry.session) onFree(entry.session);
      else this.#cases.delete(connectionId);
      goOn(entry);
    }
    return fate;
  }

  #keepFor(entry: Case, ms: number): void {
    const { connectionId } = entry.session.identity;
    entry.cancelTimer();
    entry.cancelTimer = this.#options.clock.after(ms, () => {
      const { phase, session } = entry;
      if (this.#cases.get(connectionId) === entry) this.#cases.delete(connectionId);
      if (phase?.kind !== 'sealed') return;
      goOn(entry);
      // The claimant is silent. If it serves the connection, it is to be found there.
      this.#options.moves.moved(connectionId, phase.claimant, phase.state.term + 1);
      session.finish('moved');
    });
  }

  #blob({ bytes }: Prepared | Sealed): Blob {
    return { size: bytes.length, first: bytes.subarray(0, this.#options.calls.bytesMax) };
  }
}

/** Those who waited for the end of a hand-over see who serves the connection now. */
function goOn({ waiting }: Case): void {
  for (const go of waiting) go();
}

/** What the server API did to the owner's copy after it was sealed. */
function lateChanges(session: ReliableSession, { cuts, roles }: ConnectionState): DoneAnswer {
  const before = new Set(cuts.flatMap(({ to }) => (to.kind === 'group' ? [to.name] : [])));
  const now = new Set(
    session.destinations().flatMap((to) => (to.kind === 'group' ? [to.name] : [])),
  );
  const { closedBecause, isOver } = session;
  const rolesNow = session.roles();
  return {
    closedBecause,
    joined: isOver ? [] : [...now].filter((group) => !before.has(group)),
    left: isOver ? [] : [...before].filter((group) => !now.has(group)),
    roles: rolesNow.join() === roles.join() ? undefined : [...rolesNow],
  };
}
