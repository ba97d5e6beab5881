/**
 * Lets nodes talk to each other over the backplane itself: heartbeats and questions to all on the
 * control key, calls and answers through one inbox per node. Clocks of other nodes are never looked
 * at. A node that slept, was deaf or has just started doubts that it knows all others.
 */
import type { Accepted, Backplane } from '../../../backplanes/backplane.ts';
import type { Clock } from '../../clock.ts';
import { errorTable, GatewayError, type ErrorCode } from '../../errors.ts';
import { unavailable } from '../backplane-failure.ts';
import { controlKey, inboxKey } from '../keys.ts';
import {
  decodeNodeMessage,
  encodeNodeMessage,
  type Ask,
  type Beat,
  type NodeMessage,
} from './node-message.ts';
import { Roster } from './roster.ts';
import { Survey, type SurveyResult } from './survey.ts';

export interface NodeBusOptions {
  /** Unique per start, so that nothing meant for an earlier start reaches this one's inbox. */
  readonly nodeId: string;
  readonly backplane: Pick<Backplane, 'publish'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'every' | 'after'>;
  readonly heartbeatMs: number;
  readonly suspectAfterMs: number;
  readonly deadAfterMs: number;
  /** How long a question waits for its answers in ms. */
  readonly answerTimeoutMs: number;
  /** Executes a call of another node, or of this one. @throws GatewayError */
  readonly execute: (call: string, args: readonly unknown[]) => Promise<unknown>;
  /** Takes what another node tells. @throws when it cannot be read. */
  readonly onTold?: (from: string, call: string, args: readonly unknown[]) => void;
  /** Called several times a second, unless the node is deaf: then it cannot judge the others. */
  readonly onRound?: () => void;
  readonly onError: (error: unknown) => void;
}

export interface Question {
  readonly call: string;
  readonly args: readonly unknown[];
  /** An answer that makes the others unnecessary. */
  readonly isEnough?: (value: unknown) => boolean;
}

/** A tick later than this much says that the process slept. */
const lateMs = 2000;
/** Finer than the heartbeat, so that nobody is dead much before or after the time is over. */
const ticksPerHeartbeat = 4;
const questionsMax = 10_000;

export class NodeBus {
  readonly roster: Roster;
  readonly #options: NodeBusOptions;
  readonly #tickMs: number;
  readonly #surveys = new Map<number, Survey>();
  #lastId = 0;
  /** Another one after each sleep and deafness. */
  #incarnation = 1;
  #ticks = 0;
  #lastTickMs: number;
  /** Since when heartbeats of this incarnation have come back; undefined: they have not yet. */
  #hearsSinceMs: number | undefined;
  #heardItselfAtMs: number;
  /** How many nodes got the last heartbeat, where the broker tells. */
  #listeners: number | undefined;
  #onStarted: (() => void) | undefined;
  #stopTicking: (() => void) | undefined;
  /** Answers that came after their question was over. */
  lateAnswers = 0;
  /** Answers that the backplane did not take. */
  unsentAnswers = 0;

  constructor(options: NodeBusOptions) {
    const { clock, heartbeatMs } = options;
    this.#options = options;
    this.#tickMs = heartbeatMs / ticksPerHeartbeat;
    this.#lastTickMs = clock.monotonicMs();
    this.#heardItselfAtMs = this.#lastTickMs;
    this.roster = new Roster(options);
  }

  /**
   * Begins to beat; the inbox and the control key are subscribed by then. Resolves when a heartbeat
   * has come back: who asks all nodes from now on, asks this one too.
   * @throws GatewayError `backplane-unavailable` when none came back in the time in which nodes
   *   become suspect.
   */
  start(): Promise<void> {
    const { clock, suspectAfterMs } = this.#options;
    this.#lastTickMs = clock.monotonicMs();
    this.#heardItselfAtMs = this.#lastTickMs;
    this.#stopTicking = clock.every(this.#tickMs, () => this.#tick());
    this.#beat();
    return new Promise((resolve, reject) => {
      const cancel = clock.after(suspectAfterMs, () => reject(deafAtStart(suspectAfterMs)));
      this.#onStarted = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Counts how often this node has doubted what it heard, from 1. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** Ends all questions and says good-bye. The backplane is still open. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopTicking === undefined) return;
    this.#stopTicking();
    this.#stopTicking = undefined;
    this.#onStarted?.();
    for (const survey of this.#surveys.values()) survey.end();
    // Where it is lost, the others will notice the silence.
    await this.#send(controlKey, this.#ownBeat(true)).catch(() => undefined);
  }

  /**
   * True while there may be nodes of which this one has not heard: it cannot say "nobody". Ends when
   * all have been heard whom the broker counts. Where it does not count, others tell whom they know;
   * alone, a node waits until whoever is paused must be dead.
   */
  isInDoubt(): boolean {
    const { clock, deadAfterMs, suspectAfterMs } = this.#options;
    const since = this.#hearsSinceMs;
    if (since === undefined) return true;
    const heard = this.roster.heardSince(since);
    if (this.#listeners !== undefined && heard + 1 >= this.#listeners) return false;
    const isTold = this.#listeners === undefined && heard > 0;
    return clock.monotonicMs() - since <= (isTold ? suspectAfterMs : deadAfterMs);
  }

  /** Heartbeats and questions to all may have been lost on their way to this node. */
  onGap(): void {
    this.#doubt();
  }

  /**
   * Calls one node. Resolves with its answer.
   * @throws GatewayError: what the node said, `nodes-missing` when it did not answer, or that of
   *   the backplane.
   */
  async call(nodeId: string, call: string, args: readonly unknown[]): Promise<unknown> {
    if (nodeId === this.#options.nodeId) return this.#options.execute(call, args);
    const result = await this.#ask(inboxKey(nodeId), { call, args }, [nodeId]);
    const failure = result.failures.get(nodeId);
    if (failure !== undefined) throw failure;
    if (!result.isComplete) throw nodesMissing([nodeId]);
    return result.answers.get(nodeId);
  }

  /**
   * Asks all nodes, this one included. Complete when every node has answered that was known when
   * the question had gone round: nothing is concluded from the number of receivers, because a node
   * that has just lost its subscriptions still has its connections.
   * @throws GatewayError of the backplane; never for missing answers.
   */
  async survey(question: Question): Promise<SurveyResult> {
    const result = await this.#ask(controlKey, question, undefined);
    return { ...result, isComplete: result.isComplete && !this.isInDoubt() };
  }

  /**
   * Tells one node something that it does not answer. Rejects when the backplane did not take it.
   */
  async tell(nodeId: string, call: string, args: readonly unknown[]): Promise<void> {
    await this.#send(inboxKey(nodeId), { ...this.#sender(), kind: 'tell', call, args: [...args] });
  }

  /** A message for the bus came in. @throws when it cannot be read. */
  receive(bytes: Uint8Array): void {
    const message = decodeNodeMessage(bytes);
    const { node } = message;
    if (node === this.#options.nodeId) return this.#receiveOwn(message);
    if (message.kind === 'beat' && message.isLeaving) {
      this.roster.left(node);
      this.#forget([node]);
      return;
    }
    if (!this.roster.heard(node, message.incarnation)) return;
    switch (message.kind) {
      case 'beat':
        if (message.isInDoubt) this.#tellPeers(node);
        break;
      case 'peers':
        this.roster.learn(message.peers);
        break;
      case 'ask':
        void this.#answer(message);
        break;
      case 'tell':
        this.#options.onTold?.(node, message.call, message.args);
        break;
      case 'answer':
        this.#surveyOf(message.id)?.answer(node, message.value);
        break;
      case 'failure':
        this.#surveyOf(message.id)?.fail(node, failureOf(message.code, message.message));
        break;
    }
  }

  /** Only what was sent to all comes back. */
  #receiveOwn(message: NodeMessage): void {
    if (message.kind === 'beat') this.#heardItself(message);
    if (message.kind !== 'ask') return;
    const survey = this.#surveys.get(message.id);
    if (survey === undefined) return;
    // What others published before it has arrived too, above all the first heartbeat of a new node.
    survey.expect(this.roster.nodes());
    void this.#execute(message).then((outcome) => give(survey, this.#options.nodeId, outcome));
  }

  /** @param only whose answer counts; undefined: everybody's. */
  async #ask(
    key: string,
    { args, call, isEnough = () => false }: Question,
    only: readonly string[] | undefined,
  ): Promise<SurveyResult> {
    const { answerTimeoutMs, clock } = this.#options;
    if (this.#surveys.size >= questionsMax) throw tooManyQuestions();
    this.#lastId += 1;
    const id = this.#lastId;
    let settle: (result: SurveyResult) => void = () => undefined;
    const result = new Promise<SurveyResult>((resolve) => {
      settle = resolve;
    });
    const survey = new Survey(isEnough, settle);
    if (only !== undefined) survey.expect(only);
    this.#surveys.set(id, survey);
    const cancel = clock.after(answerTimeoutMs, () => survey.end());
    try {
      await this.#send(key, { ...this.#sender(), kind: 'ask', id, call, args: [...args] });
      return await result;
    } catch (cause) {
      throw unavailable(cause);
    } finally {
      cancel();
      this.#surveys.delete(id);
    }
  }

  async #answer(ask: Ask): Promise<void> {
    const outcome = await this.#execute(ask);
    try {
      await this.#send(inboxKey(ask.node), { ...this.#sender(), id: ask.id, ...outcome });
    } catch {
      this.unsentAnswers += 1;
    }
  }

  async #execute({ args, call }: Ask): Promise<Outcome> {
    try {
      return { kind: 'answer', value: await this.#options.execute(call, args) };
    } catch (error) {
      if (error instanceof GatewayError) {
        return { kind: 'failure', code: error.code, message: error.message };
      }
      this.#options.onError(error);
      return unknownFailure;
    }
  }

  #tick(): void {
    const { clock, suspectAfterMs } = this.#options;
    const now = clock.monotonicMs();
    const isLate = now - this.#lastTickMs > this.#tickMs + lateMs;
    const isDeaf = now - this.#heardItselfAtMs > suspectAfterMs;
    this.#lastTickMs = now;
    if (isLate || (isDeaf && this.#hearsSinceMs !== undefined)) this.#doubt();
    // Who does not hear itself cannot blame others for their silence.
    if (this.#hearsSinceMs !== undefined) {
      this.#forget(this.roster.sweep(this.#tickMs));
      this.#options.onRound?.();
    }
    this.#ticks += 1;
    if (this.#ticks % ticksPerHeartbeat === 0) this.#beat();
  }

  /** The others may have taken this node for dead: it comes back as a new incarnation. */
  #doubt(): void {
    this.#incarnation += 1;
    this.#hearsSinceMs = undefined;
    this.#listeners = undefined;
    if (this.#stopTicking !== undefined) this.#beat();
  }

  #tellPeers(node: string): void {
    const peers = this.roster.silences();
    // Others tell it too, and it asks again.
    this.#send(inboxKey(node), { ...this.#sender(), kind: 'peers', peers }).catch(() => undefined);
  }

  #heardItself({ incarnation }: Beat): void {
    const now = this.#options.clock.monotonicMs();
    this.#heardItselfAtMs = now;
    if (incarnation !== this.#incarnation || this.#hearsSinceMs !== undefined) return;
    this.#hearsSinceMs = now;
    this.roster.forgive();
    this.#onStarted?.();
  }

  #beat(): void {
    const beat = this.#ownBeat();
    this.#send(controlKey, beat).then(
      ({ receivers }) => {
        if (beat.incarnation === this.#incarnation) this.#listeners = receivers;
      },
      // A lost heartbeat is what suspicion is for.
      () => undefined,
    );
  }

  #ownBeat(isLeaving = false): Beat {
    return { ...this.#sender(), kind: 'beat', isInDoubt: this.isInDoubt(), isLeaving };
  }

  #forget(nodes: readonly string[]): void {
    if (nodes.length === 0) return;
    for (const survey of this.#surveys.values()) survey.forget(nodes);
  }

  async #send(key: string, message: NodeMessage): Promise<Accepted> {
    return this.#options.backplane.publish(key, encodeNodeMessage(message));
  }

  #sender(): { readonly node: string; readonly incarnation: number } {
    return { node: this.#options.nodeId, incarnation: this.#incarnation };
  }

  #surveyOf(id: number): Survey | undefined {
    const survey = this.#surveys.get(id);
    if (survey === undefined) this.lateAnswers += 1;
    return survey;
  }
}

type Outcome =
  | { readonly kind: 'answer'; readonly value: unknown }
  | { readonly kind: 'failure'; readonly code: string; readonly message: string };

const unknownFailure = {
  kind: 'failure',
  code: 'internal',
  message: 'The node failed on the call; its log has the reason',
} as const;

function give(survey: Survey, nodeId: string, outcome: Outcome): void {
  if (outcome.kind === 'answer') survey.answer(nodeId, outcome.value);
  else survey.fail(nodeId, failureOf(outcome.code, outcome.message));
}

function failureOf(code: string, message: string): GatewayError {
  return new GatewayError(isErrorCode(code) ? code : 'internal', message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

/** Names the nodes whose answer is missing: "no" would be a guess. */
export function nodesMissing(nodes: readonly string[]): GatewayError {
  const reason =
    nodes.length === 0
      ? 'This node may not have heard of every other node yet'
      : `No answer came from node ${nodes.join(', ')} in time`;
  return new GatewayError('nodes-missing', `${reason}, so the outcome is not known; try again`);
}

function deafAtStart(waitedMs: number): GatewayError {
  return new GatewayError(
    'backplane-unavailable',
    `The backplane took this node's subscriptions but brought back none of its heartbeats in ` +
      `${waitedMs} ms; see whether the broker lets it both publish and subscribe`,
  );
}

function tooManyQuestions(): GatewayError {
  return new GatewayError(
    'nodes-missing',
    `${questionsMax} questions to other nodes wait for answers already; try again later`,
  );
}
