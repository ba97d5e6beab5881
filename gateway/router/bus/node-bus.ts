/**
 * Lets nodes talk to each other over the backplane itself: a heartbeat on the control key, calls to
 * one node's inbox, and questions to all nodes that know a destination. Clocks of other nodes are
 * never looked at.
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
  type NodeMessage,
} from './node-message.ts';
import { Roster } from './roster.ts';
import { Survey, type SurveyResult } from './survey.ts';

export interface NodeBusOptions {
  readonly nodeId: string;
  readonly backplane: Pick<Backplane, 'publish' | 'traits'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'every' | 'after'>;
  readonly heartbeatMs: number;
  readonly suspectAfterMs: number;
  readonly deadAfterMs: number;
  /** How long a call waits for its answers in ms. */
  readonly answerTimeoutMs: number;
  /** Executes a call of another node, or of this one. @throws GatewayError */
  readonly execute: (call: string, args: readonly unknown[]) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

export interface Question {
  readonly call: string;
  readonly args: readonly unknown[];
  /** Key on which all nodes listen that can have something to say. */
  readonly key: string;
  /** An answer that makes the others unnecessary. */
  readonly isEnough?: (value: unknown) => boolean;
}

/** A tick later than this much says that the process slept. */
const lateMs = 2000;

export class NodeBus {
  readonly roster: Roster;
  readonly #options: NodeBusOptions;
  readonly #surveys = new Map<number, Survey>();
  #incarnation = 1;
  #lastId = 0;
  #lastBeatMs: number;
  #startedMs: number;
  /** True after a sleep, until a heartbeat of this node has come back through the broker. */
  #isSuspect = false;
  #stop: (() => void) | undefined;
  /** Answers that came after their question was over. */
  lateAnswers = 0;

  constructor(options: NodeBusOptions) {
    const { clock, deadAfterMs, nodeId, suspectAfterMs } = options;
    this.#options = options;
    this.#lastBeatMs = clock.monotonicMs();
    this.#startedMs = this.#lastBeatMs;
    this.roster = new Roster({
      nodeId,
      clock,
      suspectAfterMs,
      deadAfterMs,
      onDead: () => {
        for (const survey of this.#surveys.values()) survey.nodeDied();
      },
    });
  }

  /** Begins to beat. The inbox and the control key are subscribed by then. */
  start(): void {
    const { clock, heartbeatMs } = this.#options;
    this.#lastBeatMs = clock.monotonicMs();
    this.#startedMs = this.#lastBeatMs;
    this.#beat(false);
    this.#stop = clock.every(heartbeatMs, () => this.#tick());
  }

  /** Says good-bye. The backplane is still open. */
  async stop(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    for (const survey of [...this.#surveys.values()]) survey.end();
    await this.#send(controlKey, { ...this.#sender(), kind: 'beat', isLeaving: true }).catch(
      // The others will notice the silence.
      () => undefined,
    );
  }

  /** Why this node's word on who exists cannot be trusted now; undefined: it can. */
  suspicion(): string | undefined {
    if (!this.#isSuspect) return undefined;
    return 'this node slept and has not heard itself over the backplane since';
  }

  /**
   * Calls one node. Resolves with its answer; undefined: there is no such node.
   * @throws GatewayError: what the node said, or `nodes-missing` when it did not answer.
   */
  async call(nodeId: string, call: string, args: readonly unknown[]): Promise<unknown> {
    if (nodeId === this.#options.nodeId) return this.#options.execute(call, args);
    if (this.#isSettled() && this.roster.state(nodeId) === undefined) return undefined;
    const result = await this.#ask({ call, args, key: inboxKey(nodeId) }, [nodeId]);
    const [failure] = result.failures.values();
    if (failure !== undefined) throw failure;
    if (!result.isComplete) throw missing([nodeId]);
    return result.answers.get(nodeId);
  }

  /**
   * Asks all nodes that listen on the question's key.
   * @throws GatewayError `backplane-unavailable` and the like; never for missing answers.
   */
  survey(question: Question): Promise<SurveyResult> {
    const { traits } = this.#options.backplane;
    // Where the broker does not count who gets a message, silence would not mean "no": all are asked.
    const key = traits.countsReceivers ? question.key : controlKey;
    return this.#ask({ ...question, key }, undefined);
  }

  /** A message for the bus came in. */
  receive(bytes: Uint8Array): void {
    const message = decodeNodeMessage(bytes);
    if (message.kind === 'beat' && message.isLeaving) {
      if (message.node !== this.#options.nodeId) this.roster.left(message.node);
      return;
    }
    if (!this.roster.heard(message.node, message.incarnation)) return;
    switch (message.kind) {
      case 'beat':
        if (message.node === this.#options.nodeId) this.#heardItself(message.incarnation);
        break;
      case 'ask':
        void this.#execute(message);
        break;
      case 'answer':
        this.#surveyOf(message.id)?.answer(message.node, message.value);
        break;
      case 'failure':
        this.#surveyOf(message.id)?.fail(message.node, failureOf(message.code, message.message));
        break;
    }
  }

  /** @param only the nodes whose answers count; undefined: all that are not dead. */
  async #ask(question: Question, only: readonly string[] | undefined): Promise<SurveyResult> {
    const { answerTimeoutMs, clock } = this.#options;
    const { args, call, isEnough = () => false, key } = question;
    this.#lastId += 1;
    const id = this.#lastId;
    const living = (): readonly string[] => only ?? this.roster.nodes();
    const asked = living();
    const result = new Promise<SurveyResult>((settle) => {
      this.#surveys.set(id, new Survey({ settle, isEnough, living }));
    });
    const cancel = clock.after(answerTimeoutMs, () => this.#surveys.get(id)?.end());
    try {
      const message = { ...this.#sender(), kind: 'ask' as const, id, call, args: [...args] };
      const { receivers } = await this.#sendOrExplain(key, message);
      this.#surveys
        .get(id)
        ?.expect(receivers === undefined ? { nodes: asked } : { count: receivers });
      return await result;
    } finally {
      cancel();
      this.#surveys.delete(id);
    }
  }

  async #sendOrExplain(key: string, message: NodeMessage): Promise<Accepted> {
    try {
      return await this.#send(key, message);
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  async #execute({ args, call, id, node }: Ask): Promise<void> {
    const key = inboxKey(node);
    try {
      const value = await this.#options.execute(call, args);
      await this.#send(key, { ...this.#sender(), kind: 'answer', id, value });
    } catch (error) {
      if (!(error instanceof GatewayError)) this.#options.onError(error);
      const { code, message } = error instanceof GatewayError ? error : unknownFailure;
      await this.#send(key, { ...this.#sender(), kind: 'failure', id, code, message }).catch(
        this.#options.onError,
      );
    }
  }

  /** Long enough here to have heard every node that lives. */
  #isSettled(): boolean {
    const { clock, suspectAfterMs } = this.#options;
    return clock.monotonicMs() - this.#startedMs > suspectAfterMs;
  }

  #tick(): void {
    const now = this.#options.clock.monotonicMs();
    if (now - this.#lastBeatMs > this.#options.heartbeatMs + lateMs) this.#wake();
    this.#lastBeatMs = now;
    this.roster.sweep();
    this.#beat(false);
  }

  /** The others may have taken this node for dead: it comes back as a new incarnation. */
  #wake(): void {
    this.#isSuspect = true;
    this.#incarnation += 1;
    this.roster.forgive();
  }

  #heardItself(incarnation: number): void {
    if (incarnation === this.#incarnation) this.#isSuspect = false;
  }

  #beat(isLeaving: boolean): void {
    // A lost heartbeat is what suspicion is for.
    this.#send(controlKey, { ...this.#sender(), kind: 'beat', isLeaving }).catch(() => undefined);
  }

  #send(key: string, message: NodeMessage): Promise<Accepted> {
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

const unknownFailure = {
  code: 'internal',
  message: 'The node failed on the call; its log has the reason',
} as const;

function failureOf(code: string, message: string): GatewayError {
  return new GatewayError(isErrorCode(code) ? code : 'internal', message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

/** Names the nodes whose answer is missing: "no" would be a guess. */
export function missing(nodes: readonly string[]): GatewayError {
  const names = nodes.length === 0 ? 'a node' : `node ${nodes.join(', ')}`;
  return new GatewayError(
    'nodes-missing',
    `No answer came from ${names} in time, so the outcome is not known; try again`,
  );
}
